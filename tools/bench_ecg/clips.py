"""Renders an excerpt under a condition, once: clips are kept by what they were made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tools.bench_ecg.conditions import SECONDS, Condition, Scene
from tools.bench_ecg.patients import Patient
from tools.ecg_video import video
from tools.ecg_video.screen import memory
from tools.ecg_video.settings import Screen
from tools.ecg_video.sources import Recording

TRIES = 20
ROOM = 0.92
"""The trace spans at most this share of its lane: what a screen cuts off cannot be read off it."""
RENDERER = ("camera.py", "screen.py", "settings.py", "sources.py", "video.py")


@dataclass(frozen=True)
class Clip:
    """A rendered video of one patient under one condition, its truth, and where in the record it begins."""

    condition: str
    patient: Patient
    index: int
    start_s: float
    path: Path

    def truth(self) -> dict[str, Any]:
        """The truth document beside the video."""
        return json.loads(self.path.with_suffix(".truth.json").read_text())  # type: ignore[no-any-return]


def make(condition: Condition, patient: Patient, index: int, folder: Path) -> Clip:
    """The clip of `patient` as excerpt `index` of `condition`, rendered unless it is there."""
    scene, recording, start_s = _excerpt(condition, patient, index)
    stem = f"{condition.name.replace(' ', '-').replace('%', 'pc')}-{index:02d}"
    path = rendered(folder, stem, scene, recording, [patient.name, start_s], SECONDS, seed=index + 1)
    return Clip(condition.name, patient, index, start_s, path)


def rendered(
    folder: Path, stem: str, scene: Scene, recording: Recording, origin: Sequence[object], seconds: float, seed: int
) -> Path:
    """The video of `recording`, which is the part that `origin` says; it is rendered unless it is there."""
    made_of = json.dumps([repr(scene), *origin, seconds, _renderer()])
    path = folder / f"{stem}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}.mp4"
    if not path.with_suffix(".truth.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        truth = video.render(path, recording, seconds, *scene, seed=seed)
        video.save_truth(path.with_suffix(".truth.json"), truth)
    return path


def _excerpt(condition: Condition, patient: Patient, index: int) -> tuple[Scene, Recording, float]:
    """The scene with its baseline set for the excerpt, the excerpt, and the second at which the video begins."""
    scene = condition.draw(index)
    screen = scene[0]
    rng = np.random.default_rng([2, sum(condition.name.encode()), index])
    before = memory(screen)
    for attempt in range(TRIES):
        start_s = float(np.round(rng.uniform(before, patient.recording.duration_s - SECONDS - 0.2), 2))
        part = patient.recording.excerpt(start_s - before, before + SECONDS + 0.1)
        spans = [_span(part.lead(lead), screen) for lead in range(screen.leads)]
        if max(high - low for low, high in spans) < ROOM or attempt == TRIES - 1:
            break
    low, high = spans[0]
    return (replace(screen, baseline=0.5 + (low + high) / 2), *scene[1:]), part, start_s


def _span(part: Recording, screen: Screen) -> tuple[float, float]:
    """Lowest and highest value as shares of the lane's height."""
    scale = screen.pixels_per_mv / screen.lane[3]
    return float(part.samples.min()) * scale, float(part.samples.max()) * scale


def _renderer() -> str:
    folder = Path(video.__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in RENDERER)).hexdigest()
