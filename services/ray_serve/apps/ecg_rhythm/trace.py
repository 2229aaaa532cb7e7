"""Where the pen was: from the ink in pixel columns to a curve, to a fraction of a pixel.

A stroke has a width, so a column shows the pen's path blurred by a disc of the stroke's radius. Where the path is
steep or turns within a column, the middle of the ink is not where the pen went: an R peak would lose its tip. `pen`
undoes that: it finds the path whose disc-swept edges are the edges seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded

from apps.ecg_rhythm.reading import ByteArray

Float64 = npt.NDArray[np.float64]

FINE = 2
"""Points of the pen's path per pixel column."""


@dataclass(frozen=True)
class Edges:
    """Upper and lower edge of the ink in each column, [n] pixels from the lane's top; NaN where there is none.

    `clean`: [n], 0 to 1, how much of the column's ink lies in the one run that was taken.
    """

    top: Float64
    bottom: Float64
    clean: Float64

    @property
    def middle(self) -> Float64:
        """Half way between the edges."""
        return np.asarray((self.top + self.bottom) / 2, np.float64)


def edges(ink: npt.NDArray[np.generic]) -> Edges:
    """Edges of the strongest run of ink in each column of `ink` [height, n], 0 to 255.

    An edge lies where the ink crosses half of the column's own maximum, by straight lines between pixels.
    """
    seen = _columns(ink)
    return _taken(seen, seen.runs.weight.argmax(axis=0))


def traced(ink: ByteArray) -> Edges:
    """Edges of the one curve that runs through `ink` [height, n], 0 to 255: what does not join up with it is left.

    The cheapest way through the columns' runs of ink (Viterbi): a gap between neighbours costs, and so does ink that
    lies elsewhere in the column. Columns that hold another curve's ink alone are islands, and count as empty.
    """
    seen = _columns(ink)
    found = _taken(seen, _cheapest(seen))
    lost = _islands(found, len(ink))
    found.top[lost], found.bottom[lost], found.clean[lost] = np.nan, np.nan, 0.0
    return found


@dataclass(frozen=True)
class _Columns:
    """The inked rows of an image as floats [height, n], the first of them being `above`, and where the ink lies.

    `half`: [n] the ink at which a column's edges lie; `there`: [n] whether it has any; `first`, `last`: [n] rows of all
    its ink; `broken`: the columns whose ink is in several runs, and their `runs`.
    """

    above: int
    image: npt.NDArray[np.float32]
    half: npt.NDArray[np.float32]
    there: npt.NDArray[np.bool_]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    broken: npt.NDArray[np.int64]
    runs: _Runs


def _columns(ink: npt.NDArray[np.generic]) -> _Columns:
    inked = np.flatnonzero(ink.any(axis=1))
    above, below = (int(inked[0]), int(inked[-1]) + 1) if len(inked) else (0, len(ink))
    image = ink[above:below].astype(np.float32)
    peak = image.max(axis=0)
    there, half = peak > LEAST_PEAK, _half(peak)
    mask = image > half
    first, last = mask.argmax(axis=0), len(image) - 1 - mask[::-1].argmax(axis=0)
    broken = np.flatnonzero(there & (last - first + 1 > mask.sum(axis=0)))
    return _Columns(above, image, half, there, first, last, broken, _runs(image[:, broken], half[broken]))


LEAST_PEAK = 60
"""A column with no ink brighter than this has none."""


def _taken(seen: _Columns, chosen: npt.NDArray[np.int64]) -> Edges:
    """The edges of the run `chosen` in each broken column, and of all ink in the others."""
    first, last, clean = seen.first.copy(), seen.last.copy(), np.ones(len(seen.there))
    at = np.arange(len(seen.broken))
    first[seen.broken], last[seen.broken] = seen.runs.first[chosen, at], seen.runs.last[chosen, at]
    clean[seen.broken] = seen.runs.share[chosen, at]
    top, bottom = _outline(seen.image, seen.half, np.arange(len(first)), first, last)
    there, above = seen.there, seen.above
    return Edges(
        np.where(there, top + above, np.nan), np.where(there, bottom + above, np.nan), np.where(there, clean, 0)
    )


