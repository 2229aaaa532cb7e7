"""Lobachevsky University Database: leads at the reader's rate with the marks of P, QRS and T.

Kalyakulina et al., IEEE Access 8:186181-186190, 2020. The first and the last beats of a lead are not marked, so only
what lies between the first and the last mark can be learned from or measured against.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import wfdb
from scipy import signal

from apps.ecg_rhythm.tape import RATE_HZ

Float64 = npt.NDArray[np.float64]

LEADS = ("ii", "v1", "v5")
PART_OF = {"p": "P", "N": "QRS", "t": "T"}


@dataclass(frozen=True)
class Lead:
    """One lead: `samples` in mV at RATE_HZ; `marks`: part -> [n, 3] onset, peak and offset in seconds."""

    patient: int
    name: str
    rhythm: str
    samples: Float64
    marks: dict[str, Float64]

    @property
    def span_s(self) -> tuple[float, float]:
        """The first and the last mark."""
        every = np.concatenate([m.ravel() for m in self.marks.values()])
        return float(every.min()), float(every.max())


def load(folder: Path, leads: tuple[str, ...] = LEADS) -> list[Lead]:
    """Every marked lead of the WFDB folder, by patient."""
    with (folder / "ludb.csv").open(encoding="utf-8", newline="") as file:
        rhythms = {int(row["ID"]): row["Rhythms"].strip() for row in csv.DictReader(file)}
    return [_lead(folder, patient, name, rhythms[patient]) for patient in sorted(rhythms) for name in leads]


def _lead(folder: Path, patient: int, name: str, rhythm: str) -> Lead:
    read = wfdb.rdrecord(str(folder / str(patient)))
    samples = signal.resample_poly(read.p_signal[:, read.sig_name.index(name)], 1, round(read.fs / RATE_HZ))
    notes = wfdb.rdann(str(folder / str(patient)), name)
    found: dict[str, list[tuple[float, float, float]]] = {part: [] for part in PART_OF.values()}
    for i, symbol in enumerate(notes.symbol):
        whole = 0 < i < len(notes.symbol) - 1 and notes.symbol[i - 1] == "(" and notes.symbol[i + 1] == ")"
        if symbol in PART_OF and whole:
            found[PART_OF[symbol]].append(tuple(float(v) / read.fs for v in notes.sample[i - 1 : i + 2]))
    marks = {part: np.array(rows, np.float64).reshape(-1, 3) for part, rows in found.items()}
    return Lead(patient, name, rhythm, samples, marks)


def data_hash(folder: Path, leads: Sequence[Lead]) -> str:
    """SHA-256 over the signals and marks of `leads`, in order: what the weights were made from."""
    digest = hashlib.sha256()
    for lead in leads:
        for suffix in ("dat", lead.name):
            digest.update((folder / f"{lead.patient}.{suffix}").read_bytes())
    return digest.hexdigest()
