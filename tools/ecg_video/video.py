"""Writes a rendered video and the truth beside it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from tools.ecg_video.camera import Lens
from tools.ecg_video.screen import backdrop, frame, memory
from tools.ecg_video.settings import Camera, Encoding, Screen
from tools.ecg_video.sources import Recording

Image = npt.NDArray[np.uint8]

_CODECS = {"h264": "libx264", "hevc": "libx265"}
_TICKS = 90_000


def render(
    path: Path,
    recording: Recording,
    duration_s: float,
    screen: Screen | None = None,
    camera: Camera | None = None,
    encoding: Encoding | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Write the video to `path` and return its truth. The recording must hold `memory(screen)` + `duration_s`."""
    screen, camera, encoding = screen or Screen(), camera or Camera(), encoding or Encoding()
    needed = duration_s + memory(screen)
    if recording.duration_s < needed - 1e-6:
        raise ValueError(
            f"the recording lasts {recording.duration_s:.2f} s; {needed:.2f} s are needed "
            f"({duration_s:.2f} s of video and {memory(screen):.2f} s that the first frame already shows)"
        )
    write(path, frames(recording, duration_s, screen, camera, seed), screen.fps, encoding)
    return truth(recording, duration_s, screen, camera, encoding, seed)


def frames(
    recording: Recording, duration_s: float, screen: Screen, camera: Camera, seed: int
) -> Iterator[tuple[float, Image]]:
    """Times in seconds and RGB frames, without those that the camera drops (the first always arrives)."""
    lens = Lens(camera, screen.width, screen.height, seed)
    still = backdrop(screen)
    for index in range(round(duration_s * screen.fps)):
        if lens.keeps() or index == 0:
            time_s = (index + (lens.late() if index else 0.0)) / screen.fps
            yield time_s, lens.shoot(frame(screen, recording, time_s, still))


def write(path: Path, images: Iterator[tuple[float, Image]], fps: float, encoding: Encoding) -> None:
    """Encode timed RGB frames into `path` (.mp4 or .mov)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(_CODECS[encoding.codec], rate=Fraction(fps).limit_denominator(1001))
        stream.pix_fmt = encoding.pixel_format
        stream.options = {"preset": encoding.preset}
        if encoding.kbps:
            stream.bit_rate = 1000 * encoding.kbps
        else:
            stream.options |= {"crf": str(encoding.crf)}
        stream.codec_context.time_base = Fraction(1, _TICKS)
        if encoding.codec == "hevc":
            stream.options |= {"x265-params": "log-level=none"}
        for time_s, upright in images:
            image = np.ascontiguousarray(np.rot90(upright, encoding.rotation // 90))
            if not stream.codec_context.is_open:
                stream.height, stream.width = image.shape[:2]
            picture = av.VideoFrame.from_ndarray(image, format="rgb24")
            picture.pts, picture.time_base = round(time_s * _TICKS), Fraction(1, _TICKS)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    if encoding.rotation:
        _turn(path, encoding.rotation)


_MATRICES = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def _turn(path: Path, degrees: int) -> None:
    """Write a rotation into the track header's matrix (ISO/IEC 14496-12, 8.3.2): no encoder's option does."""
    content = bytearray(path.read_bytes())
    # Version 0: 4 bytes of version and flags, 20 of times and ids, 16 reserved, layer and volume; then the matrix.
    at = content.rindex(b"tkhd") + 4 + 4 + 20 + 16
    a, b, c, d = (value << 16 for value in _MATRICES[degrees])
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def truth(
    recording: Recording, duration_s: float, screen: Screen, camera: Camera, encoding: Encoding, seed: int
) -> dict[str, Any]:
    """What the video really shows; times count from the video's first frame."""
    shown = recording.excerpt(memory(screen), duration_s)
    leads = [shown.lead(index).samples for index in range(1, screen.leads)]
    return {
        "schema": "ecg-video-truth/v1",
        "duration_s": duration_s,
        "sampling_rate_hz": shown.rate,
        "unit": "mV",
        "samples": [round(float(v), 4) for v in shown.samples],
        "other_leads": [[round(float(v), 4) for v in lead] for lead in leads],
        "beats": [
            {"time_s": round(float(t), 4), "symbol": s}
            for t, s in zip(shown.beats_s, shown.symbols or ("",) * len(shown.beats_s), strict=True)
        ],
        "geometry": {
            "kind": screen.kind,
            "lane": list(screen.lane),
            "lanes": [list(lane) for lane in screen.lanes],
            "pixels_per_second": screen.pixels_per_second,
            "pixels_per_mv": screen.pixels_per_mv,
            "sweep_period_s": screen.period_s if screen.kind == "sweep" else None,
        },
        "screen": asdict(screen),
        "camera": asdict(camera),
        "encoding": asdict(encoding),
        "seed": seed,
    }


def save_truth(path: Path, document: dict[str, Any]) -> None:
    """Write `document` beside its video: one key a line, long lists on one line."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in document.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
