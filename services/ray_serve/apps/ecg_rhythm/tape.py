"""What sweep and scroll both give: a tape of columns in the order in which they were drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.reading import FloatArray
from apps.ecg_rhythm.trace import FINE, pen

Float64 = npt.NDArray[np.float64]

RATE_HZ = 250.0
LONGEST_BRIDGE = 3.0
"""Columns without ink that are bridged; more is a gap."""


@dataclass(frozen=True)
class Tape:
    """Columns in drawing order.

    `time_s`: [n] ascending, when the pen was at the column's middle; `top`, `bottom`: [n] edges of the ink in pixels
    from the lane's top; `confidence`: [n], 0 to 1; `radius`: of the stroke, pixels; `speed`: of the pen, pixels a
    second; `period_s`: of the sweep, where one was seen.
    """

    time_s: Float64
    top: Float64
    bottom: Float64
    confidence: Float64
    radius: float
    speed: float
    period_s: float | None


def sampled(tape: Tape, start_s: float, end_s: float) -> tuple[FloatArray, FloatArray]:
    """The pen's height (pixels, upwards) and its confidence at RATE_HZ from `start_s` to `end_s`; gaps are NaN."""
    grid = start_s + np.arange(max(0, int(np.floor((end_s - start_s) * RATE_HZ + 1e-6)) + 1)) / RATE_HZ
    samples = np.full(len(grid), np.nan)
    confidence = np.zeros(len(grid))
    breaks = np.flatnonzero(np.diff(tape.time_s) * tape.speed > LONGEST_BRIDGE) + 1
    for part in np.split(np.arange(len(tape.time_s)), breaks):
        if len(part) < 4:
            continue
        times = tape.time_s[part]
        path = pen(tape.top[part], tape.bottom[part], tape.radius)
        fine = np.interp((np.arange(len(path)) + 0.5) / FINE - 0.5, np.arange(len(part)), times)
        inside = (grid >= times[0]) & (grid <= times[-1])
        samples[inside] = -np.interp(grid[inside], fine, path)
        confidence[inside] = np.interp(grid[inside], times, tape.confidence[part])
    return samples.astype(np.float32), confidence.astype(np.float32)
