"""The grid of ECG paper in a picture: where its lines lie, to a small part of a millimetre.

    picture -> laid flat by its lines, squares counted -> a first guess
    guess + picture -> in tiles of a centimetre, the phase of lines 5 mm and 1 mm apart -> a better one

A guess that is off by less than half a large square becomes exact: lines are not counted but held against a wave of
their own length, so that each tile's answer is the mean over all of its lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm import plane
from apps.ecg_rhythm.reading import ByteArray

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

TILE_MM = 10
LARGE_MM, SMALL_MM = 5, 1
LEAST_TILES = 12
SHORTEST, LEAST_LINES = 12.0, 5
"""A large square's least pixels, and how many of them there are at least in what is looked at."""
ODD = 0.25
"""Squares that perspective has made so much longer than high are still squares."""
STANDS_OUT, TRIES = 6.0, 800
COHERENT = 0.5
"""Tiles agree on where the lines lie if their phases, the plane once fitted, add up to this share of the most."""


@dataclass(frozen=True)
class Placed:
    """`place`: what takes the picture's pixels to the paper's, 3 x 3; `coherence`: 0 to 1, how well its lines fit."""

    place: Float64
    coherence: float


@dataclass(frozen=True)
class Window:
    """A part of the paper, in its pixels: left, top, width, height, all whole tiles."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def about(cls, place: Float64, shape: tuple[int, ...], tile: int) -> Window:
        """The whole tiles that hold a picture of `shape` (height, width) that lies at `place`."""
        corners = np.array([[[0, 0]], [[shape[1], 0]], [[shape[1], shape[0]]], [[0, shape[0]]]], np.float64)
        seen = cv2.perspectiveTransform(corners, place)[:, 0]
        low, high = np.floor(seen.min(axis=0) / tile).astype(int), np.ceil(seen.max(axis=0) / tile).astype(int)
        return cls(*(low * tile).tolist(), *((high - low) * tile).tolist())

    def of(self, picture: npt.NDArray[np.generic], place: Float64) -> Float32:
        """This part of the paper as `picture` shows it; 0 where it does not."""
        corner = np.array([[1.0, 0.0, -self.left], [0.0, 1.0, -self.top], [0.0, 0.0, 1.0]])
        size = (self.width, self.height)
        return np.asarray(cv2.warpPerspective(picture, corner @ place, size, flags=cv2.INTER_LINEAR), np.float32)


def first(luma: ByteArray, lines: Float32, scale: int | None = None) -> tuple[Float64, float] | None:
    """A first guess of what takes the picture's pixels to the paper's, and the picture's pixels a millimetre.

    `lines`: how much each pixel stands out as lines do; `scale`: the paper's pixels a millimetre, which else are the
    picture's. None where no grid is found.
    """
    bent = plane.flatten(luma.astype(np.float32), plane.FILMED)
    flat = np.eye(3) if bent is None else bent
    height, width = luma.shape
    level = cv2.warpPerspective(lines, flat, (width, height), flags=cv2.INTER_LINEAR)
    inner = level[height // 8 : height - height // 8, width // 10 : width - width // 10]
    across, down = _pitches(*(np.percentile(inner, 60, axis=axis).astype(np.float64) for axis in (0, 1)))
    if across is None or down is None:
        return None
    pixels = max(across, down) / LARGE_MM
    scale = scale or int(np.ceil(pixels))
    size = np.diag([scale * LARGE_MM / across, scale * LARGE_MM / down, 1.0])
    return np.asarray(size @ flat, np.float64), pixels


def _pitches(columns: Float64, rows: Float64) -> tuple[float | None, float | None]:
    """Distances in pixels of the strong lines across columns and rows; where one is clear the other need only agree."""
    scores = [_score(profile, np.geomspace(SHORTEST, len(profile) / LEAST_LINES, TRIES)) for profile in (columns, rows)]
    clear = [float(score.max() / max(np.median(score), 1e-9)) for _pitches, score in scores]
    leader = int(np.argmax(clear))
    if clear[leader] < STANDS_OUT:
        return None, None
    pitches, score = scores[leader]
    # Half of a pitch has every second of its waves: the longest that has them all is meant.
    high = np.flatnonzero(score > 0.6 * score.max())
    run = high[high >= high[-1] - np.argmax(np.diff(high[::-1], append=-9) < -1)]
    found = float(pitches[run[score[run].argmax()]])
    other, near = _score((rows, columns)[leader], found * np.linspace(1 - ODD, 1 + ODD, TRIES // 4))
    agreed = float(other[near.argmax()])
    return (found, agreed) if leader == 0 else (agreed, found)


def _score(profile: Float64, pitches: Float64) -> tuple[Float64, Float64]:
    """How well equal lines at each of `pitches` fit a profile: the weakest of the four waves that they all have."""
    level = profile - np.convolve(np.pad(profile, 31, mode="edge"), np.ones(63) / 63, mode="valid")
    level = level * np.hanning(len(level))
    orders = np.arange(1, 5)
    waves = np.exp(2j * np.pi * orders[:, None, None] / pitches[None, :, None] * np.arange(len(level)))
    return pitches, np.asarray(np.abs(waves @ level).min(axis=0), np.float64)


def refine(lines: Float32, place: Float64, scale: int) -> Placed | None:
    """`place` as the picture's own grid corrects it, or None where its tiles do not agree.

    The paper has `scale` pixels a millimetre; `place` may be off by up to half a large square.
    """
    coherence = 0.0
    for pitch, bends in ((LARGE_MM, False), (SMALL_MM, True), (SMALL_MM, True)):
        fitted = _fit(lines, place, scale, pitch, bends)
        if fitted is None:
            return None
        better, coherence = fitted
        if pitch == SMALL_MM and coherence < COHERENT:
            return None
        place = better @ place
    return Placed(place, coherence)


def _fit(lines: Float32, place: Float64, scale: int, pitch: int, bends: bool) -> tuple[Float64, float] | None:
    tile = TILE_MM * scale
    window = Window.about(place, lines.shape, tile)
    down, across = window.height // tile, window.width // tile
    if not 0 < down * across < MOST_TILES:
        return None
    whole = _whole(window, place, lines.shape, tile)
    if whole.sum() < LEAST_TILES:
        return None
    seen = window.of(lines, place)
    period = float(pitch * scale)
    upright = _phases(seen.reshape(down, tile, window.width).sum(axis=1), period, tile)
    level = _phases(seen.reshape(window.height, across, tile).sum(axis=2).T, period, tile).T
    y, x = np.nonzero(whole)
    middle, reach = np.array([window.width, window.height]) / 2, window.width / 2
    at = ((np.stack([x, y], axis=1) + 0.5) * tile - middle) / reach
    answer, coherence = _least(at, upright[whole], level[whole], period / reach, bends)
    a, b, tilt = answer[:3], answer[3:6], answer[6:]
    fix = np.array([[1 - a[1], -a[2], -a[0]], [-b[1], 1 - b[2], -b[0]], [*tilt, 1.0]])
    to = np.array([[reach, 0, window.left + middle[0]], [0, reach, window.top + middle[1]], [0, 0, 1.0]])
    return np.asarray(to @ fix @ np.linalg.inv(to), np.float64), coherence


MOST_TILES = 4000


def _whole(window: Window, place: Float64, shape: tuple[int, ...], tile: int) -> npt.NDArray[np.bool_]:
    """Which tiles of a window lie in a picture of `shape` with all four corners."""
    x = window.left + np.arange(0, window.width + 1, tile)
    y = window.top + np.arange(0, window.height + 1, tile)
    corners = np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 1, 2).astype(np.float64)
    seen = cv2.perspectiveTransform(corners, np.linalg.inv(place))
    inside = ((seen >= 0) & (seen <= np.array([shape[1] - 1, shape[0] - 1]))).all(axis=2).reshape(len(y), len(x))
    return np.asarray(inside[1:, 1:] & inside[1:, :-1] & inside[:-1, 1:] & inside[:-1, :-1], np.bool_)


def _phases(sums: Float32, period: float, tile: int) -> Complex:
    """Of lines across [n, width] sums of rows: their wave's amplitude in each tile, [n, tiles]; its angle is where."""
    wave = np.exp(2j * np.pi * np.arange(sums.shape[1]) / period)
    return np.asarray((sums * wave).reshape(len(sums), -1, tile).sum(axis=2), np.complex128)


