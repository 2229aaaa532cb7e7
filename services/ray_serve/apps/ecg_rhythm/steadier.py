"""How a filmed picture moves against its first frame: points that stand still on the screen are followed.

Only a tile around each point is looked at, where the last frame says that the point must be: a whole frame takes more
than twice as long and says the same to a few thousandths of a pixel. The whole is looked at where the tiles fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.reading import ByteArray

Float64 = npt.NDArray[np.float64]
Points = npt.NDArray[np.float32]
"""Places in a picture, [n, 2], x and y."""

STEADY = 0.12
"""A picture whose points move by less than this many pixels stands still."""
HASTY = 0.005
"""A camera in a hand moves by less than this share of the picture's height from still to still; a strip by more."""
ANCHORS = 160
LEAST_ANCHORS = 8
FOLLOWED = 64
"""Of the anchors that stand, so many are followed, the clearest: more cost time in each frame and are no better."""
TILE = 48
"""Pixels of a tile's side: the window at its middle may move by a quarter of it."""
ACROSS = 8
"""Tiles side by side."""
AS_MANY = 0.8
"""Share of the points that followed the last frame that must follow this one for its tiles to be believed."""
WINDOW = (17, 17)
LEVELS, TILE_LEVELS = 3, 1
ENOUGH = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.01)


@dataclass
class Steadier:
    """Follows `anchors` ([n, 2] points of `reference`) through a video; none: the camera stands still."""

    reference: ByteArray
    anchors: Points
    _last: Float64 = field(default_factory=lambda: np.eye(3))
    _held: int = 0
    _tiles: _Tiles | None = None

    def movement(self, luma: ByteArray) -> Float64 | None:
        """What takes a point of this frame to where it is in the reference, 3 x 3; None if the frame is lost."""
        if len(self.anchors) < LEAST_ANCHORS:
            return np.eye(3)
        found = self._near(luma)
        for guess in (self._last, np.eye(3)):
            found = found or match(self.reference, luma, self.anchors, guess)
        if found is None:
            return None
        self._last, self._held = found[0], int(found[1].sum())
        return np.asarray(np.linalg.inv(found[0]), np.float64)

    def _near(self, luma: ByteArray) -> Match | None:
        """The movement by the tiles alone, where about as many points follow it as did in the last frame."""
        if not self._held or min(luma.shape) < TILE or luma.shape != self.reference.shape:
            return None
        if self._tiles is None:
            self._tiles = _Tiles.around(self.anchors, self.reference)
        expected = _moved(self.anchors, self._last)
        tiles = _Tiles.around(expected, luma)
        there, at = _follow(self._tiles.picture, tiles.picture, self._tiles.points, tiles.points, TILE_LEVELS)
        found = _fit(self.anchors, tiles.back(at), there)
        # A jump by a square of the grid looks like none to those that lie on it.
        return found if found is not None and found[1].sum() >= AS_MANY * self._held else None


@dataclass(frozen=True)
class _Tiles:
    """A tile of a picture around each of some points, laid side by side: `points` are where those lie among them."""

    picture: ByteArray
    points: Points
    _offset: Points

    @classmethod
    def around(cls, points: Points, picture: ByteArray) -> _Tiles:
        height, width = picture.shape
        corners = np.rint(points).astype(np.int64) - TILE // 2
        corners = corners.clip(0, (width - TILE, height - TILE))
        row, column = np.divmod(np.arange(len(points)), ACROSS)
        laid = np.stack([column, row], axis=1) * TILE
        tiles = np.zeros(((int(row[-1]) + 1) * TILE, ACROSS * TILE), np.uint8)
        for (x, y), (left, top) in zip(corners.tolist(), laid.tolist(), strict=True):
            tiles[top : top + TILE, left : left + TILE] = picture[y : y + TILE, x : x + TILE]
        offset = (laid - corners).astype(np.float32)
        return cls(tiles, points + offset, offset)

    def back(self, points: Points) -> Points:
        """Places among the tiles as places in the picture."""
        return points - self._offset


Match = tuple[Float64, npt.NDArray[np.bool_]]
"""A movement from the reference to a frame, 3 x 3 (a similarity), and which points follow it."""


def match(reference: ByteArray, luma: ByteArray, points: Points, guess: Float64) -> Match | None:
    """How the frame moved against the reference; None where too few points say the same."""
    there, at = _follow(reference, np.ascontiguousarray(luma), points, _moved(points, guess), LEVELS)
    return _fit(points, at, there)


