"""P, QRS and T of each beat: where each begins, peaks and ends, or why that is not said.

The network (`delineator`) tells what each sample belongs to; here its answers become marks. A wave is marked where one
run of samples lies in the beat's own span, long enough and believed enough; what is not there is not invented.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.beats import fill, steady
from apps.ecg_rhythm.delineator import PARTS, Delineator
from apps.ecg_rhythm.reading import FloatArray, Waveform
from apps.ecg_rhythm.waves import BeatWaves, Unmarked, Wave

Float64 = npt.NDArray[np.float64]

SURE = 0.70
"""Least mean probability of a wave's samples; what it costs and brings stands in docs/accuracy-of-classes.md."""

TRUSTED = 0.3
"""Least mean confidence of the waveform below a wave."""

SHORTEST_S = {"P": 0.032, "QRS": 0.032, "T": 0.06}
P_REACH_S, QRS_REACH_S, T_REACH_S = 0.40, 0.12, 0.62
"""A P wave begins at most that long before its R peak, the QRS lies that near to it, the T ends that long after."""


def delineate(wave: Waveform, beats_s: Float64, delineator: Delineator) -> tuple[BeatWaves, ...]:
    """The waves of each beat (R peaks in seconds, ascending)."""
    if len(beats_s) == 0:
        return ()
    level = normal(fill(wave.samples), wave.sampling_rate_hz)
    return marks(wave, beats_s, level, delineator.probabilities(level))


def normal(samples: Float64, fs: float) -> FloatArray:
    """`samples` without wander, in units of about their QRS height: what the network is shown."""
    level = steady(samples, fs)
    seconds = [np.ptp(part) for part in np.array_split(level, max(1, round(len(level) / fs / 2)))]
    return np.asarray(level / max(float(np.median(seconds)), 1e-6), np.float32).clip(-3, 3)


def marks(wave: Waveform, beats_s: Float64, level: FloatArray, parts: FloatArray) -> tuple[BeatWaves, ...]:
    """The waves of each beat from the network's probabilities `parts` [n, 4] of the samples of `level` [n]."""
    clip = _Clip(wave, level, parts)
    seconds = beats_s - wave.start_s
    found = []
    for i, r in enumerate(seconds):
        before = seconds[i - 1] + 0.1 if i else 0.0
        after = seconds[i + 1] - 0.06 if i + 1 < len(seconds) else clip.end_s
        qrs = clip.find("QRS", max(r - QRS_REACH_S, before), min(r + QRS_REACH_S, after), peak_s=r)
        begin, end = (qrs.onset_s, qrs.offset_s) if isinstance(qrs, Wave) else (r - 0.05, r + 0.05)
        p = clip.find("P", max(r - P_REACH_S, before), begin)
        t = clip.find("T", end, min(r + T_REACH_S, after))
        found.append(BeatWaves(*(clip.on_the_clock(one) for one in (p, qrs, t))))
    return tuple(found)


class _Clip:
    """A waveform with the network's view of it; times are seconds from its first sample."""

    def __init__(self, wave: Waveform, level: FloatArray, parts: FloatArray) -> None:
        self._wave, self._level, self._parts = wave, level, parts
        self._fs = wave.sampling_rate_hz
        self._readable = np.isfinite(wave.samples)
        self.end_s = len(level) / self._fs

    def find(self, part: str, low_s: float, high_s: float, peak_s: float | None = None) -> Wave | Unmarked:
        """The run of `part` that holds `peak_s`, or else the one with most of it, between two times."""
        low, high = max(0, round(low_s * self._fs)), min(len(self._level), round(high_s * self._fs) + 1)
        if high - low < SHORTEST_S[part] * self._fs:
            return Unmarked.NOT_SEEN if high_s < self.end_s else Unmarked.UNREAD
        if self._readable[low:high].mean() < 0.9:
            return Unmarked.UNREAD
        belief = self._parts[low:high, PARTS.index(part)]
        spans = runs(belief > 0.5)
        if not spans:
            return Unmarked.NOT_SEEN
        if peak_s is None:
            first, last = max(spans, key=lambda run: float(belief[run[0] : run[1]].sum()))
        else:
            at = round(peak_s * self._fs) - low
            first, last = min(spans, key=lambda run: max(run[0] - at, at - run[1], 0))
        if (first == 0 and low == 0) or (last == len(belief) and high == len(self._level)):
            return Unmarked.UNREAD
        if self._wave.confidence[low + first : low + last].mean() < TRUSTED:
            return Unmarked.POOR_SIGNAL
        probability = float(belief[first:last].mean())
        if probability < SURE or last - first < SHORTEST_S[part] * self._fs:
            return Unmarked.NOT_SURE
        onset, offset = (low + _crossing(belief, first)) / self._fs, (low + _crossing(belief, last)) / self._fs
        if peak_s is None:
            peak_s = (low + first + _farthest(self._level[low + first : low + last])) / self._fs
        return Wave(onset, peak_s, offset, probability)

    def on_the_clock(self, found: Wave | Unmarked) -> Wave | Unmarked:
        """`found` in seconds of the video's clock."""
        if not isinstance(found, Wave):
            return found
        start = self._wave.start_s
        return Wave(found.onset_s + start, found.peak_s + start, found.offset_s + start, found.probability)


def runs(inside: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First index and the one past the last of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(np.int8), [0]])))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _crossing(belief: FloatArray, edge: int) -> float:
    """Where between samples `edge` - 1 and `edge` the probability passes 0.5."""
    if edge in (0, len(belief)):
        return float(edge)
    before, after = float(belief[edge - 1]), float(belief[edge])
    return edge - 1 + (0.5 - before) / (after - before)


def _farthest(part: FloatArray) -> int:
    """The sample farthest from the straight line between both ends."""
    return int(np.abs(part - np.linspace(part[0], part[-1], len(part))).argmax())
