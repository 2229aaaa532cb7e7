"""From a video file to a waveform: which side is up, which curve is the ECG, which way it moves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from apps.ecg_rhythm import plane, quality, screen, walk
from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.footage import Footage
from apps.ecg_rhythm.plane import Plane
from apps.ecg_rhythm.reading import (
    DisplayKind,
    Finding,
    FloatArray,
    Progress,
    Reading,
)
from apps.ecg_rhythm.screen import Screen, Still
from apps.ecg_rhythm.walk import Drawn
from kit import video

PROBE_S = 3.0
PROBE_STILLS = 24
LONG_PROBE_S = 9.0
PROBE_SPREAD = 6
MOST_CURVES = 3
UNLIKE = frozenset({Finding.NOT_ECG_LIKE, Finding.FLAT_TRACE})
TURNED = {
    1: "the picture lies on its side: read turned by 90 degrees to the left",
    3: "the picture lies on its side: read turned by 90 degrees to the right",
    2: "the picture stands on its head: read turned by 180 degrees; upside down if it is a mirror image instead",
}
"""The limit to state, by the quarter turns that it takes to read a picture."""


def read_trace(path: Path, progress: Progress) -> Reading:
    """Read the trace of the video file at `path`; its beats and quality are still empty. Raises `ReadingError`."""
    return _read(path, progress)[1]


def pen_paths(path: Path) -> Iterator[tuple[video.Frame, FloatArray]]:
    """Every frame of the video at `path` with the pen's path as it is seen in it: points as in `Picture`.

    Reads the video first, for which of its curves is drawn. Raises `ReadingError` as `read_trace` does.
    """
    footage, _reading, drawn = _read(path, lambda *_: None)
    for number, frame in enumerate(footage.frames()):
        yield frame, drawn(number, frame.luma)


def _read(path: Path, progress: Progress) -> tuple[Footage, Reading, Drawn]:
    """The video as it was turned for reading, the reading, and how it lies in each frame."""
    started = time.perf_counter()
    progress("decode", 0.0)
    footage = Footage(path, video.header(path))
    stills = _probe(footage)
    if (panned := walk.over_paper(footage, stills[:PROBE_STILLS], progress)) is not None:
        reading, drawn = panned
    else:
        progress("read", 0.0)
        footage, reading, drawn = _whichever_side_up(footage, stills, progress)
    progress("read", 1.0)
    decode_s = footage.watch.decode_s
    timings = {"decode": decode_s, "read": time.perf_counter() - started - decode_s}
    return footage, replace(reading, timings_s=timings), drawn


def _whichever_side_up(footage: Footage, stills: list[Still], progress: Progress) -> tuple[Footage, Reading, Drawn]:
    """The reading of a screen as it stands in the picture, or where no trace is seen, on its side or its head.

    Raises what was wrong with it as it stands. A pen that goes to the right tells which way up a sweep is, and a strip
    that moves to the left a scroll; one on its head that can be read as a strip moving to the right is taken for that.
    """
    try:
        return footage, *_likeliest(_on_screen(footage, stills, progress))
    except ReadingError as refusal:
        if refusal.code is not ErrorCode.NO_TRACE:
            raise
        refused = ReadingError(refusal.code, refusal.message)  # without the frames that its traceback holds
    # One curve each: most of what is refused shows none, whichever side is up.
    for turns, limit in TURNED.items():
        turned = footage.turned(turns)
        with suppress(ReadingError):
            first = next(_on_screen(turned, [still.turned(turns) for still in stills], progress), None)
            if isinstance(first, tuple) and UNLIKE.isdisjoint(first[0].findings) and _sure(first[0]):
                return turned, _as_turned(first[0], turns, limit), first[1]
    raise refused


def _as_turned(reading: Reading, turns: int, limit: str) -> Reading:
    """What was read off a picture turned by so many quarter turns, of the video as it is."""
    width, height = reading.video.width, reading.video.height
    return replace(
        reading,
        video=replace(reading.video, width=height, height=width) if turns % 2 else reading.video,
        display=replace(reading.display, turned_deg=-90 * turns % 360),
        limits=(limit, *reading.limits),
    )


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


def _sure(reading: Reading) -> bool:
    """Whether a second try can stand: the likelier one failed, so that this one has to show what it is."""
    return quality.trust(reading.waveform) >= quality.POOR


def _on_screen(
    footage: Footage, stills: list[Still], progress: Progress
) -> Iterator[tuple[Reading, Drawn] | ReadingError]:
    """The readings of a screen's curves, the likeliest ECG first; what was wrong with one that could not be read.

    Ink the other way round is looked at only where no curve could be read: beside bright ink it is dark.
    """
    dark: bool | None = None
    for flat, found in islice(_looks(footage, stills), MOST_CURVES):
        if dark is not None and found.ink.inverted != dark:
            return
        if footage.turns % 2 and found.lane[2] < found.lane[3]:
            continue  # higher than wide: it lies on its side only since the picture was turned
        try:
            read = _either_way(footage, flat, found, progress)
        except ReadingError as refusal:
            yield refusal.with_traceback(None)
            continue
        dark = found.ink.inverted
        yield read


def _either_way(footage: Footage, flat: Plane, found: Screen, progress: Progress) -> tuple[Reading, Drawn]:
    """The reading of one curve; where it does not move as it seems to, as if it moved the other way."""
    try:
        return walk.along(footage, flat, found, progress)
    except ReadingError as refusal:
        # On the wrong side a strip moves as it must not: taken for a sweep, it would be read, and wrong.
        if not found.moves or footage.turns:
            raise
        other = DisplayKind.SCROLL if found.kind is DisplayKind.SWEEP else DisplayKind.SWEEP
        try:
            read = walk.along(footage, flat, replace(found, kind=other), progress)
        except ReadingError:
            raise refusal from None
        if not _sure(read[0]):
            raise
        return read


def _looks(footage: Footage, stills: list[Still]) -> Iterator[tuple[Plane, Screen]]:
    """How the screen lies in the picture, and where its curves are on it, the likeliest ECG first."""
    flat, stills = _laid_flat(stills)
    found = screen.candidates(stills)
    first = next(found)
    if first.grows:
        # The screen was empty at first: only when the pen has been everywhere is the whole lane seen.
        flat, stills = _laid_flat(_probe(footage, LONG_PROBE_S))
        found = screen.candidates(stills)
        first = next(found)
    for one in chain((first,), found):
        yield flat, one


def _probe(footage: Footage, seconds: float = PROBE_S) -> list[Still]:
    """Stills of the first seconds, close together, and a few from the rest of the video."""
    stills: list[Still] = []
    stride = max(1, round(seconds * (footage.header.fps or 30.0) / PROBE_STILLS))
    for index, frame in enumerate(islice(footage.frames(), PROBE_STILLS * stride)):
        if index % stride == 0:
            stills.append(Still(frame.time_s, frame.luma.copy()))
    if footage.total_s > PROBE_S:
        times = [footage.total_s * (i + 1) / (PROBE_SPREAD + 1) for i in range(PROBE_SPREAD)]
        for frame in footage.spread(times):
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
