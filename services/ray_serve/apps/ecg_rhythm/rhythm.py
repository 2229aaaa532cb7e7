"""The rhythm of a whole strip: which, how likely, or why that is not said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from apps.ecg_rhythm.abstention import NOT_SURE, Unsure
from apps.ecg_rhythm.delineation import runs
from apps.ecg_rhythm.intervals import Missing, rr
from apps.ecg_rhythm.reading import Finding, FloatArray, Reading
from apps.ecg_rhythm.rhythm_model import CLASSES, RhythmClassifier
from apps.ecg_rhythm.strip import describe

SURE = 0.55
"""Least probability of an answer. What other thresholds cost and bring: docs/accuracy-of-classes.md."""

LEAST_BEATS, LEAST_S = 6, 6.0
"""The least that is judged, in one piece. The network learned from 9 to 60 s."""

AROUND_S = 1.0
SLOW_BPM, FAST_BPM = 60.0, 100.0


class Rhythm(StrEnum):
    """What can be answered. Sinus rhythm is named by its mean rate: below SLOW_BPM, above FAST_BPM, or between."""

    SINUS = "sinus"
    SINUS_BRADYCARDIA = "sinus_bradycardia"
    SINUS_TACHYCARDIA = "sinus_tachycardia"
    ATRIAL_FIBRILLATION = "atrial_fibrillation"
    OTHER = "other"
    NOISY = "too_noisy"


@dataclass(frozen=True)
class Judgement:
    """`probabilities`: of every rhythm, empty where there was nothing to judge; `answer` is None for "not sure"."""

    answer: Rhythm | None
    reason: Unsure | None
    probabilities: Mapping[Rhythm, float]

    @property
    def bars(self) -> Missing | None:
        """Why intervals mean nothing under this rhythm; "not sure" and "other" (mostly ectopic beats) bar nothing."""
        match self.answer:
            case Rhythm.ATRIAL_FIBRILLATION:
                return Missing.NOT_SINUS
            case Rhythm.NOISY:
                return Missing.POOR_SIGNAL
            case _:
                return None

    def to_data(self) -> dict[str, Any]:
        """As the result document has it."""
        likeliest = max(self.probabilities, key=self.probabilities.__getitem__, default=None)
        return {
            "answer": NOT_SURE if self.answer is None else self.answer.value,
            "reason": None if self.reason is None else self.reason.value,
            "likeliest": None if likeliest is None else likeliest.value,
            "probabilities": {name.value: round(p, 4) for name, p in self.probabilities.items()},
            "threshold": SURE,
        }


def judge(reading: Reading, classifier: RhythmClassifier) -> Judgement:
    """The rhythm of a reading with its waves: of its longest part without a gap between beats."""
    if len(reading.beats_s) == 0:
        return Judgement(None, Unsure.NO_BEATS, {})
    part = _unbroken(reading)
    if len(part.beats_s) < LEAST_BEATS:
        return Judgement(None, Unsure.TOO_FEW_BEATS, {})
    if len(part.waveform.samples) / part.waveform.sampling_rate_hz < LEAST_S:
        return Judgement(None, Unsure.TOO_SHORT, {})
    strip = describe(part.waveform, part.beats_s, part.waves)
    found = named(classifier.probabilities(strip[None])[0], 60.0 / float(np.diff(part.beats_s).mean()))
    best = max(found, key=found.__getitem__)
    if Finding.LOW_QUALITY in reading.findings:
        return Judgement(None, Unsure.POOR_SIGNAL, found)
    if found[best] < SURE:
        return Judgement(None, Unsure.LOW_PROBABILITY, found)
    return Judgement(best, None, found)


def _unbroken(reading: Reading) -> Reading:
    """The longest run of beats with no gap between two of them, and the waveform from AROUND_S before it to after."""
    whole = np.isfinite(rr(reading))
    if whole.all():
        return reading
    spans = runs(whole)
    if not spans:
        return replace(reading, beats_s=reading.beats_s[:1], waves=reading.waves[:1])
    first, last = max(spans, key=lambda run: run[1] - run[0])
    wave, kept = reading.waveform, slice(first, last + 1)
    beats_s = reading.beats_s[kept]
    low = max(0, round((beats_s[0] - AROUND_S - wave.start_s) * wave.sampling_rate_hz))
    high = round((beats_s[-1] + AROUND_S - wave.start_s) * wave.sampling_rate_hz)
    cut = replace(
        wave,
        start_s=wave.start_s + low / wave.sampling_rate_hz,
        samples=wave.samples[low:high],
        confidence=wave.confidence[low:high],
    )
    return replace(reading, waveform=cut, beats_s=beats_s, waves=reading.waves[kept])


def named(probabilities: FloatArray, bpm: float) -> Mapping[Rhythm, float]:
    """The network's four classes as rhythms: the rate says which sinus rhythm it would be."""
    sinus = Rhythm.SINUS_BRADYCARDIA if bpm < SLOW_BPM else Rhythm.SINUS_TACHYCARDIA if bpm > FAST_BPM else Rhythm.SINUS
    of_class = dict(zip(CLASSES, (float(p) for p in probabilities), strict=True))
    found = dict.fromkeys(Rhythm, 0.0)
    found[sinus] = of_class["N"]
    found[Rhythm.ATRIAL_FIBRILLATION] = of_class["A"]
    found[Rhythm.OTHER] = of_class["O"]
    found[Rhythm.NOISY] = of_class["~"]
    return found
