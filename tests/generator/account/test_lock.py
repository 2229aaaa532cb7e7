"""The lock file: what is written, what is kept, and which keys are taken."""

import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from generator.account.lock import (
    CLOUDFRONT,
    IMAGE,
    PUBLIC_KEY,
    NoPrefixList,
    NoPublicKey,
    Resolved,
    key_from_file,
    lock_text,
    public_half,
    resolve_prefix_list,
)
from generator.model.environment_file import load_environment

DAY = date(2026, 11, 23)
PEM = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"


def key(*arguments: str) -> str:
    return subprocess.run(["openssl", "genpkey", *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def private() -> str:
    return key("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")


def test_a_value_stands_under_its_day_and_source() -> None:
    assert lock_text("dev", "", {IMAGE: Resolved("ami-1", "SSM parameter /x version 3")}, DAY) == (
        "# Written by `ecgctl lock dev`. Commit it together with what `ecgctl render dev` makes of it.\n"
        "\n"
        "# 2026-11-23, SSM parameter /x version 3\n"
        "ModelServerImageId: ami-1\n"
    )


def test_what_is_not_resolved_again_keeps_value_and_comment() -> None:
    first = lock_text("dev", "", {PUBLIC_KEY: Resolved(PEM, "file a.pub"), IMAGE: Resolved("ami-1", "one")}, DAY)
    second = lock_text("dev", first, {IMAGE: Resolved("ami-2", "two")}, date(2026, 12, 1))
    assert second == first.replace("2026-11-23, one", "2026-12-01, two").replace("ami-1", "ami-2")


def test_the_environment_reads_what_was_written(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    settings = pytestconfig.rootpath / "generator/environments/dev.py"
    (tmp_path / "dev.py").write_text(settings.read_text(encoding="utf-8"), encoding="utf-8")
    resolved = {PUBLIC_KEY: Resolved(PEM, "file a.pub"), IMAGE: Resolved("ami-1", "SSM")}
    (tmp_path / "dev.lock.yaml").write_text(lock_text("dev", "", resolved, DAY), encoding="utf-8")
    assert load_environment(tmp_path / "dev.py").locked == {IMAGE: "ami-1", PUBLIC_KEY: PEM}


def test_of_a_private_key_only_the_public_half_is_taken(tmp_path: Path, private: str) -> None:
    (tmp_path / "video.key").write_text(private, encoding="utf-8")
    found = key_from_file(tmp_path / "video.key")
    assert found.value.startswith("-----BEGIN PUBLIC KEY-----")
    assert "PRIVATE" not in found.value
    assert found.source == "file video.key"


def test_a_public_key_is_taken_as_it_is(private: str) -> None:
    public = public_half(private, "x")
    assert public_half(public, "x") == public


@pytest.mark.parametrize(
    ("text", "problem"),
    [("no key at all", "no PEM key"), ("", "no PEM key")],
)
def test_what_is_no_key_is_refused(text: str, problem: str) -> None:
    with pytest.raises(NoPublicKey, match=problem):
        public_half(text, "secret x")


def test_a_key_of_another_size_is_refused() -> None:
    with pytest.raises(NoPublicKey, match="another kind of key"):
        public_half(key("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"), "file x")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoPublicKey, match=r"gone\.pub: cannot be read \(FileNotFoundError\)"):
        key_from_file(tmp_path / "gone.pub")


class Lists:
    """EC2, as far as managed prefix lists go."""

    def __init__(self, **ids: str) -> None:
        self.ids = ids

    def describe_managed_prefix_lists(self, Filters: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        [wanted] = Filters
        found = [{"PrefixListId": id_} for name, id_ in self.ids.items() if name in wanted["Values"]]
        return {"PrefixLists": found}


def test_cloudfronts_addresses_are_found_by_their_name() -> None:
    assert resolve_prefix_list(Lists(**{CLOUDFRONT: "pl-1", "other": "pl-2"})).value == "pl-1"


def test_a_region_without_cloudfronts_list_is_said() -> None:
    with pytest.raises(NoPrefixList, match="cloudfront_only=False"):
        resolve_prefix_list(Lists(other="pl-2"))
