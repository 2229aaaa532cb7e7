"""The reader on screens that a phone filmed: tilted, shaken, badly lit, badly compressed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from apps.ecg_rhythm import analysis, curves, plane, screen, steadier
from tools.ecg_video import scoring, sources
from tools.ecg_video.camera import Lens
from tools.ecg_video.screen import backdrop, frame
from tools.ecg_video.settings import Camera, Encoding, small_screen

PHONE = Camera(bezel=0.08, perspective=0.04, roll=1.5, shake=0.5, sway=0.05, noise=3.0, blur=0.5)
SWEEP, SCROLL = small_screen("sweep"), small_screen("scroll")
FAST = Encoding(preset="veryfast")
FILMED = {
    "phone_sweep.mp4": (SWEEP, PHONE, FAST, 11.0),
    "phone_scroll.mp4": (SCROLL, PHONE, FAST, 9.0),
    "phone_bad.mp4": (
        replace(SWEEP, numbers=True),
        replace(PHONE, shake=1.2, glare=0.5, moire=0.4, low_light=0.4, dropped=0.2, jitter=0.1),
        FAST,
        6.0,
    ),
    "upright.mov": (SWEEP, Camera(), replace(FAST, rotation=90), 15.0),
    "uneven.mp4": (SWEEP, Camera(jitter=0.25), FAST, 15.0),
    "ten_a_second.mp4": (replace(SWEEP, fps=10.0), Camera(), FAST, 12.0),
    "yuv444.mp4": (SWEEP, Camera(), replace(FAST, pixel_format="yuv444p"), 15.0),
}


LONG_FORM = ("phone_scroll.mp4", "uneven.mp4", "yuv444.mp4")
"""Read with the faults. What is special about them others have too: uneven times `phone_bad`, scrolls and unusual
pixels the recordings of other tests."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.faults) if name in LONG_FORM else name for name in FILMED]
)
def test_a_filmed_screen_is_read_blind_with_every_beat(name: str, clip: Callable[..., Any]) -> None:
    screen, camera, encoding, least_db = FILMED[name]
    made = clip(name, screen, camera, encoding=encoding)
    reading = analysis.read(made.path)
    score = scoring.score(analysis.result(reading, np.full((len(reading.beats_s), 5), 0.2, np.float32)), made.truth)
    assert score["snr_db"] > least_db
    assert score["beats"]["f1"] == 1.0
    assert reading.display.kind.value == screen.kind
    assert len(reading.picture.points)


