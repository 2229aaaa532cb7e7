"""What is no ECG video gets a named refusal, never a heart rate."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from apps.ecg_rhythm import analysis, loop
from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.reading import Finding
from kit import video
from kit.contract import AppError
from tools.ecg_video import sources
from tools.ecg_video.screen import frame
from tools.ecg_video.settings import Camera, Encoding, small_screen
from tools.ecg_video.video import frames, write

RNG = np.random.default_rng(0)
STILL = frame(small_screen(), sources.synthetic(12.0), 3.0)


def text_screen(index: int) -> np.ndarray:
    image = np.zeros((360, 640, 3), np.uint8)
    for line in range(6):
        text = f"value {line}: {index // 15 * 7 + line}  a line of text, number {line}"
        cv2.putText(image, text, (10, 40 + 50 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (220, 220, 220), 1)
    return image


FILMS = {
    "still.mp4": lambda index: STILL,
    "noise.mp4": lambda index: RNG.integers(0, 255, (180, 320, 3)),
    "snow.mp4": lambda index: np.repeat(255 * (RNG.random((180, 320, 1)) > 0.98), 3, axis=2),
    "text.mp4": text_screen,
    "black.mp4": lambda index: np.zeros((180, 320, 3)),
    "white.mp4": lambda index: np.full((180, 320, 3), 255),
}


def refusal(path: Path) -> AppError:
    with pytest.raises(AppError) as caught:
        analysis.read(path)
    assert caught.value.message.endswith(".")
    return caught.value


@pytest.mark.parametrize("name", FILMS)
def test_what_shows_no_moving_trace_is_no_trace(name: str, filmed: Callable[..., Path]) -> None:
    assert refusal(filmed(name, FILMS[name])).code is ErrorCode.NO_TRACE


def test_one_frame_is_no_trace(filmed: Callable[..., Path]) -> None:
    assert refusal(filmed("one.mp4", lambda index: STILL, 1)).code is ErrorCode.NO_TRACE


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    assert refusal(tmp_path / "a.mp4").code is ErrorCode.EMPTY_FILE


@pytest.mark.parametrize("content", [b"no video at all" * 40, b"\x00" * 5000, b"\x89PNG\r\n\x1a\n" + b"x" * 100])
def test_other_bytes_are_not_a_video(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    assert refusal(tmp_path / "a.mp4").code is ErrorCode.NOT_A_VIDEO


def test_sound_without_pictures_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        for _ in range(20):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            sound.rate = 44100
            container.mux(stream.encode(sound))
        container.mux(stream.encode())
    assert refusal(path).code is ErrorCode.NOT_A_VIDEO


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_an_upload_that_broke_off_is_truncated(share: float, clip: Callable[..., Any], tmp_path: Path) -> None:
    whole = clip("sweep.mp4").path.read_bytes()
    (tmp_path / "a.mp4").write_bytes(whole[: int(share * len(whole))])
    assert refusal(tmp_path / "a.mp4").code is ErrorCode.TRUNCATED_VIDEO


def test_too_long_and_too_large_are_refused_before_decoding(clip: Callable[..., Any]) -> None:
    path = clip("sweep.mp4").path
    with pytest.raises(video.VideoError) as long:
        video.header(path, video.Limits(duration_s=2.0))
    assert long.value.code is ErrorCode.VIDEO_TOO_LONG
    with pytest.raises(video.VideoError) as large:
        video.header(path, video.Limits(pixels=1000))
    assert large.value.code is ErrorCode.VIDEO_TOO_LARGE


def test_a_file_that_runs_past_the_limit_while_decoding_is_too_long(clip: Callable[..., Any]) -> None:
    with pytest.raises(video.VideoError) as long:
        list(video.frames(clip("sweep.mp4").path, video.Limits(duration_s=2.0)))
    assert long.value.code is ErrorCode.VIDEO_TOO_LONG


@pytest.mark.parametrize("kind", [ReadingError, video.VideoError])
def test_a_refusal_survives_pickling(kind: type[AppError]) -> None:
    again = pickle.loads(pickle.dumps(kind(ErrorCode.NO_TRACE, "Nothing moves.")))
    assert (type(again), again.code, again.message) == (kind, ErrorCode.NO_TRACE, "Nothing moves.")


def test_breathing_alone_gives_no_heart_rate(clip: Callable[..., Any]) -> None:
    """A slow smooth wave in the ECG's place: followed, and named as unlike an ECG."""
    times = np.arange(24 * 360) / 360.0
    breath = sources.Recording(360.0, 0.6 * np.sin(2 * np.pi * 0.4 * times), np.zeros(0))
    reading = analysis.read(clip("breath.mp4", small_screen("scroll"), signal=breath).path)
    assert [finding.value for finding in reading.findings] == ["not_ecg_like"]
    assert len(reading.beats_s) == 0


def test_a_pulse_wave_alone_gives_no_heart_rate(clip: Callable[..., Any]) -> None:
    """It beats as a heart does, and is steep at its foot: but for longer than a QRS complex is."""
    times = np.arange(24 * 360) / 360.0
    since = times % 0.8
    rise = np.sin(np.pi / 2 * np.minimum(since / 0.16, 1.0)) ** 2
    pulse = sources.Recording(360.0, 1.2 * rise * np.exp(-np.maximum(since - 0.16, 0.0) / 0.2), np.zeros(0))
    reading = analysis.read(clip("pulse.mp4", small_screen("sweep"), signal=pulse).path)
    assert [finding.value for finding in reading.findings] == ["not_ecg_like"]
    assert len(reading.beats_s) == 0


@pytest.mark.parametrize("kind", ["sweep", "scroll"])
def test_a_loop_is_named_and_gives_no_heart_rate(kind: str, tmp_path: Path) -> None:
    screen = small_screen(kind)
    shown = list(islice(frames(sources.synthetic(20.0, seed=4), 3.0, screen, Camera(), 0), round(2.2 * screen.fps)))
    path = tmp_path / "loop.mp4"
    count = round(8 * screen.fps)
    write(path, ((i / screen.fps, shown[i % len(shown)][1]) for i in range(count)), screen.fps, Encoding())
    with pytest.raises(ReadingError, match=r"the same 2\.2 s again"):
        analysis.read(path)


def test_a_loop_without_a_seam_has_no_beats(tmp_path: Path) -> None:
    """One sweep across the lane, played again and again: the pen goes on where it was."""
    screen = replace(small_screen(), grid=False)
    period = screen.period_s
    shown = list(islice(frames(sources.synthetic(20.0, seed=4), 6.0, screen, Camera(), 0), round(period * screen.fps)))
    path = tmp_path / "loop.mp4"
    count = round(2.5 * period * screen.fps)
    write(path, ((i / screen.fps, shown[i % len(shown)][1]) for i in range(count)), screen.fps, Encoding())
    reading = analysis.read(path)
    assert reading.findings[0] is Finding.LOOPED
    assert len(reading.beats_s) == 0


def test_even_beats_are_no_loop() -> None:
    """A strip that scrolls, whose beats come each 0.8 s within 30 ms: a picture nearly comes back."""
    rng = np.random.default_rng(0)
    beats = np.cumsum(rng.normal(0.8, 0.03, 40))
    seen = loop.Repeats()
    for index in range(200):
        now = index / 20
        shown = np.zeros((240, 640), np.uint8)
        for beat in beats - now:
            shown[40:200, max(0, round(80 * beat)) : max(0, round(80 * beat) + 4)] = 255
        seen.add(now, shown)
    assert seen.length_s() is None
