"""A reader's waveform and beats against truth. Pure numpy.

SNR follows the PhysioNet/CinC Challenge 2024 (Reyna et al., doi 10.22489/CinC.2024.001): 10 log10 of the truth's
energy over the energy of the difference, after alignment. Exactly, here:

1. The reading is put on the truth's sampling times by straight lines between its samples; it is shifted in time by
   the one shift within +-`max_shift_s` that gives the best SNR (the Challenge allows 0.5 s; we allow 0.1 s).
2. Both are centred: the level of 0 mV is not visible on a screen, so an offset is no error.
3. Only where the reading says that its amplitude is not calibrated is it also scaled, by least squares.
4. Samples that the reading leaves empty count as read at the mean: a gap costs all the energy that lies in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

BEAT_TOLERANCE_S = 0.150
"""ANSI/AAMI EC57."""


def snr_db(
    read_s: Float64,
    read: Float64,
    true_s: Float64,
    true: Float64,
    *,
    calibrated: bool,
    max_shift_s: float = 0.1,
) -> tuple[float, float]:
    """SNR in dB and the shift in seconds that gave it (positive: the reading is late).

    `read_s`, `read`: [n] times and values, NaN for gaps; `true_s`, `true`: [m], finite, evenly sampled.
    """
    best, best_shift = -np.inf, 0.0
    for step in (0.01, 0.001):
        reach = max_shift_s if step == 0.01 else 0.01
        for shift in best_shift + np.arange(-round(reach / step), round(reach / step) + 1) * step:
            if abs(shift) > max_shift_s + 1e-9:
                continue
            value = _snr(read_s - shift, read, true_s, true, calibrated)
            if value > best:
                best, best_shift = value, float(shift)
    return best, best_shift


def _snr(read_s: Float64, read: Float64, true_s: Float64, true: Float64, calibrated: bool) -> float:
    if not np.isfinite(read).any():
        return 0.0
    # Linear interpolation through NaN gives NaN, which is what a gap should stay.
    there = np.interp(true_s, read_s, read, left=np.nan, right=np.nan)
    known = np.isfinite(there)
    if not known.any():
        return 0.0
    centred = true - true.mean()
    guess = np.zeros(len(true))
    values = there[known] - there[known].mean()
    reference = centred[known] - centred[known].mean()
    gain = 1.0
    if not calibrated and float(values @ values) > 0:
        gain = float(values @ reference) / float(values @ values)
    guess[known] = gain * values + centred[known].mean()
    noise = float(((centred - guess) ** 2).sum())
    return float(10 * np.log10(float((centred**2).sum()) / max(noise, 1e-12)))


def matches(found_s: Float64, true_s: Float64, tolerance_s: float = BEAT_TOLERANCE_S) -> list[tuple[int, int]]:
    """One-to-one matching in time order: indices into `found_s` and `true_s`, both ascending."""
    i = j = 0
    pairs: list[tuple[int, int]] = []
    while i < len(found_s) and j < len(true_s):
        distance = float(found_s[i] - true_s[j])
        if abs(distance) <= tolerance_s:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif distance < 0:
            i += 1
        else:
            j += 1
    return pairs


def beat_f1(found_s: Float64, true_s: Float64, tolerance_s: float = BEAT_TOLERANCE_S) -> dict[str, float]:
    """Of the beats that match: F1, sensitivity, precision, counts, and their mean timing error."""
    found, true = np.sort(found_s), np.sort(true_s)
    errors = [abs(float(found[i] - true[j])) for i, j in matches(found, true, tolerance_s)]
    hits = len(errors)
    return {
        "f1": 2 * hits / max(len(found) + len(true), 1),
        "sensitivity": hits / max(len(true), 1),
        "precision": hits / max(len(found), 1),
        "matched": hits,
        "found": len(found),
        "true": len(true),
        "timing_error_ms": round(1000 * float(np.mean(errors)), 2) if errors else 0.0,
    }


def score(result: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    """Score a result document (`ecg-result/v1`) against a truth document, over the whole video.

    Of several leads the reading is held against the one that it fits best: which one it reads is its own choice.
    """
    wave = result["waveform"]
    values = np.array([np.nan if v is None else v for v in wave["samples"]], np.float64)
    times = wave["start_s"] + np.arange(len(values)) / wave["sampling_rate_hz"]
    leads = [np.array(lead, np.float64) for lead in (truth["samples"], *truth.get("other_leads", ()))]
    true_times = np.arange(len(leads[0])) / truth["sampling_rate_hz"]
    calibrated = bool(wave["amplitude_calibrated"])
    decibel, shift = max(snr_db(times, values, true_times, lead, calibrated=calibrated) for lead in leads)
    found = np.array([beat["time_s"] for beat in result["beats"]], np.float64)
    beats = np.array([beat["time_s"] for beat in truth["beats"]], np.float64)
    rate = 60.0 / float(np.diff(beats).mean()) if len(beats) > 1 else None
    read_rate = (result["heart_rate_bpm"] or {}).get("mean")
    return {
        "snr_db": round(decibel, 2),
        "shift_s": round(shift, 3),
        "amplitude_calibrated": calibrated,
        "beats": beat_f1(found, beats),
        "heart_rate_error_bpm": None if rate is None or read_rate is None else round(abs(read_rate - rate), 2),
    }
