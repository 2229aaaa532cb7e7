"""A strip at the ridge network's scale: columns of COLUMN_S seconds, ROWS rows, the trace over most of them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.reading import ByteArray
from apps.ecg_rhythm.ridge import COLUMN_S, ROWS

Float64 = npt.NDArray[np.float64]

SPAN = 84.0
"""Rows that the trace takes from its lowest to its highest ink."""
SMALLEST, LARGEST = 0.02, 2.0
"""Limits of the rows that a pixel takes."""


@dataclass(frozen=True)
class Window:
    """Row `r` shows the strip's height `top + r / scale` (pixels); `scale`: rows a pixel."""

    top: float
    scale: float

    def pixels(self, rows: Float64) -> Float64:
        """Heights in the strip's pixels of heights in rows."""
        return np.asarray(self.top + rows / self.scale, np.float64)


def window(highest: float, lowest: float) -> Window:
    """The window for a trace whose ink lies between two heights, pixels from the lane's top."""
    scale = float(np.clip(SPAN / max(lowest - highest, 1.0), SMALLEST, LARGEST))
    return Window((highest + lowest) / 2 - (ROWS - 1) / 2 / scale, scale)


def viewed(image: ByteArray, place: Float64, seen: Window) -> ByteArray:
    """What the network sees, [ROWS, n]: `image` [height, width] at the columns `place` [n], a fraction allowed."""
    steps = np.diff(place)
    across = float(np.median(steps)) if len(steps) else 1.0
    blur = tuple(0.4 * max(step**2 - 1.0, 0.0) ** 0.5 for step in (across, 1.0 / seen.scale))
    if max(blur) > 0.1:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), max(blur[0], 0.05), sigmaY=max(blur[1], 0.05)), np.uint8)
    rows = seen.pixels(np.arange(ROWS, dtype=np.float64)).astype(np.float32)
    parts = []
    for first in range(0, len(place), _MOST):
        # OpenCV's coordinates have 16 bits: a long strip is taken in parts.
        at = place[first : first + _MOST]
        left = max(0, int(at[0]) - 2)
        part = np.ascontiguousarray(image[:, left : int(at[-1]) + 4])
        x, y = np.meshgrid((at - left).astype(np.float32), rows)
        parts.append(cv2.remap(part, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0))
    return np.asarray(np.concatenate(parts, axis=1) if parts else np.zeros((ROWS, 0)), np.uint8)


_MOST = 4096


def columns(start_s: float, end_s: float) -> Float64:
    """Times of the columns whose points are the samples from `start_s` to `end_s` at 250 Hz: two points a column."""
    count = int(np.ceil(((end_s - start_s) * 2 / COLUMN_S + 1) / 2))
    return np.asarray(start_s + COLUMN_S / 4 + COLUMN_S * np.arange(count), np.float64)
