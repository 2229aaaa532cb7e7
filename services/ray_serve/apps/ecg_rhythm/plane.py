"""Lays a filmed screen flat: the picture's straight lines say how it is tilted, its standing points how it shakes.

    stills -> points that stand still -> each frame's movement against the first
           -> straight lines -> vanishing points -> what makes them level and upright

A screen recording stands still and level: then nothing is done, and its pixels stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.reading import ByteArray
from apps.ecg_rhythm.steadier import LEAST_ANCHORS, Steadier, anchors

Float64 = npt.NDArray[np.float64]
Lane = tuple[int, int, int, int]

LEVEL = 0.003
"""Lines that lean by less than this (pixels a pixel) are as they should be."""
LEAN, KEYSTONE = 0.24, 0.16
"""How far lines may lean in the middle of the picture, and by how much more at its edges."""


@dataclass(frozen=True)
class Plane:
    """`flat` takes points of the reference frame to the flattened picture, which is as large; None: it is flat."""

    steadier: Steadier
    flat: Float64 | None

    @property
    def still(self) -> bool:
        """Whether frames are taken as they come."""
        return self.flat is None and len(self.steadier.anchors) < LEAST_ANCHORS

    def crop(self, luma: ByteArray, lane: Lane) -> ByteArray | None:
        """The lane's part of a frame, laid flat; None where the frame fits no other."""
        x, y, width, height = lane
        if self.still:
            return np.ascontiguousarray(luma[y : y + height, x : x + width])
        movement = self.steadier.movement(luma)
        if movement is None:
            return None
        corner = np.array([[1.0, 0.0, -x], [0.0, 1.0, -y], [0.0, 0.0, 1.0]])
        whole = corner @ (np.eye(3) if self.flat is None else self.flat) @ movement
        return np.asarray(
            cv2.warpPerspective(luma, whole, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
            np.uint8,
        )

    def back(self, points: npt.NDArray[np.float32], luma: ByteArray) -> npt.NDArray[np.float32]:
        """Points [n, 2] of the flattened picture as they lie in the frame `luma`."""
        if self.still or not len(points):
            return points
        movement = self.steadier.movement(luma)
        whole = (np.eye(3) if self.flat is None else self.flat) @ (np.eye(3) if movement is None else movement)
        moved = cv2.perspectiveTransform(points.astype(np.float64)[:, None], np.linalg.inv(whole))
        return np.asarray(moved[:, 0], np.float32)


def find(stills: Sequence[ByteArray]) -> Plane:
    """How the screen lies in the picture, and what to hold frames against. `stills`: of one size, in order."""
    first = np.ascontiguousarray(stills[0])
    points, motions = anchors(stills)
    picture, seen = first.astype(np.float32), 1
    for still, found in zip(stills[1:], motions or [None] * len(stills), strict=False):
        if found is not None:
            still = cv2.warpPerspective(
                still, np.linalg.inv(found[0]), first.shape[::-1], borderMode=cv2.BORDER_REPLICATE
            )
        if found is not None or not motions:
            cv2.accumulate(still, picture)
            seen += 1
    # What stands as still as only a screen recording does is level, unless its lines say otherwise very clearly.
    return Plane(Steadier(first, points), flatten(picture / seen, RECORDED if len(points) == 0 else FILMED))


def flatten(picture: npt.NDArray[np.floating], doubt: float) -> Float64 | None:
    """What makes the picture's lines level and upright, 3 x 3; None where they are, or where no lines show.

    `doubt`: how much sharper its lines must become for the picture to be bent at all.
    """
    height, width = picture.shape
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.0)
    upright = _lean(cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3), doubt)
    level = _lean(cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3).T, doubt)
    if upright is None and level is None:
        return None
    # A tilt leans both kinds of line; steep strokes lean one, and only a shaking camera tells that there is a camera.
    if doubt == RECORDED and (upright is None or level is None or abs(upright.lean + level.lean) > ALIKE):
        return None
    # One kind of line shows a roll at least.
    upright = upright or _Lean(-level.lean if level else 0.0, 0.0)
    level = level or _Lean(-upright.lean, 0.0)
    if max(upright.most(width), level.most(height)) < LEVEL:
        return None
    middle = np.array([width / 2, height / 2])
    corners, targets = [], []
    for u in (0.15 * width, 0.85 * width):
        for v in (0.15 * height, 0.85 * height):
            across, down = upright.slope(u - middle[0]), level.slope(v - middle[1])
            # Where line u, upright, meets line v, level.
            matrix = np.array([[1.0, -across], [-down, 1.0]])
            offset = np.array([u - middle[0], v - middle[1]])
            corners.append(middle + np.linalg.solve(matrix, offset))
            targets.append([u, v])
    return np.asarray(
        cv2.getPerspectiveTransform(np.array(corners, np.float32), np.array(targets, np.float32)), np.float64
    )


