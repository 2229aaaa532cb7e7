"""Short strips with the pen's true path, drawn as screens draw them, worn as cameras, codecs and followers do it.

Made-up pictures of real signals, from other patients than `tools.bench_ecg` works with or reports on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import wfdb
from scipy import io

from apps.ecg_rhythm.reading import ByteArray, FloatArray
from apps.ecg_rhythm.ridge import COLUMN_S, POINTS, ROWS
from apps.ecg_rhythm.view import LARGEST, SPAN, Window, viewed
from tools.bench_ecg import patients
from tools.ecg_train import ludb, records, waves

Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

WIDTH = 160
"""Columns of a drawn strip."""
AROUND_S = 0.2
"""Drawn on either side of it, and cut off."""
SUBPIXEL = 6
SMALLEST = 0.2
"""Rows that a pixel takes at least."""


@dataclass(frozen=True)
class Signal:
    """One lead in mV."""

    samples: Float64
    rate: float


@dataclass(frozen=True)
class Drawn:
    """`ink` [n, ROWS, WIDTH] as the network sees it, `paths` [n, WIDTH * POINTS]: the pen's height in rows."""

    ink: ByteArray
    paths: FloatArray


def signals(data: Path) -> list[Signal]:
    """Leads of patients that the reader is neither worked on nor reported with."""
    found = [_wfdb(data / "mitdb" / name, lead) for name in mitdb_names() for lead in (0, 1)]
    found += [Signal(io.loadmat(path)["val"][0] / 1000.0, 300.0) for path in cinc_paths(data / "cinc2017")]
    people, _ = waves.split(ludb.load(data / "ludb", ("ii",)))
    found += [_wfdb(data / "ludb" / str(one.patient), lead) for one in people for lead in range(0, 12, 2)]
    for header in sorted((data / "twelve_lead" / "cinc2021").glob("*.hea")):
        found += [_wfdb(header.with_suffix(""), lead) for lead in range(1, 12, 3)]
    return found


def mitdb_names() -> tuple[str, ...]:
    """Records of MIT-BIH that `tools.bench_ecg` has no use for."""
    taken = {*patients.MITDB_REPORT, *patients.MITDB_WORK}
    return tuple(name for name in records.TRAIN if name not in taken)


def cinc_paths(folder: Path) -> list[Path]:
    """Records of CinC 2017 that `tools.bench_ecg` has no use for."""
    taken = {name for report in (True, False) for name in patients.cinc_names(folder, report)}
    return [path for path in sorted(folder.glob("*.mat")) if path.stem not in taken]


def data_hash(every: Sequence[Signal]) -> str:
    """SHA-256 over the samples of `every`, in order."""
    digest = hashlib.sha256()
    for one in every:
        digest.update(one.samples.astype("<f4").tobytes())
    return digest.hexdigest()


def _wfdb(path: Path, lead: int) -> Signal:
    read = wfdb.rdrecord(str(path), channels=[lead])
    return Signal(np.nan_to_num(read.p_signal[:, 0]), float(read.fs))


def drawn(every: Sequence[Signal], count: int, rng: np.random.Generator) -> Drawn:
    """`count` strips."""
    ink = np.empty((count, ROWS, WIDTH), np.uint8)
    paths = np.empty((count, WIDTH * POINTS), np.float32)
    for index in range(count):
        ink[index], paths[index] = _one(every, rng)
    return Drawn(ink, paths)


@dataclass(frozen=True)
class _Excerpt:
    """A curve: heights upwards in mV at `times`, 0 at the strip's first column."""

    times: Float64
    heights: Float64


def _excerpt(every: Sequence[Signal], rng: np.random.Generator, length_s: float) -> _Excerpt:
    """A piece with something in it, of either polarity; now and then between beats."""
    for _ in range(20):
        one = every[int(rng.integers(len(every)))]
        count = round((length_s + 2 * AROUND_S) * one.rate) + 2
        if len(one.samples) <= count:
            continue
        first = int(rng.integers(len(one.samples) - count))
        part = one.samples[first : first + count]
        part = part - np.median(part)
        span = float(np.ptp(part))
        if 0.25 < span < 6.0 or (0.03 < span < 6.0 and rng.random() < 0.1):
            break
    if rng.random() < 0.2:
        part = -part
    return _Excerpt(np.arange(count) / one.rate - AROUND_S, np.asarray(part, np.float64))


