"""The networks that are shipped: for each, its data, its settings, and the file that it ends in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from apps.ecg_rhythm import delineator, model
from tools.ecg_train import clips, ludb, records, training, waves

Say = Callable[[str], None]
Train = Callable[[Path, Path, int, Say], Path]

SOURCES = ("mitdb", "ludb")
DELINEATOR_EPOCHS, DELINEATOR_COPIES = 20, 1
BEAT_EPOCHS, BEAT_COPIES = 6, 2


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
    train = [records.load(folder, name) for name in records.TRAIN]
    parts = [clips.inputs(train, rng, degraded=False)]
    parts += [clips.inputs(train, rng, degraded=True) for _ in range(BEAT_COPIES)]
    inputs = clips.Inputs(*(np.concatenate([getattr(p, f) for p in parts]) for f in ("samples", "features", "classes")))
    held = clips.inputs([records.load(folder, name) for name in records.HELD_OUT], rng, degraded=True)
    net, temperature = training.train(inputs, held, epochs=BEAT_EPOCHS, seed=seed, say=say)
    metadata = {
        "classes": json.dumps(model.CLASSES),
        "window": str(model.WINDOW),
        "temperature": f"{temperature:.2f}",
        "data": records.data_hash(folder, records.TRAIN + records.HELD_OUT),
    }
    return _save(net, output / model.WEIGHTS.name, metadata, seed)


NETWORKS: Mapping[str, Train] = {"delineator": train_delineator, "beats": train_beats}
"""In the order in which they are trained: a later one may use an earlier one's weights."""


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _save(net: torch.nn.Module, path: Path, metadata: Mapping[str, str], seed: int) -> Path:
    """Write the weights; the same weights give the same bytes, so no date is in it."""
    known = {**metadata, "seed": str(seed), "torch": torch.__version__.split("+")[0]}
    save_file(net.state_dict(), str(path), metadata=dict(sorted(known.items())))
    return path
