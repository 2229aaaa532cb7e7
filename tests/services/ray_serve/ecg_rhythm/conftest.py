"""Short rendered clips, made once for all tests of the reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# These tests need the serve environment (torch, PyAV, OpenCV); the light one collects them and passes by.
pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("torch")

from tools.ecg_video import sources, video
from tools.ecg_video.settings import Camera, Encoding, Screen, small_screen

FAST = Encoding(preset="veryfast")


@dataclass(frozen=True)
class Clip:
    path: Path
    truth: dict[str, Any]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Clip]:
    """`clip(name, screen, camera, signal, seconds)`: rendered on the first call, kept for the session."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[str, Clip] = {}

    def make(
        name: str,
        screen: Screen | None = None,
        camera: Camera | None = None,
        signal: sources.Recording | None = None,
        seconds: float = 8.0,
        encoding: Encoding = FAST,
    ) -> Clip:
        if name not in made:
            path = folder / name
            recording = signal or sources.synthetic(24.0, bpm=75.0, seed=3)
            truth = video.render(path, recording, seconds, screen or small_screen(), camera, encoding)
            made[name] = Clip(path, truth)
        return made[name]

    return make


@pytest.fixture(scope="session")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[int], Any], int], Path]:
    """`filmed(name, image_of, count)`: a video of any images, 30 a second."""
    folder = tmp_path_factory.mktemp("films")

    def make(name: str, image_of: Callable[[int], Any], count: int = 90) -> Path:
        def frames() -> Iterator[tuple[float, Any]]:
            for index in range(count):
                yield index / 30.0, np.asarray(image_of(index), np.uint8)

        video.write(folder / name, frames(), 30.0, FAST)
        return folder / name

    return make
