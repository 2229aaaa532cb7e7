"""P, QRS and T by the shipped network, on beats whose waves are known; nothing is marked where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from apps.ecg_rhythm import beats, delineation, delineator
from apps.ecg_rhythm.reading import Waveform
from apps.ecg_rhythm.waves import BeatWaves, Unmarked, Wave
from tools.ecg_video import sources


def wave_of(recording: sources.Recording, start_s: float = 0.0) -> Waveform:
    times = np.arange(0, recording.duration_s - 0.01, 1 / 250.0)
    samples = recording.at(times).astype(np.float32)
    return Waveform(250.0, start_s, "mV", True, samples, np.ones(len(samples), np.float32))


def waves_of(wave: Waveform) -> tuple[BeatWaves, ...]:
    return delineation.delineate(wave, beats.detect(wave), delineator.shipped())


def test_the_waves_of_a_regular_ecg_lie_in_order_where_they_were_put() -> None:
    """The synthetic beat's P peaks 170 ms before R, its T 260 ms after."""
    recording = sources.synthetic(12.0, bpm=66.0, seed=4)
    found = waves_of(wave_of(recording))[1:-1]
    assert len(found) >= 8
    for one in found:
        assert isinstance(one.p, Wave)
        assert isinstance(one.qrs, Wave)
        assert isinstance(one.t, Wave)
        marks = [m for wave in (one.p, one.qrs, one.t) for m in (wave.onset_s, wave.peak_s, wave.offset_s)]
        assert marks == sorted(marks)
        assert one.qrs.peak_s - one.p.peak_s == pytest.approx(0.170, abs=0.02)
        assert one.t.peak_s - one.qrs.peak_s == pytest.approx(0.260, abs=0.02)


def test_marks_are_on_the_videos_clock() -> None:
    recording = sources.synthetic(8.0, seed=4)
    early, late = waves_of(wave_of(recording)), waves_of(wave_of(recording, start_s=3.0))
    pairs = [(a.qrs, b.qrs) for a, b in zip(early, late, strict=True)]
    assert all(b.onset_s - a.onset_s == pytest.approx(3.0) for a, b in pairs if isinstance(a, Wave))


def test_no_wave_is_marked_in_a_gap() -> None:
    wave = wave_of(sources.synthetic(12.0, seed=4))
    at = beats.detect(wave)
    wave.samples[round((at[4] + 0.08) * 250) : round((at[5] - 0.08) * 250)] = np.nan
    found = delineation.delineate(wave, at, delineator.shipped())
    assert (found[4].t, found[5].p) == (Unmarked.UNREAD, Unmarked.UNREAD)


def test_a_signal_that_is_not_trusted_has_no_marks() -> None:
    wave = wave_of(sources.synthetic(12.0, seed=4))
    wave.confidence[:] = 0.1
    found = delineation.delineate(wave, beats.detect(wave), delineator.shipped())
    assert not [w for one in found for w in (one.p, one.qrs, one.t) if isinstance(w, Wave)]


def test_without_p_waves_few_are_marked() -> None:
    recording = sources.synthetic(16.0, bpm=66.0, seed=4)
    times = np.arange(len(recording.samples)) / recording.rate
    flattened = recording.samples.copy()
    for at in recording.beats_s:
        flattened -= 0.12 * np.exp(-0.5 * ((times - at + 0.17) / 0.025) ** 2)
    found = waves_of(wave_of(sources.Recording(recording.rate, flattened, recording.beats_s)))
    assert np.mean([isinstance(one.p, Wave) for one in found]) < 0.3


def test_a_long_waveform_is_taken_in_pieces_with_the_same_answer() -> None:
    network = delineator.shipped()
    level = delineation.normal(np.tile(sources.synthetic(12.0, seed=2).samples, 6), 250.0)
    level = level[: delineator.PIECE + 3 * delineator.STEP]
    whole = network._piece(level)
    np.testing.assert_allclose(network.probabilities(level), whole, atol=1e-4)
