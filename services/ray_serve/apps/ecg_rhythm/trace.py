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
    image = ink.astype(np.float32)
    height, count = image.shape
    peak = image.max(axis=0)
    there = peak > 60
    half = np.maximum(peak / 2, 30)
    mask = image > half
    first = mask.argmax(axis=0)
    last = height - 1 - mask[::-1].argmax(axis=0)
    clean = np.ones(count)
    total = mask.sum(axis=0)
    broken = np.flatnonzero(there & (last - first + 1 > total))
    if len(broken):
        first[broken], last[broken], clean[broken] = _strongest_runs(image[:, broken], mask[:, broken])
    columns = np.arange(count)
    padded = np.pad(image, ((1, 1), (0, 0)))
    top = _crossing(first, padded[first + 1, columns], padded[first, columns], half, -1)
    bottom = _crossing(last, padded[last + 1, columns], padded[last + 2, columns], half, +1)
    return Edges(np.where(there, top, np.nan), np.where(there, bottom, np.nan), np.where(there, clean, 0.0))


def _crossing(
    at: npt.NDArray[np.int64],
    inside: npt.NDArray[np.float32],
    outside: npt.NDArray[np.float32],
    half: npt.NDArray[np.float32],
    sign: int,
) -> Float64:
    share = (inside - half) / np.maximum(inside - outside, 1e-3)
    return np.asarray(at + sign * share.clip(0, 1), np.float64)


def _strongest_runs(
    image: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Float64]:
    """First and last row of each column's run that holds most ink, small holes bridged, and its share of all ink."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 1), np.uint8)) > 0
    begins = closed.copy()
    begins[1:] &= ~closed[:-1]
    # Runs are numbered through all columns; 0 is what lies outside of runs.
    number = np.cumsum(begins.T.ravel()).reshape(begins.T.shape).T * closed
    weight = np.bincount(number.ravel(), np.where(closed, image, 0.0).ravel())
    best = np.where(closed, weight[number], -1.0).argmax(axis=0)
    columns = np.arange(image.shape[1])
    chosen = number == number[best, columns]
    chosen &= closed
    share = weight[number[best, columns]] / np.maximum(np.where(closed, image, 0.0).sum(axis=0), 1e-6)
    return chosen.argmax(axis=0), len(chosen) - 1 - chosen[::-1].argmax(axis=0), np.asarray(share, np.float64)


def stroke_radius(found: Edges) -> float:
    """Half the width of the stroke in pixels: half the height of the ink where the trace is level."""
    heights = (found.bottom - found.top)[np.isfinite(found.top)]
    return float(np.percentile(heights, 8)) / 2 if len(heights) else 1.0


def pen(top: Float64, bottom: Float64, radius: float) -> Float64:
    """The pen's path, FINE points a column: [n * FINE] from edges [n] of neighbouring columns without NaN.

    Point `i` lies `(i + 0.5) / FINE - 0.5` columns from the first column's middle. Starts from the middle of the
    ink; each round finds which point makes each edge, then solves for all points by least squares with a little
    stiffness, which decides where no edge does.
    """
    count, size = len(top), len(top) * FINE
    where = (np.arange(size) + 0.5) / FINE - 0.5
    column = np.arange(count)
    path = np.asarray(np.interp(where, column, (top + bottom) / 2), np.float64)
    if count < 4:
        return path
    across = REACH * radius
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
REACH = 0.75
STIFFNESS = 0.2


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
