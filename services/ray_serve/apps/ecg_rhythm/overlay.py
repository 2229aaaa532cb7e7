"""The annotated picture: the trace read, drawn over a frame, and the waveform with its beats on ECG paper."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from apps.ecg_rhythm.reading import Reading


def draw(reading: Reading, result: dict[str, Any]) -> bytes:
    """A PNG of the frame with the trace over it."""
    _ = result
    canvas = np.ascontiguousarray(reading.picture.frame[:, :, ::-1])
    points = np.round(reading.picture.points).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(canvas, [points], isClosed=False, color=(60, 60, 255), thickness=1, lineType=cv2.LINE_AA)
    return bytes(cv2.imencode(".png", canvas)[1].tobytes())
