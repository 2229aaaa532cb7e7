"""Joins the pictures of a paper over which a camera is moved: each is laid where its grid says, and all are averaged.

The ink says how far the picture moved since the last one, to a millimetre or two; the grid, which repeats itself and
could not have told that, says it to a hundredth. So no error adds up along the strip: its squares are counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm import lattice
from apps.ecg_rhythm.curves import relief, thinnest
from apps.ecg_rhythm.lattice import TILE_MM, Window
from apps.ecg_rhythm.reading import ByteArray

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

GRID_SHARE = 90.0
"""What stands out more than this percentile of a picture is ink: the grid's strong lines are a tenth of it."""
LARGEST_SCALE = 8
"""Pixels a millimetre that are enough for 200 columns a second at 25 mm/s."""
MOST_PIXELS = 16_000_000
"""What a strip may take: with what reads it some 400 MB, for 108 s at 25 mm/s of a 1080p picture."""
SURE_MOVE = 0.05
"""Least peak of the phase correlation of two pictures' ink."""
FITS, FITS_AT_ONCE = 0.45, 0.7
"""Correlation of a picture's ink with what is there already: at least, and where no square beside is tried."""
REDUCED = 2
SPARE = (0, 256)
"""Pixels more than needed by which the paper grows, down and along."""


