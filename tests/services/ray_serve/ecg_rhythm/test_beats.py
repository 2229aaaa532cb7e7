"""R peaks and features from signals whose beats are known."""

from __future__ import annotations

import numpy as np
import pytest

from apps.ecg_rhythm import beats
from apps.ecg_rhythm.reading import Waveform
from tools.ecg_video import sources
from tools.ecg_video.scoring import beat_f1


def wave_of(recording: sources.Recording, gap: slice | None = None) -> Waveform:
    times = np.arange(0, recording.duration_s - 0.01, 1 / 250.0)
    samples = recording.at(times).astype(np.float32)
    if gap is not None:
        samples[gap] = np.nan
    return Waveform(250.0, 0.0, "mV", True, samples, np.isfinite(samples).astype(np.float32))


@pytest.mark.parametrize("bpm", [38.0, 60.0, 95.0, 150.0, 190.0])
@pytest.mark.parametrize("seconds", [6.0, 20.0])
def test_every_beat_is_found_at_any_rate_in_short_clips(bpm: float, seconds: float) -> None:
    recording = sources.synthetic(seconds, bpm=bpm, seed=int(bpm))
    assert beat_f1(beats.detect(wave_of(recording)), recording.beats_s)["f1"] == 1.0


def test_an_inverted_lead_has_the_same_beats() -> None:
    recording = sources.synthetic(15.0, seed=5)
    turned = sources.Recording(recording.rate, -recording.samples, recording.beats_s)
    assert beat_f1(beats.detect(wave_of(turned)), recording.beats_s)["f1"] == 1.0


def test_no_beat_is_found_in_a_gap() -> None:
    found = beats.detect(wave_of(sources.synthetic(20.0, seed=1), slice(2000, 3000)))
    assert not ((found > 8.05) & (found < 11.95)).any()


def test_a_premature_wide_beat_stands_out_in_the_features() -> None:
    recording = sources.synthetic(30.0, bpm=70.0, seed=2)
    times = np.arange(len(recording.samples)) / recording.rate
    early = (recording.beats_s[10] + recording.beats_s[11]) / 2
    samples = recording.samples + 1.4 * np.exp(-0.5 * ((times - early) / 0.05) ** 2)
    at = np.sort(np.append(recording.beats_s, early))
    table = beats.cut(wave_of(sources.Recording(recording.rate, samples, at)), at).features
    odd = int(np.flatnonzero(at == early)[0])
    assert np.abs(table[odd]).sum() == np.abs(table).sum(axis=1).max()
