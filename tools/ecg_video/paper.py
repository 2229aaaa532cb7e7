"""A printed strip on a desk, over which a phone is moved by hand: grid and curve move together.

    recording + `Sheet` -> the strip, drawn once -> the way of the hand (`Pan`, `Camera`) -> frames

Time is the paper's: `truth` counts it from the first of the curve that any frame shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from tools.ecg_video import video
from tools.ecg_video.camera import Lens
from tools.ecg_video.settings import Camera, Colour, Encoding
from tools.ecg_video.sources import Recording

Image = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]

FINE = 12.0
"""Pixels a millimetre that a strip is drawn with: twice what a phone sees of it."""
PULSE_S, PULSE_ROOM_MM = 0.2, 2.0
"""A calibration pulse of 1 mV lasts this long, and this much level line lies on either side of it."""
_SUBPIXEL = 6


@dataclass(frozen=True)
class Sheet:
    """What is printed. Lengths are millimetres of the paper; it is as long as the recording asks.

    `pulse`: where a calibration pulse of 1 mV stands; `text`: speed and gain in words, which need not be read.
    """

    paper: Colour = (253, 246, 244)
    trace: Colour = (24, 24, 30)
    grid_minor: Colour = (248, 216, 214)
    grid_major: Colour = (238, 172, 170)
    desk: Colour = (96, 78, 62)
    mm_per_s: float = 25.0
    mm_per_mv: float = 10.0
    breadth: float = 70.0
    margin: float = 9.0
    baseline: float = 0.55
    stroke: float = 0.35
    pulse: Literal["none", "start", "end"] = "none"
    text: bool = True

    @property
    def pulse_mm(self) -> float:
        """Length of the calibration pulse with its room."""
        return 0.0 if self.pulse == "none" else PULSE_S * self.mm_per_s + 2 * PULSE_ROOM_MM

    def begin_mm(self) -> float:
        """Where on the sheet the curve's time 0 lies, from its left edge."""
        return self.margin + (self.pulse_mm if self.pulse == "start" else 0.0)

    def length_mm(self, recording: Recording) -> float:
        """Length of the sheet that holds `recording`."""
        return 2 * self.margin + self.pulse_mm + recording.duration_s * self.mm_per_s


@dataclass(frozen=True)
class Pan:
    """How the phone is moved: from where the picture's middle lies at first to where it lies at last.

    `first`, `last`: shares of the way from seeing the strip's left end to seeing its right end; `uneven`: how much the
    speed varies, 0 to 1; `drift`: standard deviation of the way up and down, millimetres; `breath`: of the distance
    to the paper, as a share of it. Both ends alike: the phone is held still.
    """

    width: int = 854
    height: int = 480
    fps: float = 20.0
    pixels_per_mm: float = 6.5
    first: float = 0.0
    last: float = 1.0
    uneven: float = 0.5
    drift: float = 1.5
    breath: float = 0.015


