"""Paper over which a camera is panned: told from screens, joined by `mosaic`, and turned into the strip that is read.

stills -> does the grid go with the ink? -> a pan
joined pictures -> the grid taken off, one curve left -> its strip; time and millivolts from squares and pulse
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from apps.ecg_rhythm import lattice, pulse, tape
from apps.ecg_rhythm.calibration import MM_PER_MV, SPEEDS_MM_PER_S, Scale
from apps.ecg_rhythm.curves import dark_ink, spiked
from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.mosaic import Follower, View, move
from apps.ecg_rhythm.pulse import Pulse
from apps.ecg_rhythm.reading import ByteArray, FloatArray
from apps.ecg_rhythm.tape import Strip
from apps.ecg_rhythm.trace import edges, traced

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

MM_PER_S = 25.0
"""The paper's speed where nothing tells it."""
LOOKS_HZ = 12.0
"""So many pictures a second are joined: each point is seen for seconds, as long as the camera is not torn away."""
TOO_LONG = "the strip is longer than can be joined: its rest is not read"
LEAST_MOVE = 0.05
"""A camera that moves by less than this share of the picture in the first seconds is not panned."""
LEAST_REACH = 0.15
"""A camera that went along the paper by less than this share of the picture's width was not panned."""
STILLS = 12
FAITHFUL = 0.1
"""By how much better grids must agree where the ink moved than where they stood."""


