"""The pen's path from the ink's edges."""

from __future__ import annotations

import cv2
import numpy as np

from apps.ecg_rhythm import calibration, trace


def drawn(path: np.ndarray, stroke: int = 2) -> np.ndarray:
    ink = np.zeros((200, len(path)), np.uint8)
    points = np.round(np.stack([np.arange(len(path)), path], axis=1) * 64).astype(np.int32)
    cv2.polylines(ink, [points.reshape(-1, 1, 2)], False, 255, stroke, cv2.LINE_AA, 6)
    return ink


def test_a_level_line_is_read_to_a_fifth_of_a_pixel() -> None:
    found = trace.edges(drawn(np.full(50, 80.3)))
    assert np.abs(found.middle[5:45] - 80.3).max() < 0.2


def test_a_narrow_peak_keeps_its_height_which_the_ink_alone_loses() -> None:
    x = np.arange(80)
    path = 150.0 - 100.0 * np.exp(-0.5 * ((x - 40) / 2.0) ** 2)
    ink = drawn(path)
    found = trace.edges(ink)
    read = trace.pen(found.top, found.bottom, trace.stroke_radius(ink))
    assert found.middle.min() > 65.0  # the peak stands at 50
    assert abs(read.min() - 50.0) < 4.0


def test_a_peak_narrower_than_the_stroke_stays_one_peak() -> None:
    x = np.arange(80)
    path = 150.0 - 80.0 * np.exp(-0.5 * ((x - 40.3) / 1.2) ** 2)
    ink = drawn(path, stroke=4)
    found = trace.edges(ink)
    read = trace.pen(found.top, found.bottom, trace.stroke_radius(ink))
    high = read < 120.0
    assert np.count_nonzero(np.diff(high.astype(int)) == 1) == 1
    assert abs(read.min() - 70.0) < 4.0


def test_the_stroke_is_as_wide_however_steep_the_trace_is() -> None:
    x = np.arange(200)
    level = trace.stroke_radius(drawn(np.full(200, 80.3), stroke=3))
    steep = trace.stroke_radius(drawn(100.0 + 60.0 * np.sin(x / 6.0), stroke=3))
    assert abs(level - steep) < 0.3
    assert trace.stroke_radius(drawn(np.full(200, 80.3), stroke=6)) > level + 0.5


def test_the_strongest_run_of_ink_is_taken_and_the_rest_costs_confidence() -> None:
    ink = drawn(np.full(50, 80.0))
    ink[20:22, 25] = 255
    found = trace.edges(ink)
    assert abs(found.middle[25] - 80.0) < 0.5
    assert found.clean[25] < found.clean[10] == 1.0


def test_where_the_trace_is_faint_another_curves_ink_is_not_taken_for_it() -> None:
    ink = drawn(100.0 + 10.0 * np.sin(np.arange(300) / 20.0))
    ink[:, 150:158] = 0
    ink[180:183, 140:170] = 255
    found = trace.traced(ink)
    assert np.isnan(found.middle[151:157]).all()
    assert np.nanmax(found.middle) < 115.0


def test_a_peak_however_high_and_narrow_belongs_to_the_trace() -> None:
    x = np.arange(300)
    path = 150.0 - 120.0 * np.exp(-0.5 * ((x - 150) / 2.0) ** 2)
    found = trace.traced(drawn(path))
    assert np.isfinite(found.middle[5:295]).all()
    assert np.nanmin(found.top) < 40.0


def test_a_grid_is_found_only_where_five_squares_make_a_big_one() -> None:
    def lines(count: int, pitch: float, every: int) -> np.ndarray:
        profile = np.full(count, 10.0)
        for i in range(int(count / pitch)):
            profile[round(i * pitch)] = 50 if i % every == 0 else 28
        return profile.astype(np.uint8)

    grid = calibration.find_grid(lines(320, 6.5, 5), lines(1000, 6.5, 5))
    assert grid is not None
    assert abs(grid.across - 6.5) < 0.02
    assert grid.across == grid.down
    assert calibration.find_grid(lines(320, 6.5, 4), lines(1000, 6.5, 4)) is None
    assert calibration.find_grid(lines(320, 6.5, 5), lines(1000, 8.0, 5)) is None


def test_a_frame_without_ink_has_no_curve() -> None:
    assert np.isnan(trace.traced(np.zeros((20, 30), np.uint8)).top).all()
