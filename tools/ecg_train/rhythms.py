"""Trains the rhythm network on CinC 2017 and, with less weight, on the other sets; cross-validates it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from apps.ecg_rhythm import beats, delineation
from apps.ecg_rhythm.delineator import Delineator
from apps.ecg_rhythm.reading import FloatArray, Waveform
from apps.ecg_rhythm.rhythm_model import CLASSES, MEMBERS, RhythmNet, tempered
from apps.ecg_rhythm.strip import FEATURES, describe
from apps.ecg_rhythm.tape import RATE_HZ
from tools.ecg_train.strips import Strip

Float64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

FOLDS = 5
EPOCHS, RATE, DECAY = 150, 1e-2, 0.1
BALANCE = 0.5
"""Classes weigh as (the most frequent / their own frequency) to this power."""

MEASURED = "cinc2017"
OTHERS, PATIENT = 0.4, 3.0
"""A strip of another set weighs this much, and all of one patient's with one label at most PATIENT times as much."""


@dataclass(frozen=True)
class Described:
    """`strips` [n, FEATURES], `labels` [n]; `measured` [n]: those of CinC 2017, the only ones that are reported on."""

    strips: FloatArray
    labels: Indices
    weights: Float64
    measured: npt.NDArray[np.bool_]


def described(strips: Sequence[Strip], delineator: Delineator) -> Described:
    """What the app would make of each strip; those with fewer than four beats are rows of zeros."""
    rows = np.stack([_row(strip.samples, delineator) for strip in strips])
    labels = np.array([strip.label for strip in strips], np.int64)
    measured = np.array([strip.source == MEASURED for strip in strips])
    keys = [(strip.source, strip.patient, strip.label) for strip in strips]
    shared = np.array([min(1.0, PATIENT / keys.count(key)) for key in keys])
    return Described(rows, labels, np.where(measured, 1.0, OTHERS * shared), measured)


def _row(samples: Float64, delineator: Delineator) -> FloatArray:
    wave = Waveform(RATE_HZ, 0.0, "mV", True, samples.astype(np.float32), np.ones(len(samples), np.float32))
    at = beats.detect(wave)
    if len(at) < 4:
        return np.zeros(FEATURES, np.float32)
    return describe(wave, at, delineation.delineate(wave, at, delineator))


def train(data: Described, rows: Indices, seed: int) -> RhythmNet:
    """The network after EPOCHS on the given rows; nothing is chosen on the way."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    net = RhythmNet()
    strips, labels = torch.from_numpy(data.strips[rows]), torch.from_numpy(data.labels[rows])
    counts = np.bincount(data.labels[rows], weights=data.weights[rows], minlength=len(CLASSES))
    balance = (counts.max() / np.maximum(counts, 1.0)) ** BALANCE
    weights = torch.from_numpy((data.weights[rows] * balance[data.labels[rows]]).astype(np.float32))
    net.centre.copy_(strips.median(dim=0).values)
    net.scale.copy_(strips.std(dim=0).clamp_min(0.05))
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=RATE, total_steps=EPOCHS)
    net.train()
    for _ in range(EPOCHS):
        logits = net.logits(strips)
        losses = functional.cross_entropy(logits.flatten(0, 1), labels.repeat(MEMBERS), reduction="none")
        loss = (losses.reshape(MEMBERS, -1) * weights).sum(dim=1).mean() / weights.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    net.eval()
    return net


@dataclass(frozen=True)
class CrossValidated:
    """`probabilities` [m, 4] of each CinC record by networks that never saw it, and its `labels` [m].

    Each part's probabilities are calibrated by the temperature that suits the other parts best; `temperature` suits
    all.
    """

    probabilities: FloatArray
    labels: Indices
    temperature: float


def cross_validated(data: Described, seed: int) -> CrossValidated:
    """The records of each class dealt to FOLDS parts; each part in turn held out."""
    fold = np.full(len(data.labels), -1)
    rng = np.random.default_rng(seed)
    for label in range(len(CLASSES)):
        members = rng.permutation(np.flatnonzero(data.measured & (data.labels == label)))
        fold[members] = np.arange(len(members)) % FOLDS
    raw = np.zeros((len(data.labels), len(CLASSES)), np.float32)
    for part in range(FOLDS):
        net = train(data, np.flatnonzero(fold != part), seed)
        held = np.flatnonzero(fold == part)
        with torch.inference_mode():
            raw[held] = net(torch.from_numpy(data.strips[held])).numpy()
    calibrated = raw.copy()
    for part in range(FOLDS):
        rest = data.measured & (fold != part)
        calibrated[fold == part] = tempered(raw[fold == part], _temperature(raw[rest], data.labels[rest]))
    labels = data.labels[data.measured]
    return CrossValidated(calibrated[data.measured], labels, _temperature(raw[data.measured], labels))


def _temperature(raw: FloatArray, labels: Indices) -> float:
    """The temperature with the least log loss, from a grid of 0.4 to 2.5."""
    tries = np.arange(0.4, 2.51, 0.05)
    losses = [-np.log(tempered(raw, t)[np.arange(len(labels)), labels]).mean() for t in tries]
    return float(tries[int(np.argmin(losses))])
