"""The reader on printed strips over which a phone is moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pytest

from apps.ecg_rhythm import analysis, lattice, paper, pulse, reader
from apps.ecg_rhythm.mosaic import Follower, View
from apps.ecg_rhythm.reading import DisplayKind
from apps.ecg_rhythm.trace import Edges, traced
from tools.ecg_video import paper as printed
from tools.ecg_video import scoring, sources
from tools.ecg_video.camera import Lens
from tools.ecg_video.paper import Pan, Sheet
from tools.ecg_video.screen import frame
from tools.ecg_video.settings import Camera, Encoding, paper_screen, small_screen

PHONE = Camera(perspective=0.03, roll=1.0, shake=0.4, sway=0.04, noise=3.0, blur=0.5)
SMALL = Pan(width=640, height=360, fps=15.0, pixels_per_mm=5.2)
SIGNAL, SIGNAL_12 = (sources.synthetic(seconds, bpm=75.0, seed=3) for seconds in (7.0, 12.0))


@pytest.fixture(scope="session")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, dict[str, Any]]]:
    """`pan(sheet)`: a pan of three seconds over it and its truth, rendered once."""
    folder = tmp_path_factory.mktemp("pans")
    made: dict[Sheet, tuple[Path, dict[str, Any]]] = {}

    def make(sheet: Sheet) -> tuple[Path, dict[str, Any]]:
        if sheet not in made:
            path = folder / f"{len(made)}.mp4"
            made[sheet] = path, printed.render(path, SIGNAL, 3.0, sheet, SMALL, PHONE, Encoding(preset="veryfast"))
        return made[sheet]

    return make


def scored(path: Path, truth: dict[str, Any]) -> tuple[Any, float, float]:
    """The reading, its SNR in dB, and F1 of its beats; time 0 of a strip is where its trace begins."""
    reading = analysis.read(path)
    wave = reading.waveform
    times = np.arange(len(wave.samples)) / wave.sampling_rate_hz
    true = np.array(truth["samples"])
    true_s = np.arange(len(true)) / truth["sampling_rate_hz"]
    snr, shift = scoring.snr_db(
        times, wave.samples.astype(float), true_s, true, calibrated=wave.amplitude_calibrated, max_shift_s=0.5
    )
    beats = np.array([beat["time_s"] for beat in truth["beats"]])
    return reading, snr, scoring.beat_f1(reading.beats_s - shift, beats)["f1"]


WITH_PULSE = Sheet(pulse="start", mm_per_mv=20.0)


def test_a_panned_strip_is_read_whole_on_the_papers_time_in_the_pulses_millivolts(pan: Callable[..., Any]) -> None:
    reading, snr, f1 = scored(*pan(WITH_PULSE))
    assert reading.display.kind is DisplayKind.PAPER
    assert reading.waveform.amplitude_calibrated
    assert snr > 15.0
    assert f1 == 1.0
    assert len(reading.waveform.samples) / 250 == pytest.approx(7.0, abs=0.15)
    assert reading.video.duration_s == pytest.approx(3.0, abs=0.1)
    assert any("calibration pulse, 20" in limit for limit in reading.limits)
    assert any("25 mm/s by the pulse's length" in limit for limit in reading.limits)


def test_without_a_pulse_speed_and_gain_are_called_assumed(pan: Callable[..., Any]) -> None:
    reading, snr, f1 = scored(*pan(Sheet(trace=(20, 30, 110))))
    assert snr > 15.0
    assert f1 == 1.0
    assert sum("assumed" in limit for limit in reading.limits) == 2


def test_the_curve_lies_on_the_ink_of_every_frame(pan: Callable[..., Any]) -> None:
    path, _truth = pan(WITH_PULSE)
    shares = []
    for seen, points in reader.pen_paths(path):
        x, y = np.round(points[np.isfinite(points).all(axis=1)]).astype(int).T
        shares.append(float((seen.luma[y.clip(0, 359), x.clip(0, 639)] < 130).mean()))
    assert len(shares) == 45
    assert min(shares) > 0.85


@pytest.mark.parametrize("kind", ["sweep", "scroll"])
def test_a_light_screen_is_no_paper_however_its_curve_moves(kind: Literal["sweep", "scroll"]) -> None:
    screen = replace(small_screen(kind), **{n: getattr(paper_screen(), n) for n in COLOURS}, second_curve="none")
    lens = Lens(replace(PHONE, bezel=0.08), screen.width, screen.height, seed=1)
    stills = [lens.shoot(frame(screen, SIGNAL_12, i / 8)) for i in range(24)]
    assert not paper.panned([cv2.cvtColor(still, cv2.COLOR_RGB2GRAY) for still in stills])


COLOURS = ("background", "trace", "grid_minor", "grid_major")


def pictures(pan: Pan, camera: Camera = PHONE) -> list[np.ndarray]:
    frames = printed.frames(SIGNAL, 3.0, Sheet(), pan, camera, seed=1)
    return [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for _time, image in frames]


def test_a_strip_that_is_held_is_no_pan_and_one_that_is_panned_is() -> None:
    assert not paper.panned(pictures(replace(SMALL, last=0.0, fps=8.0)))
    assert paper.panned(pictures(replace(SMALL, fps=8.0)))


def test_the_grid_places_a_picture_to_a_twentieth_of_a_millimetre() -> None:
    luma = pictures(replace(SMALL, fps=2.0))[3]
    way = list(printed._way(SIGNAL, 3.0, Sheet(), replace(SMALL, fps=2.0), PHONE, seed=1))[3]
    joined = Follower()
    place = joined.begin(luma, View.of(luma))
    assert place is not None
    corners = np.array([[[80, 60]], [[560, 60]], [[560, 300]], [[80, 300]], [[320, 180]]], np.float64)
    found = cv2.perspectiveTransform(corners, place)[:, 0] / joined.scale
    true = cv2.perspectiveTransform(corners, np.linalg.inv(way))[:, 0]
    # Which square is the first one is told by nothing in one picture.
    off = (found - true) - np.round((found - true)[4] / lattice.LARGE_MM) * lattice.LARGE_MM
    assert np.abs(off).max() < 0.05


def drawn(x_mm: list[float], y_mm: list[float], scale: float = 6.0) -> Edges:
    ink = np.zeros((round(40 * scale), round(80 * scale)), np.uint8)
    points = np.round(np.stack([x_mm, y_mm], axis=1) * scale * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(ink, [points], False, 255, 2, cv2.LINE_AA, 4)
    return traced(ink)


@pytest.mark.parametrize(("height", "length"), [(5.0, 5.0), (10.0, 5.0), (20.0, 10.0)])
@pytest.mark.parametrize("at", [2.0, 60.0])
def test_a_pulses_height_and_length_are_measured_to_a_tenth_of_a_millimetre(
    height: float, length: float, at: float
) -> None:
    x = [1.0, at, at, at + length, at + length, 75.0]
    found = pulse.find(drawn(x, [30.0, 30.0, 30.0 - height, 30.0 - height, 30.0, 30.0]), 6.0)
    assert found is not None
    assert found.height_mm == pytest.approx(height, abs=0.1)
    assert found.length_mm == pytest.approx(length, abs=0.1)


def test_no_beat_is_taken_for_a_pulse() -> None:
    narrow = ([1, 9, 10, 11, 12, 20, 21, 22, 75], [30, 30, 18, 36, 30, 30, 18, 30, 30])
    broad = ([1, 9, 10.5, 13, 14, 75], [30, 30, 18, 17, 31, 30])
    for x, y in (narrow, broad):
        assert pulse.find(drawn(x, y), 6.0) is None


def test_a_frame_between_two_that_were_laid_lies_between_them_and_a_lost_one_nowhere() -> None:
    places = {0: np.eye(3), 2: np.array([[1.0, 0, 10], [0, 1, 4], [0, 0, 1]])}
    between = paper.place_of(places, 1)
    assert between is not None
    assert tuple(between[:2, 2]) == (5.0, 2.0)
    assert paper.place_of(places, 2 + paper.NEAR + 1) is None


def test_what_there_is_no_room_for_is_said_to_be_left_out() -> None:
    frames = pictures(replace(SMALL, fps=8.0))
    joined = Follower(most_pixels=600_000)
    laid = [joined.add(number, luma) for number, luma in enumerate(frames)]
    assert laid[0]
    assert not laid[-1]
    assert joined.full
    assert joined.lost == 0


def test_pictures_that_jump_do_not_join(tmp_path: Path) -> None:
    """Each shows another part of the strip than the last: nothing says how they lie to each other."""
    frames = pictures(replace(SMALL, fps=8.0))
    joined = Follower()
    assert joined.add(0, frames[0])
    assert not joined.add(1, np.roll(frames[-1][::-1], 200, axis=1))
    assert joined.lost == 1
