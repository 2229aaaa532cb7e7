"""Frames of a monitor's screen: grid, text, the ECG trace and a second curve."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from tools.ecg_video.settings import Colour, Screen
from tools.ecg_video.sources import Recording

Image = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]
Lane = tuple[int, int, int, int]

_SUBPIXEL = 6
"""Binary digits of the fraction of a pixel that OpenCV draws with."""


def frame(screen: Screen, recording: Recording, time_s: float, still: Image | None = None) -> Image:
    """The screen at `time_s` as RGB [height, width, 3]. `recording` starts where the screen's memory starts.

    The video's time 0 lies `memory(screen)` seconds into the recording, so that the first frame is full.
    `still`: `backdrop(screen)`, made once by whoever draws many frames.
    """
    image = (backdrop(screen) if still is None else still).copy()
    now = time_s + memory(screen)
    for index, lane in enumerate(screen.lanes):
        _lead(image, screen, lane, now, recording.lead(index))
    x, y, width, height = screen.lanes[-1]
    if screen.second_curve != "none":
        top = y + height + round(0.03 * screen.height)
        below = (x, top, width, round(0.18 * screen.height))
        level = _second(screen, recording)
        _curve(
            image,
            screen,
            below,
            now,
            screen.second_colour,
            lambda t: top + below[3] * (0.85 - 0.7 * level(t)),
        )
    if screen.heart_rate:
        _heart_rate(image, screen, recording, now)
    return image


def _lead(image: Image, screen: Screen, lane: Lane, now: float, recording: Recording) -> None:
    base = lane[1] + screen.baseline * lane[3]
    _curve(image, screen, lane, now, screen.trace, lambda t: base - recording.at(t) * screen.pixels_per_mv)


def memory(screen: Screen) -> float:
    """Seconds of signal that the first frame shows from before the video: one lane's width, or none.

    Whole samples of a 360 Hz recording, so that the video begins on a sample.
    """
    return float(np.ceil(screen.period_s * 360) / 360) if screen.prefilled else 0.0


def backdrop(screen: Screen) -> Image:
    """All that never moves: background, grid, text."""
    image = np.empty((screen.height, screen.width, 3), np.uint8)
    image[:] = screen.background
    if screen.grid:
        _grid(image, screen)
    size = screen.height / 720
    x, y, width, _height = screen.lane
    _text(image, screen.title, (x, round(44 * size)), 0.8 * size, (170, 180, 190))
    for index, (_x, top, _width, _height) in enumerate(screen.lanes):
        name = screen.lead if index == 0 else ("I", "III", "V5", "aVR", "aVL", "aVF")[(index - 1) % 6]
        _text(image, name, (x + 4, top - round(10 * size)), 0.75 * size, screen.trace)
    if screen.numbers:
        _numbers(image, screen)
    speed = f"{screen.mm_per_s:g} mm/s  {screen.mm_per_mv:g} mm/mV"
    _text(image, speed, (x + width - round(270 * size), y - round(10 * size)), 0.6 * size, (130, 140, 150))
    return image


def _numbers(image: Image, screen: Screen) -> None:
    """What else stands on a monitor: values with their names on the right, a line of messages at the bottom."""
    size = screen.height / 720
    x = screen.width - screen.margin_right + round(24 * size)
    for row, (name, value, colour) in enumerate(
        (("SpO2  %", "97", screen.second_colour), ("RESP", "16", (240, 220, 90)), ("NIBP", "118/76", (220, 120, 220)))
    ):
        top = screen.lane[1] + round((170 + 120 * row) * size)
        _text(image, name, (x, top), 0.6 * size, colour)
        _text(image, value, (x, top + round(56 * size)), 1.4 * size, colour, 2)
    line = "09:41   ADULT   HR 50-120   SpO2 90-100   TREND 2 h"
    _text(image, line, (screen.margin_left, screen.height - round(16 * size)), 0.6 * size, (150, 160, 170))


def _grid(image: Image, screen: Screen) -> None:
    x, y, width, height = screen.lane
    height = screen.lanes[-1][1] + height - y
    for colour, step in ((screen.grid_minor, 1), (screen.grid_major, 5)):
        pitch = screen.pixels_per_mm * step
        for i in range(int(width / pitch) + 1):
            at = round(x + i * pitch)
            image[y : y + height, at] = colour
        for i in range(int(height / pitch) + 1):
            image[round(y + i * pitch), x : x + width] = colour


def _curve(
    image: Image,
    screen: Screen,
    lane: Lane,
    now: float,
    colour: Colour,
    height_at: Callable[[Float64], Float64],
) -> None:
    """Draw one curve as `screen.kind` shows it at `now` seconds of the recording."""
    x, _y, width, _height = lane
    speed = screen.pixels_per_second
    period = width / speed
    if screen.kind == "scroll":
        pieces = [(now - period, now, x + width - now * speed)]
    else:
        start = now - (now % period)
        gap = screen.erase_bar / speed
        pieces = [
            (start, now, x - start * speed),
            (now - period + gap, start, x - (start - period) * speed),
        ]
    ink = np.zeros((lane[3], lane[2]), np.uint8)
    for first, last, offset in pieces:
        if last <= first:
            continue
        inner = np.arange(np.ceil(max(first, 0) * 360), np.floor(last * 360) + 1) / 360.0
        times = np.concatenate([[max(first, 0)], inner[(inner > first) & (inner < last)], [last]])
        ys = height_at(times)
        known = np.isfinite(ys)
        points = np.stack([times * speed + offset - lane[0], ys - lane[1]], axis=1)[known]
        if len(points) > 1:
            fixed = np.round(points * (1 << _SUBPIXEL)).astype(np.int32).reshape(-1, 1, 2)
            cv2.polylines(ink, [fixed], False, 255, screen.stroke, cv2.LINE_AA, _SUBPIXEL)
    part = image[lane[1] : lane[1] + lane[3], lane[0] : lane[0] + lane[2]]
    inked = np.nonzero(ink[: part.shape[0]])
    share = ink[inked][:, None].astype(np.float32) / 255.0
    part[inked] = np.round(part[inked] * (1 - share) + np.array(colour, np.float32) * share).astype(np.uint8)


def _second(screen: Screen, recording: Recording) -> Callable[[Float64], Float64]:
    """A pulse wave that follows the beats, or breathing; 0 to 1."""
    if screen.second_curve == "resp":
        return lambda t: 0.5 + 0.45 * np.sin(2 * np.pi * 0.25 * t)
    beats = recording.beats_s

    def pleth(times: Float64) -> Float64:
        if len(beats) == 0:
            return np.full(len(times), 0.2)
        since = times - beats[np.searchsorted(beats, times - 0.15).clip(1, len(beats)) - 1] - 0.15
        since = np.maximum(since, 0.0)
        upstroke = 0.5 - 0.5 * np.cos(np.pi * np.minimum(since / 0.16, 1.0))
        fall = np.exp(-np.maximum(since - 0.16, 0) / 0.25)
        notch = 0.15 * np.exp(-(((since - 0.42) / 0.07) ** 2))
        return np.asarray(np.maximum(upstroke * fall, 0.06) + notch, np.float64)

    return pleth


def _heart_rate(image: Image, screen: Screen, recording: Recording, now: float) -> None:
    """The number that a monitor shows, from the last beats; renewed once a second."""
    second = float(int(now))
    last = recording.beats_s[recording.beats_s <= second][-8:]
    shown = "--" if len(last) < 3 else str(round(60.0 / float(np.diff(last).mean())))
    size = screen.height / 720
    x = screen.width - screen.margin_right + round(24 * size)
    y = screen.lane[1]
    _text(image, "HR  bpm", (x, y + round(24 * size)), 0.7 * size, screen.trace)
    _text(image, shown, (x, y + round(110 * size)), 2.6 * size, screen.trace, 3)


def _text(image: Image, text: str, at: tuple[int, int], size: float, colour: Colour, weight: int = 1) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, weight, cv2.LINE_AA)
