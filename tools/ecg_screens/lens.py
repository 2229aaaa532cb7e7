"""A pinhole camera in a hand, before the glass: pose, tremor, focus, exposure, reflections, bands, noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tools.ecg_screens.ink import Uint8

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

FOCAL = 1.2
"""Focal length in widths of the picture: a phone's main camera."""


@dataclass(frozen=True)
class Lens:
    """How it is filmed; all 0 is a screen recording. Angles in degrees; lengths in pixels of the picture unless said.

    `margin`: room around the glass in shares of it; `tremor`: swing of the hand; `zoom`: growth over the clip;
    `breathing`: blur at its worst; `exposure`, `vignette`, `reflection`, `bands`, `moire`: shares of brightness;
    `finger`: share of the picture's width that it covers; `noise`: grey levels; `wall`: how bright what is behind the
    glass is, 0: a dim room.
    """

    margin: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    tremor: float = 0.0
    drift: float = 0.0
    zoom: float = 0.0
    blur: float = 0.0
    breathing: float = 0.0
    exposure: float = 0.0
    vignette: float = 0.0
    reflection: float = 0.0
    bands: float = 0.0
    moire: float = 0.0
    finger: float = 0.0
    noise: float = 0.0
    turns: int = 0
    wall: int = 0

    @property
    def films(self) -> bool:
        """Whether there is a camera at all; turning a recording needs none."""
        return self != Lens(turns=self.turns)


