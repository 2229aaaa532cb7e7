"""From a strip to the curve on it, by the network that the package carries."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

from apps.ecg_rhythm import ridge, tape, view
from apps.ecg_rhythm.tape import RATE_HZ, Strip

SPEED = 125.0
HEIGHT = 200


def _beats(times: np.ndarray) -> np.ndarray:
    """Pixels upwards: spikes of 30 ms on a slow wave."""
    since = (times + 0.4) % 0.8 - 0.4
    return np.asarray(90.0 * np.exp(-0.5 * (since / 0.012) ** 2) + 8.0 * np.sin(2 * np.pi * 1.3 * times))


def _strip(stroke: int = 2, blur: float = 0.0, seconds: float = 4.0, faint: float = 1.0) -> Strip:
    width = round(seconds * SPEED)
    fine = np.linspace(-0.1, seconds + 0.1, 4000)
    points = np.stack([fine * SPEED, 130.0 - _beats(fine)], axis=1)
    image = np.zeros((HEIGHT, width), np.uint8)
    cv2.polylines(image, [np.round(points * 64).astype(np.int32).reshape(-1, 1, 2)], False, 255, stroke, cv2.LINE_AA, 6)
    if blur:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    image = (image * faint).astype(np.uint8)
    return Strip(image, np.arange(width) / SPEED, SPEED, None)


def _error(strip: Strip) -> float:
    """Root mean square, pixels."""
    heights, _ = tape.sampled(tape.read(strip), 0.1, 3.9)
    times = 0.1 + np.arange(len(heights)) / RATE_HZ
    off = heights - (_beats(times) - 130.0)
    return float(np.sqrt(np.nanmean(off**2)))


@pytest.mark.parametrize("stroke", [1, 2, 4])
def test_spikes_thinner_than_the_stroke_keep_their_height(stroke: int) -> None:
    heights, _ = tape.sampled(tape.read(_strip(stroke)), 0.1, 3.9)
    assert np.nanmax(heights) == pytest.approx(_beats(np.array([0.8])).max() - 130.0, abs=6.0)
    assert _error(_strip(stroke)) < 3.0


def test_samples_lie_on_times_that_do_not_depend_on_where_the_strip_begins() -> None:
    strip = _strip()
    later = Strip(strip.image[:, 40:], strip.time_s[40:], SPEED, None)
    whole, _ = tape.sampled(tape.read(strip), 0.0, 3.9)
    part, _ = tape.sampled(tape.read(later), 0.0, 3.9)
    there = np.isfinite(part)
    assert not there[: round(0.31 * RATE_HZ)].any()
    assert float(np.abs(whole - part)[there][20:].mean()) < 0.5


def test_what_has_no_ink_is_a_gap_with_no_confidence() -> None:
    strip = _strip()
    strip.image[:, 200:260] = 0
    heights, confidence = tape.sampled(tape.read(strip), 0.0, 3.9)
    hole = slice(round(205 / SPEED * RATE_HZ), round(255 / SPEED * RATE_HZ))
    assert np.isnan(heights[hole]).all()
    assert (confidence[np.isnan(heights)] == 0).all()
    assert (confidence[np.isfinite(heights)] > 0).all()


def test_confidence_falls_where_the_strip_is_blurred() -> None:
    sharp, dull = (tape.sampled(tape.read(_strip(blur=blur)), 0.1, 3.9)[1] for blur in (0.0, 3.0))
    assert sharp.mean() > dull.mean() + 0.01


def test_a_strip_without_ink_is_all_gap() -> None:
    empty = Strip(np.zeros((HEIGHT, 100), np.uint8), np.arange(100) / SPEED, SPEED, None)
    heights, confidence = tape.sampled(tape.read(empty), 0.0, 0.8)
    assert np.isnan(heights).all()
    assert len(heights) == len(confidence) == 201


def test_pieces_of_a_long_strip_join_without_a_seam() -> None:
    rng = np.random.default_rng(0)
    ink = (rng.random((ridge.ROWS, 1400)) > 0.97).astype(np.uint8) * 255
    ink[60:63] = 255
    # The same columns from the middle of a piece, and from where two pieces meet.
    for whole, part in zip(ridge.shipped().pen(ink), ridge.shipped().pen(ink[:, 512:]), strict=True):
        assert len(whole) == ridge.POINTS * 1400
        np.testing.assert_allclose(whole[2 * 1000 : 2 * 1040], part[2 * 488 : 2 * 528], atol=0.5)


def test_a_window_shows_the_trace_whole_whatever_its_size() -> None:
    for high, low in ((10.0, 60.0), (5.0, 900.0), (40.0, 41.0)):
        seen = view.window(high, low)
        rows = (np.array([high, low]) - seen.top) * seen.scale
        assert rows.min() > 0
        assert rows.max() < ridge.ROWS - 1
        np.testing.assert_allclose(seen.pixels(rows), [high, low])


def test_the_ridge_weights_are_those_of_the_card() -> None:
    assert ridge.WEIGHTS.stat().st_size < 1_000_000
    card = (ridge.WEIGHTS.parent / "MODEL_CARD.md").read_text()
    assert hashlib.sha256(ridge.WEIGHTS.read_bytes()).hexdigest() in card
