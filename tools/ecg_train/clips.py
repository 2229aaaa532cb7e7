"""Clips as the reader gives them, and from them the network's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm import beats as ecg_beats
from apps.ecg_rhythm.reading import FloatArray, Waveform
from apps.ecg_rhythm.tape import RATE_HZ
from tools.ecg_train.records import Record

Float64 = npt.NDArray[np.float64]

CLIP_S = 30.0


@dataclass(frozen=True)
class Inputs:
    """What the network sees: `samples` [n, 256], `features` [n, 28], `classes` [n]."""

    samples: FloatArray
    features: FloatArray
    classes: npt.NDArray[np.int64]


def inputs(records: list[Record], rng: np.random.Generator, *, degraded: bool) -> Inputs:
    """Every beat of `records` once, in clips of CLIP_S; `degraded`: as read off a video."""
    return together([part for record in records for part in _of(record, rng, degraded)])


def together(parts: Sequence[Inputs]) -> Inputs:
    """The rows of all `parts`, in order."""
    return Inputs(
        np.concatenate([p.samples for p in parts]),
        np.concatenate([p.features for p in parts]),
        np.concatenate([p.classes for p in parts]),
    )


def _of(record: Record, rng: np.random.Generator, degraded: bool) -> list[Inputs]:
    length = round(CLIP_S * RATE_HZ)
    parts = []
    for first in range(-int(rng.integers(0, length)) if degraded else 0, len(record.samples), length):
        low, high = max(first, 0), min(first + length, len(record.samples))
        inside = (record.beats >= low + 25) & (record.beats < high - 25)
        if high - low < 5 * RATE_HZ or inside.sum() < 3:
            continue
        part = record.samples[low:high]
        if degraded:
            part = as_read(part, rng)
        peaks = ecg_beats.deflections(record.beats[inside] - low, part, RATE_HZ)[0]
        if degraded:
            peaks = peaks + rng.integers(-2, 3, len(peaks))
        order = np.argsort(peaks, kind="stable")
        samples = part.astype(np.float32)
        wave = Waveform(RATE_HZ, 0.0, "mV", True, samples, np.ones(len(samples), np.float32))
        cut = ecg_beats.cut(wave, np.maximum.accumulate(peaks[order] + 1e-3 * np.arange(len(peaks))) / RATE_HZ)
        parts.append(Inputs(cut.samples, cut.features, record.classes[inside][order]))
    return parts


def as_read(samples: Float64, rng: np.random.Generator) -> Float64:
    """`samples` (mV at RATE_HZ) as a screen shows them and the reader gives them back.

    Columns: the mean over a pixel's time, at 60 to 250 columns a second. Then blur of the codec, quantised heights,
    noise, wander, and sometimes the other polarity of a wrong lead.
    """
    times = np.arange(len(samples)) / RATE_HZ
    columns = np.arange(0, times[-1], 1.0 / rng.uniform(60, 250))
    total = np.concatenate([[0.0], np.cumsum(samples)]) / RATE_HZ
    edge = np.interp(np.concatenate([columns, [times[-1]]]), np.append(times, times[-1] + 1 / RATE_HZ), total)
    means = np.diff(edge) / np.maximum(np.diff(np.concatenate([columns, [times[-1]]])), 1e-6)
    step = rng.uniform(0.003, 0.03)
    read = np.interp(times, columns + 0.5 * (columns[1] - columns[0]), np.round(means / step) * step)
    read += rng.normal(0, rng.uniform(0.0, 0.03), len(read))
    wander = rng.uniform(0, 0.15) * np.sin(2 * np.pi * rng.uniform(0.1, 0.4) * times + rng.uniform(0, 6))
    return np.asarray((read + wander) * rng.uniform(0.6, 1.5), np.float64)
