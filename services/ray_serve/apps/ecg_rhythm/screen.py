"""Finds the ECG trace on a screen from a few frames: where it lies, how it is told from its background, how it moves.

stills -> curves (wide connected ink) -> the one that moves and is spiked like an ECG -> `Screen`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from apps.ecg_rhythm import curves
from apps.ecg_rhythm.curves import Curve, Lane, relief, reliefs
from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.reading import ByteArray, DisplayKind, FloatArray

Float64 = npt.NDArray[np.float64]

LEAST_LEVEL = 12.0
"""Ink that stands out by less than this many grey levels is not stretched further."""
GRAINY = 4.0


@dataclass(frozen=True)
class Still:
    """A frame kept for the probe: its time and a copy of its brightness."""

    time_s: float
    luma: ByteArray

    def turned(self, turns: int) -> Still:
        """The still turned by so many quarter turns counter-clockwise."""
        return Still(self.time_s, np.ascontiguousarray(np.rot90(self.luma, turns)))


@dataclass(frozen=True)
class Ink:
    """How the trace is told from what lies behind it, within the lane.

    `inverted`: dark ink on light; `thin`: pixels that no stroke is as wide as; `behind`: [height, width] relief without
    the trace (grid and text included); `gain`: [height, width] what turns a difference into ink from 0 to 255.
    """

    inverted: bool
    thin: int
    behind: ByteArray
    gain: FloatArray

    @property
    def grainy(self) -> bool:
        """Whether ink is so faint that noise is stretched with it."""
        return float(self.gain[0, self.gain.shape[1] // 2]) > GRAINY

    def of(self, luma: ByteArray) -> ByteArray:
        """Ink, 0 to 255, in a crop of the lane; faint ink counts as none."""
        return self.of_relief(relief(luma, self.inverted, self.thin))

    def of_relief(self, standing_out: ByteArray) -> ByteArray:
        """Ink, 0 to 255, in the relief of a crop of the lane."""
        above = cv2.subtract(standing_out, self.behind)
        if self.grainy:
            above = cv2.GaussianBlur(above, (3, 3), 0)
        ink = cv2.convertScaleAbs(cv2.multiply(above, self.gain, dtype=cv2.CV_32F))
        return np.asarray(cv2.threshold(ink, 36, 255, cv2.THRESH_TOZERO)[1], np.uint8)


@dataclass(frozen=True)
class Screen:
    """The trace's lane (x, y, width, height), its ink, how it moves; `moves` is False for a line that stands still,
    `grows` True where the lane was not yet full of trace.

    `lines`: how much each row and each column of the lane stands out, as grid lines do, told in two ways.
    """

    kind: DisplayKind
    lane: Lane
    ink: Ink
    lines: tuple[tuple[Float64, Float64], ...]
    moves: bool
    grows: bool = False


def candidates(stills: Sequence[Still]) -> Iterator[Screen]:
    """The screens of all curves that move, the likeliest ECG first; last those whose ink is the other way round: dark
    on light, or light on dark. Where none moves, that of a line that stands still.

    Raises `ReadingError` (`no_trace`) where there is no such curve.
    """
    if len(stills) < 2:
        raise ReadingError(ErrorCode.NO_TRACE, "The video has one frame only; film at least 5 seconds.")
    usual = curves.dark_ink(stills[0].luma)
    standing: Screen | None = None
    refusal = ReadingError(
        ErrorCode.NO_TRACE, "No trace was found on the screen; film the monitor from the front, filling the frame."
    )
    none = True
    for inverted in (usual, not usual):
        thin, bright = reliefs([still.luma for still in stills], inverted)
        seen = curves.find(bright)
        for curve in curves.likeliest(seen):
            none = False
            yield _screen(curve, seen, stills, inverted, thin)
        if inverted == usual and seen and none:
            best = max(seen, key=lambda c: c.spikes)
            if best.box[3] > STANDING * stills[0].luma.shape[0]:
                refusal = ReadingError(ErrorCode.NO_TRACE, "The picture stands still: a photo, or a frozen video.")
            else:
                standing = _screen(best, seen, stills, inverted, thin)
    if none and standing is not None:
        yield standing
    elif none:
        raise refusal


STANDING = 0.03
"""A curve higher than this share of the picture that stands still is no level line."""


def _screen(curve: Curve, seen: list[Curve], stills: Sequence[Still], inverted: bool, thin: int) -> Screen:
    """The screen of one of the curves `seen` on it."""
    lane = _with_headroom(curve.box, [other.box for other in seen if other is not curve], stills[0].luma.shape)
    x, y, width, height = lane
    inner = slice(curve.box[1] - y, curve.box[1] - y + curve.box[3])
    crops = [relief(still.luma[y : y + height, x : x + width], inverted, thin) for still in stills]
    behind = grid_lines(crops, inner)
    ink = _ink(inverted, thin, crops, behind, inner)
    lines = ((behind[0].astype(np.float64), behind[1].astype(np.float64)), _profiles(crops))
    if not curve.moving:
        return Screen(DisplayKind.SCROLL, lane, ink, lines, moves=False)
    kind = _kind(lane, ink, stills)
    full = [int(ink.of_relief(crop).any(axis=0).sum()) for crop in (crops[0], crops[len(crops) // 2])]
    return Screen(kind, lane, ink, lines, moves=True, grows=full[1] > 1.5 * full[0])


def _with_headroom(box: Lane, others: list[Lane], shape: tuple[int, ...]) -> Lane:
    """The box with room for higher peaks, up to half way to its neighbours."""
    x, y, width, height = box
    room = max(int(0.6 * height), int(0.05 * shape[0]))
    top, bottom = max(0, y - room), min(shape[0], y + height + room)
    for other in others:
        if other[1] + other[3] <= y:
            top = max(top, (other[1] + other[3] + y) // 2)
        elif other[1] >= y + height:
            bottom = min(bottom, (y + height + other[1]) // 2)
    return x, top, width, bottom - top


def _ink(inverted: bool, thin: int, crops: list[ByteArray], lines: tuple[ByteArray, ByteArray], box_rows: slice) -> Ink:
    crossing = np.maximum(lines[0][:, None], lines[1][None, :]).astype(np.int16) + 2
    behind = np.asarray(crossing.clip(0, 255), np.uint8)
    brightest = np.partition(np.stack(crops[-8:]), -2, axis=0)[-2]
    tops = cv2.subtract(np.asarray(brightest, np.uint8), behind).max(axis=0).astype(np.float64)
    # Light falls unevenly: each part of the lane has a brightness of its own.
    reach = max(len(tops) // 8, 16)
    level = ndimage.gaussian_filter1d(ndimage.median_filter(tops, reach, mode="nearest"), reach / 3, mode="nearest")
    gain = np.broadcast_to((255.0 / np.maximum(level, LEAST_LEVEL)).astype(np.float32), behind.shape)
    plain = Ink(inverted, thin, behind, np.ascontiguousarray(gain))
    text = _standing_text([plain.of_relief(crop) for crop in crops], box_rows)
    return Ink(inverted, thin, np.asarray(np.where(text > 0, 255, behind), np.uint8), plain.gain)


def grid_lines(crops: list[ByteArray], box_rows: slice) -> tuple[ByteArray, ByteArray]:
    """Brightness of each row and of each column of a lane without its trace.

    The darkest that each pixel ever was: a trace leaves it sooner or later. Of a row or column what a quarter of it
    lies below: a grid line fills it, text and what is left of the trace do not. Columns are judged in `box_rows`
    only, since the grid may end above and below.
    """
    darkest = crops[0].copy()
    for crop in crops[1:]:
        darkest = cv2.min(darkest, crop)
    rows = np.percentile(darkest, 25, axis=1)
    columns = np.percentile(darkest[box_rows], 25, axis=0)
    # A stroke that stands upright is no line of the grid: those are about as bright across as they are down.
    columns = np.minimum(columns, 1.2 * max(float(np.percentile(rows, 97)), 3.0))
    return rows.astype(np.uint8), columns.astype(np.uint8)


def _profiles(crops: list[ByteArray]) -> tuple[Float64, Float64]:
    """How much rows and columns stand out in the mean of all stills: fine enough for lines fainter than one level."""
    mean = np.mean([crop.astype(np.float32) for crop in crops], axis=0)
    return np.percentile(mean, 60, axis=1).astype(np.float64), np.percentile(mean, 60, axis=0).astype(np.float64)


def _standing_text(inks: list[ByteArray], box_rows: slice) -> ByteArray:
    """Ink that is there in every still and in narrow pieces only, with a margin: labels, not a level trace."""
    always = inks[0].copy()
    for ink in inks[1:]:
        always = cv2.min(always, ink)
    mask = cv2.dilate(np.asarray(always > 0, np.uint8), np.ones((3, 7), np.uint8))
    _count, labels, stats, _centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    text = np.zeros_like(mask)
    for label in range(1, len(stats)):
        left, top, across, down = (int(v) for v in stats[label][:4])
        if across <= 9 and down <= 5:
            continue  # a speck where grid lines cross
        piece = labels[top : top + down, left : left + across] == label
        # What touches the trace in some still is the trace where it never moved; above and below its box is none.
        outside = top + down <= box_rows.start or top >= box_rows.stop
        alone = outside or all(_alone(ink, left, top, across, down) for ink in inks[:: max(1, len(inks) // 6)])
        if across < 0.4 * mask.shape[1] and alone:
            text[top : top + down, left : left + across][piece] = 255
    return np.asarray(text, np.uint8)


def _alone(ink: ByteArray, left: int, top: int, across: int, down: int) -> bool:
    """Whether nothing inked runs out of a box on any side."""
    rows = slice(max(0, top - 1), top + down + 1)
    columns = slice(max(0, left - 1), left + across + 1)
    before, after = ink[rows, max(0, left - 3) : left], ink[rows, left + across : left + across + 3]
    above, below = ink[max(0, top - 3) : top, columns], ink[top + down : top + down + 3, columns]
    return not (before.any() or after.any() or above.any() or below.any())


def _kind(lane: Lane, ink: Ink, stills: Sequence[Still]) -> DisplayKind:
    """Between two frames a sweep changes near its bar only, a scroll wherever there is trace that is not level."""
    x, y, width, height = lane
    shares = []
    for first, second in pairwise(stills):
        if not 0 < second.time_s - first.time_s < 0.4:
            continue
        one, two = (ink.of(s.luma[y : y + height, x : x + width]) for s in (first, second))
        changed = cv2.reduce(cv2.absdiff(one, two), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F)[0]
        inked = cv2.reduce(cv2.max(one, two), 0, cv2.REDUCE_MAX)[0] > 0
        shares.append(float((changed > 255).sum() / max(inked.sum(), 0.05 * width)))
    busy = [share for share in shares if share > 0]
    return DisplayKind.SCROLL if busy and float(np.median(busy)) > 0.35 else DisplayKind.SWEEP
