"""Trains the ridge network on drawn strips."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from apps.ecg_rhythm.ridge import ROWS, RidgeNet
from tools.ecg_train.strokes import Drawn
from tools.ecg_train.training import step

BATCH = 24
RATE, DECAY = 8e-3, 0.02
SOFT = 0.6
"""Standard deviation in rows of what the network should answer: rows are coarser than what can be read."""
FAR = 0.2
"""Weight of the distance between the mean answer and the truth, in rows."""
STEEP, STEEPEST = 0.3, 10.0
"""What a point weighs more for each row (at most STEEPEST) that the path climbs near it: spikes are few, but matter
most."""


def train(data: Drawn, *, epochs: int, seed: int, say: Callable[[str], None]) -> RidgeNet:
    """The network after `epochs`; nothing is chosen on the way."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    net = RidgeNet()
    net.to(memory_format=torch.channels_last)
    ink, paths = torch.from_numpy(data.ink), torch.from_numpy(data.paths)
    steps = epochs * -(-len(ink) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE / 2, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=RATE, total_steps=steps, pct_start=0.2)
    for epoch in range(epochs):
        net.train()
        losses = []
        for chosen in torch.randperm(len(ink)).split(BATCH):
            shown, path = ink[chosen].unsqueeze(1).float() / 255.0, paths[chosen]
            if torch.rand(1) < 0.5:
                shown, path = shown.flip(2), ROWS - 1 - path
            # Half precision: twice as fast where the processor can, and the weights stay in full.
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = net(shown)
            losses.append(step(net, loss(logits.float(), path), optimiser, schedule))
        say(f"ridge  epoch {epoch + 1}/{epochs}  loss {np.mean(losses):.3f}")
    net.to(memory_format=torch.contiguous_format)
    net.eval()
    return net


def loss(logits: torch.Tensor, path: torch.Tensor) -> torch.Tensor:
    """Of logits [n, ROWS, points] where the pen was at `path` [n, points]; what left the window does not count."""
    rows = torch.arange(ROWS, dtype=torch.float32)[None, :, None]
    inside = ((path > 0) & (path < ROWS - 1)).float()
    target = torch.softmax(-0.5 * ((rows - path[:, None, :]) / SOFT) ** 2, dim=1)
    logs = torch.log_softmax(logits, dim=1)
    mean = (logs.exp() * rows).sum(dim=1)
    each = -(target * logs).sum(dim=1) + FAR * functional.smooth_l1_loss(mean, path, reduction="none")
    steep = functional.max_pool1d(functional.pad(path.diff(dim=1).abs(), (2, 3)), 5, stride=1)
    weight = inside * (1.0 + STEEP * steep.clamp(max=STEEPEST))
    return (each * weight).sum() / weight.sum()
