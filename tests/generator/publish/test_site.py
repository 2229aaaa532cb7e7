"""The page's releases, against a bucket in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from generator.publish.page import PageNotBuilt, inline_scripts, npm, page_builder
from generator.publish.site import SiteReleases


@dataclass
class Bucket:
    """S3 as far as releases need it."""

    objects: dict[str, bytes] = field(default_factory=dict)
    about: dict[str, dict[str, str]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def put_object(self, Key: str, Body: bytes, CacheControl: str, ContentType: str, **_: object) -> None:  # noqa: N803
        self.objects[Key], self.about[Key] = Body, {"caching": CacheControl, "type": ContentType}
        self.written.append(Key)

    def get_object(self, Key: str, **_: object) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")
        return {"Body": BytesIO(self.objects[Key])}

    def copy_object(self, Key: str, CopySource: dict[str, str], **_: object) -> None:  # noqa: N803
        self.objects[Key], self.about[Key] = self.objects[CopySource["Key"]], self.about[CopySource["Key"]]
        self.written.append(Key)

    def delete_object(self, Key: str, **_: object) -> None:  # noqa: N803
        del self.objects[Key]

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, **_: object) -> Iterator[dict[str, list[dict[str, str]]]]:
        yield {"Contents": [{"Key": key} for key in self.objects]}


@dataclass
class Edge:
    """CloudFront as far as releases need it."""

    forgot: list[str] = field(default_factory=list)
    references: set[str] = field(default_factory=set)

    def create_invalidation(self, DistributionId: str, InvalidationBatch: dict[str, Any]) -> None:  # noqa: N803
        self.forgot += [f"{DistributionId} {path}" for path in InvalidationBatch["Paths"]["Items"]]
        self.references.add(InvalidationBatch["CallerReference"])


class World:
    def __init__(self) -> None:
        self.bucket, self.edge = Bucket(), Edge()
        self.builds: dict[str, dict[str, bytes]] = {}
        self.site = SiteReleases(self.bucket, self.edge, lambda address: self.builds[address])

    def release(self, address: str, **pages: bytes) -> None:
        named = {f"{name}.html": content for name, content in pages.items()}
        pointer = json.dumps({"address": address}).encode()
        self.builds[address] = {**named, f"_next/static/{address}.js": b"", "index.txt": b"", "site.json": pointer}
        self.site.keep("pages", address)

    def live(self) -> dict[str, bytes]:
        found = self.bucket.objects.items()
        return {key: content for key, content in found if not key.startswith(("releases/", "_next/"))}


@pytest.fixture
def world() -> World:
    made = World()
    made.release("src-1", index=b"one", old=b"gone later")
    made.site.go_live("pages", "src-1", "E1")
    return made


def test_what_is_named_by_its_content_is_cached_for_ever_and_nothing_else_is(world: World) -> None:
    caching = {key: about["caching"] for key, about in world.bucket.about.items()}
    assert caching["_next/static/src-1.js"] == "public, max-age=31536000, immutable"
    assert {caching[key] for key in world.live()} == {"public, max-age=0, must-revalidate"}


def test_pages_go_live_after_what_they_fetch_and_the_pointer_last(world: World) -> None:
    world.bucket.written.clear()
    world.release("src-2", index=b"two")
    world.site.go_live("pages", "src-2", "E1")
    shown = [key for key in world.bucket.written if not key.startswith("releases/")]
    assert shown == ["_next/static/src-2.js", "index.txt", "index.html", "site.json"]


def test_the_edge_forgets_the_release_before_and_the_bucket_its_pages(world: World) -> None:
    world.release("src-2", index=b"two")
    assert world.site.go_live("pages", "src-2", "E1")
    assert world.live() == {"index.html": b"two", "index.txt": b"", "site.json": b'{"address": "src-2"}'}
    assert world.edge.forgot == ["E1 /*", "E1 /*"]


def test_going_back_needs_no_build_and_is_a_new_invalidation(world: World) -> None:
    world.release("src-2", index=b"two")
    world.site.go_live("pages", "src-2", "E1")
    world.builds.clear()
    assert world.site.has("pages", "src-1")
    assert world.site.go_live("pages", "src-1", "E1")
    assert world.live()["index.html"] == b"one"
    assert len(world.edge.references) == 3


def test_a_release_that_is_live_is_left_alone(world: World) -> None:
    world.bucket.written.clear()
    assert not world.site.go_live("pages", "src-1", "E1")
    assert (world.bucket.written, len(world.edge.forgot)) == ([], 1)


def test_a_release_counts_as_kept_only_once_all_of_it_is_there(world: World) -> None:
    world.builds["src-3"] = {"index.html": b"three"}
    world.site.keep("pages", "src-3")
    assert world.bucket.written[-1] == "releases/src-3/release.json"
    assert not world.site.has("pages", "src-4")


def _exported(folder: Path, address: str) -> None:
    (folder / "out").mkdir(exist_ok=True)
    (folder / "out/index.html").write_text("page")
    (folder / "out/site.json").write_text(json.dumps({"address": address}))


def test_the_page_is_built_once_for_a_source(tmp_path: Path) -> None:
    (tmp_path / "frontend").mkdir()
    runs: list[str] = []

    def run(_: Sequence[str], folder: Path, address: str) -> None:
        runs.append(address)
        _exported(folder, address)

    build = page_builder(tmp_path, run)
    assert sorted(build("src-1")) == ["index.html", "site.json"]
    build("src-1")
    build("src-2")
    assert runs == ["src-1", "src-2"]


def test_missing_packages_are_named_with_the_command_that_fetches_them(tmp_path: Path) -> None:
    with pytest.raises(PageNotBuilt, match=r"next: make frontend/node_modules/\.ready"):
        npm(("npm", "run", "build"), tmp_path, "src-1")


def test_a_script_in_a_page_is_named_by_the_hash_that_browsers_compute(tmp_path: Path) -> None:
    (tmp_path / "frontend/inline").mkdir(parents=True)
    (tmp_path / "frontend/inline/a.js").write_text("alert('Hello, world.');")
    # The example of Content Security Policy Level 3, section 8.3, which every browser's tests repeat.
    assert inline_scripts(tmp_path) == ("sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=",)
