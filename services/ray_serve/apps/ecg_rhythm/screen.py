"""Finds the ECG trace on a screen from a few frames: where it lies, how it is told from its background, how it moves.

    stills -> curves (wide connected ink) -> the one that moves and is spiked like an ECG -> `Screen`

All is done on brightness; a light theme is inverted first, so that ink is always bright.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.reading import ByteArray, DisplayKind
from apps.ecg_rhythm.trace import edges

Lane = tuple[int, int, int, int]

WIDE = 0.10
"""A connected piece of ink is part of a curve if it is wider than this share of the frame."""
INK_LEVELS = (0.4, 0.3, 0.2)
"""How bright ink must be, as a share of the brightest: first as for the text's own colour, then for darker traces."""
CURVE_STILLS = 10
"""Curves are looked for in about this many of the stills."""
SPAN = 0.30
"""A curve's pieces together span at least this share of the frame."""


@dataclass(frozen=True)
class Still:
    """A frame kept for the probe: its time and a copy of its brightness."""

    time_s: float
    luma: ByteArray


@dataclass(frozen=True)
class Ink:
    """How the trace is told from what lies behind it, within the lane.

    `inverted`: dark ink on light; `behind`: [height, width] brightness without the trace (grid and text included);
    `gain`: what turns a difference into ink from 0 to 255.
    """

    inverted: bool
    behind: ByteArray
    gain: float

    def of(self, luma: ByteArray) -> ByteArray:
        """Ink, 0 to 255, in a crop of the lane; faint ink counts as none."""
        bright = cv2.bitwise_not(luma) if self.inverted else luma
        ink = cv2.convertScaleAbs(cv2.subtract(bright, self.behind), alpha=self.gain)
        return np.asarray(cv2.threshold(ink, 36, 255, cv2.THRESH_TOZERO)[1], np.uint8)


@dataclass(frozen=True)
class Screen:
    """The trace's lane (x, y, width, height), its ink, how it moves; `moves` is False for a line that stands still.

    `lines`: brightness of each row and each column of the lane without the trace, where grid lines stand out.
    """

    kind: DisplayKind
    lane: Lane
    ink: Ink
    lines: tuple[ByteArray, ByteArray]
    moves: bool

    def crop(self, luma: ByteArray) -> ByteArray:
        """The lane's part of a frame."""
        x, y, width, height = self.lane
        return np.ascontiguousarray(luma[y : y + height, x : x + width])


@dataclass(frozen=True)
class _Curve:
    box: Lane
    spikes: float
    moving: float


