"""The curves in a few frames of a screen: wide connected ink, how it is spiked, whether it moves.

    stills -> reliefs -> masks of ink, without frames -> pieces as wide as a curve -> grouped by height

All is done on brightness; a light theme is inverted first, so that ink is always bright. Of that only what is thin
counts (`relief`): light that falls on the screen is wide, and so are its frame and the room behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from apps.ecg_rhythm.reading import ByteArray
from apps.ecg_rhythm.trace import edges

Float64 = npt.NDArray[np.float64]
Lane = tuple[int, int, int, int]

WIDE = 0.10
"""A connected piece of ink is part of a curve if it is wider than this share of the frame."""
INK_LEVELS = (0.4, 0.3, 0.2)
"""How bright ink must be, as a share of the brightest: first as for the text's own colour, then for darker traces."""
CURVE_STILLS = 10
"""Curves are looked for in about this many of the stills."""
SPIKED = 8.0
"""A curve whose steepness has a kurtosis above this is like an ECG."""
BRIGHT, MOST_STRETCH = 200.0, 8.0
THIN_SHARE = 32.0
"""A stroke is thinner than the picture's height over this."""
SPAN = 0.30
"""A curve's pieces together span at least this share of the frame."""


def relief(luma: ByteArray, inverted: bool, thin: int) -> ByteArray:
    """How much each pixel is brighter (darker if `inverted`) than its surroundings: what is thinner than `thin`."""
    bright = cv2.bitwise_not(luma) if inverted else luma
    return np.asarray(cv2.morphologyEx(bright, cv2.MORPH_TOPHAT, np.ones((thin, thin), np.uint8)), np.uint8)


