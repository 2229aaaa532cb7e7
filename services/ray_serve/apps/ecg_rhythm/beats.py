"""R peaks, and what the classifier sees of each beat.

The detector follows Pan and Tompkins (IEEE TBME 32:230-236, 1985): band-pass, slope, square, integrate, two
thresholds. It differs where clips are short: it sees the whole clip, so thresholds come from the clip's own local
maxima and no learning phase is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import signal

from apps.ecg_rhythm.model import WINDOW
from apps.ecg_rhythm.morphology import features
from apps.ecg_rhythm.reading import FloatArray, Reading, Waveform

Float64 = npt.NDArray[np.float64]

REFRACTORY_S = 0.2
T_WAVE_S = 0.36
HIGH, LOW = 0.30, 0.12
"""Thresholds as shares of the local QRS level: to find a beat, and to find one again where a beat is missing."""

BEFORE_S = 0.4
"""A beat's window begins this long before its R peak; it lasts WINDOW samples at 250 Hz."""


@dataclass(frozen=True)
class BeatWindows:
    """The classifier's inputs: `samples` [n, 256] at 250 Hz, `features` [n, 28]; row i belongs to beat i."""

    samples: FloatArray
    features: FloatArray


def detect(wave: Waveform) -> Float64:
    """Times in seconds of the R peaks of `wave`, ascending; none lies in a gap or in a trace that is flat."""
    readable = np.isfinite(wave.samples)
    if readable.sum() < wave.sampling_rate_hz:
        return np.zeros(0)
    filled = fill(wave.samples)
    peaks = _peaks(filled, wave.sampling_rate_hz)
    near = np.convolve(readable, np.ones(9), mode="same") > 4
    peaks = peaks[near[peaks]]
    return np.asarray(wave.start_s + peaks / wave.sampling_rate_hz, np.float64)


def windows(reading: Reading) -> BeatWindows:
    """Cut each beat out of the waveform, in units of the clip's own median QRS height, with its features."""
    return cut(reading.waveform, reading.beats_s)


def cut(wave: Waveform, beats_s: Float64) -> BeatWindows:
    """As `windows`, from a waveform and beat times: training uses it on signals that never were a video."""
    fs = wave.sampling_rate_hz
    level = steady(fill(wave.samples), fs)
    at = np.round((beats_s - wave.start_s) * fs).astype(int)
    before = round(BEFORE_S * fs)
    padded = np.pad(level, (before + WINDOW, 2 * WINDOW), mode="edge")
    rows = at[:, None] + WINDOW + np.arange(WINDOW)[None, :]
    beats = padded[rows].astype(np.float32) if len(at) else np.zeros((0, WINDOW), np.float32)
    qrs = beats[:, before - 25 : before + 25]
    height = float(np.median(np.ptp(qrs, axis=1))) if len(beats) else 1.0
    beats /= max(height, 1e-6)
    return BeatWindows(beats.clip(-5, 5), features(beats, beats_s, before))


def fill(samples: FloatArray) -> Float64:
    """`samples` with gaps bridged by straight lines, for filters that cannot stand NaN."""
    readable = np.isfinite(samples)
    if not readable.any():
        return np.zeros(len(samples))
    where = np.arange(len(samples))
    return np.asarray(np.interp(where, where[readable], samples[readable]), np.float64)


def steady(samples: Float64, fs: float) -> Float64:
    """`samples` without baseline wander: a zero-phase high-pass at 0.5 Hz."""
    if len(samples) < fs:
        return np.asarray(samples - np.median(samples), np.float64)
    sections = signal.butter(2, 0.5, "highpass", fs=fs, output="sos")
    return np.asarray(signal.sosfiltfilt(sections, samples, padlen=min(len(samples) - 1, int(2 * fs))), np.float64)


def _peaks(samples: Float64, fs: float) -> npt.NDArray[np.int64]:
    band = signal.sosfiltfilt(signal.butter(2, (5.0, 18.0), "bandpass", fs=fs, output="sos"), samples)
    slope = np.gradient(band) * fs
    width = max(3, round(0.11 * fs))
    energy = np.sqrt(np.convolve(slope**2, np.ones(width) / width, mode="same"))
    local = signal.find_peaks(energy, distance=round(REFRACTORY_S * fs))[0]
    if len(local) == 0:
        return np.zeros(0, np.int64)
    level = _qrs_level(energy, fs)
    found = list(local[energy[local] > HIGH * level[local]])
    found = _without_t_waves(found, energy, fs)
    found = _with_missed(found, local, energy, level, fs)
    return _apart(*deflections(np.array(sorted(found), np.int64), samples, fs), fs)


def _qrs_level(energy: Float64, fs: float) -> Float64:
    """The height that a QRS complex has around each sample: median of maxima of 1.6 s windows over 10 s.

    A single artefact moves a maximum, not the median; and it may not fall below a fifth of the clip's own level.
    """
    span = round(1.6 * fs)
    maxima = np.array([energy[i : i + span].max() for i in range(0, len(energy), span // 2)])
    whole = float(np.median(maxima))
    wide = np.array([np.median(maxima[max(0, i - 6) : i + 7]) for i in range(len(maxima))])
    centres = np.arange(len(maxima)) * (span // 2) + span // 2
    return np.asarray(np.interp(np.arange(len(energy)), centres, np.maximum(wide, 0.2 * whole)), np.float64)


def _without_t_waves(found: list[int], energy: Float64, fs: float) -> list[int]:
    kept: list[int] = []
    for peak in found:
        if kept and peak - kept[-1] < T_WAVE_S * fs and energy[peak] < 0.5 * energy[kept[-1]]:
            continue
        kept.append(peak)
    return kept


def _with_missed(
    found: list[int], local: npt.NDArray[np.int64], energy: Float64, level: Float64, fs: float
) -> list[int]:
    if len(found) < 3:
        return found
    rr = float(np.median(np.diff(found)))
    added = list(found)
    for left, right in pairwise(found):
        if right - left < 1.66 * rr:
            continue
        inside = local[(local > left + T_WAVE_S * fs) & (local < right - REFRACTORY_S * fs)]
        inside = inside[energy[inside] > LOW * level[inside]]
        if len(inside):
            added.append(int(inside[energy[inside].argmax()]))
    return added


def deflections(found: npt.NDArray[np.int64], samples: Float64, fs: float) -> tuple[npt.NDArray[np.int64], Float64]:
    """Each detection (sample numbers) moved to the deflection that a reader would mark, at most 80 ms away.

    With each deflection's height; upward ones count half as much again.
    """
    reach = round(0.08 * fs)
    level = steady(samples, fs)
    peaks, heights = np.zeros(len(found), np.int64), np.zeros(len(found))
    for i, at in enumerate(found):
        low, high = max(0, at - reach), min(len(samples), at + reach + 1)
        part = level[low:high] - np.median(level[max(0, at - 3 * reach) : at + 3 * reach])
        weight = np.abs(part) * (1.0 + 0.5 * (part > 0))
        peaks[i], heights[i] = low + int(weight.argmax()), float(weight.max())
    return peaks, heights


def _apart(peaks: npt.NDArray[np.int64], heights: Float64, fs: float) -> npt.NDArray[np.int64]:
    """Of peaks (ascending) closer than the refractory time, the higher."""
    kept: list[int] = []
    for i in range(len(peaks)):
        if kept and peaks[i] - peaks[kept[-1]] < REFRACTORY_S * fs:
            if heights[i] > heights[kept[-1]]:
                kept[-1] = i
        else:
            kept.append(i)
    return peaks[kept]
