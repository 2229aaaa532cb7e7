"""From a video file to a waveform: probe the screen, then follow the trace through the whole video once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np

from apps.ecg_rhythm import calibration, paper, plane, quality, screen, tape
from apps.ecg_rhythm.behind import Behind
from apps.ecg_rhythm.errors import ErrorCode, ReadingError
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

PROBE_S = 3.0
PROBE_STILLS = 24
LONG_PROBE_S = 9.0
PROBE_SPREAD = 6
LOOKS_HZ = {DisplayKind.SWEEP: 15.0, DisplayKind.SCROLL: 10.0}
"""So many looks a second are as good as all frames: a point is shown for seconds."""
LANE_LIMIT = "one lead read"


@dataclass
class _Stopwatch:
    """Seconds spent waiting for the decoder, apart from the reader's own."""

    decode: float = 0.0

    def timed(self, source: Iterator[video.Frame]) -> Iterator[video.Frame]:
        while True:
            started = time.perf_counter()
            frame = next(source, None)
            self.decode += time.perf_counter() - started
            if frame is None:
                return
            yield frame


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


Drawn = Callable[[int, ByteArray], FloatArray]
"""The pen's path in frame `number` whose brightness is given, points as in `Picture`."""


def read_trace(path: Path, progress: Progress) -> Reading:
    """Read the trace of the video file at `path`; its beats and quality are still empty. Raises `ReadingError`."""
    return _read(path, progress)[0]


def pen_paths(path: Path) -> Iterator[tuple[video.Frame, FloatArray]]:
    """Every frame of the video at `path` with the pen's path as it is seen in it: points as in `Picture`.

    Reads the video first, for which of its curves is drawn. Raises `ReadingError` as `read_trace` does.
    """
    _reading, drawn = _read(path, lambda *_: None)
    for number, frame in enumerate(video.frames(path)):
        yield frame, drawn(number, frame.luma)


def _read(path: Path, progress: Progress) -> tuple[Reading, Drawn]:
    """The reading, and how it lies in each frame."""
    started = time.perf_counter()
    watch = _Stopwatch()
    progress("decode", 0.0)
    header = video.header(path)
    stills = _probe(path, header, watch)
    if (pan := _panned(path, header, watch, stills, progress)) is not None:
        best = _on_paper(*pan, header)
    else:
        progress("read", 0.0)
        best = _likeliest(_on_screen(path, header, watch, stills, progress))
    progress("read", 1.0)
    reading, drawn = best
    timings = {"decode": watch.decode, "read": time.perf_counter() - started - watch.decode}
    return replace(reading, timings_s=timings), drawn


def _likeliest(tries: Iterator[tuple[Reading, Drawn] | ReadingError]) -> tuple[Reading, Drawn]:
    """The first try, or where that shows no ECG, another curve on the screen that does. Raises what the first was."""
    first = next(tries)
    unread = isinstance(first, ReadingError)
    for one in chain((first,), tries):
        if isinstance(one, ReadingError) or not UNLIKE.isdisjoint(one[0].findings):
            continue
        if one is first or unread or _sure(one[0]):
            return one
    if isinstance(first, ReadingError):
        raise first
    return first


UNLIKE = frozenset({Finding.NOT_ECG_LIKE, Finding.FLAT_TRACE})


def _sure(reading: Reading) -> bool:
    """Whether a second try can stand: the likelier one failed, so that this one has to show what it is."""
    return quality.trust(reading.waveform) >= quality.POOR


MOST_CURVES = 3


def _on_screen(
    path: Path, header: video.Header, watch: _Stopwatch, stills: list[Still], progress: Progress
) -> Iterator[tuple[Reading, Drawn] | ReadingError]:
    """The readings of a screen's curves, the likeliest ECG first; what was wrong with one that could not be read.

    Ink the other way round is looked at only where no curve could be read: beside bright ink it is dark.
    """
    dark: bool | None = None
    for flat, found in islice(_looks(path, header, watch, stills), MOST_CURVES):
        if dark is not None and found.ink.inverted != dark:
            return
        try:
            reading = _either_way(path, header, watch, flat, found, progress)
        except ReadingError as refusal:
            yield refusal
            continue
        dark = found.ink.inverted
        yield reading, partial(_on_frame, found, flat)


def _either_way(
    path: Path, header: video.Header, watch: _Stopwatch, flat: Plane, found: Screen, progress: Progress
) -> Reading:
    """The reading of one curve; where it does not move as it seems to, as if it moved the other way."""
    try:
        return _follow(path, header, watch, flat, found, progress)
    except ReadingError as refusal:
        if not found.moves:
            raise
        other = DisplayKind.SCROLL if found.kind is DisplayKind.SWEEP else DisplayKind.SWEEP
        try:
            reading = _follow(path, header, watch, flat, replace(found, kind=other), progress)
        except ReadingError:
            raise refusal from None
        if not _sure(reading):
            raise
        return reading