def _one(every: Sequence[Signal], rng: np.random.Generator) -> tuple[ByteArray, FloatArray]:
    length_s = WIDTH * COLUMN_S
    curve = _excerpt(every, rng, length_s)
    speed = 120.0 * float(np.exp(rng.normal(0, 0.18))) * float(rng.choice([1.0, 1.0, 1.0, 1.4, 2.0]))
    tall = speed * 0.4 * rng.uniform(0.6, 1.5)
    # The picture may be smaller than the screen that was drawn on: filmed from afar, 240p.
    shrink = float(rng.choice([1.0, 1.0, rng.uniform(0.7, 1.1), rng.uniform(0.4, 0.7)]))
    stroke = int(rng.integers(1, 5)) if speed < 200 else int(rng.integers(2, 7))
    moves = rng.random() < 0.5
    filmed = rng.random() < 0.5
    span = max(float(np.ptp(curve.heights)), rng.uniform(0.4, 1.2)) * tall * shrink + stroke
    scale = float(np.clip(rng.uniform(0.5, 1.15) * SPAN / span, SMALLEST, LARGEST))
    # Where the trace lies in the window: a strip wanders, its window does not.
    shape = _Shape(speed, tall, stroke, shrink, round(ROWS / scale / shrink) + 24)
    low, high = float(curve.heights.min()) * tall, float(curve.heights.max()) * tall
    free = shape.height - (high - low) - 2 * stroke
    base = high + stroke + (free * rng.uniform(0.15, 0.85) if free > 0 else free / 2)
    others = _others(every, rng, length_s, base, shape)
    wear = _Wear.of(rng, filmed, moves)
    image, offset = _averaged(rng, curve, base, others, shape, wear, moves)
    image = _remains(rng, image)
    top = (shape.height * shrink - ROWS / scale) / 2
    place = (np.arange(WIDTH, dtype=np.float64) * COLUMN_S * speed + offset + 0.5) * shrink - 0.5
    ink = viewed(image, place, Window(top, scale))
    when = ((np.arange(WIDTH * POINTS) + 0.5) / POINTS - 0.5) * COLUMN_S
    pixels = (base - tall * np.interp(when, curve.times, curve.heights) + 0.5) * shrink - 0.5
    return ink, ((pixels - top) * scale).astype(np.float32)


@dataclass(frozen=True)
class _Shape:
    """Pixels: `speed` a second, `tall` a mV, the `stroke`'s width, the canvas's `height`; then shrunk."""

    speed: float
    tall: float
    stroke: int
    shrink: float
    height: int


_Path = tuple[Float64, Float64, float]
"""Times, heights in pixels from the top, and how bright it is."""


def _others(
    every: Sequence[Signal],
    rng: np.random.Generator,
    length_s: float,
    base: float,
    shape: _Shape,
) -> list[_Path]:
    """Now and then another curve that comes into the lane from above or below."""
    if rng.random() > 0.22:
        return []
    bright = float(rng.choice([1.0, 1.0, rng.uniform(0.3, 0.9)]))
    if rng.random() < 0.6:
        other = _excerpt(every, rng, length_s)
        times, heights = other.times, other.heights * shape.tall * rng.uniform(0.4, 1.2)
    else:
        times = np.linspace(-AROUND_S, length_s + AROUND_S, 80)
        heights = 0.3 * shape.tall * np.sin(2 * np.pi * rng.uniform(0.2, 2.0) * times + rng.uniform(0, 6))
    away = float(rng.choice([-1.0, 1.0])) * rng.uniform(0.35, 1.0) * shape.height * 0.7
    return [(times, base + away - heights, bright)]


