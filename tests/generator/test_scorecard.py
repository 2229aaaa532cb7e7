"""What `make run` says of the sample."""

from typing import Any

import pytest
from rich.console import Console

from generator.trial.scorecard import scorecard

INTERVALS = {"pr": {"value": 135.7}, "qrs": {"value": 78.7}, "qtc": {"value": None}}
RESULT: dict[str, Any] = {
    "notice": "Research and education use only; not a medical device.",
    "heart_rate_bpm": {"mean": 98.1},
    "beats": [{"class": "N"}, {"class": "V"}],
    "waveform": {"samples": [0.1] * 500, "unit": "mV", "amplitude_calibrated": True},
    "quality": {"signal_quality": 0.97, "readable_share": 1.0},
}
BEATS = {"matched": 2, "true": 2, "f1": 1.0, "timing_error_ms": 2.0}
SCORE = {"beats": BEATS, "heart_rate_error_bpm": 0.1, "snr_db": 24.0}
TRUTH = {"beats": [{"symbol": "N"}, {"symbol": "V"}]}


def said(result: dict[str, Any]) -> str:
    console = Console(width=140)
    with console.capture() as captured:
        console.print(scorecard(result, SCORE, TRUTH))
    return captured.get()


@pytest.mark.parametrize(
    ("rhythm", "words"),
    [
        ({"reason": None, "likeliest": "sinus_bradycardia", "probabilities": {"sinus_bradycardia": 0.91}}, "91%"),
        ({"reason": "low_probability", "likeliest": "other", "probabilities": {"other": 0.46}}, "likeliest other, 46%"),
        ({"reason": "too_few_beats", "likeliest": None, "probabilities": {}}, "too few beats"),
    ],
)
def test_the_rhythm_is_named_with_its_doubt(rhythm: dict[str, Any], words: str) -> None:
    text = said({**RESULT, "rhythm": rhythm, "intervals": INTERVALS})
    assert words in text
    assert ("not sure" in text) == (rhythm["reason"] is not None)
    assert "136 ms, 79 ms, none" in text


def test_a_result_of_an_older_version_has_no_rhythm_and_is_shown() -> None:
    text = said(RESULT)
    assert "98.1 bpm" in text
    assert "rhythm" not in text
