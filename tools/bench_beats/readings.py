"""Reads a film blind, as the app does. What was read is kept until the reader's code or the film changes."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np

from apps.ecg_rhythm import analysis, ridge
from apps.ecg_rhythm.reader import read_trace
from apps.ecg_rhythm.reading import Picture, Reading
from kit import video
from kit.contract import AppError
from tools.bench_beats.films import Film

LATER = (
    *("abstention", "analysis", "app", "beats", "delineator", "film", "intervals"),
    *("model", "morphology", "overlay", "rhythm", "rhythm_model", "strip"),
)
"""Modules that a trace goes through after it was read: they are asked anew each time."""


def read(film: Film, folder: Path) -> Reading | None:
    """What `analysis.read` returns of the film, without its picture; None where it refuses."""
    note = folder / f"{film.path.stem}-{_reader()}.pickle"
    if note.exists():
        found: Reading | None = pickle.loads(note.read_bytes())  # noqa: S301  (this module wrote it)
    else:
        found = _trace(film)
        folder.mkdir(parents=True, exist_ok=True)
        note.write_bytes(pickle.dumps(found))
    return None if found is None else analysis.with_beats(found)


def _trace(film: Film) -> Reading | None:
    try:
        found = read_trace(film.path, lambda _stage, _done: None)
    except AppError:
        return None
    return replace(found, picture=Picture(np.zeros((1, 1, 3), np.uint8), np.zeros((0, 2), np.float32)))


def _reader() -> str:
    """What a trace depends on beside its film: the reader's code and the weights of the ridge network."""
    modules = sorted(Path(analysis.__file__).parent.glob("*.py"))
    files = [file for file in modules if file.stem not in LATER] + [Path(video.__file__), ridge.WEIGHTS]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
