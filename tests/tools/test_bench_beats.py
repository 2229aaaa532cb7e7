"""Beats read off videos: which excerpts are shown, what counts as right, what is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("torch")
pytest.importorskip("wfdb")

from apps.ecg_rhythm.model import CLASSES, BeatClassifier
from tools.bench_beats import films, readings, side_by_side, videos
from tools.bench_beats.films import Film
from tools.bench_beats.videos import NOTHING, VIDEO, Found, Row, together
from tools.ecg_video import sources, video
from tools.ecg_video.screen import memory
from tools.ecg_video.settings import small_screen

N, S, V = (CLASSES.index(name) for name in "NSV")


def said(*classes: int) -> np.ndarray:
    return np.eye(len(CLASSES), dtype=np.float32)[list(classes)]


@pytest.mark.parametrize("excerpts", [1, 3, 7])
def test_excerpts_lie_evenly_over_a_record_and_fewer_are_the_first_of_more(excerpts: int) -> None:
    starts = sorted(films.start(index, 1800.2 + films.SECONDS, 0.0) for index in range(excerpts))
    np.testing.assert_allclose(starts, 1800 * np.arange(1, excerpts + 1) / (excerpts + 1))


def test_a_missed_beat_costs_sensitivity_and_a_find_that_is_no_beat_precision() -> None:
    found = Found(np.array([1.0, 2.02, 4.0]), said(N, V, V), np.ones(3, bool))
    score = videos.score(found, np.array([1.0, 2.0, 3.0]), np.array([N, V, V]))
    assert sorted(zip(score.true.tolist(), score.said.tolist(), strict=True)) == [
        (N, N),
        (V, V),
        (V, NOTHING),
        (NOTHING, V),
    ]
    assert videos.sensitivity(score, V) == 0.5
    assert videos.precision(score, V) == 0.5
    assert videos.f1(score, V) == 0.5
    assert videos.r_peaks(score) == pytest.approx(2 / 3)


def test_a_beat_called_another_class_was_found_but_is_wrong_for_both() -> None:
    score = videos.score(Found(np.array([1.0]), said(N), np.ones(1, bool)), np.array([1.0]), np.array([S]))
    assert videos.r_peaks(score) == 1.0
    assert (videos.f1(score, S), videos.f1(score, N)) == (0.0, 0.0)
    assert videos.wrong(score) == 1.0


def test_the_edges_of_a_video_are_not_judged_nor_is_a_partner_across_them() -> None:
    edge = films.SECONDS - videos.EDGE_S
    found = Found(np.array([0.2, edge - 0.05, edge + 0.3]), said(N, N, N), np.ones(3, bool))
    score = videos.score(found, np.array([0.2, edge + 0.05]), np.array([N, V]))
    assert len(score.true) == 0


def test_every_beat_of_a_refused_video_is_missed() -> None:
    nothing = Found(np.zeros(0), np.zeros((0, len(CLASSES)), np.float32), np.zeros(0, bool))
    score = videos.score(nothing, np.arange(1.0, 5.0), np.array([N, N, S, V]))
    assert score.said.tolist() == [NOTHING] * 4
    assert videos.f1(score, N) == 0.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Eight seconds of a made-up ECG on a small screen."""
    screen = small_screen("scroll")
    recording = sources.synthetic(8.0 + memory(screen) + 0.1, bpm=80, seed=3)
    path = tmp_path_factory.mktemp("films") / "made-up.mp4"
    video.render(path, recording, 8.0, replace(screen, fps=20.0))
    return Film("made-up", 0, films.SHOWN[0].name, "scroll", path, recording.excerpt(memory(screen), 8.0))


def test_what_is_read_off_a_video_is_what_its_signal_says_and_is_read_once(film: Film, tmp_path: Path) -> None:
    reading = readings.read(film, tmp_path)
    row = videos.row(film, reading, BeatClassifier.load())
    assert not row.refused
    for side in (row.signal, row.video):
        assert videos.r_peaks(side) > 0.9
        assert videos.f1(side, N) > 0.9
    gone = replace(film, path=film.path.parent / "gone" / film.path.name)
    again = readings.read(gone, tmp_path)
    assert reading is not None
    assert again is not None
    np.testing.assert_array_equal(again.beats_s, reading.beats_s)
    text = side_by_side.document([row])
    assert "1 videos of 30 s: 1 of each of 1 records" in text
    assert "| made-up | " in text


def test_what_cannot_be_read_is_refused_and_that_is_kept_too(film: Film, tmp_path: Path) -> None:
    broken = replace(film, path=tmp_path / "broken.mp4")
    broken.path.write_bytes(film.path.read_bytes()[:2000])
    assert readings.read(broken, tmp_path) is None
    broken.path.unlink()
    assert readings.read(broken, tmp_path) is None
    row = videos.row(broken, None, BeatClassifier.load())
    assert row.refused
    assert set(together([row], VIDEO).said.tolist()) == {NOTHING}


def test_beats_without_an_aami_class_are_not_asked_for() -> None:
    part = sources.Recording(360.0, np.zeros(3600), np.array([1.0, 2.0, 3.0]), ("N", "?", "A"))
    times, classes = Film("x", 0, "screen recording", "sweep", Path("x.mp4"), part).beats()
    assert times.tolist() == [1.0, 3.0]
    assert classes.tolist() == [N, S]


def test_where_and_how_an_excerpt_is_shown_does_not_depend_on_its_beats(tmp_path: Path) -> None:
    recording = sources.synthetic(70.0, seed=1)
    blind = replace(recording, beats_s=recording.beats_s[:0], symbols=())
    assert films.planned(recording, 3, 2)[:3] == films.planned(blind, 3, 2)[:3]


def test_each_record_gets_every_kind_of_screen() -> None:
    recording = sources.synthetic(70.0, seed=1)
    plans = [films.planned(recording, 5, index) for index in range(4)]
    assert len({(plan.condition, plan.scene[0].kind) for plan in plans}) == 4


def test_a_row_of_a_class_that_is_not_there_has_a_dash() -> None:
    score = videos.score(Found(np.array([1.0]), said(N), np.ones(1, bool)), np.array([1.0]), np.array([N]))
    lines = side_by_side.document([Row("1", "screen recording", "sweep", False, score, score)]).splitlines()
    assert "| S | 0 | - | - | - | - | - | - | 0.30 / 0.50 |" in lines


def test_what_a_refused_video_costs_is_said_apart() -> None:
    right = videos.score(Found(np.array([1.0]), said(N), np.ones(1, bool)), np.array([1.0]), np.array([N]))
    missed = videos.score(Found(np.zeros(0), said(), np.zeros(0, bool)), np.array([1.0]), np.array([N]))
    read = Row("1", "screen recording", "sweep", False, right, right)
    text = side_by_side.document([read, Row("2", "mild camera", "sweep", True, right, missed)])
    assert "F1 of R peaks 1.000, 1.000, of N 1.000, 1.000, of V -, -." in text
    assert "| F1 of R peaks | 1.000 (1.000-1.000) | 0.667 (0.000-1.000) |" in text
    assert "Without what was refused" not in side_by_side.document([read])
