"""A second's measures -> score, grade and reasons. Rules, not weights: a person can check every one.

Each measure is put between a value that hinders nobody (1) and one with which nothing can be read (0), in a straight
line between the two; the score is the least of them. A trace that is sharp, bright and shaking is not readable "on
average": what is worst decides, and is named. MODEL_CARD.md tells where the figures come from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

RULES = "rules-v1"
"""Name of this set of figures; results carry it. Change it with any of them."""


class Reason(StrEnum):
    """What is wrong with a second, worst first where there are several."""

    NO_TRACE = "no_trace"
    FAINT = "faint"
    BLURRED = "blurred"
    NOISY = "noisy"
    GLARE = "glare"
    SHAKING = "shaking"
    FRAMES_MISSING = "frames_missing"
    FROZEN = "frozen"


class Grade(StrEnum):
    """`good`: reads as a screen recording does. `fair`: reads with losses. `poor`: do not rely on it."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


@dataclass(frozen=True)
class Measures:
    """A second's figures; NaN where there was nothing to measure.

    `trace`: share of the frames looked at that show a curve. `contrast`, `blur`, `noise`, `glare`, `shift`: medians of
    `measures.Look` and `measures.Pair`. `gap_s`: longest time without a frame. `change`: what moved most between two
    frames, as a share of the ink's contrast.
    """

    trace: float
    contrast: float
    blur: float
    noise: float
    glare: float
    shift: float
    gap_s: float
    change: float


@dataclass(frozen=True)
class Ramp:
    """1 at `good` and beyond, 0 at `bad` and beyond."""

    good: float
    bad: float

    def __call__(self, value: float) -> float:
        if math.isnan(value):
            return 1.0
        return min(1.0, max(0.0, (value - self.bad) / (self.good - self.bad)))


TRACE = Ramp(good=0.95, bad=0.4)
CONTRAST = Ramp(good=0.16, bad=0.02)
BLUR = Ramp(good=7.0, bad=13.0)
NOISE = Ramp(good=0.03, bad=0.15)
GLARE = Ramp(good=0.01, bad=0.12)
SHIFT = Ramp(good=0.9, bad=4.0)
GAP_S = Ramp(good=0.15, bad=0.8)
CHANGE = Ramp(good=0.35, bad=0.1)

FAIR, GOOD = 0.35, 0.7
"""Least scores of the grades."""
NAMED = 0.7
"""Below it a measure is a reason."""


@dataclass(frozen=True)
class Verdict:
    """`score`: 0 to 1; `reasons`: what keeps it down, worst first."""

    score: float
    grade: Grade
    reasons: tuple[Reason, ...]


def judge(measures: Measures) -> Verdict:
    """One second's verdict."""
    scores = _scores(measures)
    score = min(scores.values())
    reasons = sorted((reason for reason in scores if scores[reason] < NAMED), key=lambda reason: scores[reason])
    return Verdict(score, grade(score), tuple(reasons))


def grade(score: float) -> Grade:
    """The grade of a score."""
    if score >= GOOD:
        return Grade.GOOD
    return Grade.FAIR if score >= FAIR else Grade.POOR


def _scores(measures: Measures) -> Mapping[Reason, float]:
    return {
        Reason.NO_TRACE: TRACE(measures.trace),
        Reason.FAINT: CONTRAST(measures.contrast),
        Reason.BLURRED: BLUR(measures.blur),
        Reason.NOISY: NOISE(measures.noise),
        Reason.GLARE: GLARE(measures.glare),
        Reason.SHAKING: SHIFT(measures.shift),
        Reason.FRAMES_MISSING: GAP_S(measures.gap_s),
        Reason.FROZEN: CHANGE(measures.change),
    }
