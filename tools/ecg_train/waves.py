"""Trains the delineation network on three quarters of LUDB's patients; the others are reported on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from apps.ecg_rhythm.delineation import normal
from apps.ecg_rhythm.delineator import PARTS, WaveNet
from apps.ecg_rhythm.reading import FloatArray
from apps.ecg_rhythm.tape import RATE_HZ
from tools.ecg_train.clips import as_read
from tools.ecg_train.ludb import Lead
from tools.ecg_train.training import step

REPORT_EVERY = 4
"""One patient of so many is left out, for the report. They chose nothing."""
BATCH = 16
LENGTH = 2_496
IGNORED = -100


@dataclass(frozen=True)
class Rows:
    """`waves` [n, LENGTH] as the network is shown them, `parts` [n, LENGTH] as it should answer."""

    waves: FloatArray
    parts: npt.NDArray[np.int64]


def rows(leads: Sequence[Lead], rng: np.random.Generator, copies: int) -> Rows:
    """Every lead as it is, and `copies` times as read off a video."""
    waves, parts = [], []
    for lead in leads:
        for copy in range(1 + copies):
            samples = as_read(lead.samples, rng) if copy else lead.samples
            waves.append(normal(samples, RATE_HZ)[:LENGTH])
            parts.append(_answers(lead)[:LENGTH])
    return Rows(np.stack(waves), np.stack(parts))


def _answers(lead: Lead) -> npt.NDArray[np.int64]:
    seconds = np.arange(len(lead.samples)) / RATE_HZ
    answers = np.zeros(len(seconds), np.int64)
    for part, marks in lead.marks.items():
        for onset, _, offset in marks:
            answers[(seconds >= onset) & (seconds <= offset)] = PARTS.index(part)
    first, last = lead.span_s
    answers[(seconds < first) | (seconds > last)] = IGNORED
    return answers


def train(data: Rows, *, epochs: int, seed: int, say: Callable[[str], None]) -> WaveNet:
    """The network after `epochs`; nothing is chosen on the way."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    net = WaveNet()
    steps = epochs * -(-len(data.waves) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=6e-3, total_steps=steps)
    waves, parts = torch.from_numpy(data.waves), torch.from_numpy(data.parts)
    for epoch in range(epochs):
        net.train()
        losses = []
        for chosen in torch.randperm(len(waves)).split(BATCH):
            turned = torch.where(torch.rand(len(chosen), 1) < 0.2, -1.0, 1.0)
            shown = waves[chosen] * turned * (0.7 + 0.6 * torch.rand(len(chosen), 1))
            loss = functional.cross_entropy(net(shown.unsqueeze(1)), parts[chosen], ignore_index=IGNORED)
            losses.append(step(net, loss, optimiser, schedule))
        if epoch % 5 == 4 or epoch == epochs - 1:
            say(f"delineator  epoch {epoch + 1}/{epochs}  loss {np.mean(losses):.3f}")
    net.eval()
    return net


def split(leads: Sequence[Lead]) -> tuple[list[Lead], list[Lead]]:
    """The leads to train on and those to report on; all leads of a patient on one side."""
    patients = sorted({lead.patient for lead in leads})
    kept_back = set(patients[::REPORT_EVERY])
    return [x for x in leads if x.patient not in kept_back], [x for x in leads if x.patient in kept_back]