def _follow(
    path: Path, header: video.Header, watch: _Stopwatch, flat: Plane, found: Screen, progress: Progress
) -> Reading:
    """One walk through the video with the eyes on one curve."""
    follower: SweepFollower | ScrollFollower = SweepFollower() if found.kind is DisplayKind.SWEEP else ScrollFollower()
    seen = _Seen()
    total = header.duration_s or 0.0
    stride = max(1, round(header.fps / LOOKS_HZ[found.kind]))
    skipped: video.Frame | None = None

    def follow(frame: video.Frame) -> None:
        crop = flat.crop(frame.luma, found.lane) if found.moves else None
        if crop is not None:
            follower.add(frame.time_s, found.ink.of(crop))

    with Behind(follow) as behind:
        for frame in watch.timed(video.frames(path)):
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
    return Reading(
        video=_video(seen, header),
        display=display,
        waveform=waveform,
        beats_s=np.zeros(0),
        quality=Quality(0.0, 0.0),
        picture=_picture(found, flat, seen.picture),
        findings=findings,
        limits=(LANE_LIMIT, *limits),
    )


def _panned(
    path: Path, header: video.Header, watch: _Stopwatch, stills: list[Still], progress: Progress
) -> tuple[Follower, _Seen] | None:
    """All of a paper over which the camera is panned, its pictures laid where they belong; None where there is no pan.

    A camera that only drifts goes back to those that read screens: it may well be one.
    """
    early = [still.luma for still in stills[:PROBE_STILLS]]
    if not paper.panned(early):
        return None
    joined, seen, total = Follower(), _Seen(), header.duration_s or 0.0
    stride = max(1, round(header.fps / paper.LOOKS_HZ))
    for frame in watch.timed(video.frames(path)):
        if seen.frames % stride == 0:
            joined.add(seen.frames, frame.luma)
        _remember(seen, frame, total)
        if seen.frames % 30 == 0 and total:
            progress("read", min(0.99, frame.time_s / total))
    return (joined, seen) if paper.went_on(joined, seen.size[0]) else None


def _on_paper(joined: Follower, seen: _Seen, header: video.Header) -> tuple[Reading, Drawn]:
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
        video=_video(seen, header),
        display=Display(DisplayKind.PAPER, None, curve.strip.speed, paper.lane(points)),
        waveform=waveform,
        beats_s=np.zeros(0),
        quality=Quality(0.0, 0.0),
        picture=Picture(seen.picture, points),
        findings=_findings(waveform, scale.pixels_per_unit),
        limits=(LANE_LIMIT, *scale.limits, *((paper.TOO_LONG,) if joined.full else ())),
    )
    return reading, drawn


def _video(seen: _Seen, header: video.Header) -> Video:
    """The file's facts, by what was decoded of it."""
    fps = (seen.frames - 1) / seen.last_s if seen.last_s else header.fps
    return Video(seen.last_s + (1.0 / fps if fps else 0.0), seen.frames, *seen.size, fps, header.codec)


def _looks(path: Path, header: video.Header, watch: _Stopwatch, stills: list[Still]) -> Iterator[tuple[Plane, Screen]]:
    """How the screen lies in the picture, and where its curves are on it, the likeliest ECG first."""
    flat, stills = _laid_flat(stills)
    found = screen.candidates(stills)
    first = next(found)
    if first.grows:
        # The screen was empty at first: only when the pen has been everywhere is the whole lane seen.
        flat, stills = _laid_flat(_probe(path, header, watch, LONG_PROBE_S))
        found = screen.candidates(stills)
        first = next(found)
    for one in chain((first,), found):
        yield flat, one


def _probe(path: Path, header: video.Header, watch: _Stopwatch, seconds: float = PROBE_S) -> list[Still]:
    """Stills of the first seconds, close together, and a few from the rest of the video."""
    stills: list[Still] = []
    stride = max(1, round(seconds * (header.fps or 30.0) / PROBE_STILLS))
    for index, frame in enumerate(watch.timed(islice(video.frames(path), PROBE_STILLS * stride))):
        if index % stride == 0:
            stills.append(Still(frame.time_s, frame.luma.copy()))
    if header.duration_s and header.duration_s > PROBE_S:
        times = [header.duration_s * (i + 1) / (PROBE_SPREAD + 1) for i in range(PROBE_SPREAD)]
        for frame in watch.timed(video.spread(path, times)):
            if frame.luma.shape == stills[0].luma.shape:
                stills.append(Still(PROBE_S + 10.0 * len(stills), frame.luma.copy()))
    return stills


def _laid_flat(stills: list[Still]) -> tuple[Plane, list[Still]]:
    """How the screen lies in the picture, and the stills as they are without that."""
    if not stills:
        raise ReadingError(ErrorCode.NOT_A_VIDEO, "The file holds no frame; export the video again.")
    flat = plane.find([still.luma for still in stills])
    height, width = stills[0].luma.shape
    crops = ((still.time_s, flat.crop(still.luma, (0, 0, width, height))) for still in stills)
    return flat, [Still(time_s, crop) for time_s, crop in crops if crop is not None]


def _remember(seen: _Seen, frame: video.Frame, total: float) -> None:
    seen.frames += 1
    seen.last_s = frame.time_s
    seen.repeats.add(frame.time_s, frame.luma)
    seen.size = (frame.luma.shape[1], frame.luma.shape[0])
    if seen.picture is None or (seen.picture_s < 0.6 * total <= frame.time_s):
        seen.picture, seen.picture_s, seen.picture_at = frame.rgb(), frame.time_s, seen.frames - 1


AROUND_S = 1.0
"""So much before and after the video helps to read its ends."""


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
    return waveform, Display(found.kind, strip.period_s, strip.speed, found.lane), findings, scale.limits


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
