"""`python -m tools.ecg_video.golden`: renders the inputs of the Serve apps' golden cases again (`make golden`).

The signal and its beats come out of `samples/sweep.truth.json`: record 208 of the MIT-BIH Arrhythmia Database (ODC-BY
1.0, samples/README.md). What must come out of each case is written by hand in its `expected.json`, from that truth.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tools.ecg_video import sources, video
from tools.ecg_video.camera import Image, Lens
from tools.ecg_video.screen import backdrop, frame, memory
from tools.ecg_video.settings import Camera, Encoding, Screen, paper_screen, small_screen

APPS = Path("services/ray_serve/apps")
TRUTH = Path("samples/sweep.truth.json")
BEGIN_S = 5.46
"""Second of the sample at which the golden clips begin: between two beats, with a screen's width before it."""

Frames = Iterator[tuple[float, Image]]


@dataclass(frozen=True)
class Golden:
    """One case's input; `frames` draws it from the excerpt of a real ECG."""

    app: str
    name: str
    screen: Screen
    frames: Callable[[Screen, sources.Recording], Frames]
    crf: int = 26


def clean(seconds: float) -> Callable[[Screen, sources.Recording], Frames]:
    """A screen recording."""
    return lambda screen, recording: video.frames(recording, seconds, screen, Camera(), seed=0)


def flat(seconds: float) -> Callable[[Screen, sources.Recording], Frames]:
    """A screen recording of a straight line."""
    return lambda screen, _: video.frames(sources.flat(seconds + memory(screen) + 0.1), seconds, screen, Camera(), 0)


def photo(seconds: float) -> Callable[[Screen, sources.Recording], Frames]:
    """One frame, over and over."""

    def frames(screen: Screen, recording: sources.Recording) -> Frames:
        still = frame(screen, recording, 2.0)
        return ((index / screen.fps, still) for index in range(round(seconds * screen.fps)))

    return frames


def filmed(*parts: tuple[float, Camera | None]) -> Callable[[Screen, sources.Recording], Frames]:
    """Parts of so many seconds, each through another camera; None: something dark stands before the lens."""

    def frames(screen: Screen, recording: sources.Recording) -> Frames:
        still, index = backdrop(screen), 0
        for seed, (seconds, camera) in enumerate(parts):
            lens = Lens(camera or Camera(), screen.width, screen.height, seed)
            for _ in range(round(seconds * screen.fps)):
                time_s = index / screen.fps
                index += 1
                if lens.keeps():
                    image = lens.shoot(frame(screen, recording, time_s, still))
                    yield time_s, image if camera else np.full_like(image, 9)

    return frames


SWEEP, SCROLL = small_screen("sweep"), small_screen("scroll")
PAPER = replace(
    SWEEP,
    background=paper_screen().background,
    trace=paper_screen().trace,
    grid_minor=paper_screen().grid_minor,
    grid_major=paper_screen().grid_major,
    second_curve="none",
)
HANDHELD = Camera(perspective=0.02, shake=0.4, noise=2.0, blur=0.5)
BLURRED = Camera(perspective=0.02, shake=0.4, noise=2.0, blur=2.2)

GOLDEN = (
    Golden("ecg_rhythm", "sweep", SWEEP, clean(7.5)),
    Golden("ecg_rhythm", "scroll", replace(SCROLL, second_curve="none"), clean(5.6)),
    Golden("ecg_rhythm", "flat", replace(SWEEP, second_curve="none"), flat(6.0)),
    Golden("ecg_rhythm", "photo", SWEEP, photo(3.0)),
    Golden("signal_quality", "screen", SWEEP, clean(4.0)),
    Golden("signal_quality", "light_theme", PAPER, clean(4.0)),
    Golden("signal_quality", "worse_and_worse", SWEEP, filmed((3.0, HANDHELD), (3.0, BLURRED), (2.0, None))),
    Golden("signal_quality", "photo", SWEEP, photo(3.0)),
)


def main(arguments: list[str] | None = None) -> int:
    """Write the inputs. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.ecg_video.golden", description=__doc__)
    parser.add_argument("apps", nargs="*", help="only these apps' cases")
    options = parser.parse_args(arguments)
    for golden in GOLDEN:
        if not options.apps or golden.app in options.apps:
            make(golden)
    return 0


def make(golden: Golden) -> None:
    """Render one input."""
    recording = excerpt(golden.screen)
    path = APPS / golden.app / "golden" / golden.name / "input.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    video.write(path, golden.frames(golden.screen, recording), golden.screen.fps, Encoding(crf=golden.crf))
    print(f"{path}  {path.stat().st_size / 1024:.0f} KiB", flush=True)


def excerpt(screen: Screen) -> sources.Recording:
    """The sample's signal from BEGIN_S on, with what the screen remembers from before."""
    truth = json.loads(TRUTH.read_text())
    whole = sources.Recording(
        truth["sampling_rate_hz"],
        np.array(truth["samples"]),
        np.array([beat["time_s"] for beat in truth["beats"]]),
        tuple(beat["symbol"] for beat in truth["beats"]),
    )
    start = BEGIN_S - memory(screen)
    return whole.excerpt(start, whole.duration_s - start)


if __name__ == "__main__":
    raise SystemExit(main())