class Filming:
    """The camera's picture of a glass of `size`, moment by moment."""

    def __init__(self, lens: Lens, size: tuple[int, int], duration_s: float, seed: int) -> None:
        self.lens, self.size, self._duration = lens, size, duration_s
        rng = np.random.default_rng([seed, 57])
        self._waves = [
            (rng.uniform(low, high, 3), rng.uniform(0, 2 * np.pi, (3, 3))) for low, high in ((0.2, 0.9), (1, 3), (4, 9))
        ]
        self._shade = self._light(rng)
        self._skin = self._finger(rng) if lens.finger else None
        # A few pictures of noise, moved about, are as good as a new one each time.
        self._noise = [
            rng.normal(0, lens.noise, (size[1], size[0], 1)).astype(np.float32) for _ in range(5 if lens.noise else 0)
        ]
        self._rng = rng
        self._room = (int(lens.wall or rng.integers(20, 120)),) * 3

    def matrix(self, now: float) -> Float64:
        """The homography from the glass to the picture at `now`."""
        width, height = self.size
        lens = self.lens
        sway = np.zeros(3)
        for (speeds, phases), weight in zip(self._waves, (0.7, 0.25, 0.08), strict=True):
            sway += weight * np.sin(2 * np.pi * speeds[:, None] * now + phases).sum(axis=0) / 2
        yaw, pitch, roll = np.deg2rad([lens.yaw, lens.pitch, lens.roll + 0.04 * lens.tremor * sway[2]])
        turn_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        turn_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
        turn_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        pose = turn_z @ turn_x @ turn_y
        away = FOCAL * width * (1 + 2 * lens.margin) / (1 + lens.zoom * now / self._duration)
        onto = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 0.0]])
        plane = pose @ onto + np.array([[0, 0, 0], [0, 0, 0], [0, 0, away]])
        moved = np.array([width / 2, height / 2]) + lens.tremor * sway[:2] + [lens.drift * now / self._duration, 0]
        camera = np.array([[FOCAL * width, 0, moved[0]], [0, FOCAL * width, moved[1]], [0, 0, 1]])
        found = camera @ plane
        return np.asarray(found / found[2, 2])

    def picture(self, glass: Uint8, now: float) -> Uint8:
        """What the camera sees of `glass` at `now`."""
        lens = self.lens
        if lens.films:
            glass = self._filmed(glass, now)
        return np.ascontiguousarray(np.rot90(glass, lens.turns)) if lens.turns else glass

    def _filmed(self, glass: Uint8, now: float) -> Uint8:
        lens, height = self.lens, self.size[1]
        matrix = self.matrix(now)
        # OpenCV counts from the middle of a pixel, the pose from its corner.
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        middle = np.linalg.inv(half) @ matrix @ half
        seen = cv2.warpPerspective(
            glass, middle, self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=self._room
        )
        softness = lens.blur + lens.breathing * max(0.0, np.sin(2 * np.pi * now / 3.1)) ** 4
        if softness > 0.3:
            seen = cv2.GaussianBlur(seen, (0, 0), softness)
        bright = self._shade * (
            1 + lens.exposure * (np.sin(2 * np.pi * now / 4.7) + (0.6 if int(now / 2.3) % 2 else 0))
        )
        if lens.bands:
            rows = np.arange(height)[:, None] / height
            bright = bright * (1 + lens.bands * np.sin(2 * np.pi * (2.4 * rows - 1.7 * now)))
        if lens.moire:
            bright = bright * (1 + lens.moire * self._lattice(matrix))
        light = seen.astype(np.float32) * bright[..., None].astype(np.float32)
        if lens.reflection:
            light += 255 * lens.reflection * self._window(matrix)[..., None]
        if self._noise:
            noise = self._noise[int(self._rng.integers(len(self._noise)))]
            light += np.roll(noise, int(self._rng.integers(height)), axis=0)
        if self._skin is not None:
            share = self._skin[..., None]
            light = light * (1 - share) + np.array([206, 150, 126], np.float32) * share
        return np.asarray(np.clip(light, 0, 255), np.uint8)

    def _light(self, rng: np.random.Generator) -> Float32:
        width, height = self.size
        down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        middle = rng.uniform(-0.2, 0.2, 2)
        away = (across - middle[0]) ** 2 + (down - middle[1]) ** 2
        return np.asarray(1 - self.lens.vignette * away / 2, np.float32)

    def _finger(self, rng: np.random.Generator) -> Float32:
        width, height = self.size
        down, across = np.mgrid[0:height, 0:width]
        at = (0, height) if rng.random() < 0.5 else (width, height)
        away = np.hypot(
            (across - at[0]) / (self.lens.finger * width), (down - at[1]) / (1.4 * self.lens.finger * width)
        )
        return np.asarray(np.clip((1 - away) * 12, 0, 1), np.float32)

    def _lattice(self, matrix: Float64) -> Float32:
        """The display's own pixels as the sensor samples them: they beat with the sensor's."""
        width, height = self.size
        down, across = np.mgrid[0:height, 0:width].astype(np.float32)
        back = np.linalg.inv(matrix).astype(np.float32)
        depth = back[2, 0] * across + back[2, 1] * down + back[2, 2]
        x = (back[0, 0] * across + back[0, 1] * down + back[0, 2]) / depth
        y = (back[1, 0] * across + back[1, 1] * down + back[1, 2]) / depth
        return np.asarray(np.cos(2 * np.pi * x) * (0.5 + 0.5 * np.cos(2 * np.pi * y)), np.float32)

    def _window(self, matrix: Float64) -> Float32:
        """A window mirrored in the glass: it moves as the hand does, not as the glass does."""
        width, height = self.size
        moved = matrix @ np.array([width / 2, height / 2, 1])
        x, y = moved[:2] / moved[2] * 0.6 + np.array([width, height]) * 0.1
        light = np.zeros((height, width), np.float32)
        for across in (-1, 1):
            for along in (-1, 1):
                left, top = x + across * 0.09 * width - 0.08 * width, y + along * 0.15 * height - 0.14 * height
                corners = np.array(
                    [
                        [left, top],
                        [left + 0.16 * width, top + 0.02 * height],
                        [left + 0.14 * width, top + 0.28 * height],
                        [left - 0.02 * width, top + 0.26 * height],
                    ]
                )
                cv2.fillConvexPoly(light, corners.astype(np.int32), 1.0)
        return np.asarray(cv2.GaussianBlur(light, (0, 0), 4), np.float32)
