"""Follows a sweep: the trace stands still, an erase bar runs over it, and new trace is drawn behind the bar.

Each pixel column lives through epochs: drawn, standing, erased. All frames of an epoch show the same ink, so they
are averaged. When a column was drawn follows from one straight line fitted through all drawings: t = a + x / v + k P.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt
from scipy.signal import medfilt

from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.reading import ByteArray
from apps.ecg_rhythm.tape import Tape
from apps.ecg_rhythm.trace import Edges, edges, ink_mass, stroke_radius

Float64 = npt.NDArray[np.float64]

LEAST_INK = 200.0
"""A column with less ink than this (255 is one full pixel) holds no trace."""


@dataclass
class SweepFollower:
    """Feed it the lane's ink frame by frame with `add`; then ask for the `tape`."""

    _sum: npt.NDArray[np.float32] | None = None
    _standing: ByteArray = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    _count: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _since: Float64 = field(default_factory=lambda: np.zeros(0))
    _epochs: list[Float64] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)

    def add(self, time_s: float, ink: ByteArray) -> None:
        """Take the next frame's ink, [height, width] 0 to 255."""
        self._times.append(time_s)
        if self._sum is None:
            self._sum = np.zeros(ink.shape, np.float32)
            self._standing = ink.copy()
            self._count = np.zeros(ink.shape[1], np.int64)
            self._since = np.full(ink.shape[1], -np.inf)
        before, now = ink_mass(self._standing), ink_mass(ink)
        change = ink_mass(np.asarray(cv2.absdiff(ink, self._standing), np.uint8))
        changed = np.flatnonzero(change > np.maximum(0.5 * np.maximum(before, now), LEAST_INK))
        if len(changed):
            self._close(changed)
            self._standing[:, changed] = ink[:, changed]
            self._sum[:, changed] = 0
            self._count[changed] = 0
            self._since[changed] = time_s
        cv2.accumulate(ink, self._sum)
        self._count += 1

    def tape(self) -> Tape:
        """The trace in drawing order. Raises `ReadingError` (`no_trace`) where the drawings follow no sweep."""
        if self._sum is None or len(self._times) < 3:
            raise ReadingError(ErrorCode.NO_TRACE, "The video is too short to see the trace move.")
        self._close(np.arange(len(self._count)))
        table = np.concatenate(self._epochs) if self._epochs else np.zeros((0, 6))
        step = float(np.median(np.diff(self._times)))
        column, since, count, top, bottom, clean = table.T
        drawn = np.isfinite(since) & (count >= 6)
        radius = stroke_radius(Edges(top[drawn], bottom[drawn], clean[drawn]))
        line = _fit(column[drawn], since[drawn], len(self._count), step)
        since = np.where(np.isfinite(since), since, -1e9)
        when = line.start + column / line.speed
        rounds = np.round((since - when) / line.period) if line.period else np.zeros(len(when))
        when = when + rounds * (line.period or 0.0)
        near = np.abs(since - when) < max(3 * step, 0.12)
        order = np.lexsort((-count, column, np.where(near, rounds, 0)))
        order = order[near[order]]
        first = np.ones(len(order), bool)
        first[1:] = (np.diff(column[order]) != 0) | (np.diff(rounds[order]) != 0)
        order = order[first]
        order = order[np.argsort(when[order], kind="stable")]
        found = Edges(top[order], bottom[order], clean[order])
        steep = 1.0 / (1.0 + np.maximum(found.bottom - found.top - 2 * radius, 0) / 80.0)
        confidence = found.clean * steep * np.minimum(count[order] / 4.0, 1.0)
        return Tape(when[order], found.top, found.bottom, confidence, radius, line.speed, line.period)

    def _close(self, columns: npt.NDArray[np.int64]) -> None:
        """End these columns' epochs: read the pen in the mean of their frames, if there is ink and a beginning."""
        if self._sum is None:
            return
        columns = columns[self._count[columns] > 0]
        mean = self._sum[:, columns] / np.maximum(self._count[columns], 1)
        inked = mean.sum(axis=0) > LEAST_INK
        columns, mean = columns[inked], mean[:, inked]
        if len(columns) == 0:
            return
        found = edges(mean)
        rows = [columns, self._since[columns], self._count[columns], found.top, found.bottom, found.clean]
        table = np.stack([np.asarray(row, np.float64) for row in rows], axis=1)
        self._epochs.append(table[np.isfinite(found.top)])


@dataclass(frozen=True)
class _Line:
    start: float
    speed: float
    period: float | None


def _fit(column: Float64, since: Float64, width: int, step: float) -> _Line:
    """t = start + x / speed + k period, by least squares over the pen's place in each frame, outliers dropped twice.

    The pen stands at the newest column that stays as it is: within half a pixel for strokes of 2 to 5 pixels, measured
    on renders.
    """
    times, groups = np.unique(since, return_inverse=True)
    heads = np.full(len(times), -np.inf)
    np.maximum.at(heads, groups, column)
    if len(heads) < 8:
        raise _no_sweep()
    # A median: one frame in which something else changed must not look like a new round.
    steady = medfilt(np.pad(heads, 2, mode="edge"), 5)[2:-2]
    jumps, gaps = np.diff(steady), np.diff(times)
    forward = (jumps > 0) & (jumps < 0.3 * width) & (gaps < 0.5)
    if forward.sum() < 8:
        raise _no_sweep()
    speed = float(np.median(jumps[forward] / gaps[forward]))
    rounds = np.concatenate([[0.0], np.cumsum(jumps < -0.4 * width)])
    kept = np.ones(len(times), bool)
    start, period = 0.0, None
    for limit in (None, 6.0, 2.0):
        if limit is not None:
            expected = start + heads / speed + rounds * (period or 0.0)
            kept = np.abs(times - expected) < max(limit * step, 0.04)
        if kept.sum() < 8 or kept.mean() < 0.5:
            raise _no_sweep()
        turned = bool(rounds[kept].max() > rounds[kept].min())
        parts = [np.ones(kept.sum()), heads[kept]] + ([rounds[kept]] if turned else [])
        answer = np.linalg.lstsq(np.stack(parts, axis=1), times[kept], rcond=None)[0]
        if answer[1] <= 0:
            raise _no_sweep()
        start, speed = float(answer[0]), float(1.0 / answer[1])
        period = float(answer[2]) if turned else None
    return _Line(start, speed, period)


def _no_sweep() -> ReadingError:
    return ReadingError(ErrorCode.NO_TRACE, "Something moves on the screen, but not as a sweeping trace does.")
