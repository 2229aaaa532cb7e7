"""What people and machines see of an apply."""

import json

import pytest
from rich.console import Console

from generator.report.apply_lines import json_line, line
from generator.report.apply_tree import ApplyTree
from generator.sync.progress import (
    Action,
    Fact,
    ImageScanned,
    Noted,
    ScanAwaited,
    StackBegun,
    StackFinished,
    StackPruned,
    StackStarted,
    WaveStarted,
)
from generator.sync.proof import HealthAnswered, ProofFact, ProofOmitted, SampleLeft, SampleMoved, SampleRead

URL = "https://d1.cloudfront.net"
LEFT = SampleLeft(f"{URL}/api/videos/v1", "DELETE /api/videos/v1: internal: Oops.")
WORDS: dict[ProofFact, str] = {
    HealthAnswered(URL, 2.04): f"{URL}/api/health is healthy after 2.0 s",
    SampleMoved("v1", "queued", ""): "sample v1: queued",
    SampleMoved("v1", "analysing", "read"): "sample v1: analysing, read",
    SampleRead(39, 98.06, 9.0): "proved: the sample was read in 9.0 s, 39 beats at 98.1 bpm, as the truth is",
    ProofOmitted(("api/ApiService",)): "not proved: suspended is api/ApiService",
    LEFT: f"the sample's video stays: {LEFT.why}; to delete it: curl -X DELETE {URL}/api/videos/v1",
}


@pytest.mark.parametrize("fact", WORDS, ids=lambda fact: type(fact).__name__)
def test_a_fact_of_the_proof_is_the_same_words_as_a_line_and_in_the_tree(fact: ProofFact) -> None:
    tree, console = ApplyTree(), Console(width=160, record=True, file=None, quiet=False, force_terminal=False)
    tree.add(WaveStarted(0, ()))
    tree.add(fact)
    with console.capture() as shown:
        console.print(tree)
    assert line(fact).strip() == WORDS[fact]
    assert WORDS[fact] in shown.get()


def test_what_is_waited_for_goes_from_the_tree_once_the_sample_was_read() -> None:
    tree, console = ApplyTree(), Console(width=160)
    for fact in (WaveStarted(0, ()), SampleMoved("v1", "analysing", "read"), SampleRead(39, 98.06, 9.0)):
        tree.add(fact)
    with console.capture() as shown:
        console.print(tree)
    assert "analysing" not in shown.get()


@pytest.mark.parametrize("fact", WORDS, ids=lambda fact: type(fact).__name__)
def test_a_fact_of_the_proof_is_a_json_object_named_by_its_kind(fact: ProofFact) -> None:
    assert json.loads(json_line(fact))["fact"] == type(fact).__name__


def shown(*facts: Fact) -> str:
    """A terminal's screen after these facts."""
    tree, console = ApplyTree(), Console(width=160)
    for fact in facts:
        tree.add(fact)
    with console.capture() as seen:
        console.print(tree)
    return seen.get()


def test_a_stack_that_is_changed_shows_how_long_the_plan_expects_it_to_take_until_it_is_done() -> None:
    begun = (WaveStarted(0, ("cdn",)), StackBegun("cdn"), StackStarted("cdn", 9, 300.0))
    assert line(begun[2]) == "  cdn: 9 changes, about 5 min"
    assert " s of about 5 min" in shown(*begun)
    assert "of about" not in shown(*begun, StackFinished("cdn", Action.CREATED, 7.0))


def test_a_pruned_stack_is_told_with_what_it_leaves_behind() -> None:
    fact = StackPruned("old", 3.0, ("Videos (AWS::S3::Bucket) my-bucket",))
    assert line(fact) == "  old: removed in 3.0 s\n    kept: Videos (AWS::S3::Bucket) my-bucket"
    assert "kept: Videos (AWS::S3::Bucket) my-bucket" in shown(WaveStarted(0, ()), fact)


def test_a_note_stands_above_the_waves_where_none_has_started() -> None:
    assert shown(Noted("the status is not kept: AccessDenied")).strip() == "the status is not kept: AccessDenied"


def test_a_scan_is_waited_for_until_it_is_told_what_it_found() -> None:
    scanned = ImageScanned("api", {"MEDIUM": 12, "HIGH": 5}, "CRITICAL")
    words = "api: scanned, nothing as severe as CRITICAL (5 HIGH, 12 MEDIUM)"
    assert line(scanned).strip() == words
    assert "api: waiting for its registry's scan" in shown(WaveStarted(0, ()), ScanAwaited("api"))
    for end in (scanned, Noted("image api goes on without a scan: UNSUPPORTED_IMAGE")):
        screen = shown(WaveStarted(0, ()), ScanAwaited("api"), end)
        assert "waiting" not in screen
    assert words in shown(WaveStarted(0, ()), scanned)
    assert json.loads(json_line(scanned))["counts"] == {"MEDIUM": 12, "HIGH": 5}