def anchors(stills: Sequence[ByteArray]) -> tuple[Points, list[Match | None]]:
    """Points of the first still that stand on the screen, and how each later still moved: none if nothing moves."""
    first = np.ascontiguousarray(stills[0])
    corners = cv2.goodFeaturesToTrack(first, ANCHORS, 0.02, 7, blockSize=5)
    points = np.zeros((0, 2), np.float32) if corners is None else corners[:, 0]
    # What moves may be the most at first (a scrolling trace): what stands is what fits most of the stills.
    steady = _steady(first, stills[1:], points)
    chosen = np.zeros(len(points), bool) if steady else _standing(first, stills[1:], points)
    motions = _motions(first, stills[1:], points[chosen][:FOLLOWED])
    if motions and _step(motions, first.shape) > HASTY * len(first):
        # It may be the most in all of them: beats that follow each other evenly look as if they went back and forth.
        rest = points[~chosen]
        calm = rest[_standing(first, stills[1:], rest)]
        others = _motions(first, stills[1:], calm[:FOLLOWED])
        # What does not move at all is no screen in a hand: a clock that the camera writes into its picture.
        if others and _step(others, first.shape) <= HASTY * len(first) and _reach(others, first.shape) >= STEADY:
            points, chosen, motions = calm, np.ones(len(calm), bool), others
    if _reach(motions, first.shape) < STEADY:
        return points[:0], []
    return points[chosen][:FOLLOWED], motions


def _motions(first: ByteArray, stills: Sequence[ByteArray], points: Points) -> list[Match | None]:
    """How each of `stills` moved by these points; none where they are too few."""
    return [match(first, still, points, np.eye(3)) for still in stills] if len(points) >= LEAST_ANCHORS else []


def _step(motions: Sequence[Match | None], shape: tuple[int, ...]) -> float:
    """By how many pixels the picture's middle moves from still to still, the median; infinite where few are known."""
    middle = np.array([[[shape[1] / 2, shape[0] / 2]]], np.float64)
    places = [cv2.perspectiveTransform(middle, found[0])[0, 0] for found in motions if found is not None]
    if len(places) < max(2, len(motions) / 2):
        return float("inf")
    return float(np.median(np.abs(np.diff(places, axis=0)).max(axis=1)))


def _steady(first: ByteArray, stills: Sequence[ByteArray], points: Points) -> bool:
    """Whether the same points are where they were in nearly all stills: then no camera moves, whatever else does."""
    if len(points) < LEAST_ANCHORS or not stills:
        return False
    some = stills[:: max(1, len(stills) // 8)]
    stayed = np.zeros(len(points))
    for still in some:
        at, status, _error = cv2.calcOpticalFlowPyrLK(first, np.ascontiguousarray(still), points, None)
        stayed += (status.ravel() > 0) & (np.abs(at - points).max(axis=1) < STEADY)
    return bool((stayed > 0.8 * len(some)).sum() >= LEAST_ANCHORS)


def _standing(first: ByteArray, stills: Sequence[ByteArray], points: Points) -> npt.NDArray[np.bool_]:
    """Which points fit a common movement in most of the stills in which one is found."""
    held = np.zeros(len(points))
    if len(points) >= LEAST_ANCHORS:
        for still in stills[:: max(1, len(stills) // 16)]:
            found = match(first, still, points, np.eye(3))
            if found is not None:
                held += found[1]
    return held > 0.6 * max(float(held.max(initial=0.0)), 1.0)


def _reach(motions: Sequence[Match | None], shape: tuple[int, ...]) -> float:
    """How far the picture's corners move, pixels, in most of the stills whose motion is known; 0 where none is."""
    corners = np.array([[[0, 0]], [[shape[1], shape[0]]]], np.float64)
    known = [found[0] for found in motions if found is not None]
    reach = [float(np.abs(cv2.perspectiveTransform(corners, motion) - corners).max()) for motion in known]
    return float(np.percentile(reach, 75)) if reach else 0.0


def _moved(points: Points, motion: Float64) -> Points:
    return np.asarray(cv2.perspectiveTransform(points[:, None].astype(np.float64), motion)[:, 0], np.float32)


def _follow(
    reference: ByteArray, luma: ByteArray, points: Points, expected: Points, levels: int
) -> tuple[npt.NDArray[np.bool_], Points]:
    """Which points were found again, and where."""
    at, status, _error = cv2.calcOpticalFlowPyrLK(
        reference,
        luma,
        points,
        expected.copy(),
        winSize=WINDOW,
        maxLevel=levels,
        criteria=ENOUGH,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return status.ravel() > 0, at


def _fit(points: Points, at: Points, there: npt.NDArray[np.bool_]) -> Match | None:
    """The movement on which most points agree that are `there`."""
    if there.sum() < LEAST_ANCHORS:
        return None
    motion, inside = cv2.estimateAffinePartial2D(points[there], at[there], ransacReprojThreshold=0.8, maxIters=200)
    if motion is None or inside.sum() < max(LEAST_ANCHORS, 0.12 * len(points)):
        return None
    good = there.copy()
    good[there] = inside.ravel() > 0
    return np.vstack([motion, [0.0, 0.0, 1.0]]), good
