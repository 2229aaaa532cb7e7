"""From trials to figures: medians with their spread and interval, and whether confidence ranks errors. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.bench_ecg.trials import Trial

Float64 = npt.NDArray[np.float64]

REFUSED_DB = 0.0
"""What a refused clip counts in medians: as if the mean had been read, which is what 0 dB is."""
RESAMPLES = 2000
COVERAGES = (1.0, 0.9, 0.8, 0.6, 0.4)


@dataclass(frozen=True)
class Spread:
    """Median with quartiles and the 95 % interval of the median (bootstrap over patients)."""

    median: float
    quartiles: tuple[float, float]
    interval: tuple[float, float]


def spread(values: Sequence[float], seed: int = 0) -> Spread:
    """Of one figure over patients. `values` must not be empty."""
    found = np.asarray(values, np.float64)
    picks = np.random.default_rng(seed).integers(0, len(found), (RESAMPLES, len(found)))
    low, high = np.percentile(np.median(found[picks], axis=1), [2.5, 97.5])
    first, third = np.percentile(found, [25, 75])
    return Spread(float(np.median(found)), (float(first), float(third)), (float(low), float(high)))


def snrs(trials: Sequence[Trial]) -> list[float]:
    """SNR of each trial in dB, a refusal as REFUSED_DB."""
    return [REFUSED_DB if trial.snr_db is None else trial.snr_db for trial in trials]


def median_of(values: Sequence[float | None]) -> float | None:
    """Median of what is known, None where nothing is."""
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def mean_of(values: Sequence[float | None]) -> float | None:
    """Mean of what is known, None where nothing is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def risk_by_coverage(trials: Sequence[Trial]) -> tuple[Float64, Float64, Float64]:
    """Error (RMS, mV) of the windows that are kept as the least confident are left out first.

    Returns shares kept, errors by the reader's confidence, and errors if an oracle left out the worst first.
    """
    pairs = np.array([pair for trial in trials for pair in trial.windows], np.float64).reshape(-1, 2)
    if len(pairs) == 0:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    kept = np.arange(1, len(pairs) + 1)

    def running(order: npt.NDArray[np.intp]) -> Float64:
        return np.asarray(np.sqrt(np.cumsum(pairs[order, 1] ** 2) / kept), np.float64)

    by_confidence = running(np.argsort(-pairs[:, 0], kind="stable"))
    return kept / len(pairs), by_confidence, running(np.argsort(pairs[:, 1], kind="stable"))


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's, 0 where either does not vary."""
    one, two = (np.argsort(np.argsort(np.asarray(values))).astype(np.float64) for values in (first, second))
    if len(one) < 3 or one.std() == 0 or two.std() == 0:
        return 0.0
    return float(np.corrcoef(one, two)[0, 1])