def find(stills: Sequence[Still]) -> Screen:
    """The ECG trace's screen. Raises `ReadingError` (`no_trace`) where no curve moves as a trace does."""
    if len(stills) < 2:
        raise ReadingError(ErrorCode.NO_TRACE, "The video has one frame only; film at least 5 seconds.")
    inverted = float(np.median(stills[0].luma)) > 127
    bright = [cv2.bitwise_not(s.luma) if inverted else s.luma for s in stills]
    curves: list[_Curve] = []
    some = bright[:: max(1, len(bright) // CURVE_STILLS)]
    for level in INK_LEVELS:
        wide = [_wide_pieces(_ink_mask(image, level)) for image in some]
        curves += [new for new in _curves(wide, bright) if not any(_same(new.box, old.box) for old in curves)]
    if not curves:
        raise ReadingError(
            ErrorCode.NO_TRACE, "No trace was found on the screen; film the monitor from the front, filling the frame."
        )
    moving = [curve for curve in curves if curve.moving > 0]
    best = max(moving or curves, key=lambda curve: curve.spikes)
    lane = _with_headroom(best.box, [curve.box for curve in curves if curve is not best], bright[0].shape)
    x, y, width, height = lane
    inner = slice(best.box[1] - y, best.box[1] - y + best.box[3])
    lines = grid_lines([image[y : y + height, x : x + width] for image in bright], inner)
    ink = _ink(lane, inverted, bright, lines)
    if not moving:
        if best.box[3] > 0.03 * bright[0].shape[0]:
            raise ReadingError(ErrorCode.NO_TRACE, "The picture stands still: a photo, or a frozen video.")
        return Screen(DisplayKind.SCROLL, lane, ink, lines, moves=False)
    kind = _kind(lane, ink, stills)
    return Screen(kind, lane, ink, lines, moves=True)


def _same(one: Lane, other: Lane) -> bool:
    """Whether two boxes share more than half of the lower one's height."""
    shared = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return shared > 0.5 * min(one[3], other[3])


def _ink_mask(bright: ByteArray, level: float) -> ByteArray:
    """Pixels that stand out from the screen by more than a share `level` of what its brightest lines do."""
    behind, top = (float(v) for v in np.percentile(bright[::3, ::3], [50, 99.7]))
    if top - behind < 30:
        return np.zeros_like(bright)
    return np.asarray(cv2.threshold(bright, behind + level * (top - behind), 255, cv2.THRESH_BINARY)[1], np.uint8)


def _wide_pieces(mask: ByteArray) -> list[tuple[Lane, ByteArray]]:
    """Bounding boxes and masks of connected ink as wide as a curve: text and numbers are narrower."""
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 3), np.uint8))
    _count, labels, stats, _centres = cv2.connectedComponentsWithStats(closed, connectivity=8)
    pieces = []
    for label in np.flatnonzero(stats[1:, cv2.CC_STAT_WIDTH] > WIDE * mask.shape[1]) + 1:
        x, y, width, height, area = (int(v) for v in stats[label])
        # A filled area or a lattice of grid lines is no curve: its columns hold ink from top to bottom.
        if height < 0.8 * mask.shape[0] and area < 0.35 * width * max(height, 24):
            part = labels[y : y + height, x : x + width] == label
            pieces.append(((x, y, width, height), (part & (mask[y : y + height, x : x + width] > 0)).astype(np.uint8)))
    return pieces


def _curves(wide: list[list[tuple[Lane, ByteArray]]], bright: list[ByteArray]) -> list[_Curve]:
    """Group the pieces of all frames by height into curves, and describe each."""
    boxes = sorted((box for pieces in wide for box, _mask in pieces), key=lambda box: box[1] + box[3] / 2)
    groups: list[list[Lane]] = []
    for box in boxes:
        for group in groups:
            low = np.median([b[1] for b in group])
            high = np.median([b[1] + b[3] for b in group])
            if min(high, box[1] + box[3]) - max(low, box[1]) > 0.4 * min(high - low, box[3]):
                group.append(box)
                break
        else:
            groups.append([box])
    curves = []
    for group in groups:
        left, right = min(b[0] for b in group), max(b[0] + b[2] for b in group)
        if right - left < SPAN * bright[0].shape[1] or len(group) < 0.5 * len(wide):
            continue
        top, bottom = min(b[1] for b in group), max(b[1] + b[3] for b in group)
        box = (left, top, right - left, bottom - top)
        curves.append(_Curve(box, _spikes(box, wide), _movement(box, bright)))
    return curves


