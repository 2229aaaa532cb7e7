"""The conditions of the table: what is on the screen, how it is filmed, how the file is written.

A condition is a recipe with a seed: each excerpt gets a screen of its own (colours, gain, speed, sweep or scroll, other
curves and numbers), so that nothing is measured on one picture only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tools.ecg_video.paper import Pan, Sheet
from tools.ecg_video.settings import Camera, Encoding, Screen

SECONDS, FPS = 6.0, 20.0
Theme = dict[str, Any]
BASE = Screen(fps=FPS, width=854, height=480, pixels_per_mm=4.8, erase_bar=28, margin_left=16, margin_right=150)
STEADY = Camera()
FILE = Encoding(preset="veryfast")
MILD = Camera(bezel=0.08, perspective=0.03, roll=1.0, shake=0.4, sway=0.04, noise=3.0, blur=0.5)

DARK: tuple[Theme, ...] = (
    {},
    {"trace": (250, 214, 70)},
    {"trace": (240, 240, 240), "grid_minor": (22, 24, 30), "grid_major": (44, 48, 58)},
    {"trace": (80, 220, 250), "background": (4, 14, 40), "grid_minor": (14, 32, 66), "grid_major": (26, 52, 96)},
    {"grid": False},
    {"trace": (255, 120, 110), "grid": False},
)
LIGHT: tuple[Theme, ...] = (
    {
        "background": (253, 246, 244),
        "trace": (24, 24, 30),
        "grid_minor": (250, 222, 220),
        "grid_major": (242, 186, 184),
        "second_colour": (40, 90, 190),
    },
    {
        "background": (240, 244, 248),
        "trace": (16, 60, 140),
        "grid_minor": (222, 230, 238),
        "grid_major": (196, 208, 222),
        "second_colour": (190, 60, 40),
    },
)

Scene = tuple[Screen, Camera, Encoding]


@dataclass(frozen=True)
class Condition:
    """`scene(screen)` films `screen`; SNR `must` and `aim` are the issue's, in dB."""

    name: str
    must: float
    aim: float
    scene: Callable[[Screen], Scene]
    themes: tuple[Theme, ...] = DARK

    def draw(self, index: int, seed: int = 1) -> Scene:
        """The scene of excerpt `index`: two sweeps, two scrolls, and so on, since patients alternate by data set."""
        rng = np.random.default_rng([seed, sum(self.name.encode()), index])
        theme = self.themes[int(rng.integers(len(self.themes)))]
        screen = replace(
            BASE,
            **theme,
            kind=("sweep", "scroll")[index // 2 % 2],
            pixels_per_mm=float(np.round(rng.uniform(4.2, 5.6), 2)),
            second_curve=("none", "pleth", "resp")[int(rng.integers(3))],
            numbers=bool(rng.random() < 0.5),
            stroke=int(rng.integers(1, 4)),
        )
        if not screen.grid:
            screen = replace(screen, mm_per_mv=float(rng.choice([8.0, 10.0, 12.0])))
        return self.scene(screen)


PAPERS: tuple[Theme, ...] = (
    {},
    {"paper": (250, 250, 246), "grid_minor": (226, 226, 224), "grid_major": (192, 192, 190)},
    {"paper": (246, 252, 244), "grid_minor": (214, 238, 214), "grid_major": (168, 214, 172), "trace": (20, 30, 110)},
    {"paper": (255, 240, 232), "grid_minor": (250, 204, 190), "grid_major": (236, 150, 130), "desk": (210, 204, 196)},
)
PaperScene = tuple[Sheet, Pan, Camera, Encoding]


@dataclass(frozen=True)
class PaperPan:
    """A strip of paper, longer than the picture, over which a mild camera is moved by hand.

    Half of the strips begin or end with a calibration pulse: only then is the gain other than 10 mm/mV or the speed
    other than 25 mm/s, since nothing else that is drawn would tell.
    """

    name: str
    must: float
    aim: float

    def draw(self, index: int, seed: int = 1) -> PaperScene:
        """The scene of excerpt `index`."""
        rng = np.random.default_rng([seed, sum(self.name.encode()), index])
        pulse = index // 2 % 2 == 0
        sheet = Sheet(
            **PAPERS[int(rng.integers(len(PAPERS)))],
            stroke=float(np.round(rng.uniform(0.25, 0.5), 2)),
            text=bool(rng.random() < 0.7),
        )
        if pulse:
            sheet = replace(
                sheet,
                pulse=("start", "end")[int(rng.integers(2))],
                mm_per_mv=float(rng.choice([5.0, 10.0, 10.0, 20.0])),
                mm_per_s=float(rng.choice([25.0, 25.0, 25.0, 50.0])),
            )
        pan = Pan(fps=FPS, pixels_per_mm=float(np.round(rng.uniform(5.5, 7.5), 2)), uneven=float(rng.uniform(0.2, 0.6)))
        return sheet, pan, replace(MILD, bezel=0.0), FILE


def _filed(camera: Camera = STEADY, encoding: Encoding = FILE) -> Callable[[Screen], Scene]:
    return lambda screen: (screen, camera, encoding)


def _filmed(**faults: Any) -> Callable[[Screen], Scene]:
    return lambda screen: (screen, replace(MILD, **faults), FILE)


def _leads(overlap: float) -> Callable[[Screen], Scene]:
    """Two leads; where they overlap, in lanes as high as one alone has."""
    height = BASE.lane_height if overlap else BASE.lane_height * 0.66
    kept: dict[str, Any] = {"leads": 2, "lead_overlap": overlap, "lane_height": height}
    return lambda screen: (replace(screen, **kept, second_curve="none"), Camera(), FILE)


_BAD: dict[str, Any] = {
    "perspective": 0.06,
    "shake": 1.2,
    "sway": 0.1,
    "glare": 0.4,
    "moire": 0.4,
    "noise": 6.0,
    "blur": 0.8,
}

CONDITIONS = (
    Condition("screen recording", 18, 21, _filed()),
    Condition("light themes", 18, 21, _filed(), LIGHT),
    Condition("two leads", 18, 21, _leads(0.0)),
    Condition("mild camera", 13, 17, _filmed()),
    Condition("strong perspective", 11, 15, _filmed(perspective=0.12, roll=3.0)),
    Condition("glare", 11, 15, _filmed(glare=0.7)),
    Condition("low light", 11, 15, _filmed(low_light=0.75, noise=6.0)),
    Condition("low bitrate", 11, 15, _filed(encoding=replace(FILE, kbps=150))),
    Condition("20 % frames dropped", 11, 15, _filed(Camera(dropped=0.2, jitter=0.15))),
    Condition("240p", 11, 15, _filed(Camera(rows=240))),
    Condition("shake", 8, 12, _filmed(shake=2.0, sway=0.2)),
    Condition("moire", 8, 12, _filmed(moire=0.7)),
    Condition("overlapping lane", 8, 12, _leads(0.75)),
    Condition(
        "all together",
        8,
        12,
        lambda screen: (
            screen,
            replace(MILD, **_BAD, low_light=0.3, dropped=0.2, jitter=0.1),
            replace(FILE, kbps=600),
        ),
    ),
)
PAPER = PaperPan("paper pan", 13, 17)