def panned(stills: Sequence[ByteArray]) -> bool:
    """Whether these pictures of a video's first seconds, in order, show paper with a grid that moves as its ink does.

    On a screen the grid stands, whatever the curve does; a photo does not move at all.
    """
    if len(stills) < 2 or not dark_ink(stills[0]):
        return False
    width = stills[0].shape[1]
    views = [View.of(still) for still in stills[:: max(1, len(stills) // STILLS)]]
    reduced = [view.reduced for view in views]
    window = np.asarray(cv2.createHanningWindow(reduced[0].shape[::-1], cv2.CV_32F), np.float32)
    moves = [move(one, two, window)[0] for one, two in pairwise(reduced)]
    way = np.cumsum([np.zeros(2), *moves], axis=0)
    if float(np.ptp(way[:, 0])) < LEAST_MOVE * width:
        return False
    gains = [
        _agreement(one.lines, two.lines, by) - _agreement(one.lines, two.lines, np.zeros(2))
        for (one, two), by in zip(pairwise(views), moves, strict=True)
        if np.abs(by).max() > 0.005 * width
    ]
    if not gains or float(np.median(gains)) < FAITHFUL:
        return False
    for still, view in zip(stills[:: max(1, len(stills) // STILLS)], views, strict=True):
        if Follower().begin(still, view) is not None:
            return True
    return False


def _agreement(one: Float32, two: Float32, by: Float64) -> float:
    """Correlation of two pictures' lines once the second is moved back `by` pixels, give or take a few."""
    height, width = one.shape
    reach = 4
    x, y = (round(float(v)) for v in by)
    left, top = max(0, -x) + width // 8, max(0, -y) + height // 8
    right, bottom = min(width, width - x) - width // 8, min(height, height - y) - height // 8
    if right - left < width // 4 or bottom - top < height // 4:
        return 0.0
    part = one[top:bottom, left:right]
    around = two[top + y - reach : bottom + y + reach, left + x - reach : right + x + reach]
    return float(cv2.matchTemplate(around, part, cv2.TM_CCOEFF_NORMED).max())


@dataclass(frozen=True)
class Curve:
    """The curve on joined paper: its strip begins at column `left` and row `top` of it, `scale` pixels a millimetre."""

    strip: Strip
    left: float
    top: float
    scale: int
    mm_per_s: float
    pulse: Pulse | None

    def heights(self) -> tuple[FloatArray, FloatArray]:
        """Heights, pixels upwards, and confidence at `tape.RATE_HZ`, from the curve's first column on."""
        return tape.sampled(tape.read(self.strip), 0.0, float(self.strip.time_s[-1]))

    def amplitude(self, heights: FloatArray) -> Scale:
        """What the heights are in millivolts, and what that is taken from."""
        readable = heights[np.isfinite(heights)]
        offset = float(np.median(readable)) if len(readable) else 0.0
        if self.pulse is None:
            said = (
                f"amplitude from the grid, {MM_PER_MV:g} mm/mV assumed; 0 mV set at the trace's median",
                f"time from the grid, {self.mm_per_s:g} mm/s assumed: nothing that is read tells the paper's speed",
            )
            return Scale("mV", True, offset, MM_PER_MV * self.scale, said)
        mm = self.pulse.height_mm / pulse.MILLIVOLTS
        by = "by the pulse's length" if _speed(self.pulse) else "assumed: the pulse has no usual length"
        said = (
            f"amplitude from a calibration pulse, {mm:.1f} mm/mV; 0 mV set at the trace's median",
            f"time from the grid, {self.mm_per_s:g} mm/s {by}",
        )
        return Scale("mV", True, offset, mm * self.scale, said)

    def points(self, heights: FloatArray, place: Float64 | None, size: tuple[int, int]) -> FloatArray:
        """The curve as it lies in a picture of `size` (width, height) at `place`, [n, 2] of its pixels, NaN in gaps.

        Without a place there is none.
        """
        if place is None:
            return np.zeros((0, 2), np.float32)
        columns = np.arange(len(heights)) / tape.RATE_HZ * self.strip.speed + self.left
        known = np.isfinite(heights)
        on_paper = np.stack([columns, self.top - np.where(known, heights, 0.0)], axis=1)
        seen = cv2.perspectiveTransform(on_paper[:, None].astype(np.float64), np.linalg.inv(place))[:, 0]
        inside = ((seen >= 0) & (seen < np.array(size))).all(axis=1)
        seen[~known] = np.nan
        return np.asarray(seen[inside], np.float32)


def lane(points: FloatArray) -> tuple[int, int, int, int]:
    """The box about a curve's points in a picture: x, y, width, height."""
    known = points[np.isfinite(points).all(axis=1)]
    if not len(known):
        return 0, 0, 0, 0
    left, top = np.floor(known.min(axis=0)).astype(int)
    right, bottom = np.floor(known.max(axis=0)).astype(int) + 1
    return int(left), int(top), int(right - left), int(bottom - top)


def _speed(found: Pulse) -> float | None:
    """Paper speed by the pulse's length, where that is a usual one."""
    speed = found.length_mm / pulse.SECONDS
    usual = min(SPEEDS_MM_PER_S, key=lambda known: abs(speed / known - 1.0))
    return usual if abs(speed / usual - 1.0) < 0.12 else None


def went_on(joined: Follower, width: int) -> bool:
    """Whether the camera went along the paper, pictures being `width` wide: else it is a photo, or no paper."""
    return joined.reach_mm() * joined.scale >= LEAST_REACH * width


def curve(joined: Follower) -> Curve:
    """The curve on what was joined. Raises `ReadingError` where there is none."""
    scale = joined.scale
    if len(joined.places) < 3 or joined.lost > 0.5 * (joined.lost + len(joined.places)):
        raise ReadingError(ErrorCode.NO_TRACE, "The pictures of the paper do not join; pan slowly along the strip.")
    ink = _ink(joined)
    box, kept = _one_curve(ink, scale)
    x, y, across, down = box
    room = round(ROOM_MM * scale)
    top, bottom = max(0, y - room), min(len(ink), y + down + room)
    image = np.where(kept, ink, 0)[top:bottom, x : x + across].astype(np.uint8)
    found = pulse.find(traced(image), float(scale))
    first, last = 0, across
    if found is not None:
        # The pulse is no heart beat: the trace is what lies on the longer side of it.
        aside = max(1, round(0.5 * scale))
        first, last = (found.last + aside, across) if found.first < across - found.last else (0, found.first - aside)
    mm_per_s = (found and _speed(found)) or MM_PER_S
    speed = scale * mm_per_s
    looked = joined.paper.looks[top:bottom, x + first : x + last].max(axis=0) > 0
    columns = np.flatnonzero(looked)
    strip = Strip(image[:, first:last][:, columns], columns / speed, float(speed), None)
    paper = joined.paper
    return Curve(strip, float(paper.left + x + first), float(paper.top + top), scale, mm_per_s, found)


ROOM_MM = 3.0
TEXT_MM = 1.5
"""Ink further than this from the curve, above or below, is not part of it."""
LEAST_INK = 36


def _ink(joined: Follower) -> ByteArray:
    """Ink, 0 to 255, of all that was joined, without the grid."""
    looks = joined.paper.looks
    mean = np.asarray(joined.paper.sum / np.maximum(looks, 1.0), np.float32)
    behind = _grid(mean, looks > 0, joined.scale * lattice.LARGE_MM)
    tops = (mean - behind).max(axis=0)
    reach = 4 * lattice.LARGE_MM * joined.scale
    level = ndimage.gaussian_filter1d(ndimage.median_filter(tops, reach, mode="nearest"), reach / 3, mode="nearest")
    usual = float(np.percentile(tops[tops > 0], 80)) if (tops > 0).any() else 255.0
    full = np.maximum(level, 0.5 * usual)[None, :]
    # Ink hides the grid: where it crosses a line it stands out from that by less, and is no less ink.
    ink = cv2.convertScaleAbs(255.0 * np.maximum(mean - behind, 0.0) / np.maximum(full - behind, 0.3 * full))
    return np.asarray(cv2.threshold(ink, LEAST_INK, 255, cv2.THRESH_TOZERO)[1], np.uint8)


def _grid(mean: Float32, seen: npt.NDArray[np.bool_], cell: int) -> Float32:
    """What the grid alone looks like: the median of all large squares, laid out again."""
    height, width = mean.shape
    down, across = height // cell, width // cell
    cells = mean[: down * cell, : across * cell].reshape(down, cell, across, cell).transpose(0, 2, 1, 3)
    whole = seen[: down * cell, : across * cell].reshape(down, cell, across, cell).all(axis=(1, 3))
    blank = cells.mean(axis=(2, 3)) > 0.5 * np.median(cells[whole].mean(axis=(1, 2))) if whole.any() else whole
    usual = cells[whole & blank]
    square = np.median(usual, axis=0) if len(usual) else np.zeros((cell, cell))
    return np.tile(square, (down + 1, across + 1))[:height, :width].astype(np.float32)


def _one_curve(ink: ByteArray, scale: int) -> tuple[tuple[int, int, int, int], npt.NDArray[np.bool_]]:
    """The most spiked of the wide curves: its box, and which pixels are its own."""
    mask = np.asarray(
        cv2.morphologyEx((ink > 100).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8
    )
    _count, labels, stats, _centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    wide = [
        label
        for label in range(1, len(stats))
        if stats[label][2] > WIDE_MM * scale and stats[label][3] < 0.8 * len(ink)
    ]
    if not wide:
        raise ReadingError(ErrorCode.NO_TRACE, "No curve was found on the paper; film it from above, near enough.")
    main = max(wide, key=lambda label: _spikes(ink, labels, stats[label], label) * stats[label][2])
    x, y, across, down = (int(v) for v in stats[main][:4])
    # Its other pieces lie beside it, at its height.
    pieces = [main]
    for label in wide:
        left, top, width, height = (int(v) for v in stats[label][:4])
        shared = min(y + down, top + height) - max(y, top)
        if (
            label != main
            and shared > 0.4 * min(down, height)
            and (left >= x + across - scale or left + width <= x + scale)
        ):
            pieces.append(label)
    own = np.isin(labels, pieces).astype(np.uint8)
    near = cv2.dilate(own, np.ones((2 * round(TEXT_MM * scale) + 1, 3), np.uint8)) > 0
    touched = np.unique(labels[near & (labels > 0)])
    kept = np.isin(labels, touched) | (near & (labels == 0))
    boxes = np.array([stats[label][:4] for label in pieces])
    left, top = boxes[:, 0].min(), boxes[:, 1].min()
    right, bottom = (boxes[:, 0] + boxes[:, 2]).max(), (boxes[:, 1] + boxes[:, 3]).max()
    return (int(left), int(top), int(right - left), int(bottom - top)), kept


WIDE_MM = 20.0


def _spikes(ink: ByteArray, labels: npt.NDArray[np.int32], stat: npt.NDArray[np.int32], label: int) -> float:
    """How `spiked` one of the labelled curves is."""
    x, y, width, height = (int(v) for v in stat[:4])
    part = np.where(labels[y : y + height, x : x + width] == label, ink[y : y + height, x : x + width], 0)
    middle = edges(part.astype(np.uint8)).middle
    return spiked(np.abs(np.diff(middle[np.isfinite(middle)])))


def place_of(places: Mapping[int, Float64], number: int) -> Float64 | None:
    """Where picture `number` lies: as it was laid, or between its neighbours that were, if they are near."""
    before = max((n for n in places if n <= number), default=None)
    after = min((n for n in places if n >= number), default=before)
    if before is None or after is None or after - before > NEAR or number - before > NEAR:
        return None
    share = (number - before) / max(after - before, 1)
    one, two = (places[n] / places[n][2, 2] for n in (before, after))
    return np.asarray((1 - share) * one + share * two, np.float64)


NEAR = 12
"""Pictures between two that were laid, at most, for those between to lie between them."""
