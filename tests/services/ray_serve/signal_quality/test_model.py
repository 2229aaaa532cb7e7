"""From a second's measures to its grade: the weakest link decides and is named."""

import math
from dataclasses import replace

import pytest

from apps.signal_quality.model import FAIR, GOOD, Grade, Measures, Ramp, Reason, grade, judge

CLEAR = Measures(trace=1.0, contrast=0.45, blur=5.5, noise=0.006, glare=0.0, shift=0.05, gap_s=0.034, change=1.0)


def test_a_clear_second_is_good_and_has_no_reasons() -> None:
    assert (judge(CLEAR).score, judge(CLEAR).grade, judge(CLEAR).reasons) == (1.0, Grade.GOOD, ())


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        ({"trace": 0.2}, Reason.NO_TRACE),
        ({"contrast": 0.01}, Reason.FAINT),
        ({"blur": 14.0}, Reason.BLURRED),
        ({"noise": 0.4}, Reason.NOISY),
        ({"glare": 0.4}, Reason.GLARE),
        ({"shift": 9.0}, Reason.SHAKING),
        ({"gap_s": 1.0}, Reason.FRAMES_MISSING),
        ({"change": 0.02}, Reason.FROZEN),
    ],
)
def test_one_bad_measure_makes_a_second_poor_and_is_named(worse: dict[str, float], reason: Reason) -> None:
    verdict = judge(replace(CLEAR, **worse))
    assert (verdict.score, verdict.grade, verdict.reasons) == (0.0, Grade.POOR, (reason,))


def test_the_worst_reason_comes_first() -> None:
    assert judge(replace(CLEAR, blur=11.0, noise=0.14)).reasons == (Reason.NOISY, Reason.BLURRED)


def test_where_there_is_no_trace_nothing_else_is_blamed() -> None:
    blind = Measures(0.0, *(math.nan,) * 5, gap_s=0.03, change=math.nan)
    assert judge(blind).reasons == (Reason.NO_TRACE,)


@pytest.mark.parametrize(("value", "score"), [(9.0, 0.0), (8.0, 0.0), (6.0, 0.5), (4.0, 1.0), (0.0, 1.0)])
def test_a_ramp_is_straight_between_its_ends(value: float, score: float) -> None:
    assert Ramp(good=4.0, bad=8.0)(value) == pytest.approx(score)


def test_grades_begin_at_their_least_scores() -> None:
    assert [grade(score) for score in (0.0, FAIR - 0.01, FAIR, GOOD - 0.01, GOOD, 1.0)] == [
        Grade.POOR,
        Grade.POOR,
        Grade.FAIR,
        Grade.FAIR,
        Grade.GOOD,
        Grade.GOOD,
    ]