@dataclass(frozen=True)
class _Wear:
    """What happens to each frame: standard deviations in pixels of blur and of where a frame is laid, and so on."""

    contrast: float
    blur: float
    noise: float
    astray: tuple[float, float]
    quality: int
    frames: int
    gain: float
    grid: float
    moire: float

    @staticmethod
    def of(rng: np.random.Generator, filmed: bool, moves: bool) -> _Wear:
        contrast = float(rng.uniform(90, 235)) if rng.random() < 0.8 else float(rng.uniform(30, 90))
        off = float(rng.uniform(0.05, 0.5)) if moves else 0.0
        shake = float(rng.uniform(0.0, 0.8) if rng.random() < 0.8 else rng.uniform(0.8, 2.0)) if filmed else 0.0
        return _Wear(
            contrast=contrast,
            blur=float(rng.uniform(0.3, 1.3)) if filmed or rng.random() < 0.3 else 0.0,
            noise=float(rng.uniform(1.0, 8.0)) if filmed else float(rng.uniform(0.0, 1.5)),
            astray=(float(np.hypot(off, shake * 0.6)), shake * 0.6),
            quality=int(rng.integers(6, 40)) if rng.random() < 0.35 else int(rng.integers(40, 90)),
            frames=int(rng.integers(3, 8)) if moves or shake else int(rng.integers(1, 4)),
            gain=float(rng.uniform(0.85, 1.35)),
            grid=float(rng.uniform(10, 60)) if rng.random() < 0.5 else 0.0,
            moire=float(rng.uniform(0.2, 0.8)) if filmed and rng.random() < 0.2 else 0.0,
        )


def _averaged(
    rng: np.random.Generator,
    curve: _Excerpt,
    base: float,
    others: list[_Path],
    shape: _Shape,
    wear: _Wear,
    moves: bool,
) -> tuple[ByteArray, float]:
    """The mean ink of the frames that a follower lays on each other, and the column of time 0 on the screen."""
    offset = AROUND_S * shape.speed
    width = round((WIDTH * COLUMN_S + 2 * AROUND_S) * shape.speed)
    size = (round(width * shape.shrink), round(shape.height * shape.shrink))
    paths = [(curve.times, base - shape.tall * curve.heights, 1.0), *others]
    behind = _behind(rng, size, wear.grid)
    light = _light(rng, size, wear.moire)
    phase = float(rng.uniform(-0.5, 0.5))
    total: Float32 = np.zeros((size[1], size[0]), np.float32)
    screen, level = None, 0.0
    for _ in range(wear.frames):
        if moves:
            phase = float(rng.uniform(-0.5, 0.5))
        if screen is None or moves:
            screen = _screen(paths, shape, width, offset + phase)
        away, down = rng.normal(0, wear.astray[0]), rng.normal(0, wear.astray[1])
        frame = _filmed(rng, screen, size, wear, light, (0.0, down))
        above = cv2.subtract(frame, behind)
        if level == 0.0:
            tops = np.asarray(above.max(axis=0), np.float64)
            level = max(float(np.median(tops)) / wear.gain, 12.0)
        if wear.contrast < 90:
            above = cv2.GaussianBlur(above, (3, 3), 0)
        ink = cv2.threshold(cv2.convertScaleAbs(above, alpha=255.0 / level), 36, 255, cv2.THRESH_TOZERO)[1]
        # Laid back by whole frames, with the follower's error.
        back = -phase * shape.shrink + away
        laid = cv2.warpAffine(ink, np.array([[1.0, 0.0, back], [0.0, 1.0, 0.0]]), size, flags=cv2.INTER_LINEAR)
        total += laid
    return np.asarray((total / wear.frames).round().clip(0, 255), np.uint8), offset


