"""RR, heart rate, variability and the lengths of waves: from beats and marks that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from apps.ecg_rhythm import intervals
from apps.ecg_rhythm.intervals import Missing
from apps.ecg_rhythm.reading import Display, DisplayKind, Finding, Picture, Quality, Reading, Video, Waveform
from apps.ecg_rhythm.waves import BeatWaves, Unmarked, Wave


def reading_of(rr: np.ndarray, waves: tuple[BeatWaves, ...] = (), gap_s: tuple[float, float] | None = None) -> Reading:
    at = 0.5 + np.concatenate([[0.0], np.cumsum(rr)])
    samples = np.zeros(round((at[-1] + 0.5) * 250), np.float32)
    if gap_s:
        samples[round(gap_s[0] * 250) : round(gap_s[1] * 250)] = np.nan
    wave = Waveform(250.0, 0.0, "mV", True, samples, np.isfinite(samples).astype(np.float32))
    return Reading(
        Video(at[-1] + 0.5, 1, 1, 1, 30.0, "h264"),
        Display(DisplayKind.SCROLL, None, 100.0, (0, 0, 1, 1)),
        wave,
        at,
        Quality(1.0, 1.0),
        Picture(np.zeros((1, 1, 3), np.uint8), np.zeros((0, 2), np.float32)),
        waves,
    )


def beat(at: float, qt_s: float = 0.38, p: Unmarked | None = None) -> BeatWaves:
    p_wave = Wave(at - 0.20, at - 0.15, at - 0.10, 0.9) if p is None else p
    onset = at - 0.04
    return BeatWaves(p_wave, Wave(onset, at, at + 0.05, 0.99), Wave(at + 0.2, at + 0.28, onset + qt_s, 0.95))


def normal(reading: Reading) -> np.ndarray:
    return np.ones(len(reading.beats_s), bool)


def test_heart_rate_needs_an_interval() -> None:
    assert intervals.heart_rate(np.zeros(0)) is None
    assert intervals.heart_rate(np.array([1.0, 0.5])) == {"mean": 80.0, "min": 60.0, "max": 120.0}


def test_an_interval_with_a_long_gap_in_it_is_no_interval() -> None:
    found = intervals.rr(reading_of(np.full(4, 0.8), gap_s=(1.4, 1.9)))
    np.testing.assert_allclose(found, [0.8, np.nan, 0.8, 0.8])


def test_variability_is_that_of_its_definitions() -> None:
    reading = reading_of(np.tile([0.76, 0.84], 160))
    found = intervals.measures(reading, normal(reading))
    assert found["sdnn"].value == pytest.approx(40.0, abs=0.1)
    assert found["rmssd"].value == pytest.approx(80.0, abs=0.1)
    assert found["pnn50"].value == pytest.approx(100.0)


@pytest.mark.parametrize(("seconds", "known"), [(20, set()), (40, {"rmssd"}), (80, {"rmssd", "pnn50"})])
def test_each_figure_of_variability_needs_its_length(seconds: int, known: set[str]) -> None:
    reading = reading_of(np.full(round(seconds / 0.8), 0.8))
    found = intervals.measures(reading, normal(reading))
    for name in intervals.SHORTEST_S:
        assert (found[name].value is not None) == (name in known)
        assert found[name].reason is (None if name in known else Missing.TOO_SHORT)


def test_an_ectopic_beat_takes_no_part_in_variability() -> None:
    rr = np.full(60, 0.8)
    rr[30], rr[31] = 0.4, 1.2
    reading = reading_of(rr)
    answered_n = normal(reading)
    assert intervals.measures(reading, answered_n)["rmssd"].value > 50
    answered_n[31] = False
    assert intervals.measures(reading, answered_n)["rmssd"].value == pytest.approx(0.0, abs=1e-6)


def test_lengths_are_medians_and_qtc_is_fridericias() -> None:
    reading = reading_of(np.full(9, 0.64))
    reading = replace(reading, waves=tuple(beat(at) for at in reading.beats_s))
    found = intervals.measures(reading, normal(reading))
    assert found["pr"].value == pytest.approx(160.0)
    assert found["qrs"].value == pytest.approx(90.0)
    assert found["qt"].value == pytest.approx(380.0)
    assert found["qtc"].value == pytest.approx(380.0 / 0.64 ** (1 / 3))
    assert "Fridericia" in found["qtc"].definition


def test_without_p_waves_there_is_no_pr_and_all_else_stays() -> None:
    reading = reading_of(np.full(9, 0.8))
    reading = replace(reading, waves=tuple(beat(at, p=Unmarked.NOT_SEEN) for at in reading.beats_s))
    found = intervals.measures(reading, normal(reading))
    assert (found["pr"].value, found["pr"].reason) == (None, Missing.WAVES_NOT_MARKED)
    assert found["qrs"].value is not None


def test_a_poor_signal_has_no_measure_and_says_so() -> None:
    reading = reading_of(np.full(99, 0.8))
    reading = replace(reading, waves=tuple(beat(at) for at in reading.beats_s), findings=(Finding.LOW_QUALITY,))
    found = intervals.measures(reading, normal(reading))
    assert {one.value for one in found.values()} == {None}
    assert {one.reason for one in found.values()} == {Missing.POOR_SIGNAL}


def test_no_beats_give_no_measure_and_a_reason_for_each() -> None:
    reading = replace(reading_of(np.full(2, 0.8)), beats_s=np.zeros(0))
    found = intervals.measures(reading, normal(reading))
    assert set(found) == set(intervals.DEFINITIONS)
    assert all(one.value is None and one.reason is not None for one in found.values())


def test_in_fibrillation_only_the_qrs_is_measured() -> None:
    reading = reading_of(np.full(99, 0.8))
    reading = replace(reading, waves=tuple(beat(at) for at in reading.beats_s))
    found = intervals.measures(reading, normal(reading), Missing.NOT_SINUS)
    assert {name for name, one in found.items() if one.value is not None} == {"qrs"}
    assert found["rmssd"].reason is Missing.NOT_SINUS
