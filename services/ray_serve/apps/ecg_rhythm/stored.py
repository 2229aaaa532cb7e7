"""Weights in safetensors files, and the metadata that says which network they are for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file

FOLDER = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Stored:
    """One file of weights: `tensors` by name, `metadata` as text, and the file's SHA-256."""

    tensors: Mapping[str, Any]
    metadata: Mapping[str, str]
    sha256: str


def stored(path: Path, needs: Mapping[str, str]) -> Stored:
    """Read `path`, whose metadata must say what `needs` says.

    Raises `FileNotFoundError` where there are no weights, `ValueError` where they are for another network.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with safetensors.safe_open(str(path), framework="pt") as file:
        metadata = file.metadata() or {}
    other = {key: metadata.get(key) for key, value in needs.items() if metadata.get(key) != value}
    if other:
        raise ValueError(
            f"{path}: weights are for {other}; this code needs {dict(needs)}. Train again: python -m tools.ecg_train"
        )
    return Stored(load_file(str(path)), metadata, digest)
