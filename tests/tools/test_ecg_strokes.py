"""What the ridge network is trained on: drawn strips with the pen's true path; without any data."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("wfdb")
pytest.importorskip("cv2")

import torch

from apps.ecg_rhythm.ridge import POINTS, ROWS
from tools.bench_ecg import patients
from tools.ecg_train import pens, records, strokes
from tools.ecg_video.sources import synthetic

SIGNALS = [strokes.Signal(synthetic(20.0, bpm=50 + 10 * i, seed=i).samples, 360.0) for i in range(4)]


@pytest.fixture(scope="module")
def drawn() -> strokes.Drawn:
    return strokes.drawn(SIGNALS, 40, np.random.default_rng(3))


def test_the_same_seed_draws_the_same_bytes(drawn: strokes.Drawn) -> None:
    again = strokes.drawn(SIGNALS, 40, np.random.default_rng(3))
    assert again.ink.tobytes() == drawn.ink.tobytes()
    assert again.paths.tobytes() == drawn.paths.tobytes()


def test_the_pen_is_where_the_ink_is(drawn: strokes.Drawn) -> None:
    middle = drawn.paths.reshape(len(drawn.paths), strokes.WIDTH, POINTS).mean(axis=2)
    inside = (middle > 1) & (middle < ROWS - 2)
    ink = np.take_along_axis(drawn.ink, middle.round().astype(int).clip(0, ROWS - 1)[:, None, :], axis=1)[:, 0]
    assert np.median(ink[inside]) > 150
    assert np.median(drawn.ink) == 0
    assert inside.mean() > 0.9


def test_no_patient_of_the_benchmark_is_trained_on() -> None:
    kept_back = {*patients.MITDB_REPORT, *patients.MITDB_WORK, "208"}
    assert set(strokes.mitdb_names()) <= set(records.TRAIN)
    assert not set(strokes.mitdb_names()) & kept_back


def test_records_of_the_challenge_that_the_benchmark_takes_are_left_out(tmp_path: Path) -> None:
    with (tmp_path / "REFERENCE.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        for index in range(60):
            writer.writerow([f"A{index:05d}", "N"])
            (tmp_path / f"A{index:05d}.mat").write_bytes(b"0" * 20_000)
    left = {path.stem for path in strokes.cinc_paths(tmp_path)}
    taken = {name for report in (True, False) for name in patients.cinc_names(tmp_path, report)}
    assert len(taken) == 2 * patients.CINC_EACH
    assert left == {f"A{index:05d}" for index in range(60)} - taken


def test_an_answer_costs_more_the_further_off_it_is_and_nothing_outside_of_the_window() -> None:
    path = torch.full((1, 8), 40.3)
    rows = torch.arange(ROWS, dtype=torch.float32)[None, :, None]

    def answered(row: float) -> float:
        return float(pens.loss((-0.5 * ((rows - row) / 0.6) ** 2).expand(1, ROWS, 8), path))

    assert answered(40.3) < answered(41.0) < answered(44.0) < answered(80.0)
    outside = torch.cat([path, torch.full((1, 8), -5.0)], dim=1)
    both = (-0.5 * ((rows - 40.3) / 0.6) ** 2).expand(1, ROWS, 16)
    steep_free = pens.loss(both[:, :, :4], outside[:, :4])
    assert float(steep_free) == pytest.approx(answered(40.3), abs=1e-4)
    assert float(pens.loss(both, outside)) == pytest.approx(answered(40.3), abs=1e-3)


def test_training_learns_to_follow_a_line() -> None:
    rng = np.random.default_rng(0)
    paths = np.repeat(rng.uniform(30, 98, (48, 1)), strokes.WIDTH * POINTS, axis=1).astype(np.float32)
    rows = np.arange(ROWS)[None, :, None]
    ink = (255 * np.exp(-0.5 * ((rows - paths[:, None, ::POINTS]) / 1.0) ** 2)).astype(np.uint8)
    said: list[str] = []
    pens.train(strokes.Drawn(ink, paths), epochs=3, seed=1, say=said.append)
    losses = [float(line.split("loss ")[1]) for line in said]
    assert losses[-1] < 0.8 * losses[0]
