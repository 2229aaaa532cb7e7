"""Strips with a rhythm: CinC 2017, and from the other sets what its classes mean there.

`N` normal sinus rhythm, `A` atrial fibrillation, `O` another rhythm, `~` too noisy to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import wfdb
from scipy import io, signal

from apps.ecg_rhythm.rhythm_model import CLASSES
from apps.ecg_rhythm.tape import RATE_HZ
from tools.ecg_train import ludb, records

Float64 = npt.NDArray[np.float64]

LENGTH_S = 30.0
MOST = 6
ECTOPIC = frozenset("AaJSVEFejn/fQ!")
CINC2017_HZ, CINC2017_GAIN = 300.0, 1000.0
CINC2021 = {"426783006": "N", "284470004": "O", "164889003": "A", "427172004": "O", "164890007": "O"}
"""SNOMED codes of sinus rhythm, premature atrial and ventricular contraction, fibrillation, flutter."""


@dataclass(frozen=True)
class Strip:
    """Up to half a minute of one lead at RATE_HZ; `label`: index into CLASSES."""

    source: str
    patient: str
    samples: Float64
    label: int


def cinc2017(folder: Path) -> list[Strip]:
    """The challenge's records."""
    rows = [line.split(",") for line in (folder / "REFERENCE.csv").read_text().split()]
    found = []
    for name, label in rows:
        # wfdb does not read these headers' dates.
        samples = io.loadmat(folder / f"{name}.mat")["val"][0] / CINC2017_GAIN
        found.append(Strip("cinc2017", name, _at_rate(samples, CINC2017_HZ), CLASSES.index(label)))
    return found


def others(data: Path) -> list[Strip]:
    """Every other set, in an order that is always the same. Of MIT-BIH only what the beat classifier trains on.

    Of one patient with one label at most MOST strips, spread over the record.
    """
    groups: dict[tuple[str, str, int], list[Strip]] = {}
    for strip in (*_ludb(data / "ludb"), *_cinc2021(data / "twelve_lead" / "cinc2021"), *_annotated(data)):
        groups.setdefault((strip.source, strip.patient, strip.label), []).append(strip)
    return [strip for group in groups.values() for strip in group[:: -(-len(group) // MOST)]]


def data_hash(every: Sequence[Strip]) -> str:
    """SHA-256 over the samples and labels of `every`, in order."""
    digest = hashlib.sha256()
    for strip in every:
        digest.update(strip.samples.astype("<f4").tobytes() + bytes([strip.label]))
    return digest.hexdigest()


def _whole(source: str, path: Path, lead: int, label: str) -> Strip:
    read = wfdb.rdrecord(str(path), channels=[lead])
    return Strip(source, path.name, _at_rate(read.p_signal[:, 0], read.fs), CLASSES.index(label))


def _at_rate(samples: Float64, fs: float) -> Float64:
    ratio = Fraction(int(RATE_HZ), int(fs))
    return np.asarray(signal.resample_poly(np.nan_to_num(samples), ratio.numerator, ratio.denominator), np.float64)


def _ludb(folder: Path) -> Iterator[Strip]:
    for lead in ludb.load(folder, ("ii",)):
        if lead.rhythm == "Atrial fibrillation":
            yield Strip("ludb", str(lead.patient), lead.samples, CLASSES.index("A"))
        elif lead.rhythm == "Sinus rhythm":
            yield Strip("ludb", str(lead.patient), lead.samples, CLASSES.index("N"))


def _cinc2021(folder: Path) -> Iterator[Strip]:
    for header in sorted(folder.glob("*.hea")):
        codes = next(x for x in header.read_text().splitlines() if x.startswith("# Dx:"))[6:].strip().split(",")
        labels = {CINC2021[code] for code in codes if code in CINC2021}
        if labels:
            yield _whole("cinc2021", header.with_suffix(""), 1, min(labels, key="AON".index))


def _annotated(data: Path) -> Iterator[Strip]:
    """Strips of LENGTH_S from the long records with beats and rhythms marked: one rhythm through each."""
    paths = [data / "mitdb" / name for name in records.TRAIN]
    paths += [path.with_suffix("") for path in sorted((data / "twelve_lead" / "cpsc2021").glob("*.hea"))]
    for path in paths:
        read = wfdb.rdrecord(str(path))
        lead = next((i for i, name in enumerate(read.sig_name) if name in ("MLII", "II")), 0)
        marks = wfdb.rdann(str(path), "atr")
        samples, step = _at_rate(read.p_signal[:, lead], read.fs), round(LENGTH_S * RATE_HZ)
        rhythms = [
            (at, note.rstrip("\0"))
            for at, note in zip(marks.sample, marks.aux_note, strict=True)
            if note.startswith("(")
        ]
        for first in range(0, len(samples) - step + 1, step):
            low, high = first * read.fs / RATE_HZ, (first + step) * read.fs / RATE_HZ
            now = {note for at, note in rhythms if low < at < high}
            now |= {note for at, note in rhythms if at <= low} and {[n for at, n in rhythms if at <= low][-1]}
            odd = sum(s in ECTOPIC for at, s in zip(marks.sample, marks.symbol, strict=True) if low <= at < high)
            label = _label(now, odd)
            if label:
                patient = "_".join(path.name.split("_")[:2])
                yield Strip(path.parent.name, patient, samples[first : first + step], CLASSES.index(label))


def _label(rhythms: set[str], ectopic: int) -> str | None:
    """The class of a strip from its rhythm marks and its number of ectopic beats; None where it is mixed."""
    if rhythms <= {"(AFIB"} and rhythms:
        return "A"
    if rhythms <= {"(N"} and ectopic == 0:
        return "N"
    return (
        "O" if rhythms <= {"(N", "(B", "(T", "(SBR", "(SVTA", "(VT", "(BII", "(AFL", "(AB"} and ectopic >= 2 else None
    )
