"""What sweep and scroll both give: a strip of columns in the order in which they were drawn; and the curve on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.reading import ByteArray, FloatArray
from apps.ecg_rhythm.trace import FINE, Edges, pen, stroke_radius, traced

Float64 = npt.NDArray[np.float64]

RATE_HZ = 250.0
LONGEST_BRIDGE = 3.0
"""Columns without ink that are bridged; more is a gap."""


@dataclass(frozen=True)
class Strip:
    """Columns in drawing order.

    `image`: [height, n] mean ink, 0 to 255; `time_s`: [n] ascending, when the pen was at the column's middle; `looks`:
    [n] frames that the mean is of; `speed`: of the pen, pixels a second; `period_s`: of the sweep, where one was seen.
    """

    image: ByteArray
    time_s: Float64
    looks: npt.NDArray[np.int64]
    speed: float
    period_s: float | None


@dataclass(frozen=True)
class Tape:
    """The curve on a strip, columns with ink only.

    `time_s`: [n] ascending; `top`, `bottom`: [n] edges of the ink in pixels from the lane's top; `confidence`: [n],
    0 to 1; `radius`: of the stroke, pixels; `speed`, `period_s`: the strip's.
    """

    time_s: Float64
    top: Float64
    bottom: Float64
    confidence: Float64
    radius: float
    speed: float
    period_s: float | None


def read(strip: Strip) -> Tape:
    """The curve that a strip shows."""
    breaks = np.flatnonzero(np.diff(strip.time_s) * strip.speed > LONGEST_BRIDGE) + 1
    parts = [traced(part) for part in np.split(strip.image, breaks, axis=1)]
    found = Edges(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("top", "bottom", "clean")))
    radius = stroke_radius(strip.image)
    there = np.flatnonzero(np.isfinite(found.top))
    top, bottom, clean = found.top[there], found.bottom[there], found.clean[there]
    steep = 1.0 / (1.0 + np.maximum(bottom - top - 2 * radius, 0) / 80.0)
    confidence = clean * steep * np.minimum(strip.looks[there] / 4.0, 1.0)
    return Tape(strip.time_s[there], top, bottom, confidence, radius, strip.speed, strip.period_s)


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
