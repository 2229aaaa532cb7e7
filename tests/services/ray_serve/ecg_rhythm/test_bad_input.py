"""Videos that people send by mistake: each has a named outcome, and none a heart rate that was made up."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from apps.ecg_rhythm import analysis
from kit.contract import AppError, ErrorCode
from tools.ecg_video import scoring, sources
from tools.ecg_video.screen import frame
from tools.ecg_video.settings import Encoding, small_screen

SMALL = small_screen()


def refused(path: Path) -> str:
    with pytest.raises(AppError) as caught:
        analysis.read(path)
    return caught.value.code


def furry(index: int) -> np.ndarray:
    """Something soft and brown that moves: no screen at all."""
    y, x = np.mgrid[0:180, 0:320]
    image = np.full((180, 320, 3), (120, 100, 80), np.float64)
    for k, (cx, cy) in enumerate(((150, 90), (120, 60), (180, 60))):
        cx = cx + 25 * np.sin(index / 9)
        image += 70 * np.exp(-(((x - cx) / (50 - 12 * k)) ** 2 + ((y - cy) / (40 - 8 * k)) ** 2))[:, :, None]
    fur = np.random.default_rng(1).normal(0, 12, (180, 320, 1))
    return (image + np.roll(fur, int(25 * np.sin(index / 9)), axis=1)).clip(0, 255)


def test_a_cat_is_no_trace(filmed: Callable[..., Path]) -> None:
    assert refused(filmed("cat.mp4", furry)) == ErrorCode.NO_TRACE


def test_a_photo_of_a_screen_held_by_hand_is_no_trace(filmed: Callable[..., Path]) -> None:
    still = frame(SMALL, sources.synthetic(12.0), 3.0)
    rng = np.random.default_rng(3)
    moves = np.cumsum(rng.normal(0, 0.7, (90, 2)), axis=0)

    def held(index: int) -> np.ndarray:
        move = np.array([[1, 0, moves[index, 0]], [0, 1, moves[index, 1]]])
        return np.asarray(cv2.warpAffine(still, move, (640, 360), borderMode=cv2.BORDER_REPLICATE))

    assert refused(filmed("held.mp4", held)) == ErrorCode.NO_TRACE


def test_8k_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1)
        stream.width, stream.height, stream.pix_fmt = 7680, 4320, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((6480, 7680), np.uint8), format="yuv420p")
        container.mux(stream.encode(picture))
        container.mux(stream.encode())
    assert refused(path) == ErrorCode.VIDEO_TOO_LARGE


@pytest.mark.parametrize("pixel_format", ["yuv422p", "yuv420p10le"])
def test_unusual_pixels_are_read(pixel_format: str, clip: Callable[..., Any]) -> None:
    encoding = Encoding(preset="veryfast", pixel_format=pixel_format)
    made = clip(f"{pixel_format}.mp4", SMALL, encoding=encoding, seconds=6.0)
    assert len(analysis.read(made.path).beats_s) == len(made.truth["beats"])


def test_a_stream_without_timestamps_is_read_at_its_stated_rate(clip: Callable[..., Any], tmp_path: Path) -> None:
    made = clip("sweep.mp4")
    bare = tmp_path / "bare.h264"
    with av.open(str(made.path)) as source, av.open(str(bare), "w", format="h264") as target:
        stream = target.add_stream("libx264", rate=Fraction(30))
        stream.width, stream.height, stream.pix_fmt, stream.options = 640, 360, "yuv420p", {"preset": "ultrafast"}
        for picture in source.decode(video=0):
            picture.pts = None
            target.mux(stream.encode(picture))
        target.mux(stream.encode())
    reading = analysis.read(bare)
    beats = np.array([beat["time_s"] for beat in made.truth["beats"]])
    rate = 60 / np.diff(beats).mean()
    # The stream's own rate may be guessed (25 or 30): beats are all there, and the rate is that guess's.
    assert len(reading.beats_s) >= len(beats) - 1
    assert 60 / np.diff(reading.beats_s).mean() == pytest.approx(rate * reading.video.fps / 30.0, rel=0.03)
    assert scoring.beat_f1(reading.beats_s * reading.video.fps / 30.0, beats)["f1"] > 0.85