def _half(peak: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The ink at which each column's edges lie, [n], from its maximum."""
    return np.asarray(np.maximum(peak / 2, 30), np.float32)


def _outline(
    image: npt.NDArray[np.float32],
    half: npt.NDArray[np.float32],
    columns: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
) -> tuple[Float64, Float64]:
    """Upper and lower edge, to a fraction, of the runs from row `first` to row `last` in `columns` of `image`."""
    padded, level = np.pad(image, ((1, 1), (0, 0))), half[columns]
    top = _crossing(first, padded[first + 1, columns], padded[first, columns], level, -1)
    return top, _crossing(last, padded[last + 1, columns], padded[last + 2, columns], level, +1)


def _crossing(
    at: npt.NDArray[np.int64],
    inside: npt.NDArray[np.float32],
    outside: npt.NDArray[np.float32],
    half: npt.NDArray[np.float32],
    sign: int,
) -> Float64:
    share = (inside - half) / np.maximum(inside - outside, 1e-3)
    return np.asarray(at + sign * share.clip(0, 1), np.float64)


MOST_RUNS = 4


@dataclass(frozen=True)
class _Runs:
    """Of each column the MOST_RUNS strongest runs of ink, [MOST_RUNS, n]: rows, ink, share; weight -1 where none."""

    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    weight: Float64
    share: Float64


FAINT = 0.4
"""Ink this much fainter than what counts still holds a stroke together: steep strokes fill their pixels in part."""


def _runs(image: npt.NDArray[np.float32], level: npt.NDArray[np.float32]) -> _Runs:
    """The runs of ink over `level` [n] in each column, held together by fainter ink; strongest first."""
    if not image.size:
        none = np.zeros((MOST_RUNS, 0))
        return _Runs(none.astype(np.int64), none.astype(np.int64), none, none)
    mask = image > level
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 1), np.uint8)) > 0
    held = closed | (image > FAINT * level)
    turned = held.T
    begins, ends = turned.copy(), turned.copy()
    begins[:, 1:] &= ~turned[:, :-1]
    ends[:, :-1] &= ~turned[:, 1:]
    column, first = np.nonzero(begins)
    last = np.nonzero(ends)[1]
    # A run begins and ends where its ink is over the level.
    height = len(image)
    rows = np.arange(height)[:, None]
    following = np.minimum.accumulate(np.where(mask, rows, height)[::-1], axis=0)[::-1]
    foregoing = np.maximum.accumulate(np.where(mask, rows, -1), axis=0)
    first, last = following[first, column], foregoing[last, column]
    real = first <= last
    column, first, last = column[real], first[real], last[real]
    sums = np.concatenate([np.zeros((1, image.shape[1])), np.cumsum(np.where(held, image, 0.0), axis=0)])
    weight = sums[last + 1, column] - sums[first, column]
    order = np.lexsort((-weight, column))
    column, first, last, weight = column[order], first[order], last[order], weight[order]
    rank = np.arange(len(column)) - np.searchsorted(column, column, side="left")
    kept = rank < MOST_RUNS
    shape = (MOST_RUNS, image.shape[1])
    firsts, lasts, weights = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.full(shape, -1.0)
    at = (rank[kept], column[kept])
    firsts[at], lasts[at], weights[at] = first[kept], last[kept], weight[kept]
    return _Runs(firsts, lasts, weights, weights / np.maximum(sums[-1], 1e-6))


GAP, FARTHEST, ELSEWHERE = 0.15, 60.0, 1.0


def _cheapest(seen: _Columns) -> npt.NDArray[np.int64]:
    """Which run of each broken column the cheapest way through all columns takes.

    A column in one piece leaves no choice: the way is looked for between two of those.
    """
    count = len(seen.there)
    first, last = np.tile(seen.first, (MOST_RUNS, 1)), np.tile(seen.last, (MOST_RUNS, 1))
    alone = np.full((MOST_RUNS, count), np.inf)
    alone[0] = 0.0
    first[:, seen.broken], last[:, seen.broken] = seen.runs.first, seen.runs.last
    alone[:, seen.broken] = np.where(seen.runs.weight > 0, ELSEWHERE * (1.0 - seen.runs.share), np.inf)
    whole = np.ones(count, bool)
    whole[seen.broken] = False
    inked = np.flatnonzero(seen.there)
    if not len(inked):
        return np.zeros(0, np.int64)
    first, last, alone, whole = first[:, inked], last[:, inked], alone[:, inked], whole[inked]
    steps = np.flatnonzero(~(whole[1:] & whole[:-1])) + 1
    # [run, run before, step]
    gap = np.maximum(first[:, None, steps] - last[None, :, steps - 1], first[None, :, steps - 1] - last[:, None, steps])
    jumps = GAP * gap.clip(0.0, FARTHEST)
    came = np.zeros((MOST_RUNS, len(inked)), np.int64)
    cost = alone[:, 0]
    for step, i in enumerate(steps):
        ways = (alone[:, i - 1] if whole[i - 1] else cost) + jumps[:, :, step]
        came[:, i] = ways.argmin(axis=1)
        cost = ways.min(axis=1) + alone[:, i]
    chosen = np.zeros(len(inked), np.int64)
    chosen[-1:] = 0 if whole[-1:].all() else int(cost.argmin())
    for i in steps[::-1]:
        chosen[i - 1] = came[chosen[i], i]
    return chosen[~whole]


