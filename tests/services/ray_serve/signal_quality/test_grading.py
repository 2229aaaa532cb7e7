"""Grades of rendered screens: worse pictures get worse grades, for the reason that was put in."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# These tests need the serve environment (PyAV, OpenCV); the light one collects them and passes by.
pytest.importorskip("av")
pytest.importorskip("cv2")

from apps.signal_quality import grading
from kit.contract import AppError
from tools.ecg_video import sources, video
from tools.ecg_video.settings import Camera, Encoding, Screen, paper_screen, small_screen

FAST = Encoding(preset="veryfast")


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """`graded(camera, screen, seconds)`: the result of a rendered clip, as JSON gives it back."""
    folder = tmp_path_factory.mktemp("clips")

    @cache
    def result(camera: Camera = Camera(), screen: Screen = small_screen(), seconds: float = 2.0) -> dict[str, Any]:  # noqa: B008 frozen
        path = folder / "clip.mp4"
        video.render(path, sources.synthetic(14.0, bpm=75.0, seed=3), seconds, screen, camera, FAST, seed=5)
        found: dict[str, Any] = json.loads(json.dumps(grading.result(grading.grade_video(path)), allow_nan=False))
        return found

    return result


def test_a_clean_screen_is_good_in_every_second(graded: Callable[..., dict[str, Any]]) -> None:
    found = graded(seconds=3.0)
    assert found["schema"] == "signal-quality-result/v1"
    assert "not a medical device" in found["notice"]
    assert [second["grade"] for second in found["seconds"]] == ["good"] * 3
    assert [(second["start_s"], second["end_s"]) for second in found["seconds"]] == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]
    assert (found["grade"], found["readable_share"], found["findings"]) == ("good", 1.0, [])
    assert found["video"] == {
        "duration_s": 3.0,
        "frames": 90,
        "width": 640,
        "height": 360,
        "fps": 30.0,
        "codec": "h264",
    }


@pytest.mark.parametrize(
    "screen", [small_screen("scroll"), paper_screen("sweep"), Screen()], ids=["scroll", "light", "720p"]
)
def test_kind_colours_and_resolution_of_a_clean_screen_do_not_matter(
    screen: Screen, graded: Callable[..., dict[str, Any]]
) -> None:
    assert graded(screen=screen, seconds=1.0)["score"] >= 0.95


@pytest.mark.parametrize(
    ("fault", "values", "reason"),
    [
        ("blur", (1.0, 2.5, 4.0), None),  # far out of focus there is no trace any more
        ("noise", (5.0, 30.0, 60.0), "noisy"),
        ("low_light", (0.3, 0.8, 0.9), "faint"),
        ("shake", (0.5, 3.0, 6.0), "shaking"),
        ("glare", (0.2, 0.6, 1.0), "glare"),
        ("dropped", (0.1, 0.8, 0.95), "frames_missing"),
    ],
)
def test_the_more_of_a_fault_the_worse_the_grade(
    fault: str, values: tuple[float, ...], reason: str | None, graded: Callable[..., dict[str, Any]]
) -> None:
    found = [graded(Camera(**{fault: value})) for value in values]
    scores = [one["score"] for one in found]
    assert scores[0] >= 0.7
    assert scores[0] > scores[1] > scores[2] - 1e-9
    assert scores[2] < 0.5
    if reason:
        assert reason in found[2]["findings"]


def test_a_grid_is_seen_where_there_is_one(graded: Callable[..., dict[str, Any]]) -> None:
    assert graded()["grid_visible"] is True
    assert graded(screen=Screen(grid=False), seconds=1.0)["grid_visible"] is False


def filmed(path: Path, image_of: Callable[[int], Any], count: int = 45) -> dict[str, Any]:
    """The result of a video of any images, 30 a second."""
    images = ((index / 30.0, np.asarray(image_of(index), np.uint8)) for index in range(count))
    video.write(path, images, 30.0, FAST)
    return grading.result(grading.grade_video(path))


NOISE = np.random.default_rng(0)


@pytest.mark.parametrize(
    "image_of",
    [
        lambda index: np.zeros((180, 320, 3)),
        lambda index: np.full((180, 320, 3), 255),
        lambda index: NOISE.integers(0, 255, (180, 320, 3)),
    ],
    ids=["black", "white", "noise"],
)
def test_a_picture_without_a_curve_is_poor_and_says_so(image_of: Callable[[int], Any], tmp_path: Path) -> None:
    found = filmed(tmp_path / "a.mp4", image_of)
    assert (found["grade"], found["readable_share"]) == ("poor", 0.0)
    assert found["findings"][0] == "no_trace"


def test_seconds_without_any_frame_are_poor_and_not_left_out(tmp_path: Path) -> None:
    screen = small_screen()
    frames = video.frames(sources.synthetic(14.0, seed=3), 4.0, screen, Camera(), 0)
    kept = ((time_s, image) for time_s, image in frames if not 1.0 <= time_s < 3.0)
    video.write(tmp_path / "a.mp4", kept, 30.0, FAST)
    seconds = grading.result(grading.grade_video(tmp_path / "a.mp4"))["seconds"]
    assert [second["grade"] for second in seconds] == ["good", "poor", "poor", "poor"]
    assert all("frames_missing" in second["reasons"] for second in seconds[1:3])


def test_one_frame_is_a_second_of_its_own(tmp_path: Path) -> None:
    assert len(filmed(tmp_path / "a.mp4", lambda index: np.zeros((180, 320, 3)), count=1)["seconds"]) == 1


@pytest.mark.parametrize(("content", "code"), [(b"", "empty_file"), (b"no video at all" * 40, "not_a_video")])
def test_what_is_no_video_is_refused_as_the_kit_does(content: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(AppError) as caught:
        grading.grade_video(tmp_path / "a.mp4")
    assert caught.value.code == code


def test_progress_runs_from_decode_to_the_end_of_grade(tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    path = tmp_path / "a.mp4"
    video.write(path, ((index / 30.0, np.zeros((180, 320, 3), np.uint8)) for index in range(60)), 30.0, FAST)
    grading.grade_video(path, lambda stage, fraction: seen.append((stage, fraction)))
    assert seen[:2] == [("decode", 0.0), ("grade", 0.0)]
    assert seen[-1] == ("grade", 1.0)
