"""MIT-BIH records at the reader's rate, with AAMI EC57 classes, split by patient (de Chazal et al., IEEE TBME 2004)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import wfdb
from scipy import signal

from apps.ecg_rhythm.model import CLASSES
from apps.ecg_rhythm.tape import RATE_HZ

Float64 = npt.NDArray[np.float64]

TRAIN = (
    *("101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122"),
    *("124", "201", "203", "205", "207", "209", "215", "220", "223", "230"),
)
"""DS1 without 208: that is the patient of samples/."""
REPORT = ("100", "103", "111", "117", "123", "200", "210", "213", "219", "222", "231", "233")
"""The part of DS2 that is reported on, and never used otherwise."""

AAMI = {
    **dict.fromkeys("NLRej", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VE", "V"),
    "F": "F",
    **dict.fromkeys("/fQ", "Q"),
}


@dataclass(frozen=True)
class Record:
    """One lead: `samples` in mV at RATE_HZ, `beats` as sample numbers, `classes` as indices into CLASSES."""

    name: str
    samples: Float64
    beats: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]


def load(folder: Path, name: str) -> Record:
    """Record `name` of the WFDB folder, lead MLII (the first lead where there is none)."""
    read = wfdb.rdrecord(str(folder / name))
    lead = read.sig_name.index("MLII") if "MLII" in read.sig_name else 0
    ratio = Fraction(int(RATE_HZ), int(read.fs))
    samples = signal.resample_poly(np.nan_to_num(read.p_signal[:, lead]), ratio.numerator, ratio.denominator)
    marks = wfdb.rdann(str(folder / name), "atr")
    kept = [(at, AAMI[s]) for at, s in zip(marks.sample, marks.symbol, strict=True) if s in AAMI]
    beats = np.array([round(at * float(ratio)) for at, _ in kept], np.int64)
    return Record(name, samples, beats, np.array([CLASSES.index(c) for _, c in kept], np.int64))


def data_hash(folder: Path, names: tuple[str, ...]) -> str:
    """SHA-256 over the records' signal and annotation files, in order: what the weights were made from."""
    digest = hashlib.sha256()
    for name in names:
        for suffix in (".dat", ".atr"):
            digest.update((folder / f"{name}{suffix}").read_bytes())
    return digest.hexdigest()
