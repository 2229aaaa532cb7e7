"""Every property and fault of a rendered video, as numbers. Lengths are pixels of the rendered screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""


@dataclass(frozen=True)
class Screen:
    """What the monitor shows.

    `sweep`: an erase bar `erase_bar` pixels wide runs over a standing trace. `scroll`: the strip moves left and the
    newest sample stands at the right edge. A square of `grid` is 1 mm; every fifth line is stronger.
    `leads`: ECG lanes, one below the other and all in the trace's colour; `lead_overlap`: share of a lane that the
    next one covers. `numbers`: saturation, breathing, pressure and a line of text, as monitors show them.
    """

    kind: Literal["sweep", "scroll"] = "sweep"
    width: int = 1280
    height: int = 720
    fps: float = 30.0
    background: Colour = (6, 10, 12)
    trace: Colour = (60, 235, 110)
    grid: bool = True
    grid_minor: Colour = (16, 34, 30)
    grid_major: Colour = (26, 58, 50)
    mm_per_s: float = 25.0
    mm_per_mv: float = 10.0
    pixels_per_mm: float = 6.0
    stroke: int = 2
    erase_bar: int = 36
    lane_top: float = 0.16
    lane_height: float = 0.44
    margin_left: int = 24
    margin_right: int = 220
    baseline: float = 0.62
    prefilled: bool = True
    heart_rate: bool = True
    lead: str = "II"
    title: str = "BED 4   ADULT"
    second_curve: Literal["none", "pleth", "resp"] = "pleth"
    second_colour: Colour = (70, 170, 255)
    leads: int = 1
    lead_overlap: float = 0.0
    numbers: bool = False

    @property
    def pixels_per_second(self) -> float:
        """Speed of the pen in pixels a second."""
        return self.mm_per_s * self.pixels_per_mm

    @property
    def pixels_per_mv(self) -> float:
        """Height of one millivolt in pixels."""
        return self.mm_per_mv * self.pixels_per_mm

    @property
    def lane(self) -> tuple[int, int, int, int]:
        """The first ECG lane: x, y, width, height."""
        return self.lanes[0]

    @property
    def lanes(self) -> tuple[tuple[int, int, int, int], ...]:
        """Every ECG lane: x, y, width, height."""
        top, height = round(self.lane_top * self.height), round(self.lane_height * self.height)
        width, step = self.width - self.margin_left - self.margin_right, (1.0 - self.lead_overlap) * height
        return tuple((self.margin_left, top + round(k * step), width, height) for k in range(self.leads))

    @property
    def period_s(self) -> float:
        """Seconds that the lane's width holds."""
        return self.lane[2] / self.pixels_per_second


def small_screen(kind: Literal["sweep", "scroll"] = "sweep") -> Screen:
    """A quarter of the pixels of the default: quick to render and to read in tests."""
    return Screen(
        kind=kind, width=640, height=360, pixels_per_mm=4.0, erase_bar=24, margin_left=12, margin_right=110, stroke=1
    )


def paper_screen(kind: Literal["sweep", "scroll"] = "scroll") -> Screen:
    """A light theme: black trace on pink paper, no second curve."""
    return Screen(
        kind=kind,
        background=(253, 246, 244),
        trace=(24, 24, 30),
        grid_minor=(250, 222, 220),
        grid_major=(242, 186, 184),
        second_curve="none",
    )


@dataclass(frozen=True)
class Camera:
    """What lies between screen and file. All zero: a screen recording.

    bezel        the screen's frame with the room about it, as a share of the picture that they take (0: none)
    perspective  corners pulled in, as a share of the frame (0.1 is strong)
    roll         the camera's tilt, degrees clockwise
    shake        standard deviation of the frame's wander, pixels
    sway         standard deviation of the frame's rotation about its middle, degrees
    glare        brightness of a reflection, 0 to 1
    moire        depth of an interference pattern, 0 to 1
    noise        standard deviation of sensor noise, grey levels
    blur         standard deviation of the lens blur, pixels
    low_light    share of the light that is missing, 0 to 1
    dropped      share of the frames that never arrive, 0 to 1; timestamps stay true
    jitter       standard deviation of the moment that a frame is taken, as a share of the frames' distance
    rows         height of the picture that is kept, pixels (0: the screen's own); 240 is 240p
    """

    bezel: float = 0.0
    perspective: float = 0.0
    roll: float = 0.0
    shake: float = 0.0
    sway: float = 0.0
    glare: float = 0.0
    moire: float = 0.0
    noise: float = 0.0
    blur: float = 0.0
    low_light: float = 0.0
    dropped: float = 0.0
    jitter: float = 0.0
    rows: int = 0


@dataclass(frozen=True)
class Encoding:
    """How the file is written; the container follows the file's suffix (.mp4 or .mov).

    `crf`: 18 fine, 42 poor; `kbps`: a fixed bit rate in its place (0: none); `rotation`: the picture is stored turned
    and metadata turn it back by so many degrees clockwise, as a phone held upright does (0, 90, 180, 270).
    """

    codec: Literal["h264", "hevc"] = "h264"
    crf: int = 23
    preset: str = "medium"
    kbps: int = 0
    rotation: int = 0
    pixel_format: str = "yuv420p"