def test_even_beats_that_scroll_are_not_taken_for_the_screen_they_scroll_over() -> None:
    period, step = 62, 14
    wide = np.zeros((480, 900), np.uint8)
    for x in range(10, 900, period):
        for top, foot in ((150, 210), (290, 330)):
            beat = np.array([(x, foot), (x + 6, top), (x + 12, foot + 14), (x + 18, foot), (x + period, foot)])
            cv2.polylines(wide, [beat], False, 250, 2, cv2.LINE_AA)
    rng = np.random.default_rng(1)
    moves = np.cumsum(rng.normal(0, 0.5, (24, 2)), axis=0)
    moves -= moves[0]
    stills = []
    for index, (across, down) in enumerate(moves):
        shown = np.full((480, 640), 10, np.uint8)
        shown[:, 40:560] = np.maximum(shown[:, 40:560], wide[:, index * step % period :][:, :520])
        for row in range(4):
            cv2.putText(shown, "BED 4 ADULT", (60 + 120 * row, 60 + 5 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 90, 1)
        cv2.rectangle(shown, (8, 8), (630, 470), 70, 3)
        moved = np.array([[1, 0, across], [0, 1, down]])
        stills.append(cv2.warpAffine(shown, moved, (640, 480), borderMode=cv2.BORDER_REPLICATE))
    _points, motions = steadier.anchors(stills)
    found = np.array([motion[0][:2, 2] for motion in motions if motion is not None])
    assert len(found) == 23
    assert np.abs(found - moves[1:]).max() < 0.5


def test_a_tilted_picture_is_laid_flat_to_a_third_of_a_degree() -> None:
    screen = small_screen()
    lens = Lens(Camera(bezel=0.1, perspective=0.1, roll=4), screen.width, screen.height, seed=8)
    seen = cv2.cvtColor(lens.shoot(backdrop(screen)), cv2.COLOR_RGB2GRAY)
    flat = plane.flatten(seen.astype(np.float32), plane.FILMED)
    assert flat is not None
    x, y, width, height = screen.lane
    corners = np.array([[x, y], [x + width, y], [x, y + height], [x + width, y + height]], np.float64) + lens._edge()
    left, right, low_left, low_right = cv2.perspectiveTransform(corners[:, None], flat @ lens._plane)[:, 0]
    for start, end, along in ((left, right, 0), (low_left, low_right, 0), (left, low_left, 1), (right, low_right, 1)):
        assert abs((end - start)[1 - along] / (end - start)[along]) < 0.006


def test_a_screen_recording_keeps_its_pixels() -> None:
    recording = sources.synthetic(24.0, bpm=75.0, seed=3)
    lumas = [cv2.cvtColor(frame(SCROLL, recording, i / 10), cv2.COLOR_RGB2GRAY) for i in range(12)]
    found = plane.find(lumas)
    assert found.still
    crop = found.crop(lumas[3], (10, 20, 300, 100))
    assert crop is not None
    np.testing.assert_array_equal(crop, lumas[3][20:120, 10:310])


def test_a_shaken_frame_is_put_back_to_a_quarter_of_a_pixel() -> None:
    still = cv2.cvtColor(backdrop(small_screen()), cv2.COLOR_RGB2GRAY)
    rng = np.random.default_rng(2)
    moves = [np.array([[1, 0, dx], [0, 1, dy]]) for dx, dy in rng.normal(0, 3, (10, 2))]
    shaken = [cv2.warpAffine(still, move, still.shape[::-1], borderMode=cv2.BORDER_REPLICATE) for move in moves]
    found = plane.find([still, *shaken])
    assert not found.still
    for move, luma in zip(moves, shaken, strict=True):
        back = found.steadier.movement(luma)
        assert back is not None
        assert np.abs(back[:2, 2] + move[:, 2]).max() < 0.25


@pytest.mark.parametrize("jump", [(0.4, -0.3), (6.0, 0.0), (-6.0, 12.0), (45.0, 20.0)])
def test_a_frame_is_put_back_alike_by_its_tiles_and_as_a_whole_however_far_it_jumped(jump: tuple[float, float]) -> None:
    """The grid's squares are six pixels wide: tiles alone would take a jump by one for none."""
    still = cv2.cvtColor(backdrop(small_screen()), cv2.COLOR_RGB2GRAY)

    def moved(dx: float, dy: float) -> np.ndarray:
        move = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
        return np.asarray(cv2.warpAffine(still, move, still.shape[::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)

    points, _motions = steadier.anchors([still, *(moved(d, -d) for d in (0.5, 1.0, -1.0, 0.7))])
    follower = steadier.Steadier(still, points)
    assert follower.movement(moved(0.1, 0.1)) is not None
    back = follower.movement(moved(*jump))
    whole = steadier.match(still, moved(*jump), points, np.eye(3))
    assert back is not None
    assert whole is not None
    np.testing.assert_allclose(back, np.linalg.inv(whole[0]), atol=0.05)
    np.testing.assert_allclose(back[:2, 2], (-jump[0], -jump[1]), atol=0.3)


def test_text_above_a_trace_is_no_ink_of_it_though_specks_of_bad_compression_touch_it() -> None:
    stills = []
    for i in range(16):
        luma = np.full((240, 480), 20, np.uint8)
        x = np.arange(480)
        path = 150 - 60 * np.exp(-0.5 * (((x + 12 * i) % 80 - 40) / 3.0) ** 2)
        points = np.stack([x, path], axis=1).round().astype(np.int32)
        cv2.polylines(luma, [points.reshape(-1, 1, 2)], False, 220, 2, cv2.LINE_AA)
        cv2.putText(luma, "25 mm/s", (300, 74), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 200, 1, cv2.LINE_AA)
        luma[56:82, 300 + 4 * i] = 120
        stills.append(screen.Still(i / 10, luma))
    found = next(screen.candidates(stills))
    left, top, width, height = found.lane
    assert top < 60
    ink = found.ink.of(np.ascontiguousarray(stills[3].luma[top : top + height, left : left + width]))
    text = ink[64 - top : 76 - top, 300 - left : 360 - left]
    assert (text > 0).mean() < 0.05
    assert (ink[85 - top :] > 0).any(axis=0).mean() > 0.9


def test_a_pulse_that_falls_steeply_is_less_likely_an_ecg_than_a_curve_with_higher_peaks() -> None:
    ecg = curves.Curve((16, 77, 688, 202), spikes=8.0, moving=0.6, peak=74.0)
    pulse = curves.Curve((16, 313, 688, 62), spikes=10.5, moving=0.6, peak=24.0)
    second_lead = curves.Curve((16, 390, 688, 60), spikes=9.0, moving=0.6, peak=50.0)
    frame = curves.Curve((0, 0, 854, 300), spikes=30.0, moving=0.0, peak=280.0)
    assert curves.likeliest([pulse, frame, ecg, second_lead]) == [second_lead, ecg, pulse]
