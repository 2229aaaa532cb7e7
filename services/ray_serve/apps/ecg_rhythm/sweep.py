"""Follows a sweep: the trace stands still, an erase bar runs over it, and new trace is drawn behind the bar.

Each pixel column lives through epochs: drawn, standing, erased. All frames of an epoch show the same ink, so they
are averaged. The pen goes on a straight line through columns and time, t = a + x / v + k P, and that line is found
first: no column alone has to say when it was drawn, which noise would let few of them do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.reading import ByteArray
from apps.ecg_rhythm.tape import Strip
from apps.ecg_rhythm.trace import ink_mass, stroke_radius

Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

FIRST_S = 2.4
"""The pen's line is looked for in the first seconds; these frames are kept until then."""
LOOK_BACK_S = 0.06
"""A frame is held against the last that is at least so much older: what is new was drawn in between. Much longer, and
the bar had not come yet: old ink would hide where the new ends, and a fast pen come 15 ms late."""
DRAWN_S = 0.08
"""So many seconds of drawing are looked for as fresh ink."""
SLOWEST_S, FASTEST_S = 25.0, 1.6
"""Seconds in which the pen crosses the lane."""
BAR = 0.10
"""Columns this share of the lane ahead of the pen no longer count: the bar erases them somewhere there."""
ROUND_END = 0.6
"""Fresh ink ends this far ahead of the pen's middle, in radii of the stroke: measured, the end being round."""
LEAST_LOOKS = 1
"""A column seen in fewer frames is not read."""


@dataclass
class SweepFollower:
    """Feed it the lane's ink frame by frame with `add`; then ask for the `strip`.

    A pen that writes over the old trace without erasing it first adds no ink, but puts it elsewhere: `_over`. That is
    looked for second, since what shakes moves ink as well.
    """

    _times: list[float] = field(default_factory=list)
    _masses: dict[int, Float32] = field(default_factory=dict)
    _early: list[ByteArray] = field(default_factory=list)
    _over: bool = False
    _inks: dict[int, ByteArray] = field(default_factory=dict)
    _pen: _Pen | None = None
    _sum: Float32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    _count: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    _round: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    _columns: list[tuple[int, int, ByteArray]] = field(default_factory=list)

    def add(self, time_s: float, ink: ByteArray) -> None:
        """Take the next frame's ink, [height, width] 0 to 255."""
        self._masses[len(self._times)] = ink_mass(ink).astype(np.float32)
        self._times.append(time_s)
        if self._pen is not None:
            self._follow(len(self._times) - 1, ink)
            return
        self._early.append(ink.copy())
        if time_s - self._times[0] >= FIRST_S:
            self._begin()

    def strip(self) -> Strip:
        """The trace in drawing order. Raises `ReadingError` (`no_trace`) where the drawings follow no sweep."""
        if self._pen is None:
            self._begin()
        pen = self._pen
        if pen is None:
            raise ReadingError(ErrorCode.NO_TRACE, "The video is too short to see the trace move.")
        self._close(np.arange(len(self._count)))
        line = pen.line(np.array(self._times))
        columns = [c for c in self._columns if c[0] >= 0]
        if not columns:
            raise _no_sweep()
        rounds, xs = (np.array(values) for values in zip(*((c[0], c[1]) for c in columns), strict=True))
        when = line.start + xs / line.speed + rounds * line.period
        order = np.argsort(when, kind="stable")
        # At the turn the last columns of a round and the first of the next may lie over each other.
        keep = np.concatenate([[True], np.diff(when[order]) > 0.25 / line.speed])
        order = order[keep]
        image = np.stack([columns[i][2] for i in order], axis=1)
        turned = bool(rounds.max() > 0)
        # Where fresh ink ends the pen's middle is not yet.
        late = ROUND_END * stroke_radius(image) / line.speed
        return Strip(image, when[order] + late, line.speed, line.period if turned else None)

    def _begin(self) -> None:
        """Find the pen in the frames so far, and take them again with what is known now."""
        if len(self._times) < 8:
            return
        times, masses = np.array(self._times), np.stack(list(self._masses.values()))
        earlier = np.searchsorted(times, times - LOOK_BACK_S, side="right") - 1
        rows = np.flatnonzero(earlier >= 0)
        try:
            self._pen = _find_pen(times, rows, masses[rows] - masses[earlier[rows]], masses, LEAST_SHARE)
        except ReadingError:
            moved = np.stack([_put(self._early[row], self._early[earlier[row]]) for row in rows])
            self._pen = _find_pen(times, rows, moved, masses, LEAST_MOVED)
            self._over = True
        height, width = self._early[0].shape
        self._sum = np.zeros((height, width), np.float32)
        self._count = np.zeros(width, np.int32)
        self._round = np.full(width, -1, np.int32)
        early, self._early = self._early, []
        for index, ink in enumerate(early):
            self._follow(index, ink)

    def _follow(self, index: int, ink: ByteArray) -> None:
        pen = self._pen
        assert pen is not None  # noqa: S101  # `_begin` came first
        if self._over:
            self._inks[index] = ink.copy()
        passed = pen.move(self._times[index], self._fresh(index))
        width = ink.shape[1]
        bar = max(8, round(BAR * width))
        for column, round_ in passed:
            self._close(np.array([(column + bar - pen.left) % pen.across + pen.left]).clip(0, width - 1))
            self._sum[:, column] = 0
            self._count[column] = 0
            self._round[column] = round_
        self._sum += ink
        self._count += 1

    def _fresh(self, index: int) -> Float32:
        """How much more ink each column holds than a moment ago; what changes everywhere is light."""
        at = index
        while at > 0 and self._times[index] - self._times[at] < LOOK_BACK_S:
            at -= 1
        change = _put(self._inks[index], self._inks[at]) if self._over else self._masses[index] - self._masses[at]
        for kept in (self._masses, self._inks):
            for old in [i for i in kept if i < at]:
                del kept[old]
        return np.asarray(change - np.median(change), np.float32)

    def _close(self, columns: npt.NDArray[np.int64]) -> None:
        """End these columns' epochs: keep the mean of their frames. What was drawn before the video has no time."""
        known = columns[(self._count[columns] >= LEAST_LOOKS) & (self._round[columns] >= 0)]
        for x in known:
            mean = (self._sum[:, x] / self._count[x]).round().astype(np.uint8)
            self._columns.append((int(self._round[x]), int(x), mean))
        self._round[columns] = -1