@dataclass(frozen=True)
class View:
    """What is told apart in a picture, by how much pixels stand out: `lines`, up to what grids do, and the ink."""

    relief: ByteArray
    lines: Float32
    ink: Float32

    @classmethod
    def of(cls, luma: ByteArray) -> View:
        """Of dark ink on light paper."""
        standing_out = relief(luma, True, thinnest(luma))
        level = max(float(np.percentile(standing_out[::2, ::2], GRID_SHARE)), 4.0)
        values = standing_out.astype(np.float32)
        return cls(standing_out, np.minimum(values, level), np.maximum(values - 1.5 * level, 0.0))

    @property
    def reduced(self) -> Float32:
        """The ink at 1/REDUCED of its size, for moves."""
        size = (self.ink.shape[1] // REDUCED, self.ink.shape[0] // REDUCED)
        return np.asarray(cv2.resize(self.ink, size, interpolation=cv2.INTER_AREA), np.float32)


def move(before: Float32, after: Float32, window: Float32) -> tuple[Float64, float]:
    """By how many pixels of the whole picture its ink moved, [2], and how clearly that is told."""
    (x, y), clear = cv2.phaseCorrelate(before, after, window)
    return np.array([x, y]) * REDUCED, float(clear)


@dataclass
class Paper:
    """Sums of the pictures laid so far, [height, width] from (`left`, `top`) on, and how many each pixel has."""

    left: int = 0
    top: int = 0
    sum: Float32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    looks: Float32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def lay(self, window: Window, seen: Float32, there: Float32) -> None:
        """Add a picture's part `seen`, which counts where `there` is 1."""
        at = self._room(window)
        self.sum[at] += seen * there
        self.looks[at] += there

    def mean(self, window: Window) -> tuple[Float32, Float32]:
        """The mean in a window, and 1 where there is one."""
        at = self._room(window)
        there = (self.looks[at] > 0).astype(np.float32)
        return np.asarray(self.sum[at] / np.maximum(self.looks[at], 1.0), np.float32), there

    def with_room(self, window: Window) -> int:
        """Pixels that it has once a window lies on it."""
        height, width = self.sum.shape
        if not self.sum.size:
            return window.width * window.height
        tall = max(self.top + height, window.top + window.height) - min(self.top, window.top)
        long = max(self.left + width, window.left + window.width) - min(self.left, window.left)
        return int(tall * long)

    def _room(self, window: Window) -> tuple[slice, slice]:
        height, width = self.sum.shape
        if not self.sum.size:
            self.left, self.top = window.left, window.top
        before = (max(0, self.top - window.top), max(0, self.left - window.left))
        after = (
            max(0, window.top + window.height - self.top - height),
            max(0, window.left + window.width - self.left - width),
        )
        if any(before) or any(after):
            # More than is asked for now: a hand goes on the way that it goes.
            wider = [(b and b + spare, a and a + spare) for b, a, spare in zip(before, after, SPARE, strict=True)]
            self.sum, self.looks = np.pad(self.sum, wider), np.pad(self.looks, wider)
            self.top, self.left = self.top - wider[0][0], self.left - wider[1][0]
        rows, columns = window.top - self.top, window.left - self.left
        return slice(rows, rows + window.height), slice(columns, columns + window.width)


@dataclass
class Follower:
    """Feed it pictures in order with `add`; then its `paper` holds the strip at `scale` pixels a millimetre.

    `places`: for each picture that was laid, by its number, what takes its pixels to the paper's; `full`: there was
    more of it than `most_pixels`.
    """

    scale: int = 0
    paper: Paper = field(default_factory=Paper)
    places: dict[int, Float64] = field(default_factory=dict)
    lost: int = 0
    full: bool = False
    most_pixels: int = MOST_PIXELS
    _last: tuple[Float64, Float32] | None = None
    _window: Float32 | None = None

    def add(self, number: int, luma: ByteArray) -> bool:
        """Lay picture `number`; False where it fits nowhere, or nothing fits any more."""
        if self.full:
            return False
        seen = View.of(luma)
        placed = self.begin(luma, seen) if self._last is None else self._go_on(seen)
        if placed is None:
            self.lost += 1
            return False
        window = Window.about(placed, luma.shape, TILE_MM * self.scale)
        if self.paper.with_room(window) > self.most_pixels:
            self.full = True
            return False
        self.paper.lay(window, window.of(seen.relief, placed), _there(window, luma, placed))
        self.places[number] = placed
        self._last = (placed, seen.reduced)
        return True

    def reach_mm(self) -> float:
        """How far along the paper the picture's middle was moved."""
        if not self.places:
            return 0.0
        middles = [float(place[0, 2]) for place in self.places.values()]
        return (max(middles) - min(middles)) / self.scale

    def begin(self, luma: ByteArray, seen: View) -> Float64 | None:
        """Where a first picture lies by its grid alone; None where it shows none."""
        guess = lattice.first(luma, seen.lines)
        if guess is None:
            return None
        place, pixels = guess
        self.scale = min(int(np.ceil(pixels)), LARGEST_SCALE)
        size = self.scale / int(np.ceil(pixels))
        placed = lattice.refine(seen.lines, np.diag([size, size, 1.0]) @ place, self.scale)
        return None if placed is None else placed.place

    def _go_on(self, seen: View) -> Float64 | None:
        assert self._last is not None  # noqa: S101  # `_begin` came first
        before, ink = self._last
        now = seen.reduced
        if self._window is None or self._window.shape != now.shape:
            self._window = np.asarray(cv2.createHanningWindow(now.shape[::-1], cv2.CV_32F), np.float32)
        moved, clear = move(ink, now, self._window)
        if clear < SURE_MOVE:
            return None
        back = np.array([[1.0, 0.0, -moved[0]], [0.0, 1.0, -moved[1]], [0.0, 0.0, 1.0]])
        placed = lattice.refine(seen.lines, before @ back, self.scale)
        if placed is None:
            return None
        best, fit = placed.place, self._fit(seen, placed.place)
        if fit < FITS_AT_ONCE:
            # A large square to either side looks the same to the grid.
            step = lattice.LARGE_MM * self.scale
            for aside in (-step, step):
                beside = np.array([[1.0, 0.0, aside], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) @ placed.place
                if (other := self._fit(seen, beside)) > fit:
                    best, fit = beside, other
        return best if fit >= FITS else None

    def _fit(self, seen: View, place: Float64) -> float:
        """Correlation of the picture's ink with that which is on the paper there."""
        window = Window.about(place, seen.ink.shape, TILE_MM * self.scale)
        mean, there = self.paper.mean(window)
        level = float(seen.lines.max()) * 1.5
        one, two = window.of(seen.ink, place) * there, np.maximum(mean - level, 0.0) * _there(window, seen.ink, place)
        return float((one * two).sum() / max(np.sqrt(float((one**2).sum()) * float((two**2).sum())), 1e-6))


def _there(window: Window, picture: npt.NDArray[np.generic], place: Float64) -> Float32:
    """Where in a window the whole picture lies, a narrow edge aside."""
    inner = np.zeros(picture.shape, np.uint8)
    inner[EDGE:-EDGE, EDGE:-EDGE] = 1
    return np.asarray(window.of(inner, place) > 0.999, np.float32)


EDGE = 8
"""Pixels at the picture's edge that do not count: what stands out is told by what lies about."""
