"""Follows a scroll: the whole strip moves, the newest sample enters at one edge.

Each frame's trace is laid on one long tape where it fits best, so that every point is the mean of all frames that
showed it and no error adds up. Where a point lies on the tape gives its time: position = v t + c over all frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.reading import ByteArray
from apps.ecg_rhythm.tape import Tape
from apps.ecg_rhythm.trace import Edges, edges, stroke_radius

Float64 = npt.NDArray[np.float64]

BINS = 2
"""Bins of the tape per pixel."""

LOST = 3.0
"""A frame whose trace is further than this many pixels (mean, each at most 10) from the tape does not count."""


@dataclass
class ScrollFollower:
    """Feed it the lane's ink frame by frame with `add`; then ask for the `tape`."""

    _tops: Float64 = field(default_factory=lambda: np.zeros(0))
    _bottoms: Float64 = field(default_factory=lambda: np.zeros(0))
    _cleans: Float64 = field(default_factory=lambda: np.zeros(0))
    _weights: Float64 = field(default_factory=lambda: np.zeros(0))
    _positions: list[tuple[float, float]] = field(default_factory=list)
    _last: Edges | None = None
    _speed: float | None = None
    _right: float = 0.0
    _frames: int = 0
    _lost: int = 0

    def add(self, time_s: float, ink: ByteArray) -> None:
        """Take the next frame's ink, [height, width] 0 to 255."""
        found = edges(ink)
        self._frames += 1
        there = np.flatnonzero(np.isfinite(found.top))
        if len(there) < 0.2 * ink.shape[1]:
            self._lost += 1
            return
        self._right = max(self._right, float(there[-1]))
        if self._last is None or not self._positions:
            self._lay(time_s, 0.0, found)
        elif self._speed is None:
            gap = time_s - self._positions[-1][0]
            shift, error = _shift(self._last.middle, found.middle, int(0.25 * ink.shape[1]))
            if error > LOST:
                self._begin_again()
            elif shift > 0:
                self._speed = shift / gap
                self._lay(time_s, self._positions[-1][1] + shift, found)
            return
        else:
            position, error = self._place(time_s, found, self._speed)
            if error > LOST:
                self._lost += 1
                return
            self._lay(time_s, position, found)
        self._last = found

    def tape(self) -> Tape:
        """The strip in drawing order. Raises `ReadingError` (`no_trace`) where the frames fit no one strip."""
        placed = np.array(self._positions)
        if len(placed) < 3 or self._lost > 0.5 * self._frames:
            raise ReadingError(ErrorCode.NO_TRACE, "Something moves on the screen, but not as a scrolling trace does.")
        slope, offset = np.polyfit(placed[:, 0], placed[:, 1], 1)
        off = np.abs(placed[:, 1] - slope * placed[:, 0] - offset)
        if slope <= 1.0 or float(np.median(off)) > 6.0:
            raise ReadingError(ErrorCode.NO_TRACE, "Something moves on the screen, but at no steady speed.")
        kept = off < max(3.0 * float(np.median(off)), 1.0)
        slope, offset = np.polyfit(placed[kept, 0], placed[kept, 1], 1)
        filled = np.flatnonzero(self._weights > 0)
        weight = self._weights[filled]
        # Back to whole pixels: the pen's geometry is that of pixels, and halves are means of different frames.
        columns, tops, bottoms, cleans, weights = self._by_pixel(filled, weight)
        times = (columns - self._right - 1.0 - offset) / slope
        radius = stroke_radius(Edges(tops, bottoms, cleans))
        steep = 1.0 / (1.0 + np.maximum(bottoms - tops - 2 * radius, 0) / 80.0)
        confidence = cleans * steep * np.minimum(weights / 4.0, 1.0)
        return Tape(times, tops, bottoms, confidence, radius, float(slope), None)

    def _by_pixel(self, filled: npt.NDArray[np.int64], weight: Float64) -> tuple[Float64, ...]:
        pixel = filled // BINS
        count = int(pixel[-1]) + 1
        total: Float64 = np.bincount(pixel, weight, count).astype(np.float64)
        there = np.flatnonzero(total > 0)
        means = [
            np.bincount(pixel, values[filled], count)[there] / total[there]
            for values in (self._tops, self._bottoms, self._cleans)
        ]
        where = np.bincount(pixel, weight * filled / BINS, count)[there] / total[there]
        return where, means[0], means[1], means[2], total[there]

    def _begin_again(self) -> None:
        """Forget the frames so far: the strip was not moving yet, or not there."""
        self._lost += len(self._positions)
        self._tops, self._bottoms, self._cleans, self._weights = (np.zeros(0) for _ in range(4))
        self._positions, self._last = [], None

    def _lay(self, time_s: float, position: float, found: Edges) -> None:
        there = np.flatnonzero(np.isfinite(found.top))
        bins = np.round((there + position) * BINS).astype(np.int64)
        keep = bins >= 0
        there, bins = there[keep], bins[keep]
        if len(bins) and bins[-1] >= len(self._tops):
            more = max(int(bins[-1]) + 1 - len(self._tops), len(self._tops))
            self._tops, self._bottoms, self._cleans, self._weights = (
                np.pad(a, (0, more)) for a in (self._tops, self._bottoms, self._cleans, self._weights)
            )
        self._tops[bins] += found.top[there]
        self._bottoms[bins] += found.bottom[there]
        self._cleans[bins] += found.clean[there]
        self._weights[bins] += 1.0
        self._positions.append((time_s, position))
        self._last = found

    def _place(self, time_s: float, found: Edges, speed: float) -> tuple[float, float]:
        """Where on the tape this frame's trace fits best, near where its time says; and how far off it is there."""
        recent = np.array(self._positions[-60:])
        if len(recent) >= 20:
            self._speed = speed = float(np.polyfit(recent[:, 0], recent[:, 1], 1)[0])
        last_time, last = self._positions[-1]
        guess = last + speed * (time_s - last_time)
        first = max(0, int((guess - 20) * BINS))
        weights = self._weights[first:]
        known = np.flatnonzero(weights > 0)
        if len(known) == 0:
            return guess, np.inf
        middle = (self._tops[first:][known] + self._bottoms[first:][known]) / (2 * weights[known])
        tape = (known + first) / BINS
        there = np.flatnonzero(np.isfinite(found.top))[::2]
        seen = found.middle[there]

        def misfit(position: float) -> float:
            inside = there + position <= tape[-1] - 3
            if inside.sum() < 20:
                return np.inf
            off = np.abs(np.interp(there[inside] + position, tape, middle) - seen[inside])
            return float(np.minimum(off, 10.0).mean())

        for step, reach in ((1.0, 4), (0.25, 4), (0.0625, 4)):
            tries = guess + step * np.arange(-reach, reach + 1)
            misfits = [misfit(position) for position in tries]
            guess = float(tries[int(np.argmin(misfits))])
        return guess, float(min(misfits))


def _shift(first: Float64, second: Float64, most: int) -> tuple[float, float]:
    """By how many pixels the trace moved left from `first` to `second`, and what difference is left."""
    best, least = 0, np.inf
    for shift in range(most):
        one, two = first[shift:], second[: len(second) - shift]
        both = np.isfinite(one) & np.isfinite(two)
        if both.sum() < 0.12 * len(first):
            continue
        off = float(np.minimum(np.abs(one[both] - two[both]), 10.0).mean())
        if off < least:
            best, least = shift, off
    return float(best), least
