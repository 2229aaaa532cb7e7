"""P, QRS and T on the kept-back patients of LUDB: R peaks by the detector, marks by the shipped network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm import beats, delineation
from apps.ecg_rhythm.delineator import Delineator
from apps.ecg_rhythm.reading import Waveform
from apps.ecg_rhythm.tape import RATE_HZ
from apps.ecg_rhythm.waves import BeatWaves, Wave
from tools.bench_beats.tables import interval, table
from tools.ecg_train.clips import as_read
from tools.ecg_train.ludb import Lead

Float64 = npt.NDArray[np.float64]

TOLERANCE_S = 0.150
EDGES = (("P", "onset"), ("P", "offset"), ("QRS", "onset"), ("QRS", "offset"), ("T", "onset"), ("T", "offset"))
PUBLISHED_MS = {
    ("P", "onset"): 10.2,
    ("P", "offset"): 12.7,
    ("QRS", "onset"): 6.5,
    ("QRS", "offset"): 11.6,
    ("T", "offset"): 30.6,
}
"""Twice the SD between referees (CSE Working Party, Eur Heart J 6:815-825, 1985), as delineators are judged by."""

_COLUMN = {"onset": 0, "offset": 2}


@dataclass(frozen=True)
class Matched:
    """One lead: errors in ms of what was found (found - marked), and how many marks were missed or invented."""

    patient: int
    errors: dict[tuple[str, str], Float64]
    missed: dict[tuple[str, str], int]
    invented: dict[tuple[str, str], int]
    widths: dict[str, float]
    """Median QRS and QT of the lead in ms, found - marked; absent where one of them is not there."""


def measure(leads: Sequence[Lead], delineator: Delineator, *, read: bool, seed: int = 7) -> list[Matched]:
    """Every lead; `read`: degraded as a reading of a video is (simulated)."""
    rng = np.random.default_rng(seed)
    return [_lead(lead, as_read(lead.samples, rng) if read else lead.samples, delineator) for lead in leads]


def _lead(lead: Lead, samples: Float64, delineator: Delineator) -> Matched:
    wave = Waveform(RATE_HZ, 0.0, "mV", True, samples.astype(np.float32), np.ones(len(samples), np.float32))
    found = delineation.delineate(wave, beats.detect(wave), delineator)
    errors, missed, invented = {}, {}, {}
    first, last = lead.span_s
    for part, edge in EDGES:
        marks = _marks(found, part)
        errors[part, edge], used = _nearest(marks[:, _COLUMN[edge]], lead.marks[part][:, _COLUMN[edge]])
        missed[part, edge] = len(lead.marks[part]) - len(used)
        inside = (marks[:, 1] >= first) & (marks[:, 1] <= last)
        invented[part, edge] = int(sum(inside[i] for i in range(len(marks)) if i not in used))
    return Matched(lead.patient, errors, missed, invented, _widths(found, lead))


def _marks(found: Sequence[BeatWaves], part: str) -> Float64:
    waves = [getattr(one, part.lower()) for one in found]
    return np.array([(w.onset_s, w.peak_s, w.offset_s) for w in waves if isinstance(w, Wave)]).reshape(-1, 3)


def _nearest(found: Float64, marked: Float64) -> tuple[Float64, set[int]]:
    """Each mark's nearest find within TOLERANCE_S: errors in ms, and which finds were used."""
    errors, used = [], set()
    for at in marked:
        distance = np.abs(found - at)
        if len(found) and distance.min() <= TOLERANCE_S and int(distance.argmin()) not in used:
            used.add(int(distance.argmin()))
            errors.append(1000 * (found[distance.argmin()] - at))
    return np.array(errors, np.float64), used


def _widths(found: Sequence[BeatWaves], lead: Lead) -> dict[str, float]:
    """QRS and QT of the lead against its marks: medians over beats, in ms."""
    qrs, t = lead.marks["QRS"], lead.marks["T"]
    marked = {"QRS": np.median(qrs[:, 2] - qrs[:, 0])}
    pairs = [(row[0], t[(t[:, 2] > row[2]) & (t[:, 2] < row[0] + 0.7), 2]) for row in qrs]
    spans = [ends[0] - begin for begin, ends in pairs if len(ends)]
    if spans:
        marked["QT"] = np.median(spans)
    read = {
        "QRS": [b.qrs_s for b in found if b.qrs_s is not None],
        "QT": [b.qt_s for b in found if b.qt_s is not None],
    }
    return {name: 1000 * float(np.median(read[name]) - marked[name]) for name in marked if len(read[name]) >= 3}


def edges_table(rows: Sequence[Matched]) -> str:
    """Sensitivity, precision, mean and SD of each edge, with 95 % intervals over patients."""
    return table(
        ["edge", "matched", "sensitivity", "precision", "mean, ms", "SD, ms", "tolerance, ms"],
        [_edge_line(rows, edge) for edge in EDGES],
    )


def _edge_line(rows: Sequence[Matched], edge: tuple[str, str]) -> list[str]:
    def share(some: Sequence[Matched], lost: str) -> float:
        hits = sum(len(r.errors[edge]) for r in some)
        return hits / max(1, hits + sum((r.missed if lost == "missed" else r.invented)[edge] for r in some))

    def spread(some: Sequence[Matched]) -> float:
        return float(np.concatenate([r.errors[edge] for r in some]).std())

    errors = np.concatenate([r.errors[edge] for r in rows])
    shares = [f"{share(rows, lost):.3f} {interval(rows, partial(share, lost=lost))}" for lost in ("missed", "invented")]
    published = PUBLISHED_MS.get(edge)
    return [
        " ".join(edge),
        f"{len(errors)}",
        *shares,
        f"{errors.mean():+.1f}",
        f"{spread(rows):.1f} {interval(rows, spread, 1)}",
        "-" if published is None else f"{published}",
    ]


def widths_table(rows: Sequence[Matched]) -> str:
    """Median QRS and QT of a lead against its marks."""
    lines = []
    for name in ("QRS", "QT"):
        errors = np.array([r.widths[name] for r in rows if name in r.widths])
        quartiles = np.percentile(np.abs(errors), [50, 90])
        lines.append(
            [name, f"{len(errors)} of {len(rows)}", f"{errors.mean():+.1f}", f"{errors.std():.1f}"]
            + [f"{value:.1f}" for value in quartiles]
        )
    return table(["interval", "leads", "mean, ms", "SD, ms", "median |error|, ms", "90th percentile, ms"], lines)
