"""Beat classes on the DS2 records at hand, which the network never saw: by record, calibration, risk by coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm import abstention
from apps.ecg_rhythm import beats as ecg_beats
from apps.ecg_rhythm.model import CLASSES, BeatClassifier
from apps.ecg_rhythm.reading import FloatArray, Waveform
from apps.ecg_rhythm.tape import RATE_HZ
from tools.bench_beats.tables import DRAWS, calibration_error, table
from tools.ecg_train.clips import CLIP_S, Inputs, as_read, inputs
from tools.ecg_train.records import Record
from tools.ecg_video.scoring import beat_f1

Counts = npt.NDArray[np.int64]

BLOCK = 50
"""Beats of one record are drawn again in runs of so many: neighbours are not independent."""


@dataclass(frozen=True)
class Answers:
    """A record's beats at the reference R peaks: `probabilities` [n, 5], `labels` [n]."""

    probabilities: FloatArray
    labels: npt.NDArray[np.int64]

    def confusions(self) -> Counts:
        """[blocks, 5, 5]: what was said (column) of what (row), by runs of BLOCK beats."""
        blocks = np.arange(len(self.labels)) // BLOCK
        counts = np.zeros((blocks[-1] + 1, len(CLASSES), len(CLASSES)), np.int64)
        np.add.at(counts, (blocks, self.labels, self.probabilities.argmax(axis=1)), 1)
        return counts


@dataclass(frozen=True)
class Figures:
    """One record from the signal and as read; `peaks`: R peaks found in clips of it, likewise."""

    name: str
    signal: Answers
    read: Answers
    signal_peaks: dict[str, float]
    read_peaks: dict[str, float]


def measure(records: Sequence[Record], classifier: BeatClassifier, seed: int) -> list[Figures]:
    """Figures of each record."""
    return [_figures(record, classifier, seed) for record in records]


def _figures(record: Record, classifier: BeatClassifier, seed: int) -> Figures:
    rng = np.random.default_rng(seed)
    sides = [inputs([record], rng, degraded=read) for read in (False, True)]
    signal, read = (_answers(side, classifier) for side in sides)
    peaks = [_r_peaks(record, np.random.default_rng(seed), degraded=read) for read in (False, True)]
    return Figures(record.name, signal, read, *peaks)


def _answers(side: Inputs, classifier: BeatClassifier) -> Answers:
    return Answers(classifier.probabilities(side.samples, side.features), side.classes)


def _r_peaks(record: Record, rng: np.random.Generator, *, degraded: bool) -> dict[str, float]:
    """The detector on clips of CLIP_S against the reference beats, half a second at the edges left out."""
    length, edge = round(CLIP_S * RATE_HZ), 0.5
    sums = {"matched": 0.0, "found": 0.0, "true": 0.0}
    for low in range(0, len(record.samples) - length + 1, length):
        part = record.samples[low : low + length]
        samples = (as_read(part, rng) if degraded else part).astype(np.float32)
        wave = Waveform(RATE_HZ, 0.0, "mV", True, samples, np.ones(length, np.float32))
        found = ecg_beats.detect(wave)
        true = (record.beats[(record.beats >= low) & (record.beats < low + length)] - low) / RATE_HZ
        # A beat near an edge may be found on the other side of it: judged by the partner's place.
        scores = beat_f1(
            found[(found > edge) & (found < CLIP_S - edge)], true[(true > edge - 0.15) & (true < CLIP_S - edge + 0.15)]
        )
        outside = ((true > edge - 0.15) & (true < edge)) | ((true > CLIP_S - edge) & (true < CLIP_S - edge + 0.15))
        sums["matched"] += scores["matched"]
        sums["found"] += scores["found"]
        sums["true"] += scores["true"] - min(int(outside.sum()), scores["true"] - scores["matched"])
    return sums


def records_table(rows: Sequence[Figures], *, read: bool) -> str:
    """F1 by record and class with 95 % intervals; a dash where the record has no such beat."""
    lines = []
    for row in rows:
        answers = row.read if read else row.signal
        lines.append([row.name, *_line(answers.confusions()), *_rest([row], answers, read)])
    every = [row.read if read else row.signal for row in rows]
    whole = Answers(np.concatenate([a.probabilities for a in every]), np.concatenate([a.labels for a in every]))
    by_record = np.stack([a.confusions().sum(axis=0) for a in every])
    lines.append(["all", *_line(by_record), *_rest(rows, whole, read)])
    return table(["record", "beats N / S / V / F / Q", "N", "S", "V", "F", "calibration error", "R peaks"], lines)


def _line(groups: Counts) -> list[str]:
    """Beats by class, and the F1 of N, S, V and F; the interval draws the first axis of `groups` again."""
    total = groups.sum(axis=0)
    rng = np.random.default_rng(0)
    drawn = groups[rng.integers(0, len(groups), (DRAWS, len(groups)))].sum(axis=1)
    cells = [" / ".join(str(count) for count in total.sum(axis=1))]
    for index in range(4):
        if total[index].sum() == 0:
            cells.append("-")
            continue
        low, high = np.nanpercentile(_f1(drawn, index), [2.5, 97.5])
        cells.append(f"{float(_f1(total[None], index)[0]):.3f} ({low:.2f}-{high:.2f})")
    return cells


def _f1(counts: Counts, index: int) -> npt.NDArray[np.float64]:
    """Of each [5, 5] in `counts`; NaN where the class is neither there nor said."""
    every = counts[:, index].sum(axis=1) + counts[:, :, index].sum(axis=1)
    return np.where(every > 0, 2 * counts[:, index, index] / np.maximum(every, 1), np.nan)


def _rest(rows: Sequence[Figures], answers: Answers, read: bool) -> list[str]:
    error = f"{calibration_error(answers.probabilities, answers.labels):.3f}"
    every = [row.read_peaks if read else row.signal_peaks for row in rows]
    sums = {key: sum(peaks[key] for peaks in every) for key in ("matched", "found", "true")}
    return [error, f"{2 * sums['matched'] / max(sums['found'] + sums['true'], 1):.4f}"]


def risk_table(rows: Sequence[Figures]) -> str:
    """What other thresholds than the shipped one would answer of the beats as read, and how often wrongly."""
    probabilities = np.concatenate([row.read.probabilities for row in rows])
    labels = np.concatenate([row.read.labels for row in rows])
    best, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    lines = []
    for threshold in (0.0, 0.5, abstention.SURE_OF_BEAT, 0.7, 0.8, 0.9, 0.95):
        kept = best >= threshold
        shares = [
            f"{100 * kept[labels == i].mean():.0f} %, {100 * right[kept & (labels == i)].mean():.0f} %"
            for i in (0, 1, 2)
        ]
        shipped = " (shipped)" if threshold == abstention.SURE_OF_BEAT else ""
        lines.append(
            [
                f"{threshold:.2f}{shipped}",
                f"{100 * kept.mean():.1f} %",
                f"{100 * (1 - right[kept].mean()):.2f} %",
                *shares,
            ]
        )
    head = [
        "least probability",
        "answered",
        "of these wrong",
        "N: answered, right",
        "S: answered, right",
        "V: answered, right",
    ]
    return table(head, lines)
