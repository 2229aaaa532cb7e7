"""What sweep and scroll both give: a strip of columns in the order in which they were drawn; and the curve on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from apps.ecg_rhythm import ridge, view
from apps.ecg_rhythm.reading import ByteArray, FloatArray
from apps.ecg_rhythm.trace import FINE, edges, pen, stroke_radius, traced

Float64 = npt.NDArray[np.float64]

RATE_HZ = 250.0
LONGEST_BRIDGE = 3.0
"""Columns without ink that are bridged; more is a gap."""
LEAST_COLUMNS = 4
"""Fewer between two gaps are no trace."""


@dataclass(frozen=True)
class Strip:
    """Columns in drawing order.

    `image`: [height, n] mean ink, 0 to 255; `time_s`: [n] ascending, when the pen was at the column's middle;
    `speed`: of the pen, pixels a second; `period_s`: of the sweep, where one was seen.
    """

    image: ByteArray
    time_s: Float64
    speed: float
    period_s: float | None


def within(strip: Strip, start_s: float, end_s: float) -> Strip:
    """The part of the strip that was drawn between two moments: what came before the video is on a scroll, too."""
    there = (strip.time_s >= start_s) & (strip.time_s <= end_s)
    return Strip(strip.image[:, there], strip.time_s[there], strip.speed, strip.period_s)


@dataclass(frozen=True)
class Tape:
    """The curve on a strip at RATE_HZ, its first sample at `start_s`.

    `heights`: [n] pixels upwards from the lane's top, NaN in gaps; `confidence`: [n], 0 to 1, 0 in gaps.
    """

    start_s: float
    heights: Float64
    confidence: Float64


def read(strip: Strip) -> Tape:
    """The curve that a strip shows."""
    outline = edges(strip.image)
    there = np.flatnonzero(np.isfinite(outline.top))
    if len(there) < LEAST_COLUMNS:
        return Tape(0.0, np.zeros(0), np.zeros(0))
    first, last = (round(float(strip.time_s[i]) * RATE_HZ) for i in (0, -1))
    seen = view.window(
        float(np.percentile(outline.top[there], OUTERMOST)),
        float(np.percentile(outline.bottom[there], 100 - OUTERMOST)),
    )
    when = view.columns(first / RATE_HZ, last / RATE_HZ)
    ink = view.viewed(strip.image, _place(strip, when), seen)
    rows, spread = (points[: last - first + 1] for points in ridge.shipped().pen(ink))
    times = (first + np.arange(len(rows))) / RATE_HZ
    known = _known(times, strip.time_s[there], strip.speed)
    heights = -seen.pixels(rows)
    outlined = -_outlined(strip, times)
    # The network says which ink it is, and the ink's edges where to a fraction of a pixel; both err, not alike.
    agreed = np.abs(outlined - heights) < AGREED * np.sqrt(1.0 + spread**2) / seen.scale
    heights = np.where(agreed, OUTLINE * outlined + (1.0 - OUTLINE) * heights, heights)
    heights = np.where(known, heights, np.nan)
    return Tape(first / RATE_HZ, heights, np.where(known, _confidence(spread / seen.scale, strip.speed), 0.0))


def _outlined(strip: Strip, times: Float64) -> Float64:
    """The pen's height at `times` from the edges of the ink, pixels from the lane's top; NaN where there is none."""
    parts = [traced(strip.image[:, part]) for part in _stretches(strip.time_s, strip.speed)]
    top, bottom = (np.concatenate([getattr(part, edge) for part in parts]) for edge in ("top", "bottom"))
    there = np.flatnonzero(np.isfinite(top))
    when, radius = strip.time_s[there], stroke_radius(strip.image)
    heights = np.full(len(times), np.nan)
    for part in _stretches(when, strip.speed):
        if len(part) < LEAST_COLUMNS:
            continue
        path = pen(top[there[part]], bottom[there[part]], radius)
        fine = np.interp((np.arange(len(path)) + 0.5) / FINE - 0.5, np.arange(len(part)), when[part])
        inside = (times >= when[part[0]]) & (times <= when[part[-1]])
        heights[inside] = np.interp(times[inside], fine, path)
    return heights


AGREED = 4.0
"""Rows that network and outline may be apart to be of one mind where the network is sure, and more where it is not."""
OUTLINE = 0.6
"""The outline's share of a height on which both agree."""
OUTERMOST = 0.5
"""Per cent of the columns whose ink may lie outside of what is looked at most closely."""


def _place(strip: Strip, when: Float64) -> Float64:
    """The strip's columns at the times `when`, fractions allowed; outside of it there is no ink."""
    last = len(strip.time_s) - 1
    place = np.interp(when, strip.time_s, np.arange(last + 1))
    before, after = np.minimum(when - strip.time_s[0], 0.0), np.maximum(when - strip.time_s[-1], 0.0)
    return np.asarray(place + (before + after) * strip.speed, np.float64)


def _known(times: Float64, inked: Float64, speed: float) -> npt.NDArray[np.bool_]:
    """Which of `times` lie where ink is at `inked` (ascending), short bridges included."""
    known = np.zeros(len(times), bool)
    for part in _stretches(inked, speed):
        if len(part) >= LEAST_COLUMNS:
            known |= (times >= inked[part[0]]) & (times <= inked[part[-1]])
    return known


def _stretches(when: Float64, speed: float) -> list[npt.NDArray[np.int64]]:
    """The columns drawn at the times `when` (ascending), split where more than LONGEST_BRIDGE columns are missing."""
    return np.split(np.arange(len(when)), np.flatnonzero(np.diff(when) * speed > LONGEST_BRIDGE) + 1)


AROUND_S = 0.1
DOUBT_S = 0.05


def _confidence(spread: Float64, speed: float) -> Float64:
    """Confidence from the spread, pixels: 1/2 where within AROUND_S it is as far as the pen goes in DOUBT_S.

    That is 1.25 mm on paper at 25 mm/s. By the root mean square: next to a spike in doubt nothing is certain.
    """
    around = np.maximum(ndimage.uniform_filter1d(spread**2, round(AROUND_S * RATE_HZ) | 1), 0.0)
    return np.asarray(1.0 / (1.0 + around / (DOUBT_S * speed) ** 2), np.float64)


def sampled(tape: Tape, start_s: float, end_s: float) -> tuple[FloatArray, FloatArray]:
    """The pen's height (pixels, upwards) and its confidence at RATE_HZ from `start_s` to `end_s`; gaps are NaN."""
    grid = start_s + np.arange(max(0, int(np.floor((end_s - start_s) * RATE_HZ + 1e-6)) + 1)) / RATE_HZ
    if not len(tape.heights):
        return np.full(len(grid), np.nan, np.float32), np.zeros(len(grid), np.float32)
    times = tape.start_s + np.arange(len(tape.heights)) / RATE_HZ
    samples = np.interp(grid, times, tape.heights, left=np.nan, right=np.nan)
    confidence = np.interp(grid, times, tape.confidence, left=0.0, right=0.0)
    return samples.astype(np.float32), np.where(np.isfinite(samples), confidence, 0.0).astype(np.float32)
