"""Whose signals are shown: patients to report on, and others to work with. Nobody is in both."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import io, signal

from tools.ecg_video import sources
from tools.ecg_video.sources import Recording

RATE_HZ = 360

MITDB_REPORT = ("100", "103", "111", "117", "123", "200", "210", "213", "219", "222", "231", "233")
"""The part of DS2 that is there (de Chazal et al., IEEE TBME 2004, without paced records)."""
MITDB_WORK = ("101", "106", "109", "112", "115", "118", "119", "122", "124", "201", "203", "205", "215", "220", "230")
CINC_EACH = 12
"""Records of CinC 2017 for either set, the even ones to report on."""
CINC_LEAST_S = 29.0


@dataclass(frozen=True)
class Patient:
    """One person's record; `beats` says whether reference beats come with it."""

    name: str
    recording: Recording
    beats: bool


def load(folder: Path | None, report: bool) -> tuple[Patient, ...]:
    """The patients of the data folder (`mitdb/`, `cinc2017/`); without a folder 20 that are made up."""
    if folder is None:
        made = ((f"made-{seed}", 55.0 + 3 * seed, seed + (100 if report else 0)) for seed in range(20))
        return tuple(Patient(name, sources.synthetic(60.0, bpm=bpm, seed=seed), True) for name, bpm, seed in made)
    names = MITDB_REPORT if report else MITDB_WORK
    mitdb = [Patient(f"mitdb/{name}", sources.wfdb_record(folder / "mitdb" / name), True) for name in names]
    cinc = [_cinc(folder / "cinc2017" / name) for name in cinc_names(folder / "cinc2017", report)]
    # Taken in turns, so that a quick run sees both.
    longest = max(len(mitdb), len(cinc))
    return tuple(p for i in range(longest) for source in (mitdb, cinc) for p in source[i : i + 1])


def cinc_names(folder: Path, report: bool) -> list[str]:
    """Names of the records of CinC 2017 that are taken: long ones that can be read."""
    with (folder / "REFERENCE.csv").open() as file:
        readable = [name for name, rhythm in csv.reader(file) if rhythm != "~" and (folder / f"{name}.mat").exists()]
    long = [name for name in sorted(readable) if (folder / f"{name}.mat").stat().st_size > 600 * CINC_LEAST_S]
    return long[0 if report else 1 :: 2][:CINC_EACH]


def _cinc(path: Path) -> Patient:
    """A record of the PhysioNet/CinC Challenge 2017: 300 Hz, 1000 units a mV (its header is none that wfdb reads)."""
    raw = io.loadmat(str(path.with_suffix(".mat")))["val"][0].astype(np.float64) / 1000.0
    samples = signal.resample_poly(raw, RATE_HZ, 300)
    return Patient(f"cinc2017/{path.name}", Recording(float(RATE_HZ), samples, np.zeros(0)), False)
