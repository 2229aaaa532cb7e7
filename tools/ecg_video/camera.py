"""What a phone makes of a screen: geometry, light, sensor. Frames in, frames out; a seed makes it repeatable."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tools.ecg_video.settings import Camera

Image = npt.NDArray[np.uint8]


class Lens:
    """A `Camera` with its random state; call `shoot` on the frames in order."""

    def __init__(self, camera: Camera, width: int, height: int, seed: int) -> None:
        self._camera = camera
        self._rng = np.random.default_rng(seed)
        self._wander = np.zeros(2)
        self._plane = self._perspective(width, height)
        self._light = self._lighting(width, height)

    def keeps(self) -> bool:
        """Whether the next frame arrives at all."""
        return bool(self._rng.random() >= self._camera.dropped)

    def shoot(self, frame: Image) -> Image:
        """`frame` as the file will hold it."""
        camera = self._camera
        if camera == Camera(dropped=camera.dropped):
            return frame
        seen = frame
        if camera.perspective or camera.shake:
            self._wander = 0.9 * self._wander + self._rng.normal(0, camera.shake * 0.44, 2)
            shift = np.array([[1, 0, self._wander[0]], [0, 1, self._wander[1]], [0, 0, 1]])
            size = (frame.shape[1], frame.shape[0])
            seen = cv2.warpPerspective(seen, shift @ self._plane, size, flags=cv2.INTER_LINEAR)
        if camera.blur:
            seen = cv2.GaussianBlur(seen, (0, 0), camera.blur)
        level = seen.astype(np.float32) * (1.0 - camera.low_light)
        level = level * self._light[0] + self._light[1]
        if camera.noise:
            level += self._rng.normal(0, camera.noise, level.shape).astype(np.float32)
        return level.round().clip(0, 255).astype(np.uint8)

    def _perspective(self, width: int, height: int) -> npt.NDArray[np.float64]:
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        pull = self._camera.perspective * self._rng.uniform(0.3, 1.0, (4, 2)) * (width, height)
        inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
        return np.asarray(
            cv2.getPerspectiveTransform(corners, (corners + pull * inward).astype(np.float32)), np.float64
        )

    def _lighting(self, width: int, height: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Multiplied and added light: moire darkens in stripes, glare adds a soft bright patch."""
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        angle, pitch = self._rng.uniform(0.3, 1.2), self._rng.uniform(5.0, 9.0)
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / pitch)
        ripple = np.sin(2 * np.pi * (x + 0.3 * y) / (pitch * 13))
        times = 1.0 - self._camera.moire * (0.25 + 0.25 * wave * ripple)
        centre = self._rng.uniform(0.25, 0.75, 2) * (width, height)
        distance = ((x - centre[0]) / (0.18 * width)) ** 2 + ((y - centre[1]) / (0.22 * height)) ** 2
        plus = 190.0 * self._camera.glare * np.exp(-distance)
        return times[:, :, None].astype(np.float32), plus[:, :, None].astype(np.float32)
