"""What was read off a video: plain frozen data that pickles, with times in seconds of the video's own clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.waves import BeatWaves

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]
Progress = Callable[[str, float], None]
"""Called with a stage (`decode`, `read`, `beats`, `classify`, `overlay`) and the fraction done, 0 to 1."""


class DisplayKind(StrEnum):
    """What moves: an erase bar over a standing trace, a strip on the screen, or the camera over paper."""

    SWEEP = "sweep"
    SCROLL = "scroll"
    PAPER = "paper"


class Finding(StrEnum):
    """What the reader found that a person must know."""

    FLAT_TRACE = "flat_trace"
    LOOPED = "looped"
    LOW_QUALITY = "low_quality"
    NO_BEATS = "no_beats"
    NOT_ECG_LIKE = "not_ecg_like"


@dataclass(frozen=True)
class Video:
    """The file's own facts; `frames` counts what was decoded, not what the header promises."""

    duration_s: float
    frames: int
    width: int
    height: int
    fps: float
    codec: str


@dataclass(frozen=True)
class Display:
    """Where the trace lies (`lane`: x, y, width, height in pixels) and how it moves.

    `turned_deg`: 0, 90, 180 or 270 degrees by which the picture was turned clockwise to be read, lane included.
    """

    kind: DisplayKind
    sweep_period_s: float | None
    pixels_per_second: float
    lane: tuple[int, int, int, int]
    turned_deg: int = 0


@dataclass(frozen=True)
class Waveform:
    """Evenly sampled trace.

    `samples`: [n] float32 in `unit`, NaN where nothing could be read; `confidence`: [n] float32 in 0 to 1, and 0
    exactly where `samples` is NaN. Sample i lies at `start_s + i / sampling_rate_hz`.
    """

    sampling_rate_hz: float
    start_s: float
    unit: str
    amplitude_calibrated: bool
    samples: FloatArray
    confidence: FloatArray


@dataclass(frozen=True)
class Quality:
    """`signal_quality`: 0 to 1, how much of the trace can be trusted, as a share of its power (`quality.trust`).

    `readable_share`: share of samples read.
    """

    signal_quality: float
    readable_share: float


@dataclass(frozen=True)
class Picture:
    """One frame to draw on (RGB, [height, width, 3]) and the trace read in it, [n, 2] as x and y in pixels."""

    frame: ByteArray
    points: FloatArray


@dataclass(frozen=True)
class Reading:
    """A video's waveform, R peaks (`beats_s`: [n] seconds, ascending) and waves, before any classification.

    `waves`: one entry a beat, in the same order; empty until the waveform is delineated.
    """

    video: Video
    display: Display
    waveform: Waveform
    beats_s: npt.NDArray[np.float64]
    quality: Quality
    picture: Picture
    waves: tuple[BeatWaves, ...] = ()
    findings: tuple[Finding, ...] = ()
    limits: tuple[str, ...] = ()
    timings_s: Mapping[str, float] = field(default_factory=dict)
