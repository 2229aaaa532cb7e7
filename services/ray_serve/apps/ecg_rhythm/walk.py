"""One walk through a video: with the eyes on one curve of a screen, or over all of a paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np

from apps.ecg_rhythm import calibration, paper, quality, tape
from apps.ecg_rhythm.behind import Behind
from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.footage import Footage
from apps.ecg_rhythm.loop import Repeats
from apps.ecg_rhythm.mosaic import Follower
from apps.ecg_rhythm.plane import Plane
from apps.ecg_rhythm.reading import (
    ByteArray,
    Display,
    DisplayKind,
    Finding,
    FloatArray,
    Picture,
    Progress,
    Quality,
    Reading,
    Video,
    Waveform,
)
from apps.ecg_rhythm.screen import Screen, Still
from apps.ecg_rhythm.scroll import ScrollFollower
from apps.ecg_rhythm.sweep import SweepFollower
from apps.ecg_rhythm.trace import FINE, edges, pen, stroke_radius
from kit import video

LOOKS_HZ = {DisplayKind.SWEEP: 15.0, DisplayKind.SCROLL: 10.0}
"""So many looks a second are as good as all frames: a point is shown for seconds."""
LANE_LIMIT = "one lead read"
RIGHTWARD = "the strip moves to the right: if the picture stands on its head, the waveform does too"
AROUND_S = 1.0
"""So much before and after the video helps to read its ends."""

Drawn = Callable[[int, ByteArray], FloatArray]
"""The pen's path in frame `number` whose brightness is given, points as in `Picture`."""


@dataclass
class _Seen:
    """What the walk through the frames leaves behind."""

    frames: int = 0
    last_s: float = 0.0
    size: tuple[int, int] = (0, 0)
    picture: ByteArray | None = None
    picture_s: float = 0.0
    repeats: Repeats = field(default_factory=Repeats)
    picture_at: int = 0


def along(footage: Footage, flat: Plane, found: Screen, progress: Progress) -> tuple[Reading, Drawn]:
    """The reading of one curve of a screen, and how it lies in each frame. Raises `ReadingError`."""
    follower: SweepFollower | ScrollFollower
    follower = SweepFollower() if found.kind is DisplayKind.SWEEP else ScrollFollower(to_the_left=footage.turns > 0)
    seen = _Seen()
    total = footage.total_s
    stride = max(1, round(footage.header.fps / LOOKS_HZ[found.kind]))
    skipped: video.Frame | None = None

    def follow(frame: video.Frame) -> None:
        crop = flat.crop(frame.luma, found.lane) if found.moves else None
        if crop is not None:
            follower.add(frame.time_s, found.ink.of(crop))

    with Behind(follow) as behind:
        for frame in footage.frames():
            if seen.frames % stride == 0:
                behind.put(frame)
                skipped = None
            else:
                skipped = frame
            _remember(seen, frame, total)
            if seen.frames % 30 == 0 and total:
                progress("read", min(0.99, frame.time_s / total))
        if skipped is not None:
            behind.put(skipped)  # the last frame alone shows the newest of the trace
    if seen.picture is None:
        raise ReadingError(ErrorCode.NOT_A_VIDEO, "The file holds no frame; export the video again.")
    loop_s = seen.repeats.length_s()
    again = f"The video shows the same {loop_s:.1f} s again and again." if loop_s else ""
    try:
        waveform, display, findings, limits = _waveform(found, flat, follower, seen)
    except ReadingError as error:
        if not again:
            raise
        raise ReadingError(error.code, f"{again} Film the screen itself.") from error
    if again and not findings:
        findings, limits = (Finding.LOOPED,), (again, *limits)
    reading = Reading(
        video=_video(seen, footage.header),
        display=display,
        waveform=waveform,
        beats_s=np.zeros(0),
        quality=Quality(0.0, 0.0),
        picture=_picture(found, flat, seen.picture),
        findings=findings,
        limits=(LANE_LIMIT, *limits),
    )
    return reading, partial(_on_frame, found, flat)


def over_paper(footage: Footage, early: list[Still], progress: Progress) -> tuple[Reading, Drawn] | None:
    """The same of all of a paper over which the camera is panned; None where `early` stills or the rest show no pan.

    A camera that only drifts goes back to those that read screens: it may well be one. Raises `ReadingError`.
    """
    if not paper.panned([still.luma for still in early]):
        return None
    joined, seen, total = Follower(), _Seen(), footage.total_s
    stride = max(1, round(footage.header.fps / paper.LOOKS_HZ))
    for frame in footage.frames():
        if seen.frames % stride == 0:
            joined.add(seen.frames, frame.luma)
        _remember(seen, frame, total)
        if seen.frames % 30 == 0 and total:
            progress("read", min(0.99, frame.time_s / total))
    return _on_paper(footage, joined, seen) if paper.went_on(joined, seen.size[0]) else None


