"""A video file -> the grade of each of its seconds, and the result document that docs/serve-apps.md describes."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from apps.signal_quality import measures
from apps.signal_quality.measures import SPAN, ByteArray, Look, Pair
from apps.signal_quality.model import Grade, Measures, Verdict, grade, judge
from kit import video

SCHEMA = "signal-quality-result/v1"
NOTICE = (
    "Research and education use only; not a medical device. Not cleared by FDA, MFDS or under CE; not for diagnosis, "
    "treatment, monitoring or alarms. The grade says how well a trace can be seen in a video, and nothing about the "
    "heart: a good grade is no finding, and a poor one is none either. With chest pain, fainting or breathlessness "
    "call the emergency number. A clinician must review the original ECG."
)

LOOKS_HZ = 6.0
"""Frames looked at in a second; each with the next one, to see what moves."""
OFTEN = 0.25
"""What hinders this share of the seconds is a finding of the whole video."""
REGULAR = 0.5
"""Least regularity of the lines behind the curve to be called a grid."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Second:
    """One second of the video (the last one may be shorter); `grid` is NaN where no curve was seen."""

    start_s: float
    end_s: float
    measures: Measures
    grid: float
    verdict: Verdict


@dataclass(frozen=True)
class Graded:
    """A whole video."""

    header: video.Header
    frames: int
    size: tuple[int, int]
    duration_s: float
    seconds: tuple[Second, ...]
    timings_s: dict[str, float]


@dataclass
class _Bin:
    """What was seen in one second."""

    looks: list[Look] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    frame_times: list[float] = field(default_factory=list)


def _silent(_stage: str, _fraction: float) -> None:
    pass


def grade_video(path: Path, progress: Progress = _silent) -> Graded:
    """Grade every second of the video file at `path`. Raises `kit.video.VideoError` for what is no readable video."""
    started = time.perf_counter()
    progress("decode", 0.0)
    header = video.header(path)
    progress("grade", 0.0)
    bins: dict[int, _Bin] = {}
    size, last_s, frames, next_look = (0, 0), 0.0, 0, 0.0
    first: tuple[ByteArray, int] | None = None
    decode_s = 0.0
    for frame, waited_s in _timed(video.frames(path)):
        decode_s += waited_s
        frames, last_s, second = frames + 1, frame.time_s, int(frame.time_s)
        size = (frame.luma.shape[1], frame.luma.shape[0])
        here = bins.setdefault(second, _Bin())
        here.frame_times.append(frame.time_s)
        if first is not None:
            after = measures.prepared(frame.luma)
            if after.shape == first[0].shape:
                bins[first[1]].pairs.append(measures.pair(first[0], after))
            first = None
        elif frame.time_s >= next_look:
            next_look = frame.time_s + 1 / LOOKS_HZ
            bright = measures.prepared(frame.luma)
            here.looks.append(measures.look(bright, measures.is_light(frame.luma)))
            first = (bright, second)
        if frames % 30 == 0 and header.duration_s:
            progress("grade", min(0.99, last_s / header.duration_s))
    fps = (frames - 1) / last_s if last_s else header.fps
    duration_s = last_s + (1 / fps if fps else 0.0)
    seconds = tuple(_seconds(bins, duration_s))
    progress("grade", 1.0)
    timings = {"decode": decode_s, "grade": time.perf_counter() - started - decode_s}
    return Graded(header, frames, size, duration_s, seconds, timings)


def result(graded: Graded) -> dict[str, Any]:
    """The JSON-ready result, without `app`, which the caller adds."""
    seconds = graded.seconds
    scores = [one.verdict.score for one in seconds]
    grades = Counter(one.verdict.grade for one in seconds)
    worst = min(seconds, key=lambda one: one.verdict.score)
    mean = sum(scores) / len(scores)
    grid = _median([one.grid for one in seconds])
    return {
        "schema": SCHEMA,
        "notice": NOTICE,
        "video": {
            "duration_s": round(graded.duration_s, 3),
            "frames": graded.frames,
            "width": graded.size[0],
            "height": graded.size[1],
            "fps": round(graded.frames / graded.duration_s, 3) if graded.duration_s else 0.0,
            "codec": graded.header.codec,
        },
        "grade": grade(mean).value,
        "score": round(mean, 3),
        "readable_share": round(1 - grades[Grade.POOR] / len(seconds), 3),
        "seconds_by_grade": {one.value: grades[one] for one in Grade},
        "worst": {"start_s": worst.start_s, "score": round(worst.verdict.score, 3)},
        "grid_visible": bool(grid >= REGULAR),
        "findings": _findings(seconds),
        "seconds": [_second_data(one) for one in seconds],
        "limits": ["the picture is graded, not the ECG", "moire and overlapping curves are not seen"],
        "timings_s": {stage: round(took, 4) for stage, took in graded.timings_s.items()},
    }


def _timed(frames: Iterator[video.Frame]) -> Iterator[tuple[video.Frame, float]]:
    """Each frame, and the seconds that the decoder took for it."""
    while True:
        started = time.perf_counter()
        frame = next(frames, None)
        if frame is None:
            return
        yield frame, time.perf_counter() - started


def _seconds(bins: dict[int, _Bin], duration_s: float) -> Iterator[Second]:
    """Every second from the first, those without any frame too. A rest under a quarter belongs to the one before."""
    count = max(1, math.ceil(duration_s - 0.25))
    before = 0.0
    for index in range(count):
        here = bins.get(index, _Bin())
        end_s = duration_s if index == count - 1 else index + 1.0
        times = [before, *here.frame_times, end_s]
        gap_s = max(after - one for one, after in pairwise(times))
        before = here.frame_times[-1] if here.frame_times else before
        found = _measures(here, gap_s)
        yield Second(float(index), round(end_s, 3), found, _median([one.grid for one in _curves(here)]), judge(found))


def _curves(here: _Bin) -> list[Look]:
    return [one for one in here.looks if one.span >= SPAN]


def _measures(here: _Bin, gap_s: float) -> Measures:
    curves = _curves(here)
    contrast = _median([one.contrast for one in curves])
    return Measures(
        trace=len(curves) / len(here.looks) if here.looks else 0.0,
        contrast=contrast,
        blur=_median([one.blur for one in curves]),
        noise=_median([one.noise for one in curves]),
        glare=_median([one.glare for one in here.looks]),
        shift=float(np.mean([one.shift for one in here.pairs])) if here.pairs and curves else math.nan,
        gap_s=gap_s,
        change=_median([one.change for one in here.pairs]) / contrast,
    )


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.median(known)) if known else math.nan


def _findings(seconds: Sequence[Second]) -> list[str]:
    """What hinders many seconds, the most frequent first."""
    counted = Counter(reason for one in seconds for reason in one.verdict.reasons)
    return [reason.value for reason, count in counted.most_common() if count >= OFTEN * len(seconds)]


def _second_data(one: Second) -> dict[str, Any]:
    return {
        "start_s": one.start_s,
        "end_s": one.end_s,
        "grade": one.verdict.grade.value,
        "score": round(one.verdict.score, 3),
        "reasons": [reason.value for reason in one.verdict.reasons],
        "measures": {
            name: None if math.isnan(value) else round(value, 4) for name, value in vars(one.measures).items()
        },
    }
