"""Finds the ECG trace on a screen from a few frames: where it lies, how it is told from its background, how it moves.

    stills -> curves (wide connected ink) -> the one that moves and is spiked like an ECG -> `Screen`

All is done on brightness; a light theme is inverted first, so that ink is always bright. Of that only what is thin
counts (`relief`): light that falls on the screen is wide, and so are its frame and the room behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.reading import ByteArray, DisplayKind, FloatArray
from apps.ecg_rhythm.trace import edges

Float64 = npt.NDArray[np.float64]
Lane = tuple[int, int, int, int]

WIDE = 0.10
"""A connected piece of ink is part of a curve if it is wider than this share of the frame."""
INK_LEVELS = (0.4, 0.3, 0.2)
"""How bright ink must be, as a share of the brightest: first as for the text's own colour, then for darker traces."""
CURVE_STILLS = 10
"""Curves are looked for in about this many of the stills."""
LEAST_LEVEL = 12.0
"""Ink that stands out by less than this many grey levels is not stretched further."""
SPIKED = 8.0
"""A curve whose steepness has a kurtosis above this is like an ECG."""
GRAINY = 4.0
BRIGHT, MOST_STRETCH = 200.0, 8.0
THIN_SHARE = 32.0
"""A stroke is thinner than the picture's height over this."""
SPAN = 0.30
"""A curve's pieces together span at least this share of the frame."""


@dataclass(frozen=True)
class Still:
    """A frame kept for the probe: its time and a copy of its brightness."""

    time_s: float
    luma: ByteArray


def relief(luma: ByteArray, inverted: bool, thin: int) -> ByteArray:
    """How much each pixel is brighter (darker if `inverted`) than its surroundings: what is thinner than `thin`."""
    bright = cv2.bitwise_not(luma) if inverted else luma
    return np.asarray(cv2.morphologyEx(bright, cv2.MORPH_TOPHAT, np.ones((thin, thin), np.uint8)), np.uint8)


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


@dataclass(frozen=True)
class _Curve:
    box: Lane
    spikes: float
    moving: float


def find(stills: Sequence[Still]) -> Screen:
    """The screen whose curve is the likeliest to be an ECG. Raises `ReadingError` as `candidates` does."""
    return next(candidates(stills))


def candidates(stills: Sequence[Still]) -> Iterator[Screen]:
    """The screens of all curves that move, the likeliest ECG first; last those whose ink is the other way round: dark
    on light, or light on dark. Where none moves, that of a line that stands still.

    Raises `ReadingError` (`no_trace`) where there is no such curve.
    """
    if len(stills) < 2:
        raise ReadingError(ErrorCode.NO_TRACE, "The video has one frame only; film at least 5 seconds.")
    usual = _dark_ink(stills[0].luma)
    standing: Screen | None = None
    refusal = ReadingError(
        ErrorCode.NO_TRACE, "No trace was found on the screen; film the monitor from the front, filling the frame."
    )
    none = True
    for inverted in (usual, not usual):
        thin, bright = _reliefs([still.luma for still in stills], inverted)
        curves = _all_curves(bright)
        for curve in sorted((c for c in curves if c.moving > 0), key=lambda c: -c.spikes):
            none = False
            yield _screen(curve, curves, stills, inverted, thin)
        if inverted == usual and curves and none:
            best = max(curves, key=lambda c: c.spikes)
            if best.box[3] > STANDING * stills[0].luma.shape[0]:
                refusal = ReadingError(ErrorCode.NO_TRACE, "The picture stands still: a photo, or a frozen video.")
            else:
                standing = _screen(best, curves, stills, inverted, thin)
    if none and standing is not None:
        yield standing
    elif none:
        raise refusal


STANDING = 0.03
"""A curve higher than this share of the picture that stands still is no level line."""


