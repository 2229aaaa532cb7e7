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
FEATURES = 28
WEIGHTS = FOLDER / "beat_classifier.safetensors"


class BeatNet(nn.Module):  # type: ignore[misc]  # torch is unchecked
    """Logits [n, 5] from beat windows [n, 256] and rhythm features [n, FEATURES]; 12,361 parameters."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
                nn.BatchNorm1d(outputs),
                nn.ReLU(),
                nn.MaxPool1d(2),
            )

        self.shape = nn.Sequential(
            nn.AvgPool1d(2),
            block(1, width, 7),
            block(width, width, 5),
            block(width, 2 * width, 5),
            block(2 * width, 2 * width, 5),
        )
        self.rhythm = nn.Sequential(nn.Linear(FEATURES, 48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 32), nn.ReLU())
        self.head = nn.Sequential(
            nn.Linear(4 * width + 32, 48), nn.ReLU(), nn.Dropout(0.3), nn.Linear(48, len(CLASSES))
        )

    def forward(self, samples: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        shape = self.shape(samples.unsqueeze(1))
        pooled = torch.cat([shape.mean(dim=2), shape.amax(dim=2), self.rhythm(features)], dim=1)
        logits: torch.Tensor = self.head(pooled)
        return logits


class BeatClassifier:
    """A trained `BeatNet`."""

    def __init__(self, net: BeatNet, *, device: str, sha256: str) -> None:
        self.device = device
        self.sha256 = sha256
        self._net = net.to(device).eval()

    @classmethod
    def load(cls, weights_path: Path = WEIGHTS, device: str = "cpu") -> BeatClassifier:
        """Read a safetensors file whose metadata holds `classes` and `window`.

        Raises as `stored` does.
        """
        file = stored(weights_path, {"classes": json.dumps(CLASSES), "window": str(WINDOW)})
        net = BeatNet()
        net.load_state_dict(dict(file.tensors))
        return cls(net, device=device, sha256=file.sha256)

    def probabilities(self, samples: FloatArray, features: FloatArray) -> FloatArray:
        """Class probabilities [n, 5] of beat windows [n, 256] and their features [n, FEATURES]."""
        if len(samples) == 0:
            return np.zeros((0, len(CLASSES)), np.float32)
        with torch.inference_mode():
            shape = torch.from_numpy(np.ascontiguousarray(samples, np.float32)).to(self.device)
            rhythm = torch.from_numpy(np.ascontiguousarray(features, np.float32)).to(self.device)
            result: FloatArray = torch.softmax(self._net(shape, rhythm), dim=1).cpu().numpy().astype(np.float32)
        return result
