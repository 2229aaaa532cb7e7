"""A result in short: what people look for first."""

from typing import Any

from generator.workbench.summary import summary

RHYTHM: dict[str, Any] = {
    "schema": "ecg-result/v1",
    "app": {"name": "ecg_rhythm", "device": "cpu"},
    "video": {"duration_s": 24.0, "frames": 720, "width": 1280, "height": 720},
    "heart_rate_bpm": {"mean": 74.1, "min": 61.0, "max": 92.0},
    "beats": [{"class": "N"}, {"class": "N"}, {"class": "V"}],
    "quality": {"signal_quality": 0.93, "readable_share": 0.99},
    "findings": ["flat_trace"],
    "waveform": {"samples": [0.1] * 10_000},
    "timings_s": {"decode": 2.125},
}


def test_of_a_rhythm_the_rate_the_beats_by_class_quality_and_findings_are_told() -> None:
    said = dict(summary(RHYTHM))
    assert said["heart rate"] == "74 a minute (61 to 92)"
    assert said["beats"] == "3 (2 N, 1 V)"
    assert said["quality"] == "signal quality 0.93, readable share 0.99"
    assert said["findings"] == "flat_trace"
    assert said["video"] == "24.0 s, 720 frames, 1280 x 720"
    assert "waveform" not in said


def test_a_rate_that_is_not_known_is_not_made_up() -> None:
    said = dict(summary({**RHYTHM, "heart_rate_bpm": None, "beats": [], "findings": []}))
    assert (said["heart rate"], said["beats"], said["findings"]) == ("not known: fewer than two beats", "0", "none")


def test_of_any_other_app_the_top_of_the_document_is_told() -> None:
    said = dict(
        summary({"schema": "mine/v1", "grade": "good", "seconds": [{"a": 1}], "grid_visible": True, "score": 0.5})
    )
    assert (said["grade"], said["seconds"], said["grid visible"], said["score"]) == ("good", "1 of them", "yes", "0.5")


def test_no_value_takes_more_than_a_line() -> None:
    said = dict(summary({"schema": "mine/v1", "text": "x" * 1000, "many": list(range(500))}))
    assert max(len(value) for value in said.values()) <= 100
