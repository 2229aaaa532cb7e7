"""Images of one layer, over a registry in memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

import pytest

from generator.publish.image import ImageNotFound, files_of, layer_of, pull_tree, push_tree


class InMemoryRegistry:
    """ECR's layer API, with its rules about parts and digests."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, str] = {}
        self.uploads: dict[str, bytes] = {}

    def batch_check_layer_availability(self, **arguments: Any) -> dict[str, Any]:
        known = [digest for digest in arguments["layerDigests"] if digest in self.blobs]
        return {"layers": [{"layerDigest": digest, "layerAvailability": "AVAILABLE"} for digest in known]}

    def initiate_layer_upload(self, **_: Any) -> dict[str, Any]:
        self.uploads[str(len(self.uploads))] = b""
        return {"uploadId": str(len(self.uploads) - 1), "partSize": 1}

    def upload_layer_part(self, **arguments: Any) -> None:
        kept, part = self.uploads[arguments["uploadId"]], arguments["layerPartBlob"]
        assert (arguments["partFirstByte"], arguments["partLastByte"]) == (len(kept), len(kept) + len(part) - 1)
        self.uploads[arguments["uploadId"]] = kept + part

    def complete_layer_upload(self, **arguments: Any) -> None:
        content = self.uploads[arguments["uploadId"]]
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        assert arguments["layerDigests"] == [digest]
        self.blobs[digest] = content

    def put_image(self, **arguments: Any) -> None:
        self.manifests[arguments["imageTag"]] = arguments["imageManifest"]

    def batch_get_image(self, **arguments: Any) -> dict[str, Any]:
        tags = [each["imageTag"] for each in arguments["imageIds"] if each["imageTag"] in self.manifests]
        return {"images": [{"imageManifest": self.manifests[tag]} for tag in tags]}

    def get_download_url_for_layer(self, **arguments: Any) -> dict[str, str]:
        return {"downloadUrl": arguments["layerDigest"]}

    def fetch(self, url: str) -> bytes:
        return self.blobs[url]


FILES: Mapping[str, bytes] = {"app/main.py": b"print(1)\n", "run.sh": b"#!/bin/sh\n"}


def test_what_was_pushed_is_pulled() -> None:
    registry = InMemoryRegistry()
    digest = push_tree(registry, "api", "src-1", FILES)
    assert pull_tree(registry, "api", "src-1", registry.fetch) == (digest, dict(FILES))


def test_equal_files_are_one_image_and_are_sent_once() -> None:
    registry = InMemoryRegistry()
    first = push_tree(registry, "api", "one", FILES)
    sent = len(registry.uploads)
    assert push_tree(registry, "api", "two", dict(reversed(list(FILES.items())))) == first
    assert len(registry.uploads) == sent


def test_the_manifest_names_every_blob_by_digest_and_size() -> None:
    registry = InMemoryRegistry()
    push_tree(registry, "api", "src-1", FILES)
    manifest = json.loads(registry.manifests["src-1"])
    for described in (manifest["config"], *manifest["layers"]):
        assert len(registry.blobs[described["digest"]]) == described["size"]
    config = json.loads(registry.blobs[manifest["config"]["digest"]])
    raw = gzip.decompress(registry.blobs[manifest["layers"][0]["digest"]])
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(raw).hexdigest()]


def test_a_missing_tag_is_named() -> None:
    registry = InMemoryRegistry()
    with pytest.raises(ImageNotFound, match="api:src-9"):
        pull_tree(registry, "api", "src-9", registry.fetch)


def test_a_damaged_layer_is_refused() -> None:
    registry = InMemoryRegistry()
    push_tree(registry, "api", "src-1", FILES)
    with pytest.raises(ImageNotFound, match="damaged"):
        pull_tree(registry, "api", "src-1", lambda _: layer_of({"evil": b""}))


def test_a_layer_may_not_write_outside_its_root() -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))
    with pytest.raises(ValueError, match="outside"):
        files_of(raw.getvalue())
