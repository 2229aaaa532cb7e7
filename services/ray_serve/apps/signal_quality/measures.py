"""What can be seen of a trace in a frame: eight figures, each in units that do not depend on the video's resolution.

All is done on brightness; a light theme is inverted first, so that ink is always bright. A stroke is what a
morphological opening takes away: thinner than STROKE of the frame's height in one direction at least.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

WIDEST = 1280
"""Frames that are wider are scaled down to this first."""
STROKE = 0.03
FAINTEST = 10.0
"""Grey levels by which ink must stand out to be looked at at all."""
WIDE = 0.10
"""A connected stroke is part of a curve if it is wider than this share of the frame: text and numbers are narrower."""
GLARING = 80
"""A dark screen's ground is darker than this where nothing shines on it."""
SPAN = 0.30
"""A curve's pieces together cover at least this share of the frame's columns."""


@dataclass(frozen=True)
class Look:
    """One frame's figures.

    `span`: share of the frame's columns under a curve, 0 to 1. `contrast`: how far its ink stands out, share of
    black to white. `blur`: width of the ink's edges, thousandths of the frame's height. `noise`: standard deviation of
    the picture's noise, share of the ink's contrast. `glare`: share of the frame that is bright without being ink.
    `grid`: how regular the lines behind the curve are, 0 to 1.
    """

    span: float
    contrast: float
    blur: float
    noise: float
    glare: float
    grid: float


NOTHING = Look(span=0.0, contrast=0.0, blur=0.0, noise=0.0, glare=0.0, grid=0.0)


@dataclass(frozen=True)
class Pair:
    """Two frames next to each other.

    `shift`: how far the picture moved up or down, thousandths of the frame's height. `change`: the largest change of
    any spot, share of black to white: 0 where the picture stands still. A strip that scrolls moves sideways only,
    so only up and down count as shaking.
    """

    shift: float
    change: float


def prepared(luma: ByteArray) -> ByteArray:
    """The frame as the others here take it: at most WIDEST wide, ink bright, memory of its own."""
    if luma.shape[1] > WIDEST:
        size = (WIDEST, round(luma.shape[0] * WIDEST / luma.shape[1]))
        luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.bitwise_not(luma), np.uint8) if is_light(luma) else luma.copy()


def is_light(luma: ByteArray) -> bool:
    """Whether the screen is bright with dark ink."""
    return float(np.median(luma[::4, ::4])) > 127


def look(bright: ByteArray, light: bool) -> Look:
    """One prepared frame's figures. `light`: the screen was inverted; glare cannot be told on it."""
    height = bright.shape[0]
    size = max(3, round(STROKE * height) | 1)
    ground = cv2.morphologyEx(bright, cv2.MORPH_OPEN, np.ones((size, size), np.uint8))
    strokes = np.asarray(cv2.subtract(bright, ground), np.uint8)
    glare = 0.0 if light else float((np.asarray(ground) > GLARING).mean())
    level = float(np.percentile(strokes[::2, ::2], 99.3))
    if level < FAINTEST:
        return NOTHING
    curve, columns, rows = _curve(strokes, level)
    if not columns.any():
        return Look(0.0, level / 255, 0.0, 0.0, glare, 0.0)
    ink = float(np.percentile(strokes[curve], 75))
    return Look(
        span=float(columns.mean()),
        contrast=ink / 255,
        blur=1000 * _edge_width(bright, curve, ink) / height,
        noise=_noise(bright) / ink,
        glare=glare,
        grid=_grid(strokes[rows][:, columns], curve[rows][:, columns]),
    )


def pair(before: ByteArray, after: ByteArray) -> Pair:
    """Two prepared frames, one right after the other."""
    size = (320, max(16, round(320 * before.shape[0] / before.shape[1])))
    small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) for image in (before, after)]
    change = float(cv2.absdiff(before, after).max()) / 255
    window = cv2.createHanningWindow(size, cv2.CV_32F)
    (_dx, dy), _response = cv2.phaseCorrelate(small[0], small[1], window)
    return Pair(shift=1000 * abs(dy) / size[1], change=change)


def _curve(strokes: ByteArray, level: float) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], slice]:
    """Pixels of all curves together, the columns that they cover, and the rows from the highest to the lowest."""
    mask = np.asarray(strokes > 0.5 * level, np.uint8)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 3), np.uint8))
    _count, labels, stats, _centres = cv2.connectedComponentsWithStats(closed, connectivity=8)
    height, width = mask.shape
    area = stats[:, cv2.CC_STAT_WIDTH] * np.maximum(stats[:, cv2.CC_STAT_HEIGHT], 0.03 * height)
    kept = (stats[:, cv2.CC_STAT_WIDTH] > WIDE * width) & (stats[:, cv2.CC_STAT_AREA] < 0.4 * area)
    kept &= stats[:, cv2.CC_STAT_HEIGHT] < 0.8 * height
    kept[0] = False
    pixels = kept[labels] & (mask > 0)
    rows = np.flatnonzero(pixels.any(axis=1))
    return pixels, pixels.any(axis=0), slice(rows[0], rows[-1] + 1) if len(rows) else slice(0, 0)


def _edge_width(bright: ByteArray, curve: npt.NDArray[np.bool_], ink: float) -> float:
    """Pixels over which the ink's edge rises: its height by its steepest slope, where the edges are clearest."""
    across, down = (cv2.Scharr(bright, cv2.CV_32F, *order) / 32.0 for order in ((1, 0), (0, 1)))
    slope = cv2.dilate(cv2.magnitude(across, down), np.ones((3, 3), np.uint8))
    return ink / max(float(np.percentile(slope[curve], 75)), 1.0)


def _noise(bright: ByteArray) -> float:
    """Standard deviation of the noise in grey levels, whatever lines there are: the median over blocks.

    The kernel takes away what is flat or sloped (Immerkaer, Computer Vision and Image Understanding 64:300-302, 1996).
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    left = np.abs(cv2.filter2D(bright, cv2.CV_32F, kernel))[1:-1, 1:-1]
    blocks = cv2.resize(left, (32, 18), interpolation=cv2.INTER_AREA)
    return float(np.median(blocks) * np.sqrt(np.pi / 2) / 6)


def _grid(strokes: ByteArray, curve: npt.NDArray[np.bool_]) -> float:
    """How regular the faint lines behind the curve are, in both directions: the lesser of the two."""
    if min(strokes.shape) < 24:
        return 0.0
    ink = cv2.dilate(np.asarray(curve, np.uint8), np.ones((5, 5), np.uint8)) > 0
    lines = np.ma.array(strokes, mask=ink)
    return min(_regular(lines.mean(axis=axis).filled(0.0)) for axis in (0, 1))


def _regular(profile: FloatArray) -> float:
    """The highest side peak of a profile's autocorrelation, as a share of the middle one."""
    level = profile - cv2.blur(profile.reshape(1, -1), (31, 1))[0]
    power = float((level**2).mean())
    if power < 0.05:
        return 0.0
    furthest = min(80, len(level) // 2)
    sides = [float((level[:-lag] * level[lag:]).mean()) for lag in range(3, furthest)]
    return float(np.clip(max(sides) / power, 0.0, 1.0))
