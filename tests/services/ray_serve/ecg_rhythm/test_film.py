"""The video with the trace drawn over it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.ecg_rhythm import film, overlay
from kit import video


def test_each_frame_comes_back_with_the_trace_drawn_over_it(clip: Callable[..., Any], tmp_path: Path) -> None:
    path = clip("sweep.mp4").path
    to = tmp_path / "film.mp4"
    assert film.main([str(path), str(to)]) == 0
    source, made = list(video.frames(path)), list(video.frames(to))
    assert [round(frame.time_s, 3) for frame in made] == [round(frame.time_s, 3) for frame in source]
    red = [np.abs(frame.rgb().astype(int) - overlay.READ).max(axis=2) < 90 for frame in made]
    width = red[0].shape[1]
    assert all(one.any(axis=0).sum() > 0.5 * width for one in red)
    assert not list(tmp_path.glob("*.part"))


def test_a_video_without_a_trace_leaves_no_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, to = tmp_path / "a.mp4", tmp_path / "film.mp4"
    path.write_bytes(b"no video at all" * 40)
    assert film.main([str(path), str(to)]) == 2
    assert "not_a_video" in capsys.readouterr().err
    assert not list(tmp_path.glob("film*"))
