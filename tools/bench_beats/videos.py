"""Beats and classes read off rendered videos, beside those of the same seconds of the signal. Figures; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import numpy.typing as npt
from scipy import signal

from apps.ecg_rhythm import abstention, beats
from apps.ecg_rhythm.model import CLASSES, BeatClassifier
from apps.ecg_rhythm.reading import FloatArray, Reading, Waveform
from apps.ecg_rhythm.tape import RATE_HZ
from tools.bench_beats.films import SECONDS, Film
from tools.bench_beats.tables import calibration_error
from tools.ecg_video.scoring import matches

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

EDGE_S = 0.5
"""At either end of a video so much is not judged: what lies there may be cut."""
NOTHING = len(CLASSES)
"""Stands for "no beat": one that was not found, or a find that is none."""


@dataclass(frozen=True)
class Found:
    """Beats that were found: seconds, class probabilities [n, 5], and whether the class is the answer."""

    beats_s: Float64
    probabilities: FloatArray
    sure: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    """Found beats against the annotated ones: `said` and `true` [n], classes or NOTHING.

    `probabilities` [n, 5] and `sure` [n] are zero where nothing was found.
    """

    said: Int64
    true: Int64
    probabilities: FloatArray
    sure: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Row:
    """One film. `refused`: the reader said that there was nothing to read."""

    patient: str
    condition: str
    kind: str
    refused: bool
    signal: Score
    video: Score


def row(film: Film, reading: Reading | None, classifier: BeatClassifier) -> Row:
    """The film's beats as they were read, and as its signal alone gives them."""
    shown = off_signal(film.part.samples, film.part.rate, classifier)
    read = Found(np.zeros(0), np.zeros((0, len(CLASSES)), np.float32), np.zeros(0, bool))
    if reading is not None:
        read = off_video(reading, classifier)
    scores = [score(found, *film.beats()) for found in (shown, read)]
    return Row(film.record, film.condition, film.kind, reading is None, *scores)


def off_video(reading: Reading, classifier: BeatClassifier) -> Found:
    """Classified as `analysis.analyse` does."""
    inputs = beats.windows(reading)
    probabilities = classifier.probabilities(inputs.samples, inputs.features)
    sure = [one.reason is None for one in abstention.answers(reading, probabilities)]
    return Found(reading.beats_s, probabilities, np.array(sure, bool))


def off_signal(samples: Float64, rate: float, classifier: BeatClassifier) -> Found:
    """The same detector and classifier on a signal that never was a video."""
    even = signal.resample_poly(samples, round(RATE_HZ), round(rate)).astype(np.float32)
    wave = Waveform(RATE_HZ, 0.0, "mV", True, even, np.ones(len(even), np.float32))
    beats_s = beats.detect(wave)
    inputs = beats.cut(wave, beats_s)
    probabilities = classifier.probabilities(inputs.samples, inputs.features)
    return Found(beats_s, probabilities, probabilities.max(axis=1, initial=0.0) >= abstention.SURE_OF_BEAT)


def score(found: Found, true_s: Float64, classes: Int64) -> Score:
    """Every annotated beat with its find, or without; then the finds that are no beat. Edges are left out."""
    pairs = matches(found.beats_s, true_s)
    missed = np.setdiff1d(np.arange(len(true_s)), [j for _, j in pairs])
    extra = np.setdiff1d(np.arange(len(found.beats_s)), [i for i, _ in pairs])
    finds = np.array([*(i for i, _ in pairs), *[-1] * len(missed), *extra], np.int64)
    beats_of = np.array([*(j for _, j in pairs), *missed, *[-1] * len(extra)], np.int64)
    probabilities = np.concatenate([found.probabilities, np.zeros((1, len(CLASSES)), np.float32)])[finds]
    said = np.where(finds >= 0, probabilities.argmax(axis=1), NOTHING)
    true = np.append(classes, NOTHING)[beats_of]
    at = np.where(beats_of >= 0, np.append(true_s, 0.0)[beats_of], np.append(found.beats_s, 0.0)[finds])
    inside = (at >= EDGE_S) & (at <= SECONDS - EDGE_S)
    sure = np.append(found.sure, False)[finds]
    return Score(said[inside], true[inside], probabilities[inside], sure[inside])


Side = Callable[[Row], Score]
SIGNAL: Side = attrgetter("signal")
VIDEO: Side = attrgetter("video")


def together(rows: Iterable[Row], side: Side) -> Score:
    """The beats of all `rows`."""
    scores = [side(row) for row in rows]
    return Score(
        np.concatenate([one.said for one in scores]),
        np.concatenate([one.true for one in scores]),
        np.concatenate([one.probabilities for one in scores]),
        np.concatenate([one.sure for one in scores]),
    )


def sensitivity(beats: Score, label: int) -> float:
    """Share of the class's beats that were found and called so; NaN where there is none."""
    own = beats.true == label
    return float((beats.said[own] == label).mean()) if own.any() else float("nan")


def precision(beats: Score, label: int) -> float:
    """Share of what was called so that is; NaN where nothing was."""
    own = beats.said == label
    return float((beats.true[own] == label).mean()) if own.any() else float("nan")


def f1(beats: Score, label: int) -> float:
    """Of one class; NaN where it is neither there nor said."""
    every = int((beats.said == label).sum() + (beats.true == label).sum())
    return 2 * int(((beats.said == label) & (beats.true == label)).sum()) / every if every else float("nan")


def r_peaks(beats: Score) -> float:
    """F1 of beats found, whatever their class."""
    both = int(((beats.said < NOTHING) & (beats.true < NOTHING)).sum())
    return 2 * both / max(int((beats.said < NOTHING).sum() + (beats.true < NOTHING).sum()), 1)


def calibration(beats: Score) -> float:
    """Expected calibration error of the beats that were found."""
    both = (beats.said < NOTHING) & (beats.true < NOTHING)
    return calibration_error(beats.probabilities[both], beats.true[both]) if both.any() else float("nan")


def unsure(beats: Score) -> float:
    """Share of what was found whose class is not answered."""
    return float(1.0 - beats.sure[beats.said < NOTHING].mean()) if (beats.said < NOTHING).any() else float("nan")


def wrong(beats: Score) -> float:
    """Share of the answered that is wrong."""
    return float((beats.said != beats.true)[beats.sure].mean()) if beats.sure.any() else float("nan")