def _put(now: ByteArray, before: ByteArray) -> Float32:
    """How much ink each column holds where it held none before."""
    return np.asarray(cv2.reduce(cv2.subtract(now, before), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F)[0], np.float32)


@dataclass(frozen=True)
class _Line:
    start: float
    speed: float
    period: float


@dataclass
class _Pen:
    """Where the pen is: told ahead from its speed, corrected by what was drawn.

    `level`: ink of a column of level stroke: where it is steep there is much more, which must not count; `left`,
    `across`: the lane's columns that the pen runs over; `head`: its column at `time_s`; `seen`: time, column
    and round, as measured.
    """

    level: float
    left: int
    across: int
    speed: float
    head: float
    time_s: float
    rounds: int = 0
    seen: list[tuple[float, float, int]] = field(default_factory=list)

    def move(self, time_s: float, fresh: Float32) -> list[tuple[int, int]]:
        """On to the next frame's time, then to where fresh ink ends. Returns what it passed: columns and rounds."""
        came_from = self.head
        ahead = self.head + self.speed * (time_s - self.time_s)
        self.time_s = time_s
        turned = ahead >= self.left + self.across
        inside = ahead - self.across * turned
        measured = _edge(fresh.clip(-self.level, self.level), inside, self.speed * DRAWN_S, 0.03 * self.across)
        if measured is not None:
            self.seen.append((time_s, measured, self.rounds + turned))
            # Part of the way: one frame's noise must not move the pen.
            inside += 0.15 * (measured - inside)
        reached = inside + self.across * turned
        passed = np.arange(int(np.floor(came_from - 0.5)) + 1, int(np.floor(reached - 0.5)) + 1)
        around, column = np.divmod(passed - self.left, self.across)
        round_ = self.rounds
        self.rounds += int(turned)
        self.head = inside
        return [(int(c) + self.left, round_ + int(r)) for r, c in zip(around, column, strict=True)]

    def line(self, times: Float64) -> _Line:
        """Where the pen was at each time: the line from which all frames are least far off, in sum (reweighted)."""
        share = len(self.seen) / max(len(times), 1)
        if len(self.seen) < 8 or share < 0.3:
            raise _no_sweep()
        when, heads, rounds = np.array(self.seen).T
        weight = np.ones(len(when))
        period = self.across / self.speed
        each = np.bincount(rounds.astype(int) - int(rounds.min()))
        turned = bool(len(each) > 1 and sorted(each)[-2] >= LEAST_SEEN)
        parts = np.stack([np.ones(len(when)), heads] + ([rounds] if turned else []), axis=1)
        target = when if turned else when - rounds * period
        for _ in range(12):
            root = np.sqrt(weight)[:, None]
            answer = np.linalg.lstsq(parts * root, target * root[:, 0], rcond=None)[0]
            if answer[1] <= 0:
                raise _no_sweep()
            off = np.abs(target - parts @ answer) / answer[1]
            weight = 1.0 / np.maximum(off, 0.3)
        if float(np.median(off)) > MOST_OFF * share:
            raise _no_sweep()
        start, speed = float(answer[0]), float(1.0 / answer[1])
        period = float(answer[2]) if turned else period
        return _Line(start, speed, period)


