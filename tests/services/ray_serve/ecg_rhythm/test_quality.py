"""How much of what was read is signal, as far as the reader knows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from apps.ecg_rhythm import quality
from apps.ecg_rhythm.reading import Display, DisplayKind, Finding, Picture, Quality, Reading, Video, Waveform
from tools.ecg_video import sources

RATE = 250.0


def wave(height: float = 1.0, confidence: float = 0.9, calibrated: bool = True) -> Waveform:
    samples = (height * sources.synthetic(10.0, rate=RATE).samples).astype(np.float32)
    unit = "mV" if calibrated else "normalised"
    return Waveform(RATE, 0.0, unit, calibrated, samples, np.full(len(samples), confidence, np.float32))


def judged(shown: Waveform) -> Reading:
    reading = Reading(
        Video(10.0, 1, 1, 1, 30.0, "h264"),
        Display(DisplayKind.SCROLL, None, 100.0, (0, 0, 1, 1)),
        shown,
        np.zeros(0),
        Quality(0.0, 0.0),
        Picture(np.zeros((1, 1, 3), np.uint8), np.zeros((0, 2), np.float32)),
    )
    return quality.judge(reading, np.arange(1.0, 9.0))


def test_where_the_reader_has_no_doubt_all_is_signal() -> None:
    assert quality.trust(wave(confidence=1.0)) == pytest.approx(1.0)


def test_quality_falls_with_confidence() -> None:
    found = [quality.trust(wave(confidence=share)) for share in (0.95, 0.7, 0.3, 0.05)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.95
    assert found[-1] < 0.3


def test_the_same_doubt_is_worse_in_a_smaller_trace() -> None:
    assert quality.trust(wave(height=0.5, confidence=0.7)) < quality.trust(wave(height=1.5, confidence=0.7)) - 0.2


def test_a_trace_whose_own_height_is_the_unit_is_taken_for_one_of_usual_height() -> None:
    usual = wave(confidence=0.7)
    same = replace(usual, samples=usual.samples / quality.HEIGHT_MV, unit="normalised", amplitude_calibrated=False)
    assert quality.trust(same) == pytest.approx(quality.trust(usual), abs=0.01)


def test_wander_is_no_signal() -> None:
    steady = wave(height=0.5, confidence=0.7)
    slow = np.sin(2 * np.pi * 0.1 * np.arange(len(steady.samples)) / RATE).astype(np.float32)
    assert quality.trust(replace(steady, samples=steady.samples + slow)) == pytest.approx(
        quality.trust(steady), abs=0.05
    )


def test_what_is_unread_counts_as_lost() -> None:
    broken = wave(confidence=1.0)
    broken.samples[: len(broken.samples) // 4] = np.nan
    broken.confidence[: len(broken.samples) // 4] = 0.0
    assert quality.trust(broken) == pytest.approx(0.75, abs=0.001)


def test_a_straight_line_that_is_read_surely_is_not_of_low_quality() -> None:
    line = replace(wave(confidence=0.9), samples=np.zeros(2500, np.float32))
    assert judged(line).quality.signal_quality > 0.8


def test_more_doubt_than_signal_is_said() -> None:
    assert judged(wave(confidence=0.9)).findings == ()
    assert judged(wave(confidence=0.2)).findings == (Finding.LOW_QUALITY,)


def test_nothing_read_is_worth_nothing() -> None:
    nothing = wave()
    nothing.samples[:] = np.nan
    nothing.confidence[:] = 0.0
    assert judged(nothing).quality == Quality(0.0, 0.0)
