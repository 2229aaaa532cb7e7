"""The reader on rendered screens: blind, and scored against the truth beside them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from apps.ecg_rhythm import analysis, beats, model
from apps.ecg_rhythm.reading import Finding, Reading
from kit import video
from tools.ecg_video import scoring, sources
from tools.ecg_video.settings import Camera, Encoding, paper_screen, small_screen


def result_of(reading: Reading) -> dict[str, Any]:
    return analysis.result(reading, np.full((len(reading.beats_s), 5), 0.2, np.float32))


SWEEP, SCROLL = small_screen("sweep"), small_screen("scroll")
SMALL_PAPER = replace(
    SWEEP,
    background=paper_screen().background,
    trace=paper_screen().trace,
    grid_minor=paper_screen().grid_minor,
    grid_major=paper_screen().grid_major,
    second_curve="none",
)
SCREENS = {
    "sweep.mp4": (SWEEP, None),
    "scroll.mp4": (SCROLL, None),
    "paper.mp4": (SMALL_PAPER, None),
    "fast_sweep.mp4": (replace(SWEEP, mm_per_s=50.0), None),
    "empty_at_first.mp4": (replace(SWEEP, prefilled=False), None),
    "scroll_15_fps.mp4": (replace(SCROLL, fps=15.0), None),
    "dropped_frames.mp4": (SWEEP, Camera(dropped=0.2)),
}


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_recording_is_read_above_15_db_with_every_beat_in_millivolts(
    name: str, clip: Callable[..., Any]
) -> None:
    screen, camera = SCREENS[name]
    made = clip(name, screen, camera)
    reading = analysis.read(made.path)
    score = scoring.score(result_of(reading), made.truth)
    assert score["amplitude_calibrated"]
    assert score["snr_db"] > 15.0
    assert score["beats"]["f1"] == 1.0
    assert score["beats"]["timing_error_ms"] < 15.0
    assert reading.display.kind.value == screen.kind
    assert reading.display.pixels_per_second == pytest.approx(screen.pixels_per_second, rel=0.01)


def test_without_a_grid_the_amplitude_is_not_called_millivolts(clip: Callable[..., Any]) -> None:
    made = clip("no_grid.mp4", replace(SWEEP, grid=False))
    reading = analysis.read(made.path)
    assert reading.waveform.unit == "normalised"
    assert not reading.waveform.amplitude_calibrated
    assert any("not calibrated" in limit for limit in reading.limits)
    assert scoring.score(result_of(reading), made.truth)["snr_db"] > 15.0


def test_hevc_in_mov_is_read(clip: Callable[..., Any]) -> None:
    made = clip("hevc.mov", SWEEP, encoding=Encoding(codec="hevc", preset="ultrafast"))
    reading = analysis.read(made.path)
    assert reading.video.codec == "hevc"
    assert scoring.score(result_of(reading), made.truth)["beats"]["f1"] == 1.0


@pytest.mark.parametrize("every_s", [0.25, 1.0])
def test_a_strip_that_moves_in_steps_is_read_on_time(
    every_s: float, clip: Callable[..., Any], filmed: Callable[..., Path]
) -> None:
    made = clip("scroll.mp4", SCROLL)
    shown = [frame.rgb() for frame in video.frames(made.path)]
    each = round(30 * every_s)
    reading = analysis.read(filmed(f"steps{each}.mp4", lambda index: shown[index // each * each], len(shown)))
    assert reading.display.pixels_per_second == pytest.approx(made.truth["geometry"]["pixels_per_second"], rel=0.01)
    last = (len(shown) - 1) // each * every_s  # what came later was never shown
    there = [beat["time_s"] for beat in made.truth["beats"] if beat["time_s"] < last]
    found = scoring.beat_f1(reading.beats_s, np.array(there))
    assert found["f1"] == 1.0
    assert found["timing_error_ms"] < 60.0


@pytest.mark.parametrize("share", [0.15, 0.5])
def test_a_strip_that_freezes_at_its_end_is_read_on_time_until_then(
    share: float, clip: Callable[..., Any], filmed: Callable[..., Path]
) -> None:
    made = clip("scroll.mp4", SCROLL)
    shown = [frame.rgb() for frame in video.frames(made.path)]
    last = round(len(shown) * (1.0 - share))
    reading = analysis.read(filmed(f"freezes{last}.mp4", lambda index: shown[min(index, last)], len(shown)))
    there = [beat["time_s"] for beat in made.truth["beats"] if beat["time_s"] < last / 30 - 0.1]
    found = scoring.beat_f1(reading.beats_s, np.array(there))
    assert found["f1"] == 1.0
    assert found["timing_error_ms"] < 15.0


@pytest.mark.parametrize("kind", ["sweep", "scroll"])
def test_a_flat_trace_is_named_and_has_no_heart_rate(
    kind: Literal["sweep", "scroll"], clip: Callable[..., Any]
) -> None:
    made = clip(f"flat_{kind}.mp4", small_screen(kind), signal=sources.flat(24.0))
    reading = analysis.read(made.path)
    assert Finding.FLAT_TRACE in reading.findings
    assert len(reading.beats_s) == 0
    assert result_of(reading)["heart_rate_bpm"] is None


def test_gaps_are_null_with_no_confidence_and_values_have_some(clip: Callable[..., Any]) -> None:
    wave = analysis.read(clip("sweep.mp4", SWEEP).path).waveform
    gaps = np.isnan(wave.samples)
    assert (wave.confidence[gaps] == 0).all()
    assert (wave.confidence[~gaps] > 0).all()
    assert (wave.confidence <= 1).all()


def test_a_reading_survives_pickling_and_its_windows_fit_the_network(clip: Callable[..., Any]) -> None:
    reading = pickle.loads(pickle.dumps(analysis.read(clip("sweep.mp4", SWEEP).path)))
    windows = beats.windows(reading)
    assert windows.samples.shape == (len(reading.beats_s), model.WINDOW)
    assert windows.features.shape == (len(reading.beats_s), model.FEATURES)
    assert windows.samples.dtype == windows.features.dtype == np.float32
    assert np.isfinite(windows.samples).all()
    assert np.isfinite(windows.features).all()


def test_progress_runs_through_the_stages_in_order(clip: Callable[..., Any]) -> None:
    seen: list[tuple[str, float]] = []
    analysis.read(clip("sweep.mp4", SWEEP).path, lambda stage, fraction: seen.append((stage, fraction)))
    stages = [stage for stage, _ in seen]
    assert stages == sorted(stages, key=["decode", "read", "beats"].index)
    assert all(0.0 <= fraction <= 1.0 for _, fraction in seen)


def test_reading_the_same_file_twice_gives_the_same_numbers(clip: Callable[..., Any]) -> None:
    first, second = (analysis.read(clip("scroll.mp4", SCROLL).path) for _ in range(2))
    np.testing.assert_array_equal(first.waveform.samples, second.waveform.samples)
