"""The video again with the trace found drawn over every frame: a person sees at once where the reader was wrong.

python -m apps.ecg_rhythm.film VIDEO OUT.mp4
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm import overlay, reader
from kit import video
from kit.contract import AppError

TICKS = 90_000
QUALITY = "23"
"""x264's constant rate factor: thin lines stay whole."""


def frames(path: Path) -> Iterator[tuple[float, npt.NDArray[np.uint8]]]:
    """Times in seconds and frames, RGB, upright. Raises `ReadingError` and `VideoError` as reading does."""
    for frame, points in reader.pen_paths(path):
        yield frame.time_s, overlay.traced(frame.rgb(), points)


def write(path: Path, to: Path) -> int:
    """Write the film of `path`, H.264 in MP4; returns its frames. Nothing is left at `to` where reading fails."""
    part, count = to.with_name(f"{to.name}.part"), 0
    rate = Fraction(video.header(path).fps or 30.0).limit_denominator(1001)
    try:
        with av.open(str(part), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=rate)
            stream.pix_fmt, stream.options = "yuv420p", {"preset": "veryfast", "crf": QUALITY}
            stream.codec_context.time_base = Fraction(1, TICKS)
            for time_s, image in frames(path):
                even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
                if not stream.codec_context.is_open:
                    stream.height, stream.width = even.shape[:2]
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
                picture.pts, picture.time_base = round(time_s * TICKS), Fraction(1, TICKS)
                container.mux(stream.encode(picture))
                count += 1
            container.mux(stream.encode())
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
    return count


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 written, 2 no trace to draw."""
    parser = argparse.ArgumentParser(prog="python -m apps.ecg_rhythm.film", description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("to", type=Path, help="the film, .mp4")
    options = parser.parse_args(arguments)
    try:
        count = write(options.video, options.to)
    except AppError as refusal:
        sys.stderr.write(f"{options.video}: {refusal.code}: {refusal.message}\n")
        return 2
    sys.stdout.write(f"{options.to}: {count} frames\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