@dataclass(frozen=True)
class _Lean:
    """A family of lines through one vanishing point: that at `u` from the middle leans by `lean + keystone * u`."""

    lean: float
    keystone: float

    def slope(self, u: float) -> float:
        return self.lean + self.keystone * u

    def most(self, width: int) -> float:
        return max(abs(self.slope(-width / 2)), abs(self.slope(width / 2)))


SAMPLE = 40_000
BESIDE = 0.008
RECORDED, FILMED = 1.6, 1.08
ALIKE = 0.02
"""A turned picture leans upright lines by as much as level ones, the other way; perspective may differ by this."""
CLEAR = 1.25
"""Lines show if laying them upright sharpens the picture's columns by this factor over a random lean."""


def _lean(gradient: npt.NDArray[np.float32], doubt: float) -> _Lean | None:
    """The lean of the lines across which `gradient` [height, width] was taken: that which sharpens columns most."""
    height, width = gradient.shape
    strength = np.abs(gradient)
    typical = cv2.blur(strength, (31, 31)) + 2.0
    weight = np.tanh(gradient / (2.0 * typical)) * np.minimum(strength / 6.0, 1.0)
    edge = 4
    weight[:edge], weight[-edge:], weight[:, :edge], weight[:, -edge:] = 0, 0, 0, 0
    rows, columns = np.nonzero(np.abs(weight) > 0.3)
    if len(rows) < 500:
        return None
    every = max(1, len(rows) // SAMPLE)
    x, y = columns[::every] - width / 2, rows[::every] - height / 2
    w = weight[rows[::every], columns[::every]].astype(np.float64)
    best = _Lean(0.0, 0.0)
    beside = [_Lean(i * BESIDE, j * BESIDE / (width / 2)) for i, j in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    upright = _sharpness(x, y, w, best, width, 1.0)
    if upright > CLEAR * max(_sharpness(x, y, w, lean, width, 1.0) for lean in beside):
        return best
    scores: list[float] = []
    for round_, bin_size in enumerate((3.0, 2.0, 1.0, 1.0)):
        # Each round looks around what was best with a quarter of the reach.
        reach = 0.25**round_
        few = slice(None, None, 4 if round_ == 0 else 1)
        tries = [
            _Lean(best.lean + LEAN * reach * i, best.keystone + KEYSTONE * reach * j / (width / 2))
            for i in np.linspace(-1, 1, 33 if round_ == 0 else 9)
            for j in np.linspace(-1, 1, 13 if round_ == 0 else 9)
        ]
        values = [_sharpness(x[few], y[few], w[few], t, width, bin_size) for t in tries]
        best = tries[int(np.argmax(values))]
        if round_ == 0:
            scores = values
    if max(scores) < CLEAR * float(np.median(scores)):
        return None
    if _sharpness(x, y, w, best, width, 1.0) < doubt * upright:
        return _Lean(0.0, 0.0)
    return best


def _sharpness(x: Float64, y: Float64, weight: Float64, lean: _Lean, width: int, bin_size: float) -> float:
    """Sum of squares of the columns' signed weights once lines of this lean are upright."""
    u = (x - lean.lean * y) / (1.0 + lean.keystone * y)
    bins = np.round((u + width) / bin_size).astype(np.int64).clip(0, int(2 * width / bin_size))
    columns = np.bincount(bins, weight)
    return float((columns**2).sum())
