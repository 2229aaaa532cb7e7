"""Figures as Markdown, and 95 % intervals that draw patients again: beats of one patient are not independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.reading import FloatArray

DRAWS = 400
Row = TypeVar("Row")


def interval(rows: Sequence[Row], figure: Callable[[Sequence[Row]], float], digits: int = 3) -> str:
    """`(low-high)`: the 2.5th and 97.5th percentile of `figure` over DRAWS draws of `rows` with replacement.

    Rows that carry a `patient` are drawn by patient.
    """
    groups: dict[object, list[Row]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(getattr(row, "patient", index), []).append(row)
    each = list(groups.values())
    rng = np.random.default_rng(0)
    values = [
        figure([row for chosen in rng.integers(0, len(each), len(each)) for row in each[chosen]]) for _ in range(DRAWS)
    ]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return f"({low:.{digits}f}-{high:.{digits}f})"


def calibration_error(probabilities: FloatArray, true: npt.NDArray[np.int64], bins: int = 15) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over equal-width bins, by size."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == true
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        (which == b).mean() * abs(right[which == b].mean() - confidence[which == b].mean()) for b in np.unique(which)
    ]
    return float(sum(gaps))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
