"""Renders an excerpt under a condition, once: clips are kept by what they were made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tools.bench_ecg.conditions import SECONDS, Condition, PaperPan, PaperScene, Scene
from tools.bench_ecg.patients import Patient
from tools.ecg_video import paper, video
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


def make(condition: Condition | PaperPan, patient: Patient, index: int, folder: Path) -> Clip:
    """The clip of `patient` as excerpt `index` of `condition`, rendered unless it is there."""
    match condition:
        case PaperPan():
            return _on_paper(condition, patient, index, folder)
        case Condition():
            return _on_screen(condition, patient, index, folder)


def _on_screen(condition: Condition, patient: Patient, index: int, folder: Path) -> Clip:
    scene, recording, start_s = _excerpt(condition, patient, index)
    path = rendered(
        folder, _stem(condition.name, index), scene, recording, [patient.name, start_s], SECONDS, seed=index + 1
    )
    return Clip(condition.name, patient, index, start_s, path)


def _on_paper(condition: PaperPan, patient: Patient, index: int, folder: Path) -> Clip:
    scene, recording, start_s = _strip(condition, patient, index)
    made_of = [repr(scene), patient.name, start_s, SECONDS, _renderer(*RENDERER, "paper.py")]
    path = _kept(
        folder,
        _stem(condition.name, index),
        made_of,
        lambda path: paper.render(path, recording, SECONDS, *scene, seed=index + 1),
    )
    return Clip(condition.name, patient, index, start_s, path)


def rendered(
    folder: Path, stem: str, scene: Scene, recording: Recording, origin: Sequence[object], seconds: float, seed: int
) -> Path:
    """The video of `recording`, which is the part that `origin` says; it is rendered unless it is there."""
    made_of = [repr(scene), *origin, seconds, _renderer(*RENDERER)]
    return _kept(folder, stem, made_of, lambda path: video.render(path, recording, seconds, *scene, seed=seed))


def _stem(condition: str, index: int) -> str:
    return f"{condition.replace(' ', '-').replace('%', 'pc')}-{index:02d}"


def _kept(folder: Path, stem: str, made_of: Sequence[object], render: Callable[[Path], dict[str, Any]]) -> Path:
    """The file that is there, or is made now."""
    path = folder / f"{stem}-{hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:12]}.mp4"
    if not path.with_suffix(".truth.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        video.save_truth(path.with_suffix(".truth.json"), render(path))
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


STRIP_S = (7.0, 9.0)
"""Seconds of ECG on a strip: more than a picture shows at once."""


def _strip(condition: PaperPan, patient: Patient, index: int) -> tuple[PaperScene, Recording, float]:
    """The scene with its baseline set for the excerpt, the excerpt, and where in the record it begins."""
    sheet, *others = condition.draw(index)
    rng = np.random.default_rng([2, sum(condition.name.encode()), index])
    seconds = float(np.round(rng.uniform(*STRIP_S), 2)) * 25.0 / sheet.mm_per_s
    room_mv = ROOM * (sheet.breadth - 2 * PAPER_EDGE_MM) / sheet.mm_per_mv
    for _ in range(TRIES):
        start_s = float(np.round(rng.uniform(0.0, patient.recording.duration_s - seconds - 0.2), 2))
        part = patient.recording.excerpt(start_s, seconds)
        low, high = float(part.samples.min()), float(part.samples.max())
        if high - low < room_mv:
            break
    middle = 0.5 * sheet.breadth + sheet.mm_per_mv * (low + high) / 2
    return (replace(sheet, baseline=middle / sheet.breadth), *others), part, start_s  # type: ignore[return-value]


PAPER_EDGE_MM = 10.0
"""So far from a strip's edge the trace ends: there is text."""


def _span(part: Recording, screen: Screen) -> tuple[float, float]:
    """Lowest and highest value as shares of the lane's height."""
    scale = screen.pixels_per_mv / screen.lane[3]
    return float(part.samples.min()) * scale, float(part.samples.max()) * scale


def _renderer(*names: str) -> str:
    folder = Path(video.__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in names)).hexdigest()