ISLAND, FAR = 0.05, 0.15
"""An island's most columns, in widths, and the least it lies off, in heights: a stroke has no such gaps."""


def _islands(found: Edges, height: int) -> npt.NDArray[np.int64]:
    """Columns of short stretches that lie far from what is before and after them."""
    there = np.flatnonzero(np.isfinite(found.top))
    top, bottom = found.top[there], found.bottom[there]
    far = np.maximum(top[1:] - bottom[:-1], top[:-1] - bottom[1:]) > FAR * height
    parts = np.split(there, np.flatnonzero(far) + 1)
    short = [part for part in parts[1:-1] if len(part) < ISLAND * len(found.top)]
    return np.concatenate([there[:0], *short])


SAMPLE = 1500
FINER = 4


def stroke_radius(image: ByteArray) -> float:
    """Half the width of the stroke in `image` [height, n], in pixels: how far the ink's edge is from its middle.

    That does not depend on how steep the trace is. Most of a trace runs straight on for a while; where it turns or
    crosses itself there is more ink, so that a low percentile counts.
    """
    part = image[:, :SAMPLE]
    level = _half(part.max(axis=0).astype(np.float32))
    size = (FINER * part.shape[1], FINER * part.shape[0])
    mask = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) > np.repeat(level, FINER)
    away = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5).max(axis=0, initial=0.0) / FINER
    return float(np.percentile(away[away > 0], 20)) if away.any() else 1.0


def pen(top: Float64, bottom: Float64, radius: float) -> Float64:
    """The pen's path, FINE points a column: [n * FINE] from edges [n] of neighbouring columns without NaN.

    Point `i` lies `(i + 0.5) / FINE - 0.5` columns from the first column's middle. Starts from the middle of the
    ink; each round finds which point makes each edge, then solves for all points by least squares with a little
    stiffness, which decides where no edge does.
    """
    count, size = len(top), len(top) * FINE
    where = (np.arange(size) + 0.5) / FINE - 0.5
    column = np.arange(count)
    if count < 4:
        return np.asarray(np.interp(where, column, (top + bottom) / 2), np.float64)
    # From the middle of the ink itself a narrow peak would become two: all its columns begin half way up.
    high, low = _room(top, bottom, where, radius)
    path = (high + low) / 2
    across = max(radius - LOST_AT_TIP, radius / 2)
    reach = max(1, int(np.floor(across * FINE)))
    steps = np.arange(-reach, reach + FINE)
    away = (steps + 0.5) / FINE - 0.5
    rise = radius * np.sqrt(np.maximum(1.0 - (away / across) ** 2, 0.0))
    rows = (column[:, None] * FINE + steps[None, :]).clip(0, size - 1)
    stiff = _stiffness(size)
    for _ in range(ROUNDS):
        near = path[rows]
        highest, lowest = (near - rise).argmin(axis=1), (near + rise).argmax(axis=1)
        weight, target = np.full(size, 1e-3), 1e-3 * path
        for chosen, edge, sign in ((highest, top, 1.0), (lowest, bottom, -1.0)):
            at = rows[column, chosen]
            np.add.at(weight, at, 1.0)
            np.add.at(target, at, edge + sign * rise[chosen])
        bands = stiff.copy()
        bands[-1] += weight
        path = 0.5 * path + 0.5 * solveh_banded(bands, target)
    return path


ROUNDS = 20
LOST_AT_TIP = 0.25
"""Pixels that a tip is narrower than the pen: its outermost columns hold too little ink to count."""
STIFFNESS = 0.05


def _room(top: Float64, bottom: Float64, where: Float64, radius: float) -> tuple[Float64, Float64]:
    """How high and how low the pen can have been at each point `where`: its disc stays within the ink's edges."""
    column = np.arange(len(top))
    away = np.linspace(-radius, radius, 4 * max(1, round(radius)) + 1)
    rise = np.sqrt(radius**2 - away**2)
    at = where[:, None] + away[None, :]
    high = (np.interp(at, column, top) + rise).max(axis=1)
    low = (np.interp(at, column, bottom) - rise).min(axis=1)
    return high, low


def _stiffness(size: int) -> Float64:
    """Upper bands of STIFFNESS * D'D, D the second difference: the form that `solveh_banded` takes."""
    bands = np.zeros((3, size))
    inner = np.ones(size - 2)
    for shift, factor in ((0, 1.0), (1, -2.0), (2, 1.0)):
        bands[2, shift : size - 2 + shift] += factor**2 * inner
    bands[1, 1 : size - 1] += -2.0 * inner
    bands[1, 2:size] += -2.0 * inner
    bands[0, 2:size] += inner
    return STIFFNESS * bands


def ink_mass(ink: ByteArray) -> Float64:
    """Ink of each column, [n]: 255 is one full pixel."""
    return np.asarray(cv2.reduce(ink, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F)[0], np.float64)