def _all_curves(bright: list[ByteArray]) -> list[_Curve]:
    """The curves of the reliefs `bright`, in fainter ink where there is none like an ECG in brighter."""
    curves: list[_Curve] = []
    some = bright[:: max(1, len(bright) // CURVE_STILLS)]
    for level in INK_LEVELS:
        masks = [_ink_mask(image, level) for image in some]
        frames = _frames(masks)
        wide = [_wide_pieces(np.asarray(cv2.subtract(mask, frames), np.uint8)) for mask in masks]
        if frames.any() and not any(wide):
            wide = [_wide_pieces(mask) for mask in masks]  # a level line may stand as a frame does
        curves += [new for new in _curves(wide, bright) if not any(_same(new.box, old.box) for old in curves)]
        # Fainter ink would bring the screen's frame and the grid with it.
        if any(curve.moving > 0 and curve.spikes > SPIKED for curve in curves):
            break
    return curves


def _screen(curve: _Curve, curves: list[_Curve], stills: Sequence[Still], inverted: bool, thin: int) -> Screen:
    """The screen of one of its `curves`."""
    lane = _with_headroom(curve.box, [other.box for other in curves if other is not curve], stills[0].luma.shape)
    x, y, width, height = lane
    inner = slice(curve.box[1] - y, curve.box[1] - y + curve.box[3])
    crops = [relief(still.luma[y : y + height, x : x + width], inverted, thin) for still in stills]
    behind = grid_lines(crops, inner)
    ink = _ink(inverted, thin, crops, behind)
    lines = ((behind[0].astype(np.float64), behind[1].astype(np.float64)), _profiles(crops))
    if not curve.moving:
        return Screen(DisplayKind.SCROLL, lane, ink, lines, moves=False)
    kind = _kind(lane, ink, stills)
    full = [int(ink.of_relief(crop).any(axis=0).sum()) for crop in (crops[0], crops[len(crops) // 2])]
    return Screen(kind, lane, ink, lines, moves=True, grows=full[1] > 1.5 * full[0])


def _dark_ink(luma: ByteArray) -> bool:
    """Whether ink is darker than what lies behind it."""
    height, width = luma.shape
    middle = luma[height // 6 : height - height // 6 : 2, width // 6 : width - width // 6 : 2]
    dark, usual, light = (float(v) for v in np.percentile(middle, [0.5, 50, 99.5]))
    return usual - dark > light - usual


def _reliefs(lumas: Sequence[ByteArray], inverted: bool) -> tuple[int, list[ByteArray]]:
    """What counts as thin, and the stills' reliefs, stretched to BRIGHT."""
    thin = 2 * (round(lumas[0].shape[0] / THIN_SHARE) // 2) + 1
    some = lumas[:: max(1, len(lumas) // 6)]
    top = max(float(np.percentile(relief(luma, inverted, thin)[::2, ::2], 99.8)) for luma in some)
    stretch = min(BRIGHT / max(top, 1.0), MOST_STRETCH)
    made = [cv2.convertScaleAbs(relief(luma, inverted, thin), alpha=stretch) for luma in lumas]
    if stretch > 2.0:
        made = [cv2.GaussianBlur(image, (0, 0), 0.8) for image in made]
    return thin, [np.asarray(image, np.uint8) for image in made]


def _same(one: Lane, other: Lane) -> bool:
    """Whether two boxes share more than half of the lower one's height."""
    shared = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return shared > 0.5 * min(one[3], other[3])


def _ink_mask(bright: ByteArray, level: float) -> ByteArray:
    """Pixels that stand out by more than a share `level` of what the brightest lines of all stills do."""
    return np.asarray(cv2.threshold(bright, level * BRIGHT, 255, cv2.THRESH_BINARY)[1], np.uint8)


UPRIGHT, LEVEL = 0.5, 0.1
"""Ink that is upright over half of the picture's height is a cursor through all lanes, or a frame's side. Ink that
stands in all stills, level over a tenth of the picture's width, is a frame's top. A QRS complex is less high."""


def _frames(masks: list[ByteArray]) -> ByteArray:
    """The straight and level lines that stand in all of `masks`."""
    standing = masks[0].copy()
    for mask in masks[1:]:
        standing = cv2.min(standing, mask)
    level = cv2.morphologyEx(standing, cv2.MORPH_OPEN, np.ones((1, round(LEVEL * standing.shape[1])), np.uint8))
    return np.asarray(cv2.dilate(level, np.ones((3, 3), np.uint8)), np.uint8)


def _wide_pieces(mask: ByteArray) -> list[tuple[Lane, ByteArray]]:
    """Bounding boxes and masks of connected ink as wide as a curve: text and numbers are narrower."""
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 3), np.uint8))
    upright = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((max(3, round(UPRIGHT * len(mask))), 1), np.uint8))
    if upright.any():
        closed = cv2.subtract(closed, cv2.dilate(upright, np.ones((1, 3), np.uint8)))
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
        curves.append(_Curve(box, _spikes(box, wide, len(bright[0])), _movement(box, bright)))
    return curves


def _spikes(box: Lane, wide: list[list[tuple[Lane, ByteArray]]], tall: int) -> float:
    """How unevenly the curve's steepness is spread: QRS complexes are short and steep, pulse and breath are not.

    As much of it as the curve's narrow peaks are of its height: a square wave is steep but has none.
    """
    if box[3] < max(6.0, 0.01 * box[2]):
        return 0.0  # level: what is steep about it is the pixels' own
    steepness, peaks = [], []
    for pieces in wide[:: max(1, len(wide) // 8)]:
        for (_x, y, _width, height), mask in pieces:
            if y >= box[1] and y + height <= box[1] + box[3]:
                middle = edges(mask * np.uint8(255)).middle
                middle = middle[np.isfinite(middle)]
                steepness.append(np.abs(np.diff(middle)))
                peaks.append(_narrow(middle, box[2]))
    if not steepness:
        return 0.0
    slopes = np.concatenate(steepness)
    spiked = float((slopes**4).mean() / max((slopes**2).mean() ** 2, 1e-6)) if len(slopes) else 0.0
    peak = float(np.median(peaks))
    return spiked * min(1.0, peak / (ENOUGH * box[3])) * min(1.0, peak / (TALL * tall))


NARROW, ENOUGH, TALL = 0.035, 0.4, 0.06
"""A peak is narrow if it is less wide than this share of the curve, and high enough at ENOUGH of its height and TALL of
the picture's: of two leads the larger is read."""


def _narrow(middle: Float64, width: int) -> float:
    """Height of a stretch of curve's highest narrow peaks, up or down, in pixels."""
    size = max(3, round(NARROW * width))
    if len(middle) < 2 * size:
        return 0.0
    up = middle - ndimage.grey_opening(middle, size)
    down = ndimage.grey_closing(middle, size) - middle
    return float(np.percentile(np.maximum(up, down), 99))


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


def _ink(inverted: bool, thin: int, crops: list[ByteArray], lines: tuple[ByteArray, ByteArray]) -> Ink:
    crossing = np.maximum(lines[0][:, None], lines[1][None, :]).astype(np.int16) + 2
    behind = np.asarray(crossing.clip(0, 255), np.uint8)
    brightest = np.partition(np.stack(crops[-8:]), -2, axis=0)[-2]
    tops = cv2.subtract(np.asarray(brightest, np.uint8), behind).max(axis=0).astype(np.float64)
    # Light falls unevenly: each part of the lane has a brightness of its own.
    reach = max(len(tops) // 8, 16)
    level = ndimage.gaussian_filter1d(ndimage.median_filter(tops, reach, mode="nearest"), reach / 3, mode="nearest")
    gain = np.broadcast_to((255.0 / np.maximum(level, LEAST_LEVEL)).astype(np.float32), behind.shape)
    plain = Ink(inverted, thin, behind, np.ascontiguousarray(gain))
    text = _standing_text([plain.of_relief(crop) for crop in crops])
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
        if across <= 9 and down <= 5:
            continue  # a speck where grid lines cross
        piece = labels[top : top + down, left : left + across] == label
        # What touches the trace in some still is the trace where it never moved.
        alone = all(_alone(ink, left, top, across, down) for ink in inks[:: max(1, len(inks) // 6)])
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
