"""Whether what was read can be trusted, and what a person must be told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import signal

from apps.ecg_rhythm import beats, calibration, tape
from apps.ecg_rhythm.delineation import runs
from apps.ecg_rhythm.reading import Finding, Quality, Reading, Waveform

FLAT_PIXELS = 3.0
"""A trace whose height stays within this many pixels shows no heart beat that pixels could tell."""


def is_flat(wave: Waveform, pixels_per_unit: float) -> bool:
    """Whether the trace moves by no more than FLAT_PIXELS, slow wander aside."""
    readable = wave.samples[np.isfinite(wave.samples)]
    if len(readable) == 0:
        return False
    span = float(np.percentile(readable, 99.5) - np.percentile(readable, 0.5))
    return span * pixels_per_unit < FLAT_PIXELS


SPIKED = 3.3
"""Least kurtosis of the slope, about zero mean, of an ECG with QRS complexes. Gaussian noise has 3.0 and breathing
1.5; 10 s excerpts of 21 MIT-BIH records (DS1 without 208) lay above 4.0."""


STEEP_S = 0.065
"""Longest that the steepest strokes of an ECG are steep for, weighted by their length. A pulse wave's foot is for 90 ms
and more; 1,366 excerpts of 10 s of the 27 patients that the reader was written with lay below 42 ms."""


def is_ecg_like(wave: Waveform) -> bool:
    """Whether the trace is steep only now and then and not for long, as QRS complexes make it and a pulse does not."""
    readable = wave.samples[np.isfinite(wave.samples)].astype(np.float64)
    if len(readable) < wave.sampling_rate_hz:
        return True
    smooth = signal.sosfiltfilt(signal.butter(2, 25.0, fs=wave.sampling_rate_hz, output="sos"), readable)
    slope = np.diff(smooth)
    if float((slope**4).mean()) <= SPIKED * float((slope**2).mean()) ** 2:
        return False
    return _steep_s(np.abs(slope), wave.sampling_rate_hz) < STEEP_S


def _steep_s(slope: npt.NDArray[np.float64], rate_hz: float) -> float:
    """How long a stroke is at least half as steep as the steepest, seconds: the mean over those moments."""
    lengths = np.array([last - first for first, last in runs(slope > 0.5 * np.percentile(slope, 99.5))])
    return float((lengths**2).sum() / max(lengths.sum(), 1)) / rate_hz


BEATLESS = frozenset({Finding.FLAT_TRACE, Finding.LOOPED, Finding.NOT_ECG_LIKE})
"""With one of these no heart beats were seen, whatever the trace shows."""


POOR = 0.5
"""Below this `signal_quality` the finding is `low_quality`: as much doubt as signal."""
DOUBT_MV = tape.DOUBT_S * 25.0 / calibration.MM_PER_MV
"""The error in a moment whose confidence is 1/2, in mV, at 25 mm/s: what `tape` made confidence from."""
HEIGHT_MV = 1.3
"""How high a trace is taken to be whose own height is the unit: the median over the patients worked with."""
LEAST_MV = DOUBT_MV
"""A trace that varies by less (standard deviation) is judged as if it varied so much: a straight line can be read."""


def trust(wave: Waveform) -> float:
    """Share of the waveform's power, 0 to 1, that is signal and not error, as far as its confidence knows.

    Confidence is the expected error of a moment; against the height of the trace it says what that error spoils: the
    same doubt is worse in a small trace. What is unread counts as lost.
    """
    readable = np.isfinite(wave.samples)
    if not readable.any():
        return 0.0
    unit_mv = 1.0 if wave.amplitude_calibrated else HEIGHT_MV
    confidence = wave.confidence[readable].astype(np.float64).clip(1e-3, 1.0)
    error = DOUBT_MV**2 * float((1.0 / confidence - 1.0).mean())
    level = beats.steady(beats.fill(wave.samples), wave.sampling_rate_hz)[readable]
    power = max(unit_mv * float(level.std()), LEAST_MV) ** 2
    return float(readable.mean()) * power / (power + error)


def judge(reading: Reading, beats_s: npt.NDArray[np.float64]) -> Reading:
    """`reading` with its beats, quality and findings; one of BEATLESS keeps none of the beats."""
    readable = np.isfinite(reading.waveform.samples)
    share = float(readable.mean()) if len(readable) else 0.0
    trusted = trust(reading.waveform)
    findings = list(reading.findings)
    if not BEATLESS.isdisjoint(findings):
        beats_s = beats_s[:0]
    elif len(beats_s) == 0:
        findings.append(Finding.NO_BEATS)
    if trusted < POOR:
        findings.append(Finding.LOW_QUALITY)
    return replace(reading, beats_s=beats_s, quality=Quality(trusted, share), findings=tuple(dict.fromkeys(findings)))
