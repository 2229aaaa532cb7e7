"""Videos without a readable ECG: how many are refused or named, and how many get beats that nobody had."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm import analysis
from kit.contract import AppError
from tools.bench_ecg.conditions import CONDITIONS, PAPER, SECONDS, Scene
from tools.ecg_video import paper, sources, video
from tools.ecg_video.camera import Lens
from tools.ecg_video.screen import backdrop, memory
from tools.ecg_video.settings import Screen
from tools.ecg_video.sources import Recording

Image = npt.NDArray[np.uint8]
Frames = Iterator[tuple[float, Image]]

RATE_HZ = 360.0
MUST, AIM = 0.95, 0.99
FILMED = ("screen recording", "mild camera")
"""The conditions whose screens and cameras these videos get, in turn."""


@dataclass(frozen=True)
class Kind:
    """`frames(scene, seed)`: what is filmed instead of an ECG."""

    name: str
    frames: Callable[[Scene, int], Frames]


def table(count: int) -> str:
    """`count` videos of each kind, read; as Markdown."""
    lines = ["| no ECG to read | rejected | outcomes |", "|---|---|---|"]
    right = 0
    for kind in KINDS:
        found = [outcome(kind, index) for index in range(count)]
        good = sum(code != BEATS for code in found)
        right += good
        said = ", ".join(f"{found.count(code)} `{code}`" for code in sorted(set(found)))
        lines.append(f"| {kind.name} | {good} of {count} | {said} |")
    share = right / (count * len(KINDS))
    reached = "aim" if share >= AIM else "must" if share >= MUST else "**missed**"
    return (
        f"Videos that show no ECG, {count} of each kind, half of them filmed by hand: {100 * share:.0f} % get no beats "
        f"(must {100 * MUST:.0f} %, aim {100 * AIM:.0f} %: {reached}).\n\n" + "\n".join(lines)
    )


BEATS = "beats"


def outcome(kind: Kind, index: int) -> str:
    """The code of the refusal or of the first finding; BEATS where a heart rate was made up."""
    named = {condition.name: condition for condition in CONDITIONS}
    scene = named[FILMED[index % 2]].draw(index, seed=3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp4"
        video.write(path, kind.frames(scene, index), scene[0].fps, scene[2])
        try:
            reading = analysis.read(path)
        except AppError as refusal:
            return str(refusal.code)
    if len(reading.beats_s):
        return BEATS
    return str(reading.findings[0].value) if reading.findings else "no_beats"


def _shown(signal: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], scene: Scene, seed: int) -> Frames:
    screen, camera, _encoding = scene
    times = np.arange(int((SECONDS + memory(screen) + 0.5) * RATE_HZ)) / RATE_HZ
    recording = Recording(RATE_HZ, signal(times), np.zeros(0))
    return video.frames(recording, SECONDS, replace(screen, second_curve="none"), camera, seed)


def _pulse(scene: Scene, seed: int) -> Frames:
    period, rise_s = 60.0 / (50 + 5 * (seed % 12)), 0.12 + 0.01 * (seed % 6)

    def wave(times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        since = times % period
        rise = np.sin(np.pi / 2 * np.minimum(since / rise_s, 1.0)) ** 2
        # It has come down to where the next one begins.
        fall = np.exp(-np.maximum(since - rise_s, 0.0) / 0.2) * (1.0 - (since / period) ** 4)
        return np.asarray(1.2 * rise * fall, np.float64)

    return _shown(wave, scene, seed)


def _breath(scene: Scene, seed: int) -> Frames:
    return _shown(lambda times: 0.6 * np.sin(2 * np.pi * (0.15 + 0.02 * seed) * times), scene, seed)


def _asystole(scene: Scene, seed: int) -> Frames:
    rng = np.random.default_rng(seed)
    return _shown(lambda times: rng.normal(0.0, 0.003, len(times)), scene, seed)


def _frozen(scene: Scene, seed: int) -> Frames:
    """An ECG whose video hangs at its first frame, as a photo does."""
    screen, camera, _encoding = scene
    still = replace(camera, shake=0.0, sway=0.0, noise=0.0)
    recording = sources.synthetic(SECONDS + memory(screen) + 1, seed=seed)
    first = next(video.frames(recording, SECONDS, screen, still, seed))[1]
    for index in range(round(SECONDS * screen.fps)):
        yield index / screen.fps, first


def _loop(scene: Scene, seed: int) -> Frames:
    """A short stretch of an ECG played again and again."""
    screen, camera, _encoding = scene
    recording = sources.synthetic(SECONDS + memory(screen) + 1, seed=seed)
    length = round((1.4 + 0.07 * seed) * screen.fps)
    shown = [image for _time, image in islice(video.frames(recording, SECONDS, screen, camera, seed), length)]
    for index in range(round(SECONDS * screen.fps)):
        yield index / screen.fps, shown[index % length]


def _held(scene: Scene, seed: int) -> Frames:
    """An ECG on paper over which the camera does not go: held in a hand, or not even that."""
    sheet, pan, _camera, _encoding = PAPER.draw(seed, seed=3)
    camera = replace(scene[1], bezel=0.0)
    held = replace(pan, last=0.0)
    if camera.shake == 0.0:
        held = replace(held, drift=0.0, breath=0.0)
    return paper.frames(sources.synthetic(9.0, seed=seed), SECONDS, sheet, held, camera, seed)


def _numbers(scene: Scene, seed: int) -> Frames:
    """A monitor whose values change and that shows no curve."""
    screen = replace(scene[0], numbers=True)
    rng = np.random.default_rng(seed)
    lens = Lens(scene[1], screen.width, screen.height, seed)
    still = backdrop(screen)
    for index in range(round(SECONDS * screen.fps)):
        if index % round(screen.fps) == 0:
            shown = still.copy()
            at = (screen.width - screen.margin_right + 20, screen.lane[1] + 80)
            cv2.putText(
                shown, str(rng.integers(50, 120)), at, cv2.FONT_HERSHEY_SIMPLEX, 1.8, screen.trace, 3, cv2.LINE_AA
            )
        yield index / screen.fps, lens.shoot(shown)


def _scenery(scene: Scene, seed: int) -> Frames:
    """Blurred shapes that drift: a room, a face, a cat."""
    screen: Screen = scene[0]
    rng = np.random.default_rng(seed)
    large = rng.integers(0, 255, (screen.height // 24 + 8, screen.width // 24 + 8, 3)).astype(np.float32)
    wide = cv2.resize(large, (screen.width + 160, screen.height + 160), interpolation=cv2.INTER_CUBIC).clip(0, 255)
    for index in range(round(SECONDS * screen.fps)):
        x = y = round(40 + 35 * np.sin(0.05 * index + seed))
        yield index / screen.fps, wide[y : y + screen.height, x : x + screen.width].astype(np.uint8)


KINDS = (
    Kind("a pulse wave alone", _pulse),
    Kind("breathing alone", _breath),
    Kind("asystole", _asystole),
    Kind("a frozen video, a photo", _frozen),
    Kind("a loop of 1.4 to 2.8 s", _loop),
    Kind("an ECG on paper, not panned", _held),
    Kind("numbers without a curve", _numbers),
    Kind("drifting shapes", _scenery),
)
