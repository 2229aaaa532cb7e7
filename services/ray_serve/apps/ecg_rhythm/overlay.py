"""The annotated picture: the trace read, drawn over a frame, and the waveform with its beats on ECG paper.

title, figures
the frame, with what was read drawn over it: a person checks it in a second
strips of ECG paper: waveform, beats by class, gaps marked
the notice
"""

from __future__ import annotations

import textwrap
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.abstention import NOT_SURE
from apps.ecg_rhythm.reading import FloatArray, Reading

Canvas = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

WIDTH, MARGIN = 1280, 40
STRIP_S, STRIP_HEIGHT = 8.0, 200
LONGEST_S = 32.0
"""Strips show this much of a long video: enough to judge by, and the picture stays readable."""

PAGE, TEXT, SOFT = (255, 255, 255), (38, 34, 30), (128, 120, 112)
PAPER, FINE, BOLD = (252, 247, 246), (245, 226, 224), (232, 192, 190)
PEN, READ = (30, 34, 48), (255, 40, 150)
CLASS_COLOURS: dict[str, Colour] = {
    "N": (22, 128, 88),
    "S": (184, 110, 0),
    "V": (200, 30, 45),
    "F": (130, 60, 190),
    "Q": (110, 110, 110),
}
DOUBT = (150, 118, 40)
CLASS_NAMES = {
    "N": "normal",
    "S": "supraventricular",
    "V": "ventricular",
    "F": "fusion",
    "Q": "unclassified",
    NOT_SURE: "not sure",
}


def draw(reading: Reading, result: dict[str, Any]) -> bytes:
    """The overlay of a reading and its result document, as PNG. All colours here are red, green, blue."""
    parts = [_heading(result), _frame(reading), _legend(result)]
    wave = result["waveform"]
    length = len(wave["samples"]) / wave["sampling_rate_hz"]
    starts = np.arange(0.0, min(max(length, 0.1), LONGEST_S), STRIP_S)
    height = _span(result)
    parts += [_strip(result, float(wave["start_s"] + start), height) for start in starts]
    parts.append(_footer(result, length))
    page = np.concatenate(parts)
    return bytes(cv2.imencode(".png", cv2.cvtColor(page, cv2.COLOR_RGB2BGR))[1].tobytes())


def _sheet(height: int) -> Canvas:
    page = np.empty((height, WIDTH, 3), np.uint8)
    page[:] = PAGE
    return page


def _heading(result: dict[str, Any]) -> Canvas:
    page = _sheet(112)
    rate, quality = result["heart_rate_bpm"], result["quality"]
    _write(page, "ECG read from video", (MARGIN, 50), 1.0, TEXT, 2)
    display = result["display"]
    speed = f"{display['kind']}, {display['pixels_per_second']:.0f} px/s"
    _write(page, f"{result['video']['duration_s']:.1f} s, {speed}", (MARGIN, 86), 0.62, SOFT)
    figures = [
        ("heart rate", "none" if rate is None else f"{rate['mean']:.0f} bpm"),
        ("beats", str(len(result["beats"]))),
        ("signal quality", f"{100 * quality['signal_quality']:.0f} %"),
        ("readable", f"{100 * quality['readable_share']:.0f} %"),
        ("amplitude", "in mV" if result["waveform"]["amplitude_calibrated"] else "not calibrated"),
    ]
    x = 460
    for (name, value), step in zip(figures, (170, 110, 180, 140, 200), strict=True):
        _write(page, name, (x, 44), 0.5, SOFT)
        _write(page, value, (x, 80), 0.78, TEXT, 2)
        x += step
    return page


