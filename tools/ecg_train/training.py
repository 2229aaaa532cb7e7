"""Trains the network with fixed seeds; epoch and temperature come from held-out patients."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from apps.ecg_rhythm.model import CLASSES, BeatNet
from tools.ecg_train.clips import Inputs

BATCH = 512


def train(
    data: Inputs, held_out: Inputs, *, epochs: int, seed: int, say: Callable[[str], None]
) -> tuple[BeatNet, float]:
    """The network of the epoch with the best mean F1 of N, S and V on `held_out`, and its temperature."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    net = BeatNet()
    counts = np.bincount(data.classes, minlength=len(CLASSES)).astype(np.float64)
    weights = torch.tensor((counts.max() / np.maximum(counts, 200.0)) ** 0.4, dtype=torch.float32)
    steps = epochs * (len(data.classes) // BATCH + 1)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps)
    tensors = [torch.from_numpy(a) for a in (data.samples, data.features, data.classes)]
    best, chosen = -1.0, {k: v.clone() for k, v in net.state_dict().items()}
    for epoch in range(epochs):
        started, losses = time.perf_counter(), []
        net.train()
        for rows in torch.randperm(len(data.classes)).split(BATCH):
            samples, features, classes = (t[rows] for t in tensors)
            # Without some of the rhythm now and then: it must not be all that the network looks at.
            features = features * (torch.rand(len(rows), 1) > 0.1)
            loss = functional.cross_entropy(net(samples, features), classes, weight=weights, label_smoothing=0.02)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        f1 = class_f1(logits(net, held_out).argmax(1).numpy(), held_out.classes)
        mean = float(np.mean([f1[c] for c in "NSV"]))
        say(
            f"epoch {epoch + 1}/{epochs}  loss {np.mean(losses):.3f}  held out F1 "
            + " ".join(f"{c} {f1[c]:.3f}" for c in CLASSES)
            + f"  {time.perf_counter() - started:.0f} s"
        )
        if mean > best:
            best, chosen = mean, {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(chosen)
    # The class weights made rare classes likelier than they are; taken back, the held-out log loss is lower.
    with torch.no_grad():
        net.head[-1].bias -= torch.log(weights)
    return net, temperature(logits(net, held_out), held_out.classes)


def logits(net: BeatNet, data: Inputs) -> torch.Tensor:
    """The network's raw outputs, [n, 5]."""
    net.eval()
    with torch.inference_mode():
        pairs = zip(
            torch.from_numpy(data.samples).split(4096), torch.from_numpy(data.features).split(4096), strict=True
        )
        return torch.cat([net(samples, features) for samples, features in pairs])


def temperature(raw: torch.Tensor, classes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    """The divisor of the logits with the least log loss (Guo et al., ICML 2017), from a grid of 0.5 to 4."""
    true = torch.from_numpy(classes)
    tries = np.arange(0.5, 4.01, 0.05)
    return float(tries[int(np.argmin([functional.cross_entropy(raw / float(t), true).item() for t in tries]))])


def class_f1(
    predicted: np.ndarray[tuple[int], np.dtype[np.int64]], true: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> dict[str, float]:
    """F1 of each class; 0 where a class neither occurs nor is predicted."""
    scores = {}
    for index, name in enumerate(CLASSES):
        hits = int(((predicted == index) & (true == index)).sum())
        scores[name] = 2 * hits / max(int((predicted == index).sum() + (true == index).sum()), 1)
    return scores


def calibration_error(
    probabilities: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    true: np.ndarray[tuple[int], np.dtype[np.int64]],
    bins: int = 15,
) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over equal-width bins, by size."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == true
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(
        sum(
            (which == b).mean() * abs(right[which == b].mean() - confidence[which == b].mean())
            for b in range(bins)
            if (which == b).any()
        )
    )
