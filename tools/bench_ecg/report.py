"""Figures as text and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tools.bench_ecg import figures
from tools.bench_ecg.conditions import FPS, SECONDS, Condition, PaperPan
from tools.bench_ecg.trials import WINDOW_S, Trial
from tools.ecg_train import card

BLOCK = "bench-ecg"
BEGIN, END = card.BEGIN.format(BLOCK), card.END.format(BLOCK)


def row(condition: Condition | PaperPan, trials: Sequence[Trial]) -> str:
    """One condition for the terminal."""
    found = figures.spread(figures.snrs(trials))
    refused = sum(bool(trial.refused) for trial in trials)
    beats = figures.mean_of([trial.f1 for trial in trials])
    worst = min(figures.snrs(trials))
    return (
        f"{condition.name:22} {found.median:5.1f} dB (must {condition.must:g}, aim {condition.aim:g})  "
        f"quartiles {found.quartiles[0]:5.1f} {found.quartiles[1]:5.1f}  worst {worst:5.1f}  "
        f"refused {refused}/{len(trials)}  F1 {_said(beats, '.3f')}"
    )


def document(conditions: Sequence[Condition | PaperPan], trials: Sequence[Trial]) -> str:
    """The section of docs/accuracy.md: waveform table, beats as read, confidence, worst cases."""
    return "\n\n".join(
        [_waveforms(conditions, trials), _beats(conditions, trials), _confidence(conditions, trials), _worst(trials)]
    )


def _waveforms(conditions: Sequence[Condition | PaperPan], trials: Sequence[Trial]) -> str:
    lines = [
        "| condition | SNR, dB | interval | quartiles | sweeps, scrolls | below ceiling | must / aim | | refused |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for condition in conditions:
        mine = [trial for trial in trials if trial.condition == condition.name]
        found = figures.spread(figures.snrs(mine))
        kinds = [figures.median_of(figures.snrs([t for t in mine if t.kind == kind])) for kind in ("sweep", "scroll")]
        below = figures.median_of([t.ceiling_db - snr for t, snr in zip(mine, figures.snrs(mine), strict=True)])
        reached = "aim" if found.median >= condition.aim else "must" if found.median >= condition.must else "**missed**"
        refused = sum(bool(trial.refused) for trial in mine)
        lines.append(
            f"| {condition.name} | {found.median:.1f} | {found.interval[0]:.1f} to {found.interval[1]:.1f} "
            f"| {found.quartiles[0]:.1f} to {found.quartiles[1]:.1f} | {_said(kinds[0])}, {_said(kinds[1])} "
            f"| {_said(below)} | {condition.must:g} / {condition.aim:g} | {reached} | {refused} of {len(mine)} |"
        )
    people = len({trial.patient for trial in trials})
    return (
        f"{people} patients, one excerpt each a condition, {SECONDS:g} s at {FPS:g} frames/s, half sweeps and half "
        f"scrolls, but for the paper pan. Medians, with the 95 % interval of the median (bootstrap). A refused clip "
        f"counts as {figures.REFUSED_DB:g} dB.\n\n" + "\n".join(lines)
    )


def _beats(conditions: Sequence[Condition | PaperPan], trials: Sequence[Trial]) -> str:
    lines = [
        "| condition | R peaks: F1, mean | timing, ms | heart rate, bpm off | calibrated | gain off, % | kind told |",
        "|---|---|---|---|---|---|---|",
    ]
    for condition in conditions:
        mine = [t for t in trials if t.condition == condition.name]
        read = [t for t in mine if not t.refused]
        gain = figures.median_of([t.gain_error for t in read])
        # A refused clip has no beats: it counts as F1 0.
        beats = figures.mean_of([0.0 if t.refused and t.patient.startswith(("mitdb", "made")) else t.f1 for t in mine])
        lines.append(
            f"| {condition.name} | {_said(beats, '.3f')} | {_said(figures.median_of([t.timing_ms for t in read]))} "
            f"| {_said(figures.median_of([t.rate_error_bpm for t in read]), '.2f')} "
            f"| {sum(t.calibrated for t in read)} of {len(read)} | {_said(gain and 100 * gain)} "
            f"| {sum(t.kind_right for t in read)} of {len(read)} |"
        )
    return (
        "R peaks against the records' annotations (MIT-BIH only; refused clips count as 0), medians otherwise:\n\n"
        + "\n".join(lines)
    )


def _confidence(conditions: Sequence[Condition | PaperPan], trials: Sequence[Trial]) -> str:
    shares, ours, oracle = figures.risk_by_coverage(trials)
    lines = ["| windows kept | error, mV RMS | if the worst were known |", "|---|---|---|"]
    for coverage in figures.COVERAGES:
        if len(shares):
            at = max(0, round(coverage * len(shares)) - 1)
            lines.append(f"| {100 * coverage:.0f} % | {ours[at]:.3f} | {oracle[at]:.3f} |")
    pairs = [pair for trial in trials for pair in trial.windows]
    windows = figures.rank_correlation([-c for c, _ in pairs], [e for _, e in pairs])
    read = [t for t in trials if t.snr_db is not None]
    clips = figures.rank_correlation([t.quality for t in read], [t.snr_db or 0.0 for t in read])
    return (
        f"Does confidence rank errors? Windows of {WINDOW_S:g} s of all {len(conditions)} conditions, the least "
        f"confident left out first:\n\n"
        + "\n".join(lines)
        + f"\n\nRank correlation (Spearman) of confidence and error over {len(pairs)} windows: {windows:.2f}; of "
        f"`signal_quality` and SNR over {len(read)} clips: {clips:.2f}."
    )


def _worst(trials: Sequence[Trial], count: int = 12) -> str:
    order = sorted(trials, key=lambda trial: (figures.snrs([trial])[0], trial.condition))[:count]
    lines = [f"| worst {count} | patient | kind | SNR, dB | signal quality |", "|---|---|---|---|---|"]
    for trial in order:
        said = f"refused: {trial.refused}" if trial.refused else f"{trial.snr_db:.1f}"
        lines.append(f"| {trial.condition} | {trial.patient} | {trial.kind} | {said} | {trial.quality:.2f} |")
    return "\n".join(lines)


def write(path: Path, text: str) -> None:
    """Put `text` between the marks of the document at `path`."""
    path.write_text(card.placed(path.read_text(), BLOCK, text))


def plot(path: Path, conditions: Sequence[Condition | PaperPan], trials: Sequence[Trial]) -> None:
    """SNR of every clip by condition with must and aim, and risk by coverage."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 6), width_ratios=(2, 1))
    for at, condition in enumerate(conditions):
        values = figures.snrs([t for t in trials if t.condition == condition.name])
        left.scatter(values, np.full(len(values), at), s=14, alpha=0.5, color="#1c6e8c")
        left.plot([np.median(values)] * 2, [at - 0.3, at + 0.3], color="black")
        left.plot([condition.must] * 2, [at - 0.4, at + 0.4], color="#c1121f", lw=1)
        left.plot([condition.aim] * 2, [at - 0.4, at + 0.4], color="#2a9d4b", lw=1)
    left.set_yticks(range(len(conditions)), [condition.name for condition in conditions])
    left.invert_yaxis()
    left.set_xlabel("SNR, dB: each dot a patient, black the median, red must, green aim")
    shares, ours, oracle = figures.risk_by_coverage(trials)
    right.plot(shares, ours, label="by the reader's confidence", color="#1c6e8c")
    right.plot(shares, oracle, label="if the worst were known", color="gray", ls=":")
    right.set_xlabel(f"share of windows kept ({WINDOW_S:g} s)")
    right.set_ylabel("error, mV RMS")
    right.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _said(value: float | None, form: str = ".1f") -> str:
    return "-" if value is None else format(value, form)
