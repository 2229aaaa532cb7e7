"""The calibration pulse of an ECG strip: 1 mV for 200 ms, a box at the strip's beginning or end.

Two upright strokes of one height, with a level top between them and a level foot beside them. Its height says what a
millivolt is, its length how fast the paper went (IEC 60601-2-25; both are what recorders draw when they are sound).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.trace import Edges

Float64 = npt.NDArray[np.float64]

MILLIVOLTS, SECONDS = 1.0, 0.2
AT_END_MM = 25.0
"""A pulse lies this near to an end of the strip."""
LEAST_MM, MOST_MM = 3.0, 25.0
"""Heights that pulses have: 5 to 20 mm/mV, and some room."""
SHORTEST_MM, LONGEST_MM = 2.0, 12.0
LEVEL = 0.06
"""A top or a foot leaves its level by less than this share of the pulse's height."""
ALIKE = 0.12
"""The two strokes, and the feet before and after, differ by less than this share of the height."""


@dataclass(frozen=True)
class Pulse:
    """Columns `first` to `last` of the strip hold it; `height_mm`, `length_mm`: between the middles of its lines."""

    first: int
    last: int
    height_mm: float
    length_mm: float


def find(seen: Edges, scale: float) -> Pulse | None:
    """The pulse at either end of a trace, by the `seen` edges of its columns, `scale` pixels a millimetre."""
    there = np.flatnonzero(np.isfinite(seen.top))
    if not len(there):
        return None
    strokes = _strokes(seen, scale)
    for one, two in pairwise(strokes):
        near = one[0] - there[0] < AT_END_MM * scale or there[-1] - two[1] < AT_END_MM * scale
        if near and (pulse := _pulse(seen, one, two, scale)) is not None:
            return pulse
    return None


def _strokes(seen: Edges, scale: float) -> list[tuple[int, int]]:
    """First and last columns of upright strokes: ink at least LEAST_MM high, and not much wider than a line."""
    high = seen.bottom - seen.top > 0.8 * LEAST_MM * scale
    at = np.flatnonzero(high)
    runs = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(at) else []
    return [(int(run[0]), int(run[-1])) for run in runs if len(run) <= 1.5 * scale]


def _pulse(seen: Edges, one: tuple[int, int], two: tuple[int, int], scale: float) -> Pulse | None:
    length = (sum(two) - sum(one)) / 2 / scale
    if not SHORTEST_MM < length < LONGEST_MM:
        return None
    # A line's own width stands on either side of a stroke.
    rest = max(2, round(0.4 * scale))
    middle = seen.middle
    top = middle[one[1] + rest : two[0] - rest + 1]
    feet = [
        middle[max(0, one[0] - rest - round(scale)) : max(0, one[0] - rest + 1)],
        middle[two[1] + rest : two[1] + rest + round(scale) + 1],
    ]
    feet = [foot[np.isfinite(foot)] for foot in feet]
    levels = [float(np.median(foot)) for foot in feet if len(foot) >= 3]
    if len(top) < scale or not np.isfinite(top).all() or not levels:
        return None
    height = float(np.mean(levels) - np.median(top))
    strokes = [float(np.nanmax(seen.bottom[a : b + 1]) - np.nanmin(seen.top[a : b + 1])) for a, b in (one, two)]
    if not LEAST_MM * scale < height < MOST_MM * scale:
        return None
    level = np.abs(top - np.median(top)).max() < max(LEVEL * height, 0.25 * scale)
    alike = abs(strokes[0] - strokes[1]) < ALIKE * height and np.ptp(levels) < ALIKE * height
    if not (level and alike and abs(np.mean(strokes) - height) < 0.25 * height + 0.6 * scale):
        return None
    return Pulse(one[0], two[1], height / scale, length)
