"""Decodes a video file frame by frame, and refuses what is none. What is made of the frames is the app's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from kit.contract import AppError, ErrorCode

ByteArray = npt.NDArray[np.uint8]


class VideoError(AppError):
    """A file that is no readable video, or one over the limits; final."""


@dataclass(frozen=True)
class Limits:
    """What is refused before it is decoded: longer, or with more pixels in a frame or on a side."""

    duration_s: float = 1800.0
    pixels: int = 3840 * 2160
    side: int = 4096


@dataclass(frozen=True)
class Header:
    """What the container says, which need not be true: `duration_s` may be None, `fps` is an average."""

    duration_s: float | None
    fps: float
    codec: str


@dataclass(frozen=True)
class Frame:
    """One decoded frame: `time_s` from the first frame on, `luma` [height, width] upright.

    `luma` is a view into the decoder's memory, which is kept as long as it is: copy what outlives a few frames.
    """

    time_s: float
    luma: ByteArray
    picture: Any
    turns: int = 0
    """Quarter turns, counter-clockwise, from how the file has it shown."""

    def rgb(self) -> ByteArray:
        """The frame in colour, [height, width, 3], as `luma` stands."""
        return np.rot90(_upright(self.picture.to_ndarray(format="rgb24"), self.picture), self.turns)

    def turned(self, turns: int) -> Frame:
        """The frame turned by so many quarter turns more, counter-clockwise."""
        return Frame(self.time_s, np.rot90(self.luma, turns), self.picture, self.turns + turns)


def header(path: Path, limits: Limits | None = None) -> Header:
    """Check the file before decoding it. Raises `VideoError` for anything that is not a readable video."""
    limits = limits or Limits()
    with _open(path) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        if context.width <= 0 or context.height <= 0:
            raise VideoError(ErrorCode.NOT_A_VIDEO, "The video stream states no size; export the video again.")
        _check_size(context.width, context.height, limits)
        duration = _duration(container, stream)
        if duration is not None and duration > limits.duration_s:
            raise _too_long(limits)
        return Header(duration, float(stream.average_rate or 0.0), context.name)


def frames(path: Path, limits: Limits | None = None) -> Iterator[Frame]:
    """Every frame in order, one at a time. Raises `VideoError` where the file breaks off or outgrows `limits`."""
    limits = limits or Limits()
    with _open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        promised = _duration(container, stream)
        clock = _Clock(float(stream.average_rate or 30.0))
        last = None
        try:
            for picture in container.decode(stream):
                _check_size(picture.width, picture.height, limits)
                last = clock.tick(picture)
                if last > limits.duration_s:
                    raise _too_long(limits)
                yield Frame(last, _luma(picture), picture)
        except av.FFmpegError as error:
            if last is None:
                raise VideoError(ErrorCode.NOT_A_VIDEO, f"No frame can be decoded ({error}).") from error
            raise _truncated(last, promised) from error
        if last is None:
            raise VideoError(ErrorCode.NOT_A_VIDEO, "The file holds no frame; export the video again.")
        if promised is not None and last < 0.9 * promised - 1.0:
            raise _truncated(last, promised)


def spread(path: Path, times_s: list[float]) -> Iterator[Frame]:
    """The key frames nearest before each time: a cheap look at the rest of the video. Broken places are skipped."""
    with _open(path) as container:
        stream = container.streams.video[0]
        clock = _Clock(float(stream.average_rate or 30.0))
        base = stream.start_time or 0
        seen: set[int] = set()
        for time_s in times_s:
            try:
                container.seek(base + int(time_s / stream.time_base), stream=stream)
                picture = next(container.decode(stream))
            except (av.FFmpegError, StopIteration):
                continue
            if picture.pts not in seen:
                seen.add(picture.pts)
                yield Frame(clock.tick(picture), _luma(picture), picture)


class _Clock:
    """Seconds since the first frame; counts frames where timestamps are missing or run backwards."""

    def __init__(self, fps: float) -> None:
        self._step = 1.0 / fps if fps > 0 else 1.0 / 30.0
        self._first: float | None = None
        self._last = -self._step

    def tick(self, picture: Any) -> float:
        stamp = picture.time
        if stamp is not None and self._first is None:
            self._first = stamp
        time_s = self._last + self._step if stamp is None or self._first is None else stamp - self._first
        if time_s <= self._last:
            time_s = self._last + self._step
        self._last = time_s
        return float(time_s)


def _open(path: Path) -> Any:
    size = path.stat().st_size
    if size == 0:
        raise VideoError(ErrorCode.EMPTY_FILE, "The file is empty; upload it again.")
    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.FFmpegError, ValueError) as error:
        if _lost_its_index(path):
            raise VideoError(ErrorCode.TRUNCATED_VIDEO, "The file ends before its index; upload it whole.") from error
        raise VideoError(ErrorCode.NOT_A_VIDEO, "The file is no video that can be opened.") from error
    if not container.streams.video:
        container.close()
        raise VideoError(ErrorCode.NOT_A_VIDEO, "The file holds no picture, only sound or data.")
    if container.streams.video[0].codec_context is None:
        container.close()
        raise VideoError(ErrorCode.NOT_A_VIDEO, "The pictures are coded in a way that is not known here.")
    return container


def _lost_its_index(path: Path) -> bool:
    """Whether the file begins as MP4 or MOV and its boxes run past its end: an upload that broke off."""
    size, offset = path.stat().st_size, 0
    with path.open("rb") as file:
        for _ in range(64):
            file.seek(offset)
            head = file.read(16)
            if len(head) < 8:
                return offset > 0 and len(head) > 0
            length = int.from_bytes(head[:4], "big")
            if length == 1 and len(head) == 16:
                length = int.from_bytes(head[8:], "big")
            if offset == 0 and head[4:8] != b"ftyp":
                return False
            if length < 8:
                return False
            offset += length
            if offset > size:
                return True
            if offset == size:
                return False
    return False


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.pixels or max(width, height) > limits.side:
        raise VideoError(
            ErrorCode.VIDEO_TOO_LARGE,
            f"{width} x {height} is more than {limits.pixels / 1e6:.1f} megapixels or {limits.side} pixels a side; "
            "scale the video down.",
        )


def _duration(container: Any, stream: Any) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return float(container.duration / av.time_base) if container.duration else None


def _too_long(limits: Limits) -> VideoError:
    return VideoError(
        ErrorCode.VIDEO_TOO_LONG, f"The video is longer than {limits.duration_s / 60:.0f} minutes; cut it."
    )


def _truncated(last: float, promised: float | None) -> VideoError:
    whole = f" of {promised:.1f} s" if promised else ""
    return VideoError(ErrorCode.TRUNCATED_VIDEO, f"The video breaks off after {last:.1f} s{whole}; upload it whole.")


def _luma(picture: Any) -> ByteArray:
    if not picture.format.name.startswith(
        ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "nv12", "gray")
    ) or (picture.format.components[0].bits != 8):
        picture = picture.reformat(format="yuv420p")
    plane = picture.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return _upright(rows[:, : picture.width], picture)


def _upright(image: ByteArray, picture: Any) -> ByteArray:
    """Undo the rotation that a phone writes into the metadata (degrees, counter-clockwise)."""
    turns = round(getattr(picture, "rotation", 0) / 90) % 4
    return np.rot90(image, turns) if turns else image
