"""Trains the beat classifier: fixed seeds, a fixed number of epochs, nothing chosen on the way."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from apps.ecg_rhythm.model import CLASSES, BeatNet
from tools.ecg_train.clips import Inputs

BATCH = 512
BALANCE = 0.4
"""Classes weigh as (the most frequent / their own frequency, at least 200 beats) to this power while training."""


def step(
    net: nn.Module,
    loss: torch.Tensor,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> float:
    """One step down the loss of one batch, its gradient clipped to length 1; that loss."""
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    return float(loss.item())


def train(data: Inputs, *, epochs: int, seed: int, say: Callable[[str], None]) -> BeatNet:
    """The network after `epochs`; nothing is chosen on the way."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    net = BeatNet()
    counts = np.bincount(data.classes, minlength=len(CLASSES)).astype(np.float64)
    weights = torch.tensor((counts.max() / np.maximum(counts, 200.0)) ** BALANCE, dtype=torch.float32)
    steps = epochs * -(-len(data.classes) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps)
    tensors = [torch.from_numpy(a) for a in (data.samples, data.features, data.classes)]
    for epoch in range(epochs):
        started, losses = time.perf_counter(), []
        net.train()
        for rows in torch.randperm(len(data.classes)).split(BATCH):
            samples, features, classes = (t[rows] for t in tensors)
            samples = samples * (0.8 + 0.4 * torch.rand(len(rows), 1))
            # Without the features now and then: they must not be all that the network looks at.
            features = features * (torch.rand(len(rows), 1) > 0.05)
            loss = functional.cross_entropy(net(samples, features), classes, weight=weights, label_smoothing=0.02)
            losses.append(step(net, loss, optimiser, schedule))
        say(f"beats  epoch {epoch + 1}/{epochs}  loss {np.mean(losses):.3f}  {time.perf_counter() - started:.0f} s")
    # The class weights made rare classes likelier than they are; taken back, the probabilities are calibrated better.
    with torch.no_grad():
        net.head[-1].bias -= torch.log(weights)
    net.eval()
    return net
