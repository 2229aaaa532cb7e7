"""Pictures that lie on their side or their head, with nothing in the file that says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from apps.ecg_rhythm import analysis, model, reader, walk
from apps.ecg_rhythm.reading import Reading
from kit import video
from tools.ecg_video import scoring
from tools.ecg_video.settings import small_screen

Laid = Callable[[Any, int], Path]


@pytest.fixture
def laid(filmed: Callable[..., Path]) -> Laid:
    """`laid(clip, turns)`: the same frames, turned by so many quarter turns counter-clockwise."""

    def make(made: Any, turns: int) -> Path:
        shown = [np.rot90(frame.rgb(), turns) for frame in video.frames(made.path)]
        return filmed(f"{made.path.stem}_turned_{turns}.mp4", lambda index: shown[index], len(shown))

    return make


def scored(reading: Reading, truth: dict[str, Any]) -> tuple[float, float]:
    """SNR in dB, and F1 of R peaks."""
    nothing = np.zeros((len(reading.beats_s), len(model.CLASSES)), np.float32)
    score = scoring.score(analysis.result(reading, nothing), truth)
    return score["snr_db"], score["beats"]["f1"]


@pytest.mark.parametrize(
    ("kind", "turns", "back_deg"),
    [("sweep", 2, 180), ("sweep", 3, 270), ("scroll", 1, 90)],
)
def test_a_picture_on_its_side_or_head_is_turned_and_read_as_if_it_stood(
    kind: Literal["sweep", "scroll"], turns: int, back_deg: int, clip: Callable[..., Any], laid: Laid
) -> None:
    made = clip(f"{kind}.mp4", small_screen(kind))
    reading = analysis.read(laid(made, turns))
    assert reading.display.turned_deg == back_deg
    assert sum("read turned by" in limit for limit in reading.limits) == 1
    assert (reading.video.width, reading.video.height) == ((360, 640) if turns % 2 else (640, 360))
    assert reading.picture.frame.shape == (360, 640, 3)
    snr_db, f1 = scored(reading, made.truth)
    assert snr_db > 18.0
    assert f1 == 1.0


def test_a_strip_on_its_head_may_as_well_move_to_the_right_and_says_so(clip: Callable[..., Any], laid: Laid) -> None:
    made = clip("scroll.mp4", small_screen("scroll"))
    assert walk.RIGHTWARD not in analysis.read(made.path).limits
    reading = analysis.read(laid(made, 2))
    assert reading.display.turned_deg == 0
    assert walk.RIGHTWARD in reading.limits
    assert scored(reading, made.truth)[1] == 1.0


def test_the_trace_drawn_again_lies_on_the_trace_of_the_turned_frames(clip: Callable[..., Any], laid: Laid) -> None:
    made = clip("sweep.mp4", small_screen("sweep"))
    for number, (frame, points) in enumerate(reader.pen_paths(laid(made, 1))):
        if number % 60 == 30:
            x, y = points[np.isfinite(points).all(axis=1)].round().astype(int).T
            assert len(x) > 300
            assert np.median(frame.luma[y, x]) > 2 * np.median(frame.luma)
