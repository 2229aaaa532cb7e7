"""The manifest: written and read back, and its mistakes."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from generator.model.manifest import (
    Artifact,
    ArtifactKind,
    InvalidManifest,
    Manifest,
    ScanThreshold,
    ServeManifest,
    StackManifest,
    parse,
)
from generator.model.wiring import Wire
from generator.model.yaml_source import InvalidYaml, read
from generator.render.yaml_text import dump

MANIFEST = Manifest(
    name="dev",
    project="ecg",
    region="us-east-1",
    account="unresolved",
    stacks=(
        StackManifest("network", 0, "stacks/network.yaml", "a" * 64, MappingProxyType({})),
        StackManifest("api", 1, "stacks/api.yaml", "b" * 64, MappingProxyType({"V": Wire("network", "V"), "T": "012"})),
    ),
    artifacts=(
        Artifact("api", ArtifactKind.IMAGE, "services/api", "src-1", Wire("network", "R"), ScanThreshold.CRITICAL),
    ),
    serve=ServeManifest("serve.yaml", "c" * 64),
)
TEXT = dump(MANIFEST.to_data())


def test_a_manifest_reads_back_as_it_was_written() -> None:
    assert parse(TEXT, "manifest.yaml") == MANIFEST


def test_so_does_one_of_what_is_live() -> None:
    """A live value may be empty, and a live stack may not be as an apply leaves it."""
    live = replace(MANIFEST.stacks[0], parameters=MappingProxyType({"P": ""}), unsettled=("it is UPDATE_FAILED",))
    manifest = replace(MANIFEST, stacks=(live, *MANIFEST.stacks[1:]))
    assert parse(dump(manifest.to_data()), "manifest.yaml") == manifest


def test_the_waves_are_the_stacks_in_order() -> None:
    assert [[stack.name for stack in wave] for wave in MANIFEST.waves] == [["network"], ["api"]]


def test_a_stack_is_named_after_project_and_environment() -> None:
    assert MANIFEST.stack_id("api") == "ecg-dev-api"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gitops.ecg/v1", "gitops.ecg/v9", "use the release of ecgctl that wrote it"),
        ("stack: network\n          output: V", "stack: nowhere\n          output: V", "there is no stack 'nowhere'"),
        ("wave: 1", "wave: 0", "is not in an earlier wave"),
        ("wave: 1", "wave: one", "a number, 0 or more"),
        ("kind: image", "kind: picture", "'picture' is none of image, package"),
        ("scan: CRITICAL", "scan: SEVERE", "'SEVERE' is none of CRITICAL, HIGH, NONE"),
        ("scan: CRITICAL", "scan: 3", "text is expected here"),
        ("kind: image", "kind: package", "a package is not scanned"),
        ("name: dev", "name: 12", "text is expected here"),
        ("T: '012'", "T: 12", "text is expected here"),
        ("T: '012'", "T:", "it is missing"),
        ("- name: api\n      wave", "- name: network\n      wave", "two stacks have the same name"),
    ],
)
def test_a_mistake_is_reported_with_its_line(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(InvalidManifest) as caught:
        parse(TEXT.replace(old, new, 1), "manifest.yaml")
    assert said in str(caught.value)
    assert all(mistake.startswith("manifest.yaml:") for mistake in caught.value.mistakes)


@pytest.mark.parametrize("said", ["", "      scan: NONE\n"])
def test_an_image_blocks_on_nothing_where_its_tree_says_so_or_is_older_than_the_gate(said: str) -> None:
    [artifact] = parse(TEXT.replace("      scan: CRITICAL\n", said), "manifest.yaml").artifacts
    assert artifact.scan is ScanThreshold.NONE


def test_an_image_that_blocks_on_nothing_is_written_without_a_word() -> None:
    harmless = replace(MANIFEST, artifacts=(replace(MANIFEST.artifacts[0], scan=ScanThreshold.NONE),))
    assert "scan" not in dump(harmless.to_data())
    assert parse(dump(harmless.to_data()), "manifest.yaml") == harmless


def test_all_mistakes_are_reported_together_each_at_its_line() -> None:
    text = (
        TEXT.replace("  region: us-east-1\n", "")
        .replace("wave: 1", "wave: x")
        .replace("config: serve.yaml", "config: 3")
    )
    with pytest.raises(InvalidManifest) as caught:
        parse(text, "m.yaml")
    assert len(caught.value.mistakes) >= 3
    wave_line = next(i for i, line in enumerate(text.splitlines(), 1) if "wave: x" in line)
    assert any(mistake.startswith(f"m.yaml:{wave_line}:") for mistake in caught.value.mistakes)


def test_text_that_is_no_yaml_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidYaml, match=r"m\.yaml:3: "):
        parse("a: 1\nb: [\n", "m.yaml")


def test_a_day_that_does_not_exist_stays_the_text_that_it_is() -> None:
    assert read("a: 2027-02-30\n", "m.yaml").data == {"a": "2027-02-30"}


def test_a_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(InvalidYaml, match=r"m\.yaml:2: the key 'a' stands here twice"):
        parse("a: 1\na: 2\n", "m.yaml")
