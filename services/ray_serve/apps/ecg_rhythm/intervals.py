"""What lies between beats and waves: RR, heart rate and its variability, PR, QRS, QT and QTc.

Each measure is a number with its definition, or no number and the reason. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.reading import Finding, Reading
from apps.ecg_rhythm.waves import BeatWaves

Float64 = npt.NDArray[np.float64]

LEAST_BEATS = 3
LEAST_SHARE = 0.5
"""A measure of waves needs that many normal beats with the waves marked, and that share of all normal beats."""

LONGEST_GAP_S = 0.3
"""An interval with more than this unread in it may hide a beat, and counts for nothing."""


class Missing(StrEnum):
    """Why a measure has no value."""

    TOO_FEW_BEATS = "too_few_beats"
    TOO_SHORT = "too_short"
    WAVES_NOT_MARKED = "waves_not_marked"
    POOR_SIGNAL = "poor_signal"
    NOT_SINUS = "not_sinus_rhythm"


@dataclass(frozen=True)
class Measure:
    """One measure; `spread`: interquartile range, where there is one value a beat; `count`: intervals or beats used."""

    unit: str
    definition: str
    count: int
    value: float | None = None
    spread: float | None = None
    reason: Missing | None = None

    def to_data(self) -> dict[str, Any]:
        """As the result document has it."""
        return {
            "value": None if self.value is None else round(self.value, 1),
            "unit": self.unit,
            "spread": None if self.spread is None else round(self.spread, 1),
            "count": self.count,
            "reason": None if self.reason is None else self.reason.value,
            "definition": self.definition,
        }


SHORTEST_S = {"sdnn": 240.0, "rmssd": 30.0, "pnn50": 60.0}
"""Seconds of NN intervals from which a figure stands for that of five minutes (Baek et al., Telemed J E Health
21:404-414, 2015)."""

DEFINITIONS = {
    "sdnn": "standard deviation (n - 1) of the NN intervals; at least 240 s of them",
    "rmssd": "root of the mean squared difference of adjoining NN intervals; at least 30 s of them",
    "pnn50": "share of adjoining NN intervals that differ by more than 50 ms; at least 60 s of them",
    "pr": "median over normal beats, onset of P to onset of QRS, one lead",
    "qrs": "median over normal beats, onset to offset of QRS, one lead",
    "qt": "median over normal beats, onset of QRS to offset of T, one lead",
    "qtc": "Fridericia: QT in s / (mean RR in s) ^ (1/3), in ms",
}
"""NN: an RR interval between two beats that were both answered N, with at most 0.3 s unread between them (Task Force
of ESC and NASPE, Circulation 93:1043-1065, 1996)."""


def rr(reading: Reading) -> Float64:
    """The [n - 1] intervals in seconds between n beats; NaN where more than LONGEST_GAP_S between them is unread."""
    if len(reading.beats_s) < 2:
        return np.zeros(0)
    wave = reading.waveform
    unread = np.concatenate([[0], np.cumsum(~np.isfinite(wave.samples))])
    at = np.round((reading.beats_s - wave.start_s) * wave.sampling_rate_hz).astype(int).clip(0, len(unread) - 1)
    whole = np.diff(unread[at]) <= LONGEST_GAP_S * wave.sampling_rate_hz
    return np.where(whole, np.diff(reading.beats_s), np.nan)


def heart_rate(rr: Float64) -> dict[str, float] | None:
    """Mean, minimum and maximum of the heart rate in beats per minute; None without an interval.

    The mean is 60 / mean RR; the extremes are of single intervals.
    """
    if len(rr) == 0:
        return None
    return {
        "mean": round(60.0 / float(rr.mean()), 1),
        "min": round(60.0 / float(rr.max()), 1),
        "max": round(60.0 / float(rr.min()), 1),
    }


def measures(reading: Reading, normal: npt.NDArray[np.bool_], barred: Missing | None = None) -> Mapping[str, Measure]:
    """Every measure of DEFINITIONS.

    `normal` [n]: the beats answered N; `barred`: why the rhythm forbids them. A signal of low quality has none; without
    sinus rhythm only the QRS is measured.
    """
    intervals = rr(reading)
    if Finding.LOW_QUALITY in reading.findings or barred is Missing.POOR_SIGNAL:
        return {name: _none(name, 0, Missing.POOR_SIGNAL) for name in DEFINITIONS}
    widths = _widths(reading.waves, normal)
    if barred:
        return {name: widths["qrs"] if name == "qrs" else _none(name, 0, barred) for name in DEFINITIONS}
    found = {**_variability(intervals, normal), **widths}
    qt, whole = found["qt"], intervals[np.isfinite(intervals)]
    if qt.value is None or len(whole) == 0:
        found["qtc"] = _none("qtc", qt.count, qt.reason or Missing.TOO_FEW_BEATS)
    else:
        found["qtc"] = Measure("ms", DEFINITIONS["qtc"], qt.count, qt.value / float(whole.mean()) ** (1 / 3))
    return {name: found[name] for name in DEFINITIONS}


def _variability(intervals: Float64, normal: npt.NDArray[np.bool_]) -> dict[str, Measure]:
    """SDNN, RMSSD and pNN50 of the NN intervals."""
    nn = np.where(normal[:-1] & normal[1:], intervals, np.nan) if len(intervals) else intervals
    each, steps = nn[np.isfinite(nn)], np.diff(nn)
    steps = steps[np.isfinite(steps)]
    total = float(each.sum())
    values = {
        "sdnn": 1000 * float(each.std(ddof=1)) if len(each) > 1 else 0.0,
        "rmssd": 1000 * float(np.sqrt((steps**2).mean())) if len(steps) else 0.0,
        "pnn50": 100 * float((np.abs(steps) > 0.05).mean()) if len(steps) else 0.0,
    }
    found = {}
    for name, value in values.items():
        count = len(each) if name == "sdnn" else len(steps)
        if total < SHORTEST_S[name]:
            found[name] = _none(name, count, Missing.TOO_SHORT)
        elif count < LEAST_BEATS:
            found[name] = _none(name, count, Missing.TOO_FEW_BEATS)
        else:
            found[name] = Measure(_unit(name), DEFINITIONS[name], count, value)
    return found


def _widths(waves: Sequence[BeatWaves], normal: npt.NDArray[np.bool_]) -> dict[str, Measure]:
    """PR, QRS and QT: the median of the normal beats whose waves are marked."""
    beats = [one for one, is_normal in zip(waves, normal, strict=False) if is_normal]
    spans = {"pr": [b.pr_s for b in beats], "qrs": [b.qrs_s for b in beats], "qt": [b.qt_s for b in beats]}
    return {
        name: _median(name, [1000 * value for value in values if value is not None], len(beats))
        for name, values in spans.items()
    }


def _median(name: str, values: Sequence[float], beats: int) -> Measure:
    if beats < LEAST_BEATS:
        return _none(name, len(values), Missing.TOO_FEW_BEATS)
    if len(values) < max(LEAST_BEATS, LEAST_SHARE * beats):
        return _none(name, len(values), Missing.WAVES_NOT_MARKED)
    low, middle, high = np.percentile(values, [25, 50, 75])
    return Measure("ms", DEFINITIONS[name], len(values), float(middle), float(high - low))


def _none(name: str, count: int, reason: Missing) -> Measure:
    return Measure(_unit(name), DEFINITIONS[name], count, reason=reason)


def _unit(name: str) -> str:
    return "%" if name == "pnn50" else "ms"
