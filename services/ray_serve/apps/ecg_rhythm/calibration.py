"""From pixels to millivolts, where an ECG grid shows the scale; otherwise to normalised units that say so.

The grid of ECG paper: lines 1 mm apart, every fifth stronger. 25 mm are a second and 10 mm a millivolt by
convention (AHA/ACC/HRS recommendations, Circulation 115:1306-1324, 2007). The pen's speed is measured, so the
25 mm/s can be checked against it; the 10 mm/mV is an assumption that the result states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from apps.ecg_rhythm.reading import FloatArray

Float64 = npt.NDArray[np.float64]

MM_PER_MV = 10.0
SPEEDS_MM_PER_S = (12.5, 25.0, 50.0)


FAINTEST = 0.5
"""Grey levels by which a grid line stands out at least, on average over rows or columns."""


@dataclass(frozen=True)
class Grid:
    """Pixels per millimetre along the trace and upwards, measured between the strong lines."""

    across: float
    down: float


def find_grid(rows: Float64, columns: Float64, bent: bool = False) -> Grid | None:
    """The ECG grid in the brightness of a lane's rows and columns, or None: five small squares make a big one.

    `bent`: the picture was laid flat, so that its squares need not be square any more.
    """
    rows, columns = np.asarray(rows, np.float64), np.asarray(columns, np.float64)
    across, down = _pitch(columns), _pitch(rows)
    odd = 0.20 if bent else 0.04
    # Upright strokes of the trace stand among the columns' lines: where one way is clear, the other need only agree.
    if across is None and down is not None:
        across = _comb(columns, down, odd)
    elif down is None and across is not None:
        down = _comb(rows, across, odd)
    if across is None or down is None or abs(across / down - 1.0) > odd:
        return None
    if bent:
        return Grid(across / 5.0, down / 5.0)
    return Grid((across + down) / 10.0, (across + down) / 10.0)


def _standing_out(profile: Float64) -> Float64:
    """A brightness profile without what is wider than lines are."""
    return np.asarray(profile - signal.medfilt(profile, 2 * (len(profile) // 16) + 1), np.float64)


def _pitch(profile: Float64) -> float | None:
    """Distance in pixels between strong lines of a brightness profile, if weaker lines cut it into fifths."""
    level = _standing_out(profile)
    peaks = signal.find_peaks(level, prominence=FAINTEST)[0]
    if len(peaks) < 12:
        return None
    top = float(np.percentile(level[peaks], 95))
    strong = peaks[level[peaks] > 0.6 * top]
    if len(strong) < 3:
        return None
    big = float(np.median(np.diff(strong)))
    index = np.round((strong - strong[0]) / big)
    big, first = (float(v) for v in np.polyfit(index, strong, 1))
    contrasts = {parts: _contrast(level, first, big, parts) for parts in (2, 3, 4, 5, 6, 8, 10)}
    if max(contrasts, key=lambda parts: contrasts[parts]) != 5 or contrasts[5] < max(0.1 * top, FAINTEST):
        return None
    return big


def _comb(profile: Float64, near: float, odd: float) -> float | None:
    """Distance of equally spaced lines in a profile, within a share `odd` of `near`; None if none stand out."""
    level = _standing_out(profile)
    # No single line may decide.
    level = level.clip(None, float(np.percentile(level, 97)))
    best, found = -np.inf, near
    for pitch in near * np.linspace(1 - odd, 1 + odd, 161):
        for first in pitch * np.arange(16) / 16:
            at = np.arange(first, len(level) - 1, pitch)
            here = float(np.interp(at, np.arange(len(level)), level).mean())
            if here > best:
                best, found = here, float(pitch)
    lines, spread = len(level) / found, float(level.std())
    return found if lines > 4 and best > max(COMB * spread, FAINTEST) else None


COMB = 1.0
"""Lines stand out on average by this many standard deviations of the profile."""


def _contrast(level: Float64, first: float, big: float, parts: int) -> float:
    """How much brighter it is where weak lines would cut a big square into `parts` than half way between them."""
    index = np.arange(int((len(level) - 2 - first) / big * parts))
    weak = (first + index * big / parts)[index % parts != 0]
    if len(weak) < parts:
        return 0.0
    between = weak - big / parts / 2
    # A line lies on a whole pixel: on one of the two about its place.
    below = np.floor(weak).astype(int)
    lines = np.maximum(level[below], level[below + 1])
    return float(lines.mean() - level[np.round(between).astype(int)].mean())


@dataclass(frozen=True)
class Scale:
    """How heights in pixels become samples: `(height - offset) / pixels_per_unit`."""

    unit: str
    calibrated: bool
    offset: float
    pixels_per_unit: float
    limits: tuple[str, ...]


def scale(grid: Grid | None, speed: float, heights: FloatArray) -> Scale:
    """The scale of a trace of `heights` [n] pixels (NaN allowed) whose pen moves at `speed` pixels a second."""
    readable = heights[np.isfinite(heights)]
    offset = float(np.median(readable)) if len(readable) else 0.0
    if grid is not None:
        measured = speed / grid.across
        nearest = min(SPEEDS_MM_PER_S, key=lambda usual: abs(measured / usual - 1.0))
        if abs(measured / nearest - 1.0) < 0.04:
            note = f"amplitude from the grid, {MM_PER_MV:g} mm/mV assumed; 0 mV set at the trace's median"
            return Scale("mV", True, offset, MM_PER_MV * grid.down, (note,))
    spread = float(np.subtract(*np.percentile(readable, [99.5, 0.5]))) if len(readable) else 1.0
    note = "amplitude not calibrated: no ECG grid seen; 1 is the trace's own height"
    return Scale("normalised", False, offset, max(spread, 1.0), (note,))