def _edge(fresh: Float32, expected: float, drawn: float, reach: float) -> float | None:
    """Where fresh ink ends, near `expected`: the step from `drawn` columns with ink to as many without, at its half."""
    width = len(fresh)
    size = int(np.clip(drawn * 0.6, 4, 24))
    sums = np.concatenate([[0.0], np.cumsum(fresh, dtype=np.float64)])
    first = max(size, int(expected - reach - 4))
    last = min(width, int(expected + reach + 5))
    at = np.arange(first, last)
    if len(at) < 3:
        return None
    before = sums[at] - sums[at - size]
    after = sums[np.minimum(at + size, width)] - sums[at]
    step = before - np.maximum(after, 0.0)
    best = int(np.argmax(step))
    if before[best] < LEAST_FRESH * size or step[best] < 0.5 * before[best]:
        return None
    x = int(at[best])
    # To a fraction: the pen's last column is inked in part.
    full = before[best] / size
    part = float(np.clip(fresh[x] / full, 0.0, 1.0)) if x < width else 0.0
    lacking = float(np.clip(1.0 - fresh[x - 1] / full, 0.0, 1.0))
    return x - 0.5 + part - lacking


LEAST_FRESH = 120.0
"""Ink a column (255 is one full pixel) that counts as drawn."""


def _find_pen(times: Float64, rows: npt.NDArray[np.int64], fresh: Float32, masses: Float32, least: float) -> _Pen:
    """The pen's speed and place from the first frames: the line through columns and time with most fresh ink.

    `fresh`: how much of it each column got shortly before the frames `rows`, [len(rows), width]; `masses`: all its ink
    in each frame; `least`: the share of what the pen should have drawn that must have been.
    """
    width = masses.shape[1]
    inked = np.flatnonzero(_most_ink(masses) > LEAST_FRESH)
    if len(inked) < 0.1 * width:
        raise _no_sweep()
    left, across = 0, width
    fresh = fresh - np.median(fresh, axis=1, keepdims=True)
    # Steep parts hold much ink: each column counts up to what a level stroke holds.
    limit = max(float(np.percentile(_most_ink(masses)[inked], 30)), LEAST_FRESH)
    fresh = fresh.clip(-limit, limit)
    elapsed = times[rows] - times[rows[0]]
    best, found = -np.inf, (0.0, 0.0)
    total = 0.0
    for seconds in np.geomspace(FASTEST_S, SLOWEST_S, 160):
        speed = across / seconds
        size = max(3, round(speed * DRAWN_S))
        sums = np.cumsum(np.concatenate([fresh[:, -size:], fresh], axis=1), axis=1)
        boxes = sums[:, size:] - sums[:, :-size]
        shifts = np.round(speed * elapsed).astype(int)
        lined = np.take_along_axis(boxes, (np.arange(across)[None, :] + shifts[:, None]) % across, axis=1)
        # By the box's own noise, or the widest box would win.
        score = lined.sum(axis=0) / np.sqrt(size)
        place = int(score.argmax())
        if score[place] > best:
            best, found = float(score[place]), (speed, float(place))
            total = float(lined[:, place].sum() / (len(rows) * size * limit))
    if total < least:
        raise _no_sweep()
    speed, begun = found
    head = left + (begun + 1 - speed * (times[rows[0]] - times[0])) % across
    return _Pen(limit, left, across, speed, head, float(times[0]))


LEAST_SHARE, LEAST_MOVED = 0.35, 0.12
"""Of the columns that the pen should have drawn, so much must have been, or nothing sweeps; less where it writes over
what was there, and level lines lie on level lines."""


def _most_ink(masses: Float32) -> Float32:
    """Most ink that each column ever held, its highest frame left out."""
    return np.asarray(np.partition(masses, -2, axis=0)[-2], np.float32)


LEAST_SEEN = 6
"""Frames of a round in which the pen was seen, for its period to be measured by it."""
MOST_OFF = 3.0
"""Pixels that the pen is off its line in half of the frames, or it follows none; less where it was seen in few: what
drifts has an edge somewhere that seems to follow for a while."""


def _no_sweep() -> ReadingError:
    return ReadingError(ErrorCode.NO_TRACE, "Something moves on the screen, but not as a sweeping trace does.")
