"""When a beat's class is not said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from apps.ecg_rhythm.abstention import LEAST_BEATS, NOT_SURE, SURE_OF_BEAT, Unsure, answers
from apps.ecg_rhythm.reading import Display, DisplayKind, Picture, Quality, Reading, Video, Waveform


def reading_of(beats: int, confidence: float = 1.0) -> Reading:
    samples = np.zeros(250 * (beats + 1), np.float32)
    wave = Waveform(250.0, 2.0, "mV", True, samples, np.full(len(samples), confidence, np.float32))
    return Reading(
        Video(beats + 1.0, 1, 1, 1, 30.0, "h264"),
        Display(DisplayKind.SCROLL, None, 100.0, (0, 0, 1, 1)),
        wave,
        2.5 + np.arange(beats, dtype=np.float64),
        Quality(1.0, 1.0),
        Picture(np.zeros((1, 1, 3), np.uint8), np.zeros((0, 2), np.float32)),
    )


def rows(beats: int, likeliest: float) -> np.ndarray:
    return np.tile(np.array([1 - likeliest, 0, likeliest, 0, 0], np.float32), (beats, 1))


def test_what_is_likely_enough_is_the_answer() -> None:
    found = answers(reading_of(8), rows(8, 0.9))
    assert {(one.likeliest, one.answer, one.reason) for one in found} == {("V", "V", None)}


def test_below_the_threshold_the_answer_is_not_sure_and_the_likeliest_stays() -> None:
    found = answers(reading_of(8), rows(8, SURE_OF_BEAT - 0.01))
    assert {(one.likeliest, one.answer, one.reason) for one in found} == {("V", NOT_SURE, Unsure.LOW_PROBABILITY)}


@pytest.mark.parametrize("beats", [1, LEAST_BEATS - 1])
def test_few_beats_have_no_usual_beat_to_compare_with(beats: int) -> None:
    assert {one.reason for one in answers(reading_of(beats), rows(beats, 0.99))} == {Unsure.TOO_FEW_BEATS}


def test_a_beat_on_a_waveform_that_is_not_trusted_is_not_answered() -> None:
    reading = reading_of(8)
    reading.waveform.confidence[3 * 250 :] = 0.1
    reasons = [one.reason for one in answers(reading, rows(8, 0.99))]
    assert reasons == [None, None, None, *[Unsure.POOR_SIGNAL] * 5]


def test_no_beats_give_no_answers() -> None:
    empty = replace(reading_of(1), beats_s=np.zeros(0))
    assert answers(empty, np.zeros((0, 5), np.float32)) == ()