def _spikes(box: Lane, wide: list[list[tuple[Lane, ByteArray]]]) -> float:
    """How unevenly the curve's steepness is spread: QRS complexes are short and steep, pulse and breath are not."""
    steepness = []
    for pieces in wide[:: max(1, len(wide) // 8)]:
        for (_x, y, _width, height), mask in pieces:
            if y >= box[1] and y + height <= box[1] + box[3]:
                middle = edges(mask * np.uint8(255)).middle
                steepness.append(np.abs(np.diff(middle[np.isfinite(middle)])))
    if not steepness:
        return 0.0
    slopes = np.concatenate(steepness)
    return float((slopes**4).mean() / max((slopes**2).mean() ** 2, 1e-6)) if len(slopes) else 0.0


def _movement(box: Lane, bright: list[ByteArray]) -> float:
    """Share of the lane's columns in which anything changed over the stills by as much as ink does."""
    x, y, width, height = box
    crops = [image[y : y + height, x : x + width] for image in bright]
    low, high = crops[0].copy(), crops[0].copy()
    for crop in crops[1:]:
        low, high = cv2.min(low, crop), cv2.max(high, crop)
    span = cv2.subtract(high, low)
    changed = (span > 0.35 * max(float(np.percentile(high, 99)) - float(np.median(low)), 40)).any(axis=0)
    share = float(changed.mean())
    return share if share > 0.02 else 0.0


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


def _ink(lane: Lane, inverted: bool, bright: list[ByteArray], lines: tuple[ByteArray, ByteArray]) -> Ink:
    x, y, width, height = lane
    crops = [np.ascontiguousarray(image[y : y + height, x : x + width]) for image in bright]
    crossing = np.maximum(lines[0][:, None], lines[1][None, :]).astype(np.int16) + 4
    behind = np.asarray(crossing.clip(0, 255), np.uint8)
    brightest = np.partition(np.stack(crops[-8:]), -2, axis=0)[-2]
    level = float(np.median(cv2.subtract(np.asarray(brightest, np.uint8), behind).max(axis=0)))
    plain = Ink(False, behind, 255.0 / max(level, 20.0))
    text = _standing_text([plain.of(crop) for crop in crops])
    return Ink(inverted, np.asarray(np.where(text > 0, 255, behind), np.uint8), plain.gain)


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
    return rows.astype(np.uint8), columns.astype(np.uint8)


def _standing_text(inks: list[ByteArray]) -> ByteArray:
    """Ink that is there in every still and in narrow pieces only, with a margin: labels, not a level trace."""
    always = inks[0].copy()
    for ink in inks[1:]:
        always = cv2.min(always, ink)
    mask = cv2.dilate(np.asarray(always > 0, np.uint8), np.ones((3, 7), np.uint8))
    _count, labels, stats, _centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    text = np.zeros_like(mask)
    for label in range(1, len(stats)):
        left, top, across, down = (int(v) for v in stats[label][:4])
        piece = labels[top : top + down, left : left + across] == label
        # What touches the trace in some still is the trace where it never moved.
        alone = all(_alone(ink, left, top, across, down) for ink in inks[:: max(1, len(inks) // 6)])
        if across < 0.4 * mask.shape[1] and alone:
            text[top : top + down, left : left + across][piece] = 255
    return np.asarray(text, np.uint8)


def _alone(ink: ByteArray, left: int, top: int, across: int, down: int) -> bool:
    """Whether nothing inked runs out of a box to its left or right."""
    rows = slice(max(0, top - 1), top + down + 1)
    before, after = ink[rows, max(0, left - 3) : left], ink[rows, left + across : left + across + 3]
    return not before.any() and not after.any()


def _kind(lane: Lane, ink: Ink, stills: Sequence[Still]) -> DisplayKind:
    """Between two frames a sweep changes near its bar only, a scroll wherever there is trace that is not level."""
    x, y, width, height = lane
    shares = []
    for first, second in pairwise(stills):
        if not 0 < second.time_s - first.time_s < 0.4:
            continue
        one, two = (ink.of(np.ascontiguousarray(s.luma[y : y + height, x : x + width])) for s in (first, second))
        changed = cv2.reduce(cv2.absdiff(one, two), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F)[0]
        inked = cv2.reduce(cv2.max(one, two), 0, cv2.REDUCE_MAX)[0] > 0
        shares.append(float((changed > 255).sum() / max(inked.sum(), 0.05 * width)))
    busy = [share for share in shares if share > 0]
    return DisplayKind.SCROLL if busy and float(np.median(busy)) > 0.35 else DisplayKind.SWEEP
