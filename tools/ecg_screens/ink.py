"""Curves as distance fields: how much ink lies on each pixel of a lane, and how it colours what is below."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from tools.ecg_screens.looks import Rgb

Float32 = npt.NDArray[np.float32]
Uint8 = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]

FINE = 2
"""Lanes are measured this many times finer than they are shown."""


def cover(curves: list[tuple[Float64, Float64]], width: int, height: int, pen: float, jagged: bool) -> Float32:
    """Share of ink [height, width] on each pixel of curves, `pen` wide; all in pixels, of which the first is 0 to 1."""
    share = np.zeros((height, width), np.float32)
    rows = [ys for xs, ys in curves if len(xs) > 1]
    if not rows:
        return share
    # Measured only between the highest and the lowest row that the pen reaches.
    reach = int(pen) + 2
    top = min(max(int(min(ys.min() for ys in rows)) - reach, 0), height - 1)
    foot = max(min(int(max(ys.max() for ys in rows)) + reach + 1, height), top + 1)
    share[top:foot] = _cover([(xs, ys - top) for xs, ys in curves], width, foot - top, pen, jagged)
    return share


def _cover(curves: list[tuple[Float64, Float64]], width: int, height: int, pen: float, jagged: bool) -> Float32:
    fine = 1 if jagged else FINE
    canvas = Image.new("L", (width * fine, height * fine), 255)
    draw = ImageDraw.Draw(canvas)
    for xs, ys in curves:
        if len(xs) > 1:
            points = np.floor(np.stack([xs * fine, ys * fine], axis=1))
            draw.line(points.ravel().tolist(), fill=0)
    if jagged:
        ink = (np.asarray(canvas) == 0).astype(np.uint8)
        side = max(1, round(pen))
        grown = cv2.dilate(ink, np.ones((side, side), np.uint8)) if side > 1 else ink
        return np.asarray(grown, np.float32)
    away = cv2.distanceTransform(np.asarray(canvas), cv2.DIST_L2, 3)
    sharp = np.clip(pen * fine / 2 + 0.5 - away, 0.0, 1.0)
    return np.asarray(cv2.resize(sharp, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def under(curves: list[tuple[Float64, Float64]], width: int, height: int) -> Float32:
    """1 on each pixel between the curves and the foot of the lane."""
    canvas = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(canvas)
    for xs, ys in curves:
        if len(xs) > 1:
            outline = [(float(xs[0]), height), *zip(xs.tolist(), ys.tolist(), strict=True), (float(xs[-1]), height)]
            draw.polygon(outline, fill=255)
    return np.asarray(np.asarray(canvas) / 255, np.float32)


def halo(ink: Float32, reach: float) -> Float32:
    """The light that ink of a phosphor throws around itself."""
    picture = Image.fromarray((ink * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(reach))
    return np.asarray(np.asarray(picture) / 255, np.float32)


def lay(below: Uint8, share: Float32, colour: Rgb) -> None:
    """Colour `below` [h, w, 3] in place where `share` [h, w] of ink lies."""
    rows = np.flatnonzero(share.max(axis=1) > 0)
    if len(rows):
        some = slice(int(rows[0]), int(rows[-1]) + 1)
        part = share[some, :, None]
        below[some] = (below[some] * (1 - part) + np.array(colour, np.float32) * part + 0.5).astype(np.uint8)


def shine(below: Uint8, light: Float32, colour: Rgb) -> None:
    """Add `light` [h, w] of that colour to `below` in place."""
    added = below + light[..., None] * np.array(colour, np.float32)
    below[:] = np.minimum(added, 255).astype(np.uint8)