def _on_paper(footage: Footage, joined: Follower, seen: _Seen) -> tuple[Reading, Drawn]:
    """The reading of a strip of paper: its time is the grid's, and no frame's."""
    assert seen.picture is not None  # noqa: S101  # pictures were joined
    curve = paper.curve(joined)
    heights, confidence = curve.heights()
    scale = curve.amplitude(heights)
    samples = ((heights - scale.offset) / scale.pixels_per_unit).astype(np.float32)
    waveform = Waveform(tape.RATE_HZ, 0.0, scale.unit, scale.calibrated, samples, confidence)

    def drawn(number: int, _luma: ByteArray) -> FloatArray:
        return curve.points(heights, paper.place_of(joined.places, number), seen.size)

    points = drawn(seen.picture_at, seen.picture)
    reading = Reading(
        video=_video(seen, footage.header),
        display=Display(DisplayKind.PAPER, None, curve.strip.speed, paper.lane(points)),
        waveform=waveform,
        beats_s=np.zeros(0),
        quality=Quality(0.0, 0.0),
        picture=Picture(seen.picture, points),
        findings=_findings(waveform, scale.pixels_per_unit),
        limits=(LANE_LIMIT, *scale.limits, *((paper.TOO_LONG,) if joined.full else ())),
    )
    return reading, drawn


def _remember(seen: _Seen, frame: video.Frame, total: float) -> None:
    seen.frames += 1
    seen.last_s = frame.time_s
    seen.repeats.add(frame.time_s, frame.luma)
    seen.size = (frame.luma.shape[1], frame.luma.shape[0])
    if seen.picture is None or (seen.picture_s < 0.6 * total <= frame.time_s):
        seen.picture, seen.picture_s, seen.picture_at = frame.rgb(), frame.time_s, seen.frames - 1


def _video(seen: _Seen, header: video.Header) -> Video:
    """The file's facts, by what was decoded of it."""
    fps = (seen.frames - 1) / seen.last_s if seen.last_s else header.fps
    return Video(seen.last_s + (1.0 / fps if fps else 0.0), seen.frames, *seen.size, fps, header.codec)


def _waveform(
    found: Screen, flat: Plane, follower: SweepFollower | ScrollFollower, seen: _Seen
) -> tuple[Waveform, Display, tuple[Finding, ...], tuple[str, ...]]:
    if not found.moves:
        return _still_line(found, seen.last_s)
    strip = tape.within(follower.strip(), -AROUND_S, seen.last_s + AROUND_S)
    heights, confidence = tape.sampled(tape.read(strip), 0.0, seen.last_s)
    if not np.isfinite(heights).any():
        raise ReadingError(ErrorCode.NO_TRACE, "The trace could not be followed; film at least 5 seconds.")
    bent = flat.flat is not None
    grid = next((g for lines in found.lines if (g := calibration.find_grid(*lines, bent=bent))), None)
    scale = calibration.scale(grid, strip.speed, heights)
    samples: FloatArray = ((heights - scale.offset) / scale.pixels_per_unit).astype(np.float32)
    waveform = Waveform(tape.RATE_HZ, 0.0, scale.unit, scale.calibrated, samples, confidence)
    findings = _findings(waveform, scale.pixels_per_unit)
    rightward = isinstance(follower, ScrollFollower) and follower.rightward
    limits = (*scale.limits, RIGHTWARD) if rightward else scale.limits
    return waveform, Display(found.kind, strip.period_s, strip.speed, found.lane), findings, limits


def _findings(waveform: Waveform, pixels_per_unit: float) -> tuple[Finding, ...]:
    if quality.is_flat(waveform, pixels_per_unit):
        return (Finding.FLAT_TRACE,)
    return () if quality.is_ecg_like(waveform) else (Finding.NOT_ECG_LIKE,)


def _still_line(found: Screen, last_s: float) -> tuple[Waveform, Display, tuple[Finding, ...], tuple[str, ...]]:
    """A straight line on which nothing moves: asystole on a scroll looks like that. There is no speed to measure."""
    count = int(last_s * tape.RATE_HZ) + 1
    samples, confidence = np.zeros(count, np.float32), np.full(count, 0.5, np.float32)
    waveform = Waveform(tape.RATE_HZ, 0.0, "normalised", False, samples, confidence)
    display = Display(found.kind, None, 0.0, found.lane)
    return waveform, display, (Finding.FLAT_TRACE,), ("nothing moves: the line may be no trace",)


def _picture(found: Screen, flat: Plane, rgb: ByteArray) -> Picture:
    """The frame, and the pen's path in it as the reader saw it."""
    return Picture(rgb, _points(found, flat, np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)))


def _on_frame(found: Screen, flat: Plane, _number: int, luma: ByteArray) -> FloatArray:
    return _points(found, flat, luma)


def _points(found: Screen, flat: Plane, luma: ByteArray) -> FloatArray:
    """The pen's path in a frame, [n, 2] of its pixels, NaN where there is none; none where the frame is lost."""
    crop = flat.crop(luma, found.lane)
    if crop is None:
        return np.zeros((0, 2), np.float32)
    x, y, _width, _height = found.lane
    ink = found.ink.of(crop)
    seen, radius = edges(ink), stroke_radius(ink)
    heights = np.full((len(seen.top), FINE), np.nan)
    there = np.flatnonzero(np.isfinite(seen.top))
    for run in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1):
        if len(run):
            heights[run] = pen(seen.top[run], seen.bottom[run], radius).reshape(-1, FINE)
    columns = (np.arange(heights.size) + 0.5) / FINE - 0.5
    points = np.stack([columns + x, heights.ravel() + y], axis=1).astype(np.float32)
    known = np.isfinite(points[:, 1])
    points[known] = flat.back(points[known], luma)
    return points
