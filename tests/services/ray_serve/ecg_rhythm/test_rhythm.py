"""The rhythm that is answered, and when none is."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from apps.ecg_rhythm import beats, delineation, delineator, rhythm, rhythm_model
from apps.ecg_rhythm.abstention import NOT_SURE, Unsure
from apps.ecg_rhythm.intervals import Missing
from apps.ecg_rhythm.reading import Display, DisplayKind, Finding, Picture, Quality, Reading, Video, Waveform
from apps.ecg_rhythm.rhythm import Judgement, Rhythm
from tools.ecg_video import sources


def reading_of(recording: sources.Recording) -> Reading:
    times = np.arange(0, recording.duration_s - 0.01, 1 / 250.0)
    samples = recording.at(times).astype(np.float32)
    wave = Waveform(250.0, 0.0, "mV", True, samples, np.ones(len(samples), np.float32))
    at = beats.detect(wave)
    return Reading(
        Video(recording.duration_s, 1, 1, 1, 30.0, "h264"),
        Display(DisplayKind.SCROLL, None, 100.0, (0, 0, 1, 1)),
        wave,
        at,
        Quality(1.0, 1.0),
        Picture(np.zeros((1, 1, 3), np.uint8), np.zeros((0, 2), np.float32)),
        delineation.delineate(wave, at, delineator.shipped()),
    )


def judged(reading: Reading) -> Judgement:
    return rhythm.judge(reading, rhythm_model.shipped())


def fibrillating(seconds: float, seed: int) -> sources.Recording:
    """The synthetic beat without its P wave, at irregular intervals, over fibrillatory waves."""
    rng = np.random.default_rng(seed)
    at = np.cumsum(0.4 + rng.gamma(3.0, 0.1, int(2 * seconds)))
    at = at[at < seconds - 0.4]
    times = np.arange(round(seconds * 360)) / 360.0
    samples = 0.05 * np.sin(2 * np.pi * (6.0 * times + 0.4 * np.sin(times)))
    for amplitude, delay, width in (
        (-0.12, -0.028, 0.009),
        (1.15, 0.0, 0.011),
        (-0.22, 0.03, 0.010),
        (0.2, 0.26, 0.05),
    ):
        samples += (amplitude * np.exp(-0.5 * ((times[:, None] - at - delay) / width) ** 2)).sum(axis=1)
    return sources.Recording(360.0, samples, at)


@pytest.mark.parametrize(
    ("bpm", "named"),
    [
        (59.9, Rhythm.SINUS_BRADYCARDIA),
        (60.0, Rhythm.SINUS),
        (100.0, Rhythm.SINUS),
        (100.1, Rhythm.SINUS_TACHYCARDIA),
    ],
)
def test_sinus_rhythm_is_named_by_its_rate(bpm: float, named: Rhythm) -> None:
    likely = rhythm.named(np.array([0.7, 0.1, 0.1, 0.1], np.float32), bpm)
    assert max(likely, key=likely.__getitem__) is named


def test_a_regular_rhythm_with_p_waves_is_sinus_rhythm() -> None:
    likely = judged(reading_of(sources.synthetic(30.0, bpm=75.0, seed=1))).probabilities
    assert max(likely, key=likely.__getitem__) is Rhythm.SINUS


@pytest.mark.parametrize("seed", [1, 2])
def test_an_irregular_rhythm_without_p_waves_is_fibrillation(seed: int) -> None:
    found = judged(reading_of(fibrillating(30.0, seed)))
    assert found.answer is Rhythm.ATRIAL_FIBRILLATION
    assert found.bars is Missing.NOT_SINUS


def test_probabilities_sum_to_one() -> None:
    found = judged(reading_of(sources.synthetic(20.0, seed=1)))
    assert sum(found.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
    assert set(found.to_data()["probabilities"]) == {one.value for one in Rhythm}


def test_what_is_not_likely_enough_is_not_sure_with_what_would_have_been_said() -> None:
    class Undecided(rhythm_model.RhythmClassifier):
        def probabilities(self, strips: np.ndarray) -> np.ndarray:
            return np.array([[0.4, 0.3, 0.2, 0.1]], np.float32)

    reading = reading_of(sources.synthetic(20.0, seed=1))
    undecided = Undecided(rhythm_model.RhythmNet(), temperature=1.0, sha256="")
    found = rhythm.judge(reading, undecided)
    assert (found.answer, found.reason) == (None, Unsure.LOW_PROBABILITY)
    assert found.to_data()["answer"] == NOT_SURE
    assert found.to_data()["likeliest"] == "sinus"


def test_a_poor_signal_is_not_sure() -> None:
    reading = replace(reading_of(sources.synthetic(20.0, seed=1)), findings=(Finding.LOW_QUALITY,))
    assert judged(reading).reason is Unsure.POOR_SIGNAL


@pytest.mark.parametrize(("seconds", "reason"), [(3.0, Unsure.TOO_FEW_BEATS), (5.5, Unsure.TOO_SHORT)])
def test_a_short_strip_is_not_judged(seconds: float, reason: Unsure) -> None:
    found = judged(reading_of(sources.synthetic(seconds, bpm=100.0, seed=1)))
    assert (found.answer, found.reason, found.probabilities) == (None, reason, {})


def test_a_gap_is_no_irregularity_of_the_rhythm() -> None:
    whole = reading_of(sources.synthetic(30.0, bpm=75.0, seed=1))
    gapped = whole.waveform.samples.copy()
    gapped[round(20.1 * 250) : round(24.6 * 250)] = np.nan
    wave = replace(whole.waveform, samples=gapped, confidence=np.isfinite(gapped).astype(np.float32))
    at = beats.detect(wave)
    found = judged(
        replace(whole, waveform=wave, beats_s=at, waves=delineation.delineate(wave, at, delineator.shipped()))
    )
    before = judged(reading_of(sources.synthetic(30.0, bpm=75.0, seed=1).excerpt(0.0, 20.0)))
    assert np.diff(at).max() > 4
    for name, probability in before.probabilities.items():
        assert found.probabilities[name] == pytest.approx(probability, abs=0.15)


def test_two_pieces_that_are_each_too_short_are_not_judged() -> None:
    whole = reading_of(sources.synthetic(11.0, bpm=80.0, seed=1))
    whole.waveform.samples[round(5.2 * 250) : round(5.9 * 250)] = np.nan
    assert judged(whole).reason is Unsure.TOO_SHORT


def test_no_beats_have_no_rhythm() -> None:
    reading = reading_of(sources.flat(10.0))
    found = judged(reading)
    assert (found.answer, found.reason) == (None, Unsure.NO_BEATS)
    assert found.to_data()["likeliest"] is None


def test_the_card_names_every_file_of_weights_and_all_are_small() -> None:
    files = sorted(rhythm_model.WEIGHTS.parent.glob("*.safetensors"))
    card = (rhythm_model.WEIGHTS.parent / "MODEL_CARD.md").read_text()
    assert len(files) >= 3
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() in card for path in files)
    assert sum(path.stat().st_size for path in files) < 5_000_000