def render(
    path: Path,
    recording: Recording,
    duration_s: float,
    sheet: Sheet | None = None,
    pan: Pan | None = None,
    camera: Camera | None = None,
    encoding: Encoding | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Write `duration_s` of video over a strip of the whole `recording` to `path`, and return its truth."""
    sheet, pan, camera, encoding = sheet or Sheet(), pan or Pan(), camera or Camera(), encoding or Encoding()
    video.write(path, frames(recording, duration_s, sheet, pan, camera, seed), pan.fps, encoding)
    return truth(recording, duration_s, sheet, pan, camera, encoding, seed)


def frames(
    recording: Recording, duration_s: float, sheet: Sheet, pan: Pan, camera: Camera, seed: int
) -> Iterator[tuple[float, Image]]:
    """Times in seconds and RGB frames, without those that the camera drops (the first always arrives)."""
    # The hand sees to geometry, the lens to light and sensor.
    lens = Lens(replace(camera, bezel=0.0, perspective=0.0, roll=0.0, shake=0.0, sway=0.0), pan.width, pan.height, seed)
    strip = draw(sheet, recording)
    # What is drawn finer than it is seen must not alias.
    strip = np.asarray(cv2.GaussianBlur(strip, (0, 0), max(0.35 * FINE / pan.pixels_per_mm, 0.1)), np.uint8)
    to_sheet = np.diag([1.0 / FINE, 1.0 / FINE, 1.0])
    for index, place in enumerate(_way(recording, duration_s, sheet, pan, camera, seed)):
        if lens.keeps() or index == 0:
            time_s = (index + (lens.late() if index else 0.0)) / pan.fps
            seen = cv2.warpPerspective(
                strip, place @ to_sheet, (pan.width, pan.height), flags=cv2.INTER_LINEAR, borderValue=sheet.desk
            )
            yield time_s, lens.shoot(np.asarray(seen, np.uint8))


def draw(sheet: Sheet, recording: Recording) -> Image:
    """The whole strip as RGB, FINE pixels a millimetre."""
    width, height = round(sheet.length_mm(recording) * FINE), round(sheet.breadth * FINE)
    image = np.empty((height, width, 3), np.uint8)
    image[:] = sheet.paper
    for colour, step, weight in ((sheet.grid_minor, 1, 1), (sheet.grid_major, 5, 3)):
        for line in range(0, int(width / FINE) + 1, step):
            image[:, max(0, round(line * FINE) - weight // 2) : round(line * FINE) + weight // 2 + 1] = colour
        for line in range(0, int(height / FINE) + 1, step):
            image[max(0, round(line * FINE) - weight // 2) : round(line * FINE) + weight // 2 + 1] = colour
    if sheet.text:
        words = f"{sheet.mm_per_s:g} mm/s   {sheet.mm_per_mv:g} mm/mV   lead II"
        at = (round((sheet.margin + 3) * FINE), height - round(5 * FINE))
        cv2.putText(image, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.11 * FINE, sheet.trace, 3, cv2.LINE_AA)
    ink = np.zeros((height, width), np.uint8)
    times = np.arange(len(recording.samples)) / recording.rate
    x = sheet.begin_mm() + times * sheet.mm_per_s
    _line(ink, sheet, x, recording.samples)
    if sheet.pulse != "none":
        room, long = PULSE_ROOM_MM, PULSE_S * sheet.mm_per_s
        left = sheet.margin if sheet.pulse == "start" else float(x[-1])
        level = float(recording.samples[0 if sheet.pulse == "start" else -1])
        steps = left + np.array([0, room, room, room + long, room + long, long + 2 * room])
        _line(ink, sheet, steps, level + np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0]))
    inked = np.nonzero(ink)
    share = ink[inked][:, None].astype(np.float32) / 255.0
    image[inked] = np.round(image[inked] * (1 - share) + np.array(sheet.trace, np.float32) * share).astype(np.uint8)
    return image


def _line(ink: Image, sheet: Sheet, x_mm: Float64, millivolts: Float64) -> None:
    y_mm = sheet.baseline * sheet.breadth - millivolts * sheet.mm_per_mv
    fixed = np.round(np.stack([x_mm, y_mm], axis=1) * FINE * (1 << _SUBPIXEL)).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(ink, [fixed], False, 255, max(1, round(sheet.stroke * FINE)), cv2.LINE_AA, _SUBPIXEL)


def _way(
    recording: Recording, duration_s: float, sheet: Sheet, pan: Pan, camera: Camera, seed: int
) -> Iterator[Float64]:
    """What takes millimetres of the sheet to pixels of each frame in turn, 3 x 3."""
    rng = np.random.default_rng([seed, 7])
    count = round(duration_s * pan.fps)
    size = np.array([pan.width, pan.height])
    # Never standing still for long, never back: a hand that hesitates.
    speed = np.maximum(1.0 + pan.uneven * _wander(rng, count, pan.fps), 0.05)
    gone = np.cumsum(speed) - speed[0]
    share = pan.first + (pan.last - pan.first) * gone / max(gone[-1], 1e-9)
    half = pan.width / pan.pixels_per_mm / 2
    low, high = half - 0.5 * sheet.margin, max(sheet.length_mm(recording) - half + 0.5 * sheet.margin, half)
    across = low + (high - low) * share
    down = sheet.breadth * 0.5 + pan.drift * _wander(rng, count, pan.fps)
    near = pan.pixels_per_mm * (1.0 + pan.breath * _wander(rng, count, pan.fps))
    turned = camera.roll + camera.sway * _wander(rng, count, pan.fps, 0.2)
    shaken = camera.shake * np.stack([_wander(rng, count, pan.fps, 0.2) for _ in range(2)], axis=1)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    pull = camera.perspective * rng.uniform(0.3, 1.0, (4, 2))
    tilted = 0.2 * camera.perspective * np.stack([_wander(rng, count, pan.fps) for _ in range(8)], axis=1)
    for index in range(count):
        middle = np.array([across[index], down[index]])
        view = middle + (corners - 0.5) * size / near[index]
        seen = (corners + (pull + tilted[index].reshape(4, 2)) * inward) * size
        place = cv2.getPerspectiveTransform(view.astype(np.float32), seen.astype(np.float32))
        turn = np.vstack([cv2.getRotationMatrix2D(tuple(size / 2), -float(turned[index]), 1.0), [0, 0, 1]])
        turn[:2, 2] += shaken[index]
        yield np.asarray(turn @ place, np.float64)


def _wander(rng: np.random.Generator, count: int, fps: float, smooth_s: float = 0.8) -> Float64:
    """Noise of standard deviation 1 that changes over about `smooth_s`."""
    width = smooth_s * fps / 2
    reach = int(3 * width) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    noise = np.convolve(rng.standard_normal(count + 2 * reach), kernel, mode="valid")
    return np.asarray(noise / np.sqrt((kernel**2).sum()), np.float64)


def shown(recording: Recording, duration_s: float, sheet: Sheet, pan: Pan, camera: Camera, seed: int) -> Recording:
    """What any of the frames shows of the recording, from its first moment on the paper to its last."""
    x_mm = sheet.begin_mm() + np.arange(len(recording.samples)) / recording.rate * sheet.mm_per_s
    level = np.full(len(x_mm), sheet.baseline * sheet.breadth)
    points = np.stack([x_mm, level], axis=1)[:, None]
    seen = np.zeros(len(x_mm), bool)
    for place in _way(recording, duration_s, sheet, pan, camera, seed):
        at = cv2.perspectiveTransform(points, place)[:, 0]
        seen |= ((at >= 0) & (at < np.array([pan.width, pan.height]))).all(axis=1)
    there = np.flatnonzero(seen)
    return recording.excerpt(there[0] / recording.rate, (there[-1] + 1 - there[0]) / recording.rate)


def truth(
    recording: Recording, duration_s: float, sheet: Sheet, pan: Pan, camera: Camera, encoding: Encoding, seed: int
) -> dict[str, Any]:
    """What the video really shows, on the paper's time; `duration_s` is the paper's, `video_s` the video's."""
    part = shown(recording, duration_s, sheet, pan, camera, seed)
    speed = sheet.mm_per_s * pan.pixels_per_mm
    return {
        "schema": "ecg-video-truth/v1",
        "duration_s": round(part.duration_s, 4),
        "video_s": duration_s,
        "sampling_rate_hz": part.rate,
        "unit": "mV",
        "samples": [round(float(v), 4) for v in part.samples],
        "other_leads": [],
        "beats": [
            {"time_s": round(float(t), 4), "symbol": s}
            for t, s in zip(part.beats_s, part.symbols or ("",) * len(part.beats_s), strict=True)
        ],
        "geometry": {
            "kind": "paper",
            "pixels_per_second": speed,
            "pixels_per_mv": sheet.mm_per_mv * pan.pixels_per_mm,
            "sweep_period_s": None,
        },
        "screen": {"fps": pan.fps, "width": pan.width, "height": pan.height},
        "sheet": asdict(sheet),
        "pan": asdict(pan),
        "camera": asdict(camera),
        "encoding": asdict(encoding),
        "seed": seed,
    }