def _frame(reading: Reading) -> Canvas:
    """The video's frame, scaled to the page's width, with the trace as read; all else is blurred: it may hold names."""
    source = reading.picture.frame
    scale = min((WIDTH - 2 * MARGIN) / source.shape[1], 560 / source.shape[0])
    size = (round(source.shape[1] * scale), round(source.shape[0] * scale))
    sharp = cv2.resize(source, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    image = traced(np.asarray(sharp, np.uint8), reading.picture.points * scale)
    page = _sheet(size[1] + 12)
    left = (WIDTH - size[0]) // 2
    page[: size[1], left : left + size[0]] = image
    return page


def traced(frame: Canvas, points: FloatArray) -> Canvas:
    """A frame with the pen's path, [n, 2] of its pixels, drawn over it; what is not about it is blurred."""
    image = np.asarray(cv2.GaussianBlur(frame, (0, 0), frame.shape[0] / 60), np.uint8)
    known = points[np.isfinite(points).all(axis=1)]
    if len(known):
        room = 0.02 * frame.shape[0]
        size = np.array([frame.shape[1], frame.shape[0]])
        left, top = (known.min(axis=0) - np.array([0.0, room])).clip(0, size).astype(int)
        right, bottom = (known.max(axis=0) + np.array([1.0, room])).clip(0, size).astype(int)
        image[top:bottom, left:right] = frame[top:bottom, left:right]
        cv2.rectangle(image, (int(left), int(top)), (int(right) - 1, int(bottom) - 1), READ, 1, cv2.LINE_AA)
    _polyline(image, points.astype(np.float64), READ, 2)
    return image


def _legend(result: dict[str, Any]) -> Canvas:
    page = _sheet(44)
    cv2.line(page, (MARGIN, 22), (MARGIN + 34, 22), READ, 2, cv2.LINE_AA)
    _write(page, "trace as read in this frame", (MARGIN + 44, 28), 0.52, SOFT)
    x = 400
    for name, words in CLASS_NAMES.items():
        count = sum(beat["answer"] == name for beat in result["beats"])
        if count:
            _mark(page, (x, 22), 7, name)
            _write(page, f"{words} {count}", (x + 14, 28), 0.52, TEXT)
            x += 64 + 10 * len(f"{words} {count}")
    return page


def _mark(page: Canvas, at: tuple[int, int], radius: int, answer: str) -> None:
    """A dot in the colour of a beat's class; a ring where the answer is none."""
    sure = answer in CLASS_COLOURS
    cv2.circle(page, at, radius, CLASS_COLOURS[answer] if sure else DOUBT, -1 if sure else 2, cv2.LINE_AA)


def _span(result: dict[str, Any]) -> tuple[float, float]:
    """Lowest and highest value that the strips show."""
    values = np.array([np.nan if v is None else v for v in result["waveform"]["samples"]], np.float64)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return -1.0, 1.0
    low, high = np.percentile(values, [0.2, 99.8])
    room = 0.15 * max(float(high - low), 0.5)
    return float(low) - room, float(high) + 2.4 * room


def _strip(result: dict[str, Any], start_s: float, span: tuple[float, float]) -> Canvas:
    """STRIP_S seconds of waveform on paper: squares of 0.04 s and, where calibrated, 0.1 mV; bold every fifth."""
    page = _sheet(STRIP_HEIGHT + 14)
    wave, rate = result["waveform"], result["waveform"]["sampling_rate_hz"]
    paper = page[:STRIP_HEIGHT, MARGIN : WIDTH - MARGIN]
    paper[:] = PAPER
    across, down = paper.shape[1] / STRIP_S, STRIP_HEIGHT / (span[1] - span[0])
    square = 0.1 if wave["amplitude_calibrated"] else 0.04 * across / down
    for colour, every in ((FINE, 1), (BOLD, 5)):
        for i in range(0, int(STRIP_S / 0.04) + 1, every):
            paper[:, min(round(i * 0.04 * across), paper.shape[1] - 1)] = colour
        for i in range(int(np.ceil(span[0] / square)), int(span[1] / square) + 1):
            row = round((span[1] - i * square) * down)
            if i % every == 0 and 0 <= row < STRIP_HEIGHT:
                paper[row] = colour
    first = round((start_s - wave["start_s"]) * rate)
    part = wave["samples"][first : first + round(STRIP_S * rate) + 1]
    values = np.array([np.nan if v is None else v for v in part], np.float64)
    points = np.stack([np.arange(len(values)) / rate * across, (span[1] - values) * down], axis=1)
    for gap in np.flatnonzero(np.isnan(values)):
        left = round(gap / rate * across)
        paper[-8:, left : left + max(1, round(across / rate))] = SOFT
    _polyline(paper, points, PEN, 1)
    for beat in result["beats"]:
        x = round((beat["time_s"] - start_s) * across)
        if 0 <= x < paper.shape[1]:
            sure = beat["answer"] in CLASS_COLOURS
            _mark(paper, (x, 26), 4, beat["answer"])
            colour = CLASS_COLOURS[beat["class"]] if sure else DOUBT
            _write(paper, beat["class"] if sure else f"{beat['class']}?", (x - 5, 17), 0.42, colour, 1)
    _write(paper, f"{start_s:.0f} s", (8, STRIP_HEIGHT - 10), 0.45, SOFT)
    return page


def _footer(result: dict[str, Any], length: float) -> Canvas:
    lines = []
    if length > LONGEST_S:
        lines.append(f"The first {LONGEST_S:.0f} of {length:.0f} s are drawn.")
    if result["findings"]:
        lines.append("Findings: " + ", ".join(name.replace("_", " ") for name in result["findings"]) + ".")
    lines.append("Limits: " + "; ".join(result["limits"]) + ".")
    lines += textwrap.wrap(result["notice"], 172)
    page = _sheet(24 * len(lines) + 40)
    for i, line in enumerate(lines):
        _write(page, line, (MARGIN, 24 * i + 26), 0.5, SOFT)
    return page


def _polyline(image: Canvas, points: npt.NDArray[np.float64], colour: Colour, weight: int) -> None:
    """Draw [n, 2] points, broken where they are NaN."""
    known = np.isfinite(points[:, 0]) & np.isfinite(points[:, 1])
    for run in np.split(np.arange(len(points)), np.flatnonzero(np.diff(known.astype(np.int8))) + 1):
        if len(run) > 1 and known[run[0]]:
            fixed = np.round(points[run] * 16).astype(np.int32).reshape(-1, 1, 2)
            drawn = np.ascontiguousarray(image)
            cv2.polylines(drawn, [fixed], False, colour, weight, cv2.LINE_AA, 4)
            image[:] = drawn


def _write(image: Canvas, text: str, at: tuple[int, int], size: float, colour: Colour, weight: int = 1) -> None:
    drawn = np.ascontiguousarray(image)
    cv2.putText(drawn, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, weight, cv2.LINE_AA)
    image[:] = drawn
