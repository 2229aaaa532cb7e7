"""The beat classifier: a small 1-D network over a beat's shape and rhythm. No Ray here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from apps.ecg_rhythm.reading import FloatArray
from apps.ecg_rhythm.stored import FOLDER, stored

CLASSES = ("N", "S", "V", "F", "Q")
"""AAMI EC57 classes in the order of the network's outputs."""

WINDOW = 256
FEATURES = 16
WEIGHTS = FOLDER / "beat_classifier.safetensors"


class BeatNet(nn.Module):  # type: ignore[misc]  # torch is unchecked
    """Logits [n, 5] from beat windows [n, 256] and rhythm features [n, FEATURES]; about 20,000 parameters."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, stride=stride, bias=False),
                nn.BatchNorm1d(outputs),
                nn.ReLU(),
                nn.MaxPool1d(2),
            )

        self.shape = nn.Sequential(
            block(1, width, 11, stride=2),
            block(width, width, 7),
            block(width, 2 * width, 5),
            block(2 * width, 2 * width, 5),
        )
        self.rhythm = nn.Sequential(nn.Linear(FEATURES, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU())
        self.head = nn.Sequential(
            nn.Linear(4 * width + 32, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, len(CLASSES))
        )

    def forward(self, samples: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        shape = self.shape(samples.unsqueeze(1))
        pooled = torch.cat([shape.mean(dim=2), shape.amax(dim=2), self.rhythm(features)], dim=1)
        logits: torch.Tensor = self.head(pooled)
        return logits


class BeatClassifier:
    """A trained `BeatNet` with the temperature that calibrates its probabilities."""

    def __init__(self, net: BeatNet, *, device: str, temperature: float, sha256: str) -> None:
        self.device = device
        self.sha256 = sha256
        self._temperature = temperature
        self._net = net.to(device).eval()

    @classmethod
    def load(cls, weights_path: Path = WEIGHTS, device: str = "cpu") -> BeatClassifier:
        """Read a safetensors file whose metadata holds `classes`, `window` and `temperature`.

        Raises as `stored` does.
        """
        file = stored(weights_path, {"classes": json.dumps(CLASSES), "window": str(WINDOW)})
        net = BeatNet()
        net.load_state_dict(dict(file.tensors))
        return cls(net, device=device, temperature=float(file.metadata["temperature"]), sha256=file.sha256)

    def probabilities(self, samples: FloatArray, features: FloatArray) -> FloatArray:
        """Calibrated class probabilities [n, 5] of beat windows [n, 256] and their features [n, FEATURES]."""
        if len(samples) == 0:
            return np.zeros((0, len(CLASSES)), np.float32)
        with torch.inference_mode():
            shape = torch.from_numpy(np.ascontiguousarray(samples, np.float32)).to(self.device)
            rhythm = torch.from_numpy(np.ascontiguousarray(features, np.float32)).to(self.device)
            scaled = self._net(shape, rhythm) / self._temperature
            result: FloatArray = torch.softmax(scaled, dim=1).cpu().numpy().astype(np.float32)
        return result