def dark_ink(luma: ByteArray) -> bool:
    """Whether what stands out in the picture's middle is darker than what lies behind it."""
    height, width = luma.shape
    middle = luma[height // 6 : height - height // 6 : 2, width // 6 : width - width // 6 : 2]
    dark, usual, light = (float(v) for v in np.percentile(middle, [0.5, 50, 99.5]))
    return usual - dark > light - usual


def thinnest(luma: ByteArray) -> int:
    """Pixels that no stroke in this picture is as wide as; odd."""
    height: int = luma.shape[0]
    return 2 * (round(height / THIN_SHARE) // 2) + 1


def spiked(slopes: Float64) -> float:
    """How unevenly a curve's steepness [n] is spread, as a kurtosis: QRS complexes are short and steep."""
    return float((slopes**4).mean() / max((slopes**2).mean() ** 2, 1e-6)) if len(slopes) else 0.0


@dataclass(frozen=True)
class Curve:
    """A curve's `box`, how like an ECG it is spiked, and in what share of its columns anything moves.

    `peak`: the height of its narrow peaks, pixels.
    """

    box: Lane
    spikes: float
    moving: float
    peak: float


def find(bright: list[ByteArray]) -> list[Curve]:
    """The curves of the reliefs `bright`, in fainter ink where there is none like an ECG in brighter."""
    curves: list[Curve] = []
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


def reliefs(lumas: Sequence[ByteArray], inverted: bool) -> tuple[int, list[ByteArray]]:
    """What counts as thin, and the stills' reliefs, stretched to BRIGHT."""
    thin = thinnest(lumas[0])
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


UPRIGHT, LEVEL, ALIKE = 0.5, 0.1, 4
"""Ink that is upright over half of the picture's height is a cursor through all lanes, or a frame's side. Ink that
stands in all stills, level over a tenth of the picture's width, may be a frame's top, if another line begins and ends
within ALIKE pixels of where it does."""


def _frames(masks: list[ByteArray]) -> ByteArray:
    """The level lines that stand in all of `masks` above each other, as a frame's top and bottom do."""
    standing = masks[0].copy()
    for mask in masks[1:]:
        standing = cv2.min(standing, mask)
    level = cv2.morphologyEx(standing, cv2.MORPH_OPEN, np.ones((1, round(LEVEL * standing.shape[1])), np.uint8))
    count, labels, stats, _centres = cv2.connectedComponentsWithStats(level, connectivity=8)
    ends = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_LEFT] + stats[:, cv2.CC_STAT_WIDTH]
    alike = np.maximum(*(np.abs(end[:, None] - end[None, :]) for end in ends)) <= ALIKE
    framing = alike[1:, 1:].sum(axis=0) > 1 if count > 1 else np.zeros(0, bool)
    frames = np.asarray(np.isin(labels, np.flatnonzero(framing) + 1) * 255, np.uint8)
    return np.asarray(cv2.dilate(frames, np.ones((3, 3), np.uint8)), np.uint8)


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


def _curves(wide: list[list[tuple[Lane, ByteArray]]], bright: list[ByteArray]) -> list[Curve]:
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
        box = _to_its_ends((left, top, right - left, bottom - top), bright)
        spikes, peak = _spikes(box, wide, len(bright[0]))
        curves.append(Curve(box, spikes, _movement(box, bright), peak))
    return curves


LOWER = 0.5
"""Peaks lower than this share of another curve's count less: a pulse falls steeply where a beat comes early."""


def likeliest(curves: Sequence[Curve]) -> list[Curve]:
    """The curves that move, the likeliest ECG first: it is spiked, and its spikes are high among the others'."""
    moving = [curve for curve in curves if curve.moving > 0]
    highest = max((curve.peak for curve in moving), default=0.0)
    return sorted(moving, key=lambda c: -c.spikes * min(1.0, c.peak / max(LOWER * highest, 1.0)))


ENDS = 0.02
"""A curve goes on for at most this share of its width where its last columns did not join up with the rest."""
FAINTEST = 0.25
"""Ink of such columns, as a share of the brightest; it is there in ALWAYS of the stills."""
ALWAYS = 0.6


def _to_its_ends(box: Lane, bright: list[ByteArray]) -> Lane:
    """The box with the columns at its sides in which the curve goes on: five pixels lost make a scroll 50 ms late.

    What stands there and never moves is a frame.
    """
    x, y, width, height = box
    reach = round(ENDS * width)
    lane = [image[y : y + height] for image in bright]
    before = _goes_on([rows[:, max(0, x - reach) : x][:, ::-1] for rows in lane])
    after = _goes_on([rows[:, x + width : x + width + reach] for rows in lane])
    return x - before, y, width + before + after, height


def _goes_on(beside: list[ByteArray]) -> int:
    """Over how many columns a curve goes on in what lies beside it in each still, nearest first.

    One or two are the soft end of a stroke, and none.
    """
    seen = np.stack(beside)
    inked = (seen.max(axis=1) > FAINTEST * BRIGHT).mean(axis=0) > ALWAYS
    moving = (np.ptp(seen, axis=0) > FAINTEST * BRIGHT).any(axis=0)
    steps = int(np.append(inked & moving, False).argmin())
    return steps if steps > 2 else 0


def _spikes(box: Lane, wide: list[list[tuple[Lane, ByteArray]]], tall: int) -> tuple[float, float]:
    """How unevenly the curve's steepness is spread, and the height of its narrow peaks: QRS complexes are short and
    steep, pulse and breath are not.

    As much of it as the curve's narrow peaks are of its height: a square wave is steep but has none.
    """
    if box[3] < max(6.0, 0.01 * box[2]):
        return 0.0, 0.0  # level: what is steep about it is the pixels' own
    steepness, peaks = [], []
    for pieces in wide[:: max(1, len(wide) // 8)]:
        for (_x, y, _width, height), mask in pieces:
            if y >= box[1] and y + height <= box[1] + box[3]:
                middle = edges(mask * np.uint8(255)).middle
                middle = middle[np.isfinite(middle)]
                steepness.append(np.abs(np.diff(middle)))
                peaks.append(_narrow(middle, box[2]))
    if not steepness:
        return 0.0, 0.0
    peak = float(np.median(peaks))
    high = min(1.0, peak / (ENOUGH * box[3])) * min(1.0, peak / (TALL * tall))
    return spiked(np.concatenate(steepness)) * high, peak


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
