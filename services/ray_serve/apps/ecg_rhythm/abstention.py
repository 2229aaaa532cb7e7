"""When the answer is "not sure", and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from apps.ecg_rhythm.model import CLASSES
from apps.ecg_rhythm.reading import FloatArray, Reading

NOT_SURE = "not_sure"

SURE_OF_BEAT = 0.60
"""Least probability of a beat's class. What other thresholds cost and bring: docs/accuracy-of-classes.md."""

LEAST_BEATS = 5
"""Below that, the beat that the others are compared with may itself be the odd one."""

TRUSTED = 0.3
AROUND_S = 0.1
"""A beat is judged where the waveform's confidence within AROUND_S of its R peak is TRUSTED on average."""


class Unsure(StrEnum):
    """Why an answer is not given."""

    LOW_PROBABILITY = "low_probability"
    """The likeliest class is not likely enough."""
    POOR_SIGNAL = "poor_signal"
    TOO_FEW_BEATS = "too_few_beats"
    TOO_SHORT = "too_short"
    NO_BEATS = "no_beats"


@dataclass(frozen=True)
class BeatAnswer:
    """`likeliest`: a class of `model.CLASSES`, with its probability; `reason`: why it is not the answer, or None."""

    likeliest: str
    probability: float
    reason: Unsure | None

    @property
    def answer(self) -> str:
        """The class, or NOT_SURE."""
        return NOT_SURE if self.reason else self.likeliest


def answers(reading: Reading, probabilities: FloatArray) -> tuple[BeatAnswer, ...]:
    """The answer for each beat from its class probabilities [beats, 5]."""
    wave = reading.waveform
    at = np.round((reading.beats_s - wave.start_s) * wave.sampling_rate_hz).astype(int)
    reach = round(AROUND_S * wave.sampling_rate_hz)
    found = []
    for row, peak in zip(probabilities, at, strict=True):
        near = wave.confidence[max(0, peak - reach) : peak + reach + 1]
        best = int(row.argmax())
        reason = None
        if len(near) == 0 or near.mean() < TRUSTED:
            reason = Unsure.POOR_SIGNAL
        elif len(at) < LEAST_BEATS:
            reason = Unsure.TOO_FEW_BEATS
        elif row[best] < SURE_OF_BEAT:
            reason = Unsure.LOW_PROBABILITY
        found.append(BeatAnswer(CLASSES[best], float(row[best]), reason))
    return tuple(found)
