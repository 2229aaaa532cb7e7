"""The rhythm network: a few small layers over what a strip looks like. No Ray here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from apps.ecg_rhythm.reading import FloatArray
from apps.ecg_rhythm.stored import FOLDER, stored
from apps.ecg_rhythm.strip import FEATURES

CLASSES = ("N", "A", "O", "~")
"""Normal sinus rhythm, atrial fibrillation, another rhythm, too noisy (PhysioNet/CinC Challenge 2017)."""

WEIGHTS = FOLDER / "rhythm.safetensors"
MEMBERS, HIDDEN = 12, 16


class RhythmNet(nn.Module):  # type: ignore[misc]  # torch is unchecked
    """Probabilities [n, 4] from strips [n, FEATURES]: the mean of MEMBERS networks of one hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))
        self.first = nn.Parameter(torch.randn(MEMBERS, FEATURES, HIDDEN) * FEATURES**-0.5)
        self.first_bias = nn.Parameter(torch.zeros(MEMBERS, 1, HIDDEN))
        self.second = nn.Parameter(torch.randn(MEMBERS, HIDDEN, len(CLASSES)) * HIDDEN**-0.5)
        self.second_bias = nn.Parameter(torch.zeros(MEMBERS, 1, len(CLASSES)))
        self.dropout = nn.Dropout(0.3)

    def logits(self, strips: torch.Tensor) -> torch.Tensor:
        """Of each member, [MEMBERS, n, 4]."""
        shown = ((strips - self.centre) / self.scale).clamp(-4, 4).expand(MEMBERS, -1, -1)
        hidden = self.dropout(torch.tanh(self.dropout(shown) @ self.first + self.first_bias))
        return hidden @ self.second + self.second_bias

    def forward(self, strips: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.logits(strips), dim=2).mean(dim=0)


class RhythmClassifier:
    """A trained `RhythmNet` with the power that calibrates its probabilities."""

    def __init__(self, net: RhythmNet, *, temperature: float, sha256: str) -> None:
        self.sha256 = sha256
        self._net = net.eval()
        self._temperature = temperature

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> RhythmClassifier:
        """Read a safetensors file. Raises as `stored` does."""
        file = stored(path, {"classes": " ".join(CLASSES), "features": str(FEATURES)})
        net = RhythmNet()
        net.load_state_dict(dict(file.tensors))
        return cls(net, temperature=float(file.metadata["temperature"]), sha256=file.sha256)

    def probabilities(self, strips: FloatArray) -> FloatArray:
        """Calibrated probabilities [n, 4] of strips [n, FEATURES]."""
        with torch.inference_mode():
            raw: FloatArray = self._net(torch.from_numpy(strips)).numpy()
        return tempered(raw, self._temperature)


def tempered(raw: FloatArray, temperature: float) -> FloatArray:
    """Probabilities to the power of 1 / temperature, summing to one again."""
    powers = np.maximum(raw, 1e-6) ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


@cache
def shipped() -> RhythmClassifier:
    """The network that the package carries, read once a process."""
    return RhythmClassifier.load()
