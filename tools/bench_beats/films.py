"""Excerpts of records as videos of a monitor's screen: recorded or filmed, sweeps and scrolls, evenly over each record.

Where an excerpt lies, and what screen it gets, follows from its number alone: nobody looks at its beats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.model import CLASSES
from tools.bench_ecg import clips
from tools.bench_ecg.conditions import CONDITIONS, Scene
from tools.ecg_train.records import AAMI
from tools.ecg_video import sources
from tools.ecg_video.screen import memory
from tools.ecg_video.settings import Screen
from tools.ecg_video.sources import Recording

Float64 = npt.NDArray[np.float64]
Kind = Literal["sweep", "scroll"]

SECONDS = 30.0
SHOWN = tuple(condition for condition in CONDITIONS if condition.name in ("screen recording", "mild camera"))
KINDS: tuple[Kind, ...] = ("sweep", "scroll")
SMALLER_MM_PER_MV = 5.0
"""The gain of a trace that would leave its lane at 10 mm/mV."""


@dataclass(frozen=True)
class Film:
    """A rendered excerpt; `part`: the signal that the video shows and its beats, in the video's seconds."""

    record: str
    index: int
    condition: str
    kind: Kind
    path: Path
    part: Recording

    def beats(self) -> tuple[Float64, npt.NDArray[np.int64]]:
        """Seconds and classes (indices into CLASSES) of the annotated beats that AAMI EC57 has a class for."""
        known = np.array([symbol in AAMI for symbol in self.part.symbols], bool)
        classes = [CLASSES.index(AAMI[symbol]) for symbol in self.part.symbols if symbol in AAMI]
        return self.part.beats_s[known], np.array(classes, np.int64)


def films(data: Path, names: tuple[str, ...], excerpts: int, folder: Path) -> Iterator[Film]:
    """The first `excerpts` of each record of `data`/mitdb; what `folder` has already is not rendered again."""
    recordings = [sources.wfdb_record(data / "mitdb" / name) for name in names]
    for index in range(excerpts):
        for number, name in enumerate(names):
            yield film(recordings[number], name, number, index, folder)


def film(recording: Recording, name: str, number: int, index: int, folder: Path) -> Film:
    """Excerpt `index` of the record with this name, the `number`th."""
    plan = planned(recording, number, index)
    screen, kind = plan.scene[0], plan.scene[0].kind
    origin, stem = [name, plan.start_s], f"{name}-{index:02d}-{kind}"
    path = clips.rendered(folder, stem, plan.scene, plan.shown, origin, SECONDS, seed=index + 1)
    return Film(name, index, plan.condition, kind, path, plan.shown.excerpt(memory(screen), SECONDS))


class Plan(NamedTuple):
    """How an excerpt is shown; `shown` begins with what the first frame shows of before `start_s`."""

    condition: str
    scene: Scene
    start_s: float
    shown: Recording


def planned(recording: Recording, number: int, index: int) -> Plan:
    """Excerpt `index` of the `number`th record."""
    condition, kind = SHOWN[(number + index) // 2 % 2], KINDS[(number + index) % 2]
    screen, camera, encoding = condition.draw(100 * number + index, seed=3)
    screen = replace(screen, kind=kind)
    before = memory(screen)
    start_s = start(index, recording.duration_s, before)
    shown = recording.excerpt(start_s - before, before + SECONDS + 0.1)
    return Plan(condition.name, (_fitted(screen, shown), camera, encoding), start_s, shown)


def start(index: int, duration_s: float, before: float) -> float:
    """Where excerpt `index` begins: 1/2, 1/4, 3/4, 1/8, 5/8, ... of the record (van der Corput's sequence).

    1, 3, 7 or 15 excerpts are evenly spaced, and a run with more of them goes on from one with fewer. The `before`
    seconds are what the screen shows of before.
    """
    digits = f"{index + 1:b}"
    share = int(digits[::-1], 2) / (1 << len(digits))
    return round(before + share * (duration_s - before - SECONDS - 0.2), 2)


def _fitted(screen: Screen, part: Recording) -> Screen:
    """`screen` with the trace in the middle of its lane, drawn smaller where it is too high for it."""
    low, high = float(part.samples.min()), float(part.samples.max())
    if (high - low) * screen.pixels_per_mv > clips.ROOM * screen.lane[3]:
        screen = replace(screen, mm_per_mv=SMALLER_MM_PER_MV)
    return replace(screen, baseline=0.5 + (low + high) / 2 * screen.pixels_per_mv / screen.lane[3])
