"""Rhythm on CinC 2017, cross-validated: each record by networks that never saw it; calibration and risk by coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from apps.ecg_rhythm import rhythm
from apps.ecg_rhythm.reading import FloatArray
from apps.ecg_rhythm.rhythm_model import CLASSES
from tools.bench_beats.tables import calibration_error, interval, table
from tools.ecg_train.rhythms import Described, cross_validated

SEEDS = (7, 8, 9)
"""So many ways to deal the records to folds; each record is asked once under each."""

NAMES = {"N": "normal", "A": "fibrillation", "O": "other", "~": "noisy"}


@dataclass(frozen=True)
class Answer:
    """One record: what it is, and the probabilities under each of SEEDS, [seeds, 4]."""

    label: int
    probabilities: FloatArray


def measure(data: Described) -> list[Answer]:
    """Every CinC record."""
    dealt = [cross_validated(data, seed) for seed in SEEDS]
    together = np.stack([one.probabilities for one in dealt], axis=1)
    return [Answer(int(label), rows) for label, rows in zip(dealt[0].labels, together, strict=True)]


def f1(answers: Sequence[Answer], label: int) -> float:
    """F1 of one class, the mean over SEEDS."""
    true = np.array([answer.label for answer in answers]) == label
    scores = []
    for seed in range(len(SEEDS)):
        said = np.array([answer.probabilities[seed].argmax() for answer in answers]) == label
        scores.append(2 * (said & true).sum() / max(1, said.sum() + true.sum()))
    return float(np.mean(scores))


def mean_f1(answers: Sequence[Answer]) -> float:
    """The challenge's figure: the mean F1 of N, A and O."""
    return float(np.mean([f1(answers, CLASSES.index(name)) for name in "NAO"]))


def classes_table(answers: Sequence[Answer]) -> str:
    """F1 by class and their mean, with 95 % intervals over records; and what was said of what."""
    lines = []
    for index, name in enumerate(CLASSES):
        own = [answer for answer in answers if answer.label == index]
        said = np.mean([np.eye(len(CLASSES))[a.probabilities.argmax(axis=1)].mean(axis=0) for a in own], axis=0)
        lines.append(
            [
                f"{name} {NAMES[name]}",
                f"{len(own)}",
                f"{f1(answers, index):.3f} {interval(answers, partial(f1, label=index))}",
                *(f"{100 * share:.0f} %" for share in said),
            ]
        )
    mean = f"{mean_f1(answers):.3f} {interval(answers, mean_f1)}"
    lines.append(["mean of N, A, O", f"{len(answers)}", mean, "", "", "", ""])
    return table(["class", "records", "F1", *(f"said {name}" for name in CLASSES)], lines)


def risk_table(answers: Sequence[Answer]) -> str:
    """What other thresholds than the shipped one would answer, and how often wrongly; and the calibration error."""
    rows = np.concatenate([answer.probabilities for answer in answers])
    labels = np.repeat([answer.label for answer in answers], len(SEEDS))
    right, best = rows.argmax(axis=1) == labels, rows.max(axis=1)
    lines = []
    for threshold in (0.0, 0.5, rhythm.SURE, 0.6, 0.7, 0.8, 0.9):
        kept = best >= threshold
        fibrillation = kept & (labels == CLASSES.index("A"))
        lines.append(
            [
                f"{threshold:.2f}" + (" (shipped)" if threshold == rhythm.SURE else ""),
                f"{100 * kept.mean():.0f} %",
                f"{100 * (1 - right[kept].mean()):.1f} %",
                f"{100 * right[fibrillation].mean():.0f} % of {100 * fibrillation.sum() / (labels == 1).sum():.0f} %",
            ]
        )
    head = ["least probability", "answered", "of these wrong", "fibrillation: right of the answered"]
    return f"{table(head, lines)}\n\nExpected calibration error (10 bins): {calibration_error(rows, labels, 10):.3f}."
