"""The benchmark of the reader: its figures, its scenes, its cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from tools.bench_ecg import clips, figures, no_ecg, patients, report, trials
from tools.bench_ecg.conditions import CONDITIONS, PAPER, SECONDS, Scene
from tools.bench_ecg.trials import Trial
from tools.ecg_video import sources, video

TRIAL = Trial("c", "mitdb/1", 0, "sweep", 20.0, snr_db=15.0, quality=0.8)


def test_nobody_who_is_reported_on_is_worked_with() -> None:
    assert not set(patients.MITDB_REPORT) & set(patients.MITDB_WORK)


def test_a_refusal_counts_as_zero_decibels_in_the_median() -> None:
    some = [TRIAL, replace(TRIAL, refused="no_trace", snr_db=None), replace(TRIAL, refused="no_trace", snr_db=None)]
    assert figures.spread(figures.snrs(some)).median == 0.0


def test_risk_falls_with_coverage_where_confidence_is_right_and_rises_where_it_is_wrong() -> None:
    right = replace(TRIAL, windows=((0.9, 0.1), (0.5, 0.5), (0.1, 1.0)))
    _, ours, oracle = figures.risk_by_coverage([right])
    np.testing.assert_allclose(ours, oracle)
    assert ours[0] < ours[-1]
    _, wrong, _ = figures.risk_by_coverage([replace(right, windows=((0.1, 0.1), (0.5, 0.5), (0.9, 1.0)))])
    assert wrong[0] > wrong[-1]


def test_a_column_readers_ceiling_rises_with_the_pixels() -> None:
    recording = patients.load(None, report=True)[0].recording.excerpt(0, 6)
    times = np.arange(len(recording.samples)) / recording.rate
    coarse, fine = (trials.ceiling(times, recording.samples, speed) for speed in (60.0, 240.0))
    assert fine > coarse + 6


def test_what_no_frame_shows_is_not_asked_for() -> None:
    truth = {
        "screen": {"fps": 20.0},
        "geometry": {"kind": "sweep"},
        "duration_s": 6.0,
        "sampling_rate_hz": 360.0,
        "samples": [0.0] * 2160,
        "other_leads": [[1.0] * 2160],
    }
    times, leads = trials.shown(truth)
    assert times[-1] == pytest.approx(5.95)
    assert [len(lead) for lead in leads] == [len(times)] * 2


def test_scenes_are_repeatable_and_each_condition_has_sweeps_and_scrolls_of_either_data_set() -> None:
    for condition in CONDITIONS:
        scenes = [condition.draw(index) for index in range(4)]
        assert scenes == [condition.draw(index) for index in range(4)]
        assert [scene[0].kind for scene in scenes] == ["sweep", "sweep", "scroll", "scroll"]


def test_papers_are_repeatable_and_only_a_pulse_goes_with_an_unusual_speed_or_gain() -> None:
    sheets = [PAPER.draw(index)[0] for index in range(20)]
    assert sheets == [PAPER.draw(index)[0] for index in range(20)]
    assert {sheet.pulse for sheet in sheets} == {"none", "start", "end"}
    assert {(s.mm_per_s, s.mm_per_mv) for s in sheets if s.pulse == "none"} == {(25.0, 10.0)}
    assert len({(s.mm_per_s, s.mm_per_mv) for s in sheets}) > 2


def test_a_clip_is_rendered_once_and_a_trial_is_scored_once(tmp_path: Path) -> None:
    patient = patients.load(None, report=True)[0]
    clip = clips.make(CONDITIONS[0], patient, 0, tmp_path / "clips")
    written = clip.path.stat().st_mtime_ns
    first = trials.run(clip, tmp_path / "trials")
    assert clips.make(CONDITIONS[0], patient, 0, tmp_path / "clips").path.stat().st_mtime_ns == written
    assert trials.run(clip, tmp_path / "trials") == first
    assert first.snr_db is not None
    assert first.snr_db > 12
    assert first.kind_right
    text = report.document(CONDITIONS[:1], [first])
    assert "screen recording" in text
    document = tmp_path / "accuracy.md"
    document.write_text(f"before\n{report.BEGIN}\nyesterday\n{report.END}\nafter\n")
    report.write(document, text)
    assert document.read_text().startswith("before\n")
    assert document.read_text().endswith("after\n")
    assert "yesterday" not in document.read_text()


@pytest.mark.parametrize("kind", no_ecg.KINDS, ids=lambda kind: kind.name)
def test_what_shows_no_ecg_gets_no_beats(kind: no_ecg.Kind) -> None:
    assert no_ecg.outcome(kind, 0) != no_ecg.BEATS


def test_an_ecg_in_their_place_gets_beats() -> None:
    """Or all of them might be refused for what they have in common."""

    def filmed(scene: Scene, seed: int) -> no_ecg.Frames:
        screen, camera, _encoding = scene
        return video.frames(sources.synthetic(30.0, seed=seed), SECONDS, screen, camera, seed)

    assert no_ecg.outcome(no_ecg.Kind("an ECG", filmed), 0) == no_ecg.BEATS
