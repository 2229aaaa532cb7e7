"""Corrupted files: each is read or refused by name; nothing crashes, hangs, or grows without bound.

`make test` damages a few; `make test-faults` damages 500.
"""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from apps.ecg_rhythm import analysis
from kit.contract import AppError, ErrorCode
from tools.ecg_video.settings import Encoding, Screen, small_screen

LONGEST_S = 60.0
"""Far more than any of them takes: a bound against hanging, not a measurement."""
MOST_MB = 700.0
NAMED = {
    code: code.value
    for code in (
        ErrorCode.EMPTY_FILE,
        ErrorCode.NOT_A_VIDEO,
        ErrorCode.TRUNCATED_VIDEO,
        ErrorCode.NO_TRACE,
        ErrorCode.VIDEO_TOO_LONG,
        ErrorCode.VIDEO_TOO_LARGE,
    )
}
"""Another code is a KeyError, which fails."""


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Bits flipped, parts cut out, doubled, blanked or swapped; the header as often as the pictures."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        if not data:
            break
        reach = len(data) if rng.random() < 0.5 else min(len(data), 4000)
        base = 0 if rng.random() < 0.5 else len(data) - reach
        at = base + int(rng.integers(0, reach))
        size = int(rng.integers(1, max(2, len(data) // 8)))
        match int(rng.integers(0, 6)):
            case 0:
                for _ in range(int(rng.integers(1, 60))):
                    data[base + int(rng.integers(0, reach))] ^= 1 << int(rng.integers(0, 8))
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size]
            case 3:
                data[at : at + size] = bytes(len(data[at : at + size]))
            case 4:
                data[at : at + size] = rng.bytes(len(data[at : at + size]))
            case _:
                del data[at:]
    return bytes(data)


def outcome(path: Path) -> str:
    """The refusal's code, or `read`: then without a number that is none, and no rate without beats."""
    try:
        reading = analysis.read(path)
    except AppError as refusal:
        return NAMED[ErrorCode(refusal.code)]
    result = analysis.result(reading, np.full((len(reading.beats_s), 5), 0.2, np.float32))
    values = [v for v in result["waveform"]["samples"] if v is not None]
    assert all(math.isfinite(v) for v in values)
    assert (result["heart_rate_bpm"] is None) == (len(reading.beats_s) < 2)
    return "read"


def tiny(kind: Literal["sweep", "scroll"]) -> Screen:
    return replace(small_screen(kind), width=320, height=180, fps=15.0, pixels_per_mm=2.0, margin_right=60)


def fuzz(clip: Callable[..., Any], folder: Path, count: int, first: int) -> dict[str, int]:
    made = [
        clip("fuzz.mp4", tiny("sweep"), seconds=2.0),
        clip("fuzz.mov", tiny("scroll"), seconds=2.0, encoding=Encoding(codec="hevc", preset="ultrafast")),
    ]
    contents = [one.path.read_bytes() for one in made]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes: dict[str, int] = {}
    for seed in range(first, first + count):
        path = folder / f"{seed}.mp4"
        path.write_bytes(damaged(contents[seed % 2], np.random.default_rng(seed)))
        started = time.monotonic()
        name = outcome(path)
        assert time.monotonic() - started < LONGEST_S, seed
        outcomes[name] = outcomes.get(name, 0) + 1
        path.unlink()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < MOST_MB
    return outcomes


def test_a_damaged_file_is_read_or_refused_by_name(clip: Callable[..., Any], tmp_path: Path) -> None:
    outcomes = fuzz(clip, tmp_path, 24, first=0)
    assert sum(outcomes.values()) == 24
    assert len(outcomes) > 1  # the damage does something


@pytest.mark.faults
def test_five_hundred_damaged_files_are_read_or_refused_by_name(clip: Callable[..., Any], tmp_path: Path) -> None:
    outcomes = fuzz(clip, tmp_path, 500, first=1000)
    assert sum(outcomes.values()) == 500
