"""Beat classes on the DS2 records at hand, which the network never saw: figures by record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apps.ecg_rhythm import beats as ecg_beats
from apps.ecg_rhythm.model import CLASSES, BeatClassifier
from apps.ecg_rhythm.reading import Waveform
from apps.ecg_rhythm.tape import RATE_HZ
from tools.ecg_train.clips import CLIP_S, as_read, inputs
from tools.ecg_train.records import Record
from tools.ecg_train.training import calibration_error, class_f1
from tools.ecg_video.scoring import beat_f1


@dataclass(frozen=True)
class Figures:
    """One record: beats of each class, F1 of each from the signal and as read, calibration, R peaks on clips."""

    name: str
    counts: tuple[int, ...]
    clean: dict[str, float]
    degraded: dict[str, float]
    calibration: float
    r_peaks: float


def measure(records: list[Record], classifier: BeatClassifier, seed: int) -> list[Figures]:
    """Figures of each record, and of all their beats together under the name `all`."""
    rows, pooled = [], []
    for record in records:
        rng = np.random.default_rng(seed)
        clean = inputs([record], rng, degraded=False)
        degraded = inputs([record], rng, degraded=True)
        guesses = [classifier.probabilities(part.samples, part.features) for part in (clean, degraded)]
        peaks = _r_peaks(record, np.random.default_rng(seed))
        pooled.append((clean, degraded, guesses, peaks))
        rows.append(_figures(record.name, [(clean, degraded, guesses, peaks)]))
    return [*rows, _figures("all", pooled)]


def _figures(name: str, parts: list[tuple]) -> Figures:  # type: ignore[type-arg]
    true = [np.concatenate([p[side].classes for p in parts]) for side in (0, 1)]
    guess = [np.concatenate([p[2][side] for p in parts]) for side in (0, 1)]
    hits, found, real = (sum(p[3][key] for p in parts) for key in ("matched", "found", "true"))
    return Figures(
        name,
        tuple(int(v) for v in np.bincount(true[0], minlength=len(CLASSES))),
        class_f1(guess[0].argmax(1), true[0]),
        class_f1(guess[1].argmax(1), true[1]),
        calibration_error(guess[1], true[1]),
        2 * hits / max(found + real, 1),
    )


def _r_peaks(record: Record, rng: np.random.Generator) -> dict[str, float]:
    """The detector on degraded clips of CLIP_S against the reference beats, half a second at the edges left out."""
    length, edge = round(CLIP_S * RATE_HZ), 0.5
    sums = {"matched": 0.0, "found": 0.0, "true": 0.0}
    for low in range(0, len(record.samples) - length + 1, length):
        samples = as_read(record.samples[low : low + length], rng).astype(np.float32)
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


def table(rows: list[Figures]) -> str:
    """The figures as a Markdown table; a dash where the record has no such beat."""
    lines = [
        "| record | beats N / S / V / F / Q | N | S | V | F | S, as read | V, as read | calibration error | R peaks |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        count = dict(zip(CLASSES, row.counts, strict=True))
        cells = [f"{row.clean[c]:.3f}" if count[c] else "-" for c in "NSVF"]
        cells += [f"{row.degraded[c]:.3f}" if count[c] else "-" for c in "SV"]
        beats = " / ".join(str(v) for v in row.counts)
        lines.append(f"| {row.name} | {beats} | {' | '.join(cells)} | {row.calibration:.3f} | {row.r_peaks:.4f} |")
    return "\n".join(lines)
