"""Who is trained on, who is reported on, and how figures are made; without any data."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("wfdb")

import torch
from safetensors.torch import load, save

from tools.bench_beats.classes import Answers, Figures, records_table
from tools.bench_beats.curves import picture, risks
from tools.bench_beats.tables import calibration_error, interval
from tools.bench_beats.waves import _nearest
from tools.ecg_train import records, strips, waves
from tools.ecg_train.card import placed
from tools.ecg_train.ludb import Lead
from tools.ecg_train.shipping import in_order


def test_no_patient_is_on_two_sides_and_the_samples_patient_is_on_none() -> None:
    groups = [set(records.TRAIN), set(records.REPORT)]
    assert sum(len(group) for group in groups) == len(set.union(*groups))
    assert not set.union(*groups) & {"208", "102", "104", "107", "217"}


def test_all_leads_of_a_patient_are_on_one_side() -> None:
    leads = [Lead(patient, name, "", np.zeros(0), {}) for patient in range(1, 12) for name in ("ii", "v1", "v5")]
    train, report = waves.split(leads)
    assert {x.patient for x in train} & {x.patient for x in report} == set()
    assert len(train) + len(report) == len(leads)
    assert {x.patient for x in report} == {1, 5, 9}


@pytest.mark.parametrize(
    ("rhythms", "ectopic", "label"),
    [
        ({"(N"}, 0, "N"),
        ({"(N"}, 1, None),
        ({"(N"}, 3, "O"),
        ({"(AFIB"}, 5, "A"),
        ({"(N", "(AFIB"}, 0, None),
        (set(), 0, "N"),
    ],
)
def test_a_strip_of_a_long_record_is_labelled_only_where_one_rhythm_holds(
    rhythms: set[str], ectopic: int, label: str | None
) -> None:
    assert strips._label(rhythms, ectopic) == label


def test_a_confident_and_wrong_answer_is_a_calibration_error() -> None:
    sure = np.array([[0.9, 0.1]] * 10, np.float32)
    right = np.array([0] * 9 + [1])
    assert calibration_error(sure, right) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(sure, 1 - right) == pytest.approx(0.8, abs=1e-6)


def test_an_interval_of_equal_patients_has_no_width() -> None:
    assert interval([0.5] * 9, lambda some: float(np.mean(some))) == "(0.500-0.500)"


def test_a_find_serves_one_mark_only() -> None:
    errors, used = _nearest(np.array([1.01]), np.array([1.0, 1.1]))
    np.testing.assert_allclose(errors, [10.0])
    assert used == {0}


def test_perfect_answers_have_an_f1_of_one_and_absent_classes_a_dash() -> None:
    labels = np.array([0] * 90 + [2] * 10)
    answers = Answers(np.eye(5, dtype=np.float32)[labels], labels)
    peaks = {"matched": 9.0, "found": 9.0, "true": 10.0}
    row = Figures("100", answers, answers, peaks, peaks)
    cells = records_table([row], read=True).splitlines()[2].split(" | ")
    assert cells[1:6] == ["90 / 0 / 10 / 0 / 0", "1.000 (1.00-1.00)", "-", "1.000 (1.00-1.00)", "-"]


def test_a_block_is_replaced_between_its_marks_and_only_there() -> None:
    document = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n"
    assert placed(document, "x", "new") == "a\n<!-- begin x -->\nnew\n<!-- end x -->\nb\n"
    with pytest.raises(ValueError, match="begin y"):
        placed(document, "y", "new")


def test_the_surest_answers_come_first_in_the_curve_of_risk_by_coverage() -> None:
    confidence = np.linspace(0.55, 0.99, 200)
    rows = np.stack([confidence, 1 - confidence], axis=1).astype(np.float32)
    labels = (confidence < 0.6).astype(np.int64)
    curve = risks(rows, labels)
    assert curve[0, 1] == 0.0
    assert curve[-1].tolist() == [1.0, labels.mean()]
    assert "<svg" in picture("x", curve, 0.9)


def test_the_same_weights_give_the_same_bytes_whatever_the_order_of_their_metadata() -> None:
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(1)}
    files = {in_order(save(tensors, metadata={key: key for key in order})) for order in ("xyz", "zyx", "yxz")}
    assert len(files) == 1
    again = load(files.pop())
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())
