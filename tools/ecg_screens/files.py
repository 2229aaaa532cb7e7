"""Frames into a video file: containers, codecs, colour formats, frame times."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from tools.ecg_screens.ink import Float64, Uint8

TICKS = 1000
"""Ticks a second of files whose frames do not come evenly."""


class Kind(StrEnum):
    """Container and codec: the suffix, and what PyAV calls the codec."""

    MP4 = ".mp4 libx264"
    MOV = ".mov libx265"
    WEBM = ".webm libvpx-vp9"
    MKV = ".mkv libvpx-vp9"
    AVI = ".avi mjpeg"
    MPEG4 = ".mp4 mpeg4"
    AVI4 = ".avi mpeg4"

    @property
    def suffix(self) -> str:
        """The file name's end, with its dot."""
        return self.value.split()[0]

    @property
    def codec(self) -> str:
        """PyAV's name."""
        return self.value.split()[1]


@dataclass(frozen=True)
class File:
    """A file's settings. `rows`: height of the video, 0 as filmed; `kbps`: 0 for constant quality.

    `uneven`: frame times jitter; `dropped`: share of frames that are missing; `turn`: degrees in the metadata.
    """

    kind: Kind = Kind.MP4
    fps: Fraction = Fraction(30)
    pixels: str = "yuv420p"
    rows: int = 0
    odd: bool = False
    kbps: int = 0
    quality: int = 20
    uneven: bool = False
    dropped: float = 0.0
    turn: int = 0

    def times(self, duration_s: float, seed: int) -> Float64:
        """When each frame is shown, in seconds from 0 on."""
        rng = np.random.default_rng([seed, 91])
        times = np.arange(int(duration_s * self.fps)) / float(self.fps)
        if self.uneven:
            times[1:] += rng.uniform(-0.4, 0.4, len(times) - 1) / float(self.fps)
        kept = rng.random(len(times)) >= self.dropped
        kept[[0, -1]] = True
        if self.uneven or self.dropped:
            times = np.round(times * TICKS) / TICKS
        return np.asarray(times[kept])

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the video of pictures of that size: even, or odd where that is asked for."""
        scale = self.rows / min(width, height) if self.rows else 1.0
        wide, high = (round(side * scale / 2) * 2 for side in (width, height))
        return (wide - 1, high - 1) if self.odd else (wide, high)


def write(path: Path, file: File, times: Float64, picture: Callable[[float], Uint8]) -> tuple[int, int]:
    """Write `picture(t)` for each of `times`; returns width and height of the video."""
    even = not (file.uneven or file.dropped)
    base = 1 / file.fps if even else Fraction(1, TICKS)
    first = picture(float(times[0]))
    wide, high = file.size(first.shape[1], first.shape[0])
    with av.open(str(path), "w") as container:
        stream = container.add_stream(file.kind.codec, rate=file.fps, options=_options(file))
        stream.width, stream.height, stream.pix_fmt = wide, high, _pixels(file)
        stream.time_base = stream.codec_context.time_base = base
        stream.codec_context.thread_count = 1
        if file.kbps:
            stream.bit_rate = file.kbps * 1000
        elif file.kind.codec in ("mjpeg", "mpeg4"):
            stream.bit_rate = 6_000_000 if file.kind.codec == "mpeg4" else 30_000_000
        if file.turn:
            stream.set_display_rotation(file.turn)
        for number, now in enumerate(times):
            shown = first if number == 0 else picture(float(now))
            if shown.shape[:2] != (high, wide):
                shown = cv2.resize(shown, (wide, high), interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown), format="rgb24")
            frame.pts, frame.time_base = (number if even else round(now * TICKS)), base
            _mux(container, stream.encode(frame))
        _mux(container, stream.encode())
    return wide, high


def _mux(container: av.container.OutputContainer, packets: Iterable[av.Packet]) -> None:
    for packet in packets:
        container.mux(packet)


def _pixels(file: File) -> str:
    """MJPEG's colours use all 256 levels, which PyAV's names for them say."""
    return file.pixels.replace("yuv4", "yuvj4") if file.kind.codec == "mjpeg" else file.pixels


def _options(file: File) -> dict[str, str]:
    quality = {} if file.kbps else {"crf": str(file.quality)}
    match file.kind.codec:
        case "libx264":
            return {"preset": "veryfast", **quality}
        case "libx265":
            return {"preset": "ultrafast", "x265-params": "log-level=error:pools=1", **quality}
        case "libvpx-vp9":
            return {"deadline": "realtime", "cpu-used": "8", **({"crf": "24", "b": "0"} if not file.kbps else {})}
        case _:
            return {}