def _least(at: Float64, upright: Complex, level: Complex, period: float, bends: bool) -> tuple[Float64, float]:
    """How far lines lie from where they should, [a0 a1 a2 b0 b1 b2 tilt_x tilt_y], by least squares, reweighted."""
    x, y = at.T
    one, none = np.ones_like(x), np.zeros_like(x)
    parts = np.concatenate(
        [
            np.stack([one, x, y, none, none, none, x * x, x * y], axis=1),
            np.stack([none, none, none, one, x, y, x * y, y * y], axis=1),
        ]
    )[:, : 8 if bends else 6]
    offs, weights = [], []
    for waves in (upright, level):
        together = waves.sum()
        turned = waves * np.conj(together / max(abs(together), 1e-9))
        offs.append((np.angle(turned) + np.angle(together)) * period / (2 * np.pi))
        weights.append(np.minimum(np.abs(waves), 2 * np.median(np.abs(waves))))
    off, weight = np.concatenate(offs), np.concatenate(weights)
    kept, left = weight.copy(), off
    for _ in range(4):
        root = np.sqrt(kept)[:, None]
        answer = np.linalg.lstsq(parts * root, off * root[:, 0], rcond=None)[0]
        left = off - parts @ answer
        kept = weight / (1.0 + (left / (0.08 * period)) ** 2)
    coherence = float((weight * np.cos(2 * np.pi * left / period)).sum() / max(weight.sum(), 1e-9))
    return np.concatenate([answer, np.zeros(8 - len(answer))]), coherence
