"""What a phone makes of a screen: geometry, light, sensor. Frames in, frames out; a seed makes it repeatable."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tools.ecg_video.settings import Camera

Image = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

_ROOM, _BEZEL = (46, 42, 38), (74, 74, 78)
"""Colours of the room behind the monitor and of its frame."""
_GRAIN = 64
"""Noise is drawn once, this much larger than the picture, and laid on each frame at another place."""


class Lens:
    """A `Camera` with its random state; call `shoot` on the frames in order."""

    def __init__(self, camera: Camera, width: int, height: int, seed: int) -> None:
        self._camera = camera
        self._rng = np.random.default_rng(seed)
        self._size = (width, height)
        self._wander = np.zeros(2)
        self._tilt = 0.0
        self._plane = self._perspective(width, height)
        self._light = self._lighting(width, height)
        grain = self._rng.normal(0, max(camera.noise, 1e-9), (height + _GRAIN, width + _GRAIN, 3))
        self._grain = grain.astype(np.float32)

    def keeps(self) -> bool:
        """Whether the next frame arrives at all."""
        return bool(self._rng.random() >= self._camera.dropped)

    def late(self) -> float:
        """How much later than its turn the next frame is taken, in frames; less than half either way."""
        return float(np.clip(self._rng.normal(0, self._camera.jitter), -0.45, 0.45))

    def shoot(self, frame: Image) -> Image:
        """`frame` as the file will hold it."""
        camera = self._camera
        if camera == Camera(dropped=camera.dropped, jitter=camera.jitter):
            return frame
        seen = frame if not camera.bezel else self._framed(frame)
        if camera.perspective or camera.roll or camera.shake or camera.sway or camera.bezel:
            seen = cv2.warpPerspective(
                seen,
                self._moved() @ self._plane,
                self._size,
                flags=cv2.INTER_LINEAR,
                borderValue=_ROOM if camera.bezel else 0,
            )
        if camera.blur:
            seen = cv2.GaussianBlur(seen, (0, 0), camera.blur)
        times, plus = self._light
        level = cv2.multiply(seen.astype(np.float32), times)
        level = cv2.add(level, plus)
        if camera.noise:
            down, right = self._rng.integers(0, _GRAIN, 2)
            level += self._grain[down : down + level.shape[0], right : right + level.shape[1]]
        image = np.asarray(cv2.convertScaleAbs(np.maximum(level, 0.0)), np.uint8)
        if camera.rows:
            across = 2 * round(image.shape[1] * camera.rows / image.shape[0] / 2)
            image = np.asarray(cv2.resize(image, (across, camera.rows), interpolation=cv2.INTER_AREA), np.uint8)
        return image

    def _framed(self, frame: Image) -> Image:
        """The frame with the monitor's edge about it: `_plane` shrinks it to the picture."""
        edge = self._edge()
        return np.asarray(
            cv2.copyMakeBorder(frame, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=_BEZEL), np.uint8
        )

    def _edge(self) -> int:
        return round(0.5 * self._camera.bezel * self._size[1])

    def _moved(self) -> Float64:
        """The hand's movement at the next frame: it wanders about where it was, and turns."""
        camera = self._camera
        self._wander = 0.9 * self._wander + self._rng.normal(0, camera.shake * 0.44, 2)
        shift = np.array([[1, 0, self._wander[0]], [0, 1, self._wander[1]], [0, 0, 1]])
        if not camera.sway:
            return shift
        self._tilt = 0.9 * self._tilt + float(self._rng.normal(0, camera.sway * 0.44))
        return np.asarray(shift @ _turned(self._tilt, self._size), np.float64)

    def _perspective(self, width: int, height: int) -> Float64:
        """From the screen, with its edge where it has one, to the picture."""
        edge, room = self._edge(), self._camera.bezel / 2
        corners = np.array(
            [[-edge, -edge], [width + edge, -edge], [width + edge, height + edge], [-edge, height + edge]], np.float32
        )
        pull = self._camera.perspective * self._rng.uniform(0.3, 1.0, (4, 2)) * (width, height)
        pull += room * np.array([width, height])
        inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
        picture = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        plane = cv2.getPerspectiveTransform(corners + edge, (picture + pull * inward).astype(np.float32))
        return np.asarray(_turned(self._camera.roll, (width, height)) @ plane, np.float64)

    def _lighting(self, width: int, height: int) -> tuple[Float32, Float32]:
        """Multiplied and added light: moire darkens in stripes, glare adds a soft bright patch."""
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        angle, pitch = self._rng.uniform(0.3, 1.2), self._rng.uniform(5.0, 9.0)
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / pitch)
        ripple = np.sin(2 * np.pi * (x + 0.3 * y) / (pitch * 13))
        times = (1.0 - self._camera.low_light) * (1.0 - self._camera.moire * (0.25 + 0.25 * wave * ripple))
        centre = self._rng.uniform(0.25, 0.75, 2) * (width, height)
        distance = ((x - centre[0]) / (0.18 * width)) ** 2 + ((y - centre[1]) / (0.22 * height)) ** 2
        plus = 190.0 * self._camera.glare * np.exp(-distance)
        return tuple(np.repeat(light[:, :, None].astype(np.float32), 3, axis=2) for light in (times, plus))  # type: ignore[return-value]


def _turned(degrees: float, size: tuple[int, int]) -> Float64:
    """Clockwise about the picture's middle."""
    turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), -degrees, 1.0)
    return np.vstack([turn, [0.0, 0.0, 1.0]])
