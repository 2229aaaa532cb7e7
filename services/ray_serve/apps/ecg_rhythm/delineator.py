"""The delineation network: which part of a waveform is P wave, QRS complex or T wave. No Ray here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from apps.ecg_rhythm.reading import FloatArray
from apps.ecg_rhythm.stored import FOLDER, stored

PARTS = ("none", "P", "QRS", "T")
"""What a sample can belong to, in the order of the network's outputs."""

WEIGHTS = FOLDER / "delineator.safetensors"
LEVELS = 4
STEP = 2**LEVELS
PIECE, MARGIN = 15_360, 1_024
"""Long waveforms are taken in pieces of about a minute at 250 Hz, which overlap by twice MARGIN samples."""


class WaveNet(nn.Module):  # type: ignore[misc]  # torch is unchecked
    """Logits [n, 4, length] from waveforms [n, 1, length]; a U-Net (Moskalenko et al., 2019) of 67,446 parameters.

    `length` is a multiple of STEP.
    """

    def __init__(self, widths: tuple[int, ...] = (10, 16, 24, 32, 40)) -> None:
        super().__init__()
        ins = (1, *widths[:-1])
        self.down = nn.ModuleList([_block(i, o) for i, o in zip(ins, widths, strict=True)])
        self.up = nn.ModuleList([_block(widths[i + 1] + widths[i], widths[i]) for i in range(LEVELS)])
        self.head = nn.Conv1d(widths[0], len(PARTS), 1)

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        kept = []
        level = waves
        for depth, block in enumerate(self.down):
            level = block(level if depth == 0 else functional.max_pool1d(level, 2))
            kept.append(level)
        for depth in reversed(range(LEVELS)):
            wide = functional.interpolate(level, scale_factor=2, mode="linear", align_corners=False)
            level = self.up[depth](torch.cat([wide, kept[depth]], dim=1))
        logits: torch.Tensor = self.head(level)
        return logits


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, 7, padding=3, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
        nn.Conv1d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
    )


class Delineator:
    """A trained `WaveNet`. On the CPU: half a minute of waveform takes it some hundredths of a second."""

    def __init__(self, net: WaveNet, sha256: str) -> None:
        self.sha256 = sha256
        self._net = net.eval()

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Delineator:
        """Read a safetensors file. Raises as `stored` does."""
        file = stored(path, {"parts": " ".join(PARTS)})
        net = WaveNet()
        net.load_state_dict(dict(file.tensors))
        return cls(net, file.sha256)

    def probabilities(self, samples: FloatArray) -> FloatArray:
        """Which part each sample belongs to, [n, 4], from a steady waveform [n] at 250 Hz without gaps."""
        found = np.zeros((len(samples), len(PARTS)), np.float32)
        for first in range(0, len(samples), PIECE):
            low, high = max(0, first - MARGIN), min(len(samples), first + PIECE + MARGIN)
            rows = self._piece(samples[low:high])
            last = min(first + PIECE, len(samples))
            found[first:last] = rows[first - low : last - low]
        return found

    def _piece(self, samples: FloatArray) -> FloatArray:
        padded = np.pad(samples, (0, -len(samples) % STEP), mode="edge")
        with torch.inference_mode():
            logits = self._net(torch.from_numpy(padded).reshape(1, 1, -1))
            rows: FloatArray = torch.softmax(logits[0], dim=0).T.numpy()
        return rows[: len(samples)]


@cache
def shipped() -> Delineator:
    """The network that the package carries, read once a process."""
    return Delineator.load()
