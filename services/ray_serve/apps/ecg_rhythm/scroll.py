"""Follows a scroll: the whole strip moves, the newest sample enters at one edge.

Each frame is laid on one long strip where its trace fits best, so that every point is the mean of all frames that
showed it and no error adds up. Where a point lies on the strip gives its time: position = v t + c over all frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.reading import ByteArray
from apps.ecg_rhythm.tape import Strip
from apps.ecg_rhythm.trace import Edges, traced

Float64 = npt.NDArray[np.float64]

MOST_MOVED = 0.25
"""A strip moves from frame to frame by at most this share of the lane."""
MIRRORED = 0.5
"""The strip moves to the right if that fits so much better than to the left."""
LOST = 3.0
"""A frame whose trace is further than this many pixels (mean, each at most 10) from the tape does not count."""
LOW, NOISE = 0.6, 1.0
"""Nor does one that is further off than this share of the trace's own spread, as a low trace is from any place; by less
than so many pixels none is lost."""
FITS = 0.5
"""One further off than this share of that need not be where its time says: it may have stood, or moved by a step."""
STANDING, STEPPED = 0.25, 0.5
"""A frame stands still that moved by less than this share of what it should have; a strip moves in steps where it stood
before so many of its moves."""


@dataclass
class Paper:
    """The strip so far: sums of the frames laid on it, and of their curves, a column a pixel.

    What has left the screen is kept as means: `_done`.
    """

    _sum: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    _looks: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _middles: Float64 = field(default_factory=lambda: np.zeros(0))
    _seen: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _start: int = 0
    _done: list[tuple[ByteArray, npt.NDArray[np.int64]]] = field(default_factory=list)

    def lay(self, position: float, curve: Edges, ink: ByteArray) -> None:
        """Add a frame whose first column lies at `position`, between two columns or on one."""
        height, width = ink.shape
        first = int(np.floor(position))
        part = position - first
        # Half a pixel to the right and back again over many frames: what is between pixels is shared out.
        moved = cv2.addWeighted(ink[:, :-1], part, ink[:, 1:], 1.0 - part, 0.0)
        if not len(self._sum):
            self._sum = np.zeros((height, 0), np.float32)
        begin = first + 1 - self._start
        if begin < 0:
            moved, begin = moved[:, -begin:], 0
        end = begin + moved.shape[1]
        if end > len(self._looks):
            more = max(end - len(self._looks), width)
            self._sum = np.pad(self._sum, ((0, 0), (0, more)))
            self._looks, self._seen = np.pad(self._looks, (0, more)), np.pad(self._seen, (0, more))
            self._middles = np.pad(self._middles, (0, more))
        self._sum[:, begin:end] += moved
        self._looks[begin:end] += 1
        # Where the curve passes whole columns: rounded to them it would drift from frame to frame.
        at = np.arange(max(begin, 0), end)
        heights = np.interp(at + self._start - position, np.arange(width), curve.middle)
        known = np.isfinite(heights)
        self._middles[at[known]] += heights[known]
        self._seen[at[known]] += 1
        self._put_away(first - 2 * width)

    def middle(self, first: float) -> tuple[Float64, Float64]:
        """Columns from `first` on where a curve was seen, and its mean height there."""
        begin = max(0, int(first) - self._start)
        known = np.flatnonzero(self._seen[begin:] > 0) + begin
        return (known + self._start).astype(np.float64), self._middles[known] / self._seen[known]

    def all(self) -> tuple[ByteArray, npt.NDArray[np.int64]]:
        """Mean ink [height, n] of every column, and of how many frames."""
        self._put_away(self._start + len(self._looks))
        return np.concatenate([d[0] for d in self._done], axis=1), np.concatenate([d[1] for d in self._done])

    def _put_away(self, upto: int) -> None:
        count = upto - self._start
        if count <= 0 or (count < 256 and count < len(self._looks)):
            return
        looks = self._looks[:count]
        self._done.append(((self._sum[:, :count] / np.maximum(looks, 1)).round().astype(np.uint8), looks))
        self._sum, self._looks = self._sum[:, count:].copy(), self._looks[count:]
        self._middles, self._seen = self._middles[count:], self._seen[count:]
        self._start += count


@dataclass
class ScrollFollower:
    """Feed it the lane's ink frame by frame with `add`; then ask for the `strip`.

    A strip that moves to the right is taken as its mirror image, which moves to the left, unless it has to move
    `to_the_left`.
    """

    to_the_left: bool = False

    _mirrored: bool = False
    _paper: Paper = field(default_factory=Paper)
    _positions: list[tuple[float, float]] = field(default_factory=list)
    _last: Edges | None = None
    _speed: float | None = None
    _right: float = 0.0
    _frames: int = 0
    _lost: int = 0

    @property
    def rightward(self) -> bool:
        """Whether the strip moves to the right, so far as it has been seen."""
        return self._mirrored

    def add(self, time_s: float, ink: ByteArray) -> None:
        """Take the next frame's ink, [height, width] 0 to 255."""
        if self._mirrored:
            ink = np.ascontiguousarray(ink[:, ::-1])
        found = traced(ink)
        self._frames += 1
        there = np.flatnonzero(np.isfinite(found.top))
        if len(there) < 0.2 * ink.shape[1]:
            self._lost += 1
            return
        self._right = max(self._right, float(there[-1]))
        if self._last is None or not self._positions:
            self._lay(time_s, 0.0, found, ink)
        elif self._speed is None:
            gap = time_s - self._positions[-1][0]
            most = int(MOST_MOVED * ink.shape[1])
            shift, error = _shift(self._last.middle, found.middle, most)
            back, back_error = _shift(found.middle, self._last.middle, most)
            if not self.to_the_left and back > 0 and back_error < min(LOST, MIRRORED * error):
                self._begin_again()
                self._mirrored = not self._mirrored
            elif error > LOST:
                self._begin_again()
            elif shift > 0:
                self._speed = shift / gap
                self._lay(time_s, self._positions[-1][1] + shift, found, ink)
            return
        else:
            position, error = self._place(time_s, found, self._speed, self._last)
            if error > _most_off(found):
                self._lost += 1
                return
            self._lay(time_s, position, found, ink)

    def strip(self) -> Strip:
        """The strip in drawing order. Raises `ReadingError` (`no_trace`) where the frames fit no one strip."""
        placed = np.array(self._positions)
        if len(placed) < 3 or self._lost > 0.5 * self._frames:
            raise ReadingError(ErrorCode.NO_TRACE, "Something moves on the screen, but not as a scrolling trace does.")
        placed = _moving(placed)
        slope, offset = np.polyfit(placed[:, 0], placed[:, 1], 1)
        off = np.abs(placed[:, 1] - slope * placed[:, 0] - offset)
        if slope <= 1.0 or float(np.median(off)) > 6.0:
            raise ReadingError(ErrorCode.NO_TRACE, "Something moves on the screen, but at no steady speed.")
        kept = off < max(3.0 * float(np.median(off)), 1.0)
        slope, offset = np.polyfit(placed[kept, 0], placed[kept, 1], 1)
        image, looks = self._paper.all()
        times = (np.arange(len(looks)) - self._right - 1.0 - offset) / slope
        there = looks > 0
        return Strip(image[:, there], times[there], float(slope), None)

    def _begin_again(self) -> None:
        """Forget the frames so far: the strip was not moving yet, or not there."""
        self._lost += len(self._positions)
        self._paper, self._positions, self._last = Paper(), [], None

    def _lay(self, time_s: float, position: float, found: Edges, ink: ByteArray) -> None:
        self._paper.lay(position, found, ink)
        self._positions.append((time_s, position))
        self._last = found

    def _place(self, time_s: float, found: Edges, speed: float, before: Edges) -> tuple[float, float]:
        """Where on the tape this frame's trace fits best, and how far off it is there.

        Looked at is where its time says, and where it fits badly there, where the frame `before` it was laid, and where
        that says that it moved to.
        """
        recent = np.array(self._positions[-60:])
        if len(recent) >= 20:
            self._speed = speed = float(np.polyfit(recent[:, 0], recent[:, 1], 1)[0])
        last_time, last = self._positions[-1]
        guess = last + speed * (time_s - last_time)
        tape, middle = self._paper.middle(min(last, guess) - 20)
        if len(tape) == 0:
            return guess, np.inf
        there = np.flatnonzero(np.isfinite(found.top))[::2]
        seen = found.middle[there]

        def misfits(positions: Float64) -> Float64:
            places = there + positions[:, None]
            inside = places <= tape[-1] - 3
            off = np.minimum(np.abs(np.interp(places, tape, middle) - seen), 10.0)
            count = inside.sum(axis=1)
            mean = np.where(inside, off, 0.0).sum(axis=1) / np.maximum(count, 1)
            return np.asarray(np.where(count < 20, np.inf, mean), np.float64)

        def near(position: float) -> tuple[float, float]:
            for step, reach in ((1.0, 4), (0.25, 4), (0.0625, 4)):
                tries: Float64 = position + step * np.arange(-reach, reach + 1, dtype=np.float64)
                off = misfits(tries)
                position = float(tries[int(np.argmin(off))])
            return position, float(off.min())

        best, badly = near(guess), FITS * _most_off(found)
        if best[1] > badly:
            best = min(best, near(last), key=_misfit)
        if best[1] > badly:
            moved, _ = _shift(before.middle, found.middle, int(MOST_MOVED * len(found.middle)))
            best = min(best, near(last + moved), key=_misfit)
        return best


def _misfit(place: tuple[float, float]) -> float:
    return place[1]


def _most_off(found: Edges) -> float:
    """How far off the tape a frame may be, pixels (mean, each at most 10)."""
    seen = found.middle[np.isfinite(found.middle)]
    spread = float(np.minimum(np.abs(seen - np.median(seen)), 10.0).mean())
    return min(LOST, max(LOW * spread, NOISE))


def _moving(placed: Float64) -> Float64:
    """Times and positions [n, 2] of the frames of `placed` at which the strip moved.

    How long it stood says nothing of where it goes. Where it moves in steps, each came between two frames.
    """
    moved = np.diff(placed, axis=0)
    speed = (placed[-1, 1] - placed[0, 1]) / (placed[-1, 0] - placed[0, 0])
    standing = moved[:, 1] < STANDING * speed * moved[:, 0]
    if not standing.any() or (~standing).sum() < 3:
        return placed
    waited = np.minimum(moved[:, 0], np.median(moved[:, 0]))
    if (standing[:-1] & ~standing[1:]).sum() < STEPPED * (~standing).sum():
        waited[:] = 0.0
    return np.asarray(np.stack([placed[1:, 0] - waited / 2, placed[1:, 1]], axis=1)[~standing], np.float64)


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
