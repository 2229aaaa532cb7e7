"""A result beside the committed sample's truth: what passes, what does not."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from generator.sync.agreement import compare

TRUTH = json.loads((Path(__file__).parents[3] / "samples/sweep.truth.json").read_text(encoding="utf-8"))
TIMES = [beat["time_s"] for beat in TRUTH["beats"]]


def result(times: Sequence[float]) -> dict[str, Any]:
    """As the reader makes it of these beats."""
    mean = 60 * (len(times) - 1) / (times[-1] - times[0])
    beats = [{"time_s": time, "class": "N", "probability": 0.9} for time in times]
    return {"schema": "ecg-result/v1", "beats": beats, "heart_rate_bpm": {"mean": round(mean, 1)}}


def test_the_truth_itself_agrees_and_says_its_figures() -> None:
    read = compare(result(TIMES), TRUTH)
    assert read.mistakes == ()
    assert (read.beats, read.rate_bpm, round(read.true_rate_bpm, 1)) == (39, 98.1, 98.1)


@pytest.mark.parametrize(
    "times",
    [TIMES[1:-1], TIMES[:20] + TIMES[21:], sorted([*TIMES, TIMES[20] + 0.3])],
    ids=["one lost at each end", "one missed", "one invented"],
)
def test_a_mistake_about_one_beat_passes(times: list[float]) -> None:
    assert compare(result(times), TRUTH).mistakes == ()


def test_two_beats_missed_in_the_middle_show_in_the_heart_rate() -> None:
    [mistake] = compare(result(TIMES[:10] + TIMES[11:20] + TIMES[21:]), TRUTH).mistakes
    assert mistake == "heart rate 92.9 bpm, the truth is 98.1 (may be off by 3)"


def test_three_beats_lost_at_the_ends_show_in_their_number() -> None:
    [mistake] = compare(result(TIMES[2:-1]), TRUTH).mistakes
    assert mistake == "36 beats, the truth is 39 (may be off by 2)"


def test_every_mistake_is_told() -> None:
    assert len(compare(result(TIMES[::2]), TRUTH).mistakes) == 2


def test_a_flat_trace_has_no_heart_rate_and_no_beats() -> None:
    flat = {"schema": "ecg-result/v1", "beats": [], "heart_rate_bpm": None, "findings": [{"code": "flat_trace"}]}
    assert [mistake.split(",")[0] for mistake in compare(flat, TRUTH).mistakes] == ["no heart rate", "0 beats"]


@pytest.mark.parametrize("mean", [None, "98", float("nan"), float("inf"), [98.1]])
def test_what_is_no_number_is_no_heart_rate(mean: Any) -> None:
    said = result(TIMES) | {"heart_rate_bpm": {"mean": mean}}
    assert compare(said, TRUTH).mistakes == ("no heart rate, the truth is 98.1 (may be off by 3)",)


@pytest.mark.parametrize(
    ("said", "schema"), [({"schema": "ecg-result/v2"}, "ecg-result/v2"), ({}, "not given"), ([1], "not given")]
)
def test_a_document_of_another_schema_is_not_read_further(said: Any, schema: str) -> None:
    assert compare(said, TRUTH).mistakes == (f"the result's schema is {schema}, not ecg-result/v1",)
