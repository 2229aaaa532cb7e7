"""The networks that are shipped: for each, its data, its settings, and the file that it ends in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save

from apps.ecg_rhythm import delineator, model, rhythm_model, ridge, strip
from tools.ecg_train import clips, ludb, pens, records, rhythms, strips, strokes, training, waves

Say = Callable[[str], None]
Train = Callable[[Path, Path, int, Say], Path]

SOURCES = ("mitdb", "ludb", "cinc2017", "twelve_lead")
DELINEATOR_EPOCHS, DELINEATOR_COPIES = 20, 1
BEAT_EPOCHS = 3
RIDGE_STRIPS, RIDGE_EPOCHS = 10_000, 4


def train_delineator(data: Path, output: Path, seed: int, say: Say) -> Path:
    """P, QRS and T on LUDB."""
    leads, _ = waves.split(ludb.load(data / "ludb"))
    rows = waves.rows(leads, np.random.default_rng(seed), DELINEATOR_COPIES)
    net = waves.train(rows, epochs=DELINEATOR_EPOCHS, seed=seed, say=say)
    metadata = {"parts": " ".join(delineator.PARTS), "data": ludb.data_hash(data / "ludb", leads)}
    return _save(net, output / delineator.WEIGHTS.name, metadata, seed)


def train_beats(data: Path, output: Path, seed: int, say: Say) -> Path:
    """Beat classes on the MIT-BIH records of DS1."""
    rng = np.random.default_rng(seed)
    folder = data / "mitdb"
    loaded = [records.load(folder, name) for name in records.TRAIN]
    inputs = clips.together([clips.inputs(loaded, rng, degraded=read) for read in (False, True)])
    net = training.train(inputs, epochs=BEAT_EPOCHS, seed=seed, say=say)
    metadata = {
        "classes": json.dumps(model.CLASSES),
        "window": str(model.WINDOW),
        "data": records.data_hash(folder, records.TRAIN),
    }
    return _save(net, output / model.WEIGHTS.name, metadata, seed)


def train_rhythm(data: Path, output: Path, seed: int, say: Say) -> Path:
    """Rhythms on CinC 2017 and the other sets; the temperature from cross-validation."""
    every = [*strips.cinc2017(data / "cinc2017"), *strips.others(data)]
    say(f"rhythm  {len(every)} strips")
    described = rhythms.described(every, delineator.Delineator.load(output / delineator.WEIGHTS.name))
    temperature = rhythms.cross_validated(described, seed).temperature
    net = rhythms.train(described, np.arange(len(every)), seed)
    metadata = {
        "classes": " ".join(rhythm_model.CLASSES),
        "features": str(strip.FEATURES),
        "temperature": f"{temperature:.2f}",
        "data": strips.data_hash(every),
    }
    return _save(net, output / rhythm_model.WEIGHTS.name, metadata, seed)


def train_ridge(data: Path, output: Path, seed: int, say: Say) -> Path:
    """The pen's path on drawn strips."""
    cv2.setNumThreads(1)
    signals = strokes.signals(data)
    drawn = strokes.drawn(signals, RIDGE_STRIPS, np.random.default_rng(seed))
    say(f"ridge  {RIDGE_STRIPS} strips of {len(signals)} leads")
    net = pens.train(drawn, epochs=RIDGE_EPOCHS, seed=seed, say=say)
    metadata = {
        "rows": str(ridge.ROWS),
        "column_s": str(ridge.COLUMN_S),
        "points": str(ridge.POINTS),
        "data": strokes.data_hash(signals),
    }
    return _save(net, output / ridge.WEIGHTS.name, metadata, seed)


NETWORKS: Mapping[str, Train] = {
    "delineator": train_delineator,
    "beats": train_beats,
    "rhythm": train_rhythm,
    "ridge": train_ridge,
}
"""In the order in which they are trained: a later one may use an earlier one's weights."""


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _save(net: torch.nn.Module, path: Path, metadata: Mapping[str, str], seed: int) -> Path:
    """Write the weights; the same weights give the same bytes, so no date is in it."""
    known = {**metadata, "seed": str(seed), "torch": torch.__version__.split("+")[0]}
    path.write_bytes(in_order(save(net.state_dict(), metadata=known)))
    return path


def in_order(file: bytes) -> bytes:
    """A safetensors file with its header's keys sorted: the library writes the metadata in any order.

    8 bytes of length, the header as JSON, the tensors (https://huggingface.co/docs/safetensors, format).
    """
    length = int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + file[8 + length :]
