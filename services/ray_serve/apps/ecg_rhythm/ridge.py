"""The ridge network: where in each column of a strip the pen was, as a distribution over rows. No Ray here.

It sees a strip at one scale whatever the screen's: columns of COLUMN_S, ROWS rows, the trace over most of them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import fusion

from apps.ecg_rhythm.reading import ByteArray, FloatArray
from apps.ecg_rhythm.stored import FOLDER, stored

Float64 = npt.NDArray[np.float64]

ROWS = 128
COLUMN_S = 0.008
POINTS = 2
"""Points of the pen's path a column: one a sample at 250 Hz."""

WEIGHTS = FOLDER / "ridge.safetensors"
LEVELS, BLOCK = 4, 2
STEP = BLOCK * 2**LEVELS
PIECE, MARGIN = 1_024, 64
"""Long strips are taken in pieces of 8 s, which overlap by twice MARGIN columns."""


class RidgeNet(nn.Module):  # type: ignore[misc]  # torch is unchecked
    """Logits [n, ROWS, width * POINTS] from ink [n, 1, ROWS, width], 0 to 1. `width` is a multiple of STEP.

    A U-Net on blocks of two by two pixels, with sums where U-Nets put things side by side: it has to be cheap.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 24, 32, 48, 64)) -> None:
        super().__init__()
        ins = (BLOCK**2, *widths[:-1])
        self.down = nn.ModuleList(
            [nn.Sequential(*_layer(i, o), *_layer(o, o)) for i, o in zip(ins, widths, strict=True)]
        )
        self.across = nn.ModuleList([nn.Conv2d(widths[i + 1], widths[i], 1) for i in range(LEVELS)])
        self.up = nn.ModuleList([nn.Sequential(*_layer(widths[i], widths[i])) for i in range(LEVELS)])
        self.head = nn.Conv2d(widths[0], BLOCK**2 * POINTS, 3, padding=1)

    def forward(self, ink: torch.Tensor) -> torch.Tensor:
        kept = []
        level = functional.pixel_unshuffle(ink, BLOCK).contiguous(memory_format=torch.channels_last)
        for depth, block in enumerate(self.down):
            level = block(level if depth == 0 else functional.max_pool2d(level, 2))
            kept.append(level)
        for depth in reversed(range(LEVELS)):
            wide = functional.interpolate(self.across[depth](level), scale_factor=2.0, mode="nearest")
            level = self.up[depth](wide + kept[depth])
        points = functional.pixel_shuffle(self.head(level), BLOCK)
        # [n, POINTS, ROWS, width]: the points of a column come to lie beside each other.
        logits: torch.Tensor = points.permute(0, 2, 3, 1).flatten(2)
        return logits

    def folded(self) -> RidgeNet:
        """The same network for reading only: each normalisation is part of the convolution before it."""
        self.eval()
        for block in (*self.down, *self.up):
            for at in range(0, len(block), 3):
                block[at] = fusion.fuse_conv_bn_eval(block[at], block[at + 1])
                block[at + 1] = nn.Identity()
        self.to(memory_format=torch.channels_last)
        return self


def _layer(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


class Ridge:
    """A trained `RidgeNet`."""

    def __init__(self, net: RidgeNet, sha256: str) -> None:
        self.sha256 = sha256
        self._net = net.folded()

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Ridge:
        """Read a safetensors file. Raises as `stored` does."""
        file = stored(path, {"rows": str(ROWS), "column_s": str(COLUMN_S), "points": str(POINTS)})
        net = RidgeNet()
        net.load_state_dict({name: tensor.float() for name, tensor in file.tensors.items()})
        return cls(net, file.sha256)

    def pen(self, ink: ByteArray) -> tuple[Float64, Float64]:
        """Where the pen was in ink [ROWS, width], 0 to 255: rows, and in how many it may have been, [width * POINTS].

        The mean of where it may have been, since that has the least error where the network is in doubt, and the
        standard deviation. Point `k` lies `(k + 0.5) / POINTS - 0.5` columns from the first column's middle.
        """
        width = ink.shape[1]
        height, spread = np.zeros(width * POINTS), np.zeros(width * POINTS)
        rows = np.arange(ROWS, dtype=np.float64)[:, None]
        for first in range(0, width, PIECE):
            low, last = max(0, first - MARGIN), min(first + PIECE, width)
            piece = self._probabilities(ink[:, low : min(width, first + PIECE + MARGIN)])
            piece = piece[:, (first - low) * POINTS : (last - low) * POINTS]
            part = slice(first * POINTS, last * POINTS)
            height[part] = (piece * rows).sum(axis=0)
            spread[part] = np.sqrt((piece * (rows - height[part]) ** 2).sum(axis=0))
        return height, spread

    def _probabilities(self, ink: ByteArray) -> FloatArray:
        """Of each row in each column, [ROWS, width * POINTS]; a column's sum to one."""
        width = ink.shape[1]
        padded = np.pad(ink, ((0, 0), (0, -width % STEP)))
        with torch.inference_mode():
            logits = self._net(torch.from_numpy(padded).reshape(1, 1, ROWS, -1).float() / 255.0)
            rows: FloatArray = torch.softmax(logits[0], dim=0)[:, : width * POINTS].numpy()
        return rows


@cache
def shipped() -> Ridge:
    """The network that the package carries, read once a process."""
    return Ridge.load()