def _screen(paths: list[_Path], shape: _Shape, width: int, offset: float) -> ByteArray:
    """The curves on a screen, 0 to 255."""
    image = np.zeros((shape.height, width), np.uint8)
    for times, heights, bright in paths[::-1]:
        points = np.stack([times * shape.speed + offset, heights], axis=1)
        fixed = np.round(points * (1 << SUBPIXEL)).astype(np.int32).reshape(-1, 1, 2)
        line = np.zeros_like(image)
        cv2.polylines(line, [fixed], False, 255, shape.stroke, cv2.LINE_AA, SUBPIXEL)
        image = np.maximum(image, (line * bright).astype(np.uint8))
    return image


def _filmed(
    rng: np.random.Generator,
    screen: ByteArray,
    size: tuple[int, int],
    wear: _Wear,
    light: Float32 | None,
    moved: tuple[float, float],
) -> ByteArray:
    """A frame of the file: brightness, 0 to 255."""
    small = screen if screen.shape == size[::-1] else cv2.resize(screen, size, interpolation=cv2.INTER_AREA)
    if moved[1]:
        shift = np.array([[1.0, 0.0, moved[0]], [0.0, 1.0, moved[1]]])
        small = cv2.warpAffine(small, shift, size, flags=cv2.INTER_LINEAR)
    if wear.blur:
        small = cv2.GaussianBlur(small, (0, 0), wear.blur)
    level = small.astype(np.float32) * (wear.contrast / 255.0) + 12.0
    if light is not None:
        level *= light
    if wear.noise:
        level += wear.noise * rng.standard_normal(level.shape, dtype=np.float32)
    image = level.clip(0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, wear.quality])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)


def _behind(rng: np.random.Generator, size: tuple[int, int], grid: float) -> ByteArray:
    """What is taken off every frame: the background, and where lines of a grid were, more than that."""
    behind = np.full(size[::-1], 14, np.float32)
    if grid:
        pitch = rng.uniform(3.0, 7.0)
        for axis in (0, 1):
            at = np.round(np.arange(rng.uniform(0, pitch), size[1 - axis] - 1, pitch * rng.choice([1, 5]))).astype(int)
            if axis == 0:
                behind[at] += grid
            else:
                behind[:, at] += grid * 0.7
    return np.asarray(behind.clip(0, 255), np.uint8)


def _light(rng: np.random.Generator, size: tuple[int, int], moire: float) -> Float32 | None:
    if not moire:
        return None
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    angle, pitch = rng.uniform(0.2, 1.4), rng.uniform(4.0, 10.0)
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / pitch)
    ripple = np.sin(2 * np.pi * (x + 0.3 * y) / (pitch * 13))
    return np.asarray(1.0 - moire * (0.25 + 0.25 * wave * ripple), np.float32)


def _remains(rng: np.random.Generator, image: ByteArray) -> ByteArray:
    """Text that was not taken away, patches that were by mistake, columns seen hardly or not at all."""
    height, width = image.shape
    if rng.random() < 0.1:
        at = (int(rng.integers(0, width)), int(rng.integers(8, max(9, height))))
        word = "".join(rng.choice(list("HR25mvIIXs/1 "), 6))
        text = np.zeros_like(image)
        cv2.putText(text, word, at, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.25, 0.6), int(rng.integers(50, 220)), 1)
        image = np.maximum(image, text)
    if rng.random() < 0.15:
        # A grid that shows through, in pieces.
        pitch, level = rng.uniform(8.0, 40.0), int(rng.integers(15, 80))
        lines = np.zeros_like(image)
        lines[np.arange(rng.uniform(0, pitch), height - 1, pitch).astype(int)] = level
        lines[:, np.arange(rng.uniform(0, pitch), width - 1, pitch).astype(int)] = level
        lines[rng.random(image.shape) < rng.uniform(0.0, 0.7)] = 0
        image = np.maximum(image, lines)
    if rng.random() < 0.12:
        image = image.copy()
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        across, down = int(rng.integers(4, 30)), int(rng.integers(4, 30))
        part = image[y : y + down, x : x + across]
        part[:] = (part * rng.uniform(0.0, 0.6)).astype(np.uint8)
    if rng.random() < 0.08:
        image = image.copy()
        x = int(rng.integers(0, width))
        image[:, x : x + int(rng.integers(1, 6))] = 0
    return image
