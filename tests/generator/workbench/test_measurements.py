"""What figures mean: percentiles, batches from Prometheus' text, the service level, and what a CPU does not say."""

import math
from dataclasses import replace

import pytest

from generator.model.serve import Box, Deployment, ServeApp, Slo
from generator.workbench.check import against_slo
from generator.workbench.check_text import checks_json, memory_line, outcome_lines
from generator.workbench.exposition import Batches, batches
from generator.workbench.measurements import Level, Served, judged, percentile
from generator.workbench.stages import Checked, Outcome, Stage

APP = ServeApp("toy", "f", [Deployment("Model", memory_mb=500)], Slo(p99_ms=1000, min_windows_per_s=10), "me")
GPU_APP = replace(APP, deployments=[Deployment("Model", gpus=0.5)])
BOX = Box(4, 1, 2048)
FAST = Level(1, 10.0, (0.5,) * 100, video_s=200.0)
SLOW = Level(8, 10.0, (2.0,) * 100, video_s=400.0)
SERVED = Served(9.0, (FAST, SLOW), {"Model": [100.0, 400.0]}, "cpu", 30.0)

METRICS = """# HELP ray_ecg_batch_requests Requests (videos) in a batch.
ray_ecg_batch_requests_bucket{application="toy",deployment="Model",le="1.0",replica="a"} 3.0
ray_ecg_batch_requests_bucket{application="toy",deployment="Model",le="2.0",replica="a"} 3.0
ray_ecg_batch_requests_bucket{application="toy",deployment="Model",le="4.0",replica="a"} 5.0
ray_ecg_batch_requests_bucket{application="toy",deployment="Model",le="+Inf",replica="a"} 6.0
ray_ecg_batch_requests_count{application="toy",deployment="Model",replica="a"} 6.0
ray_ecg_batch_requests_sum{application="toy",deployment="Model",replica="a"} 50.0
ray_ecg_batch_units_sum{application="toy",deployment="Model",replica="a"} 700.0
ray_ecg_batch_requests_count{application="toy",deployment="Model",replica="b"} 1.0
ray_ecg_batch_requests_sum{application="toy",deployment="Model",replica="b"} 1.0
ray_ecg_batch_requests_bucket{application="toy",deployment="Model",le="1.0",replica="b"} 1.0
ray_ecg_batch_requests_bucket{application="toy",deployment="Model",le="2.0",replica="b"} 1.0
ray_ecg_batch_requests_bucket{application="toy",deployment="Model",le="4.0",replica="b"} 1.0
ray_ecg_batch_requests_bucket{application="toy",deployment="Model",le="+Inf",replica="b"} 1.0
ray_ecg_batch_requests_count{application="other",deployment="Model",replica="c"} 99.0
ray_other_total 3.0
"""


@pytest.mark.parametrize(("share", "value"), [(0.5, 2.0), (0.99, 4.0), (0.25, 1.0), (0.0, 1.0), (1.0, 4.0)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == value


def test_of_nothing_there_is_no_percentile() -> None:
    assert math.isnan(percentile([], 0.99))


def test_batches_of_all_replicas_of_an_app_are_counted_together_by_their_size() -> None:
    assert batches(METRICS, "toy") == Batches(7, 51.0, 700.0, {"1": 4, "3-4": 2, "5 or more": 1})


def test_an_app_that_puts_nothing_together_has_no_batches() -> None:
    assert batches(METRICS, "third") is None


def test_what_came_between_two_looks_is_their_difference() -> None:
    before = Batches(2, 2.0, 100.0, {"1": 2})
    assert Batches(5, 9.0, 300.0, {"1": 2, "2": 3}).since(before) == Batches(3, 7.0, 200.0, {"2": 3})


def test_windows_are_units_of_batches_and_seconds_of_video_where_there_are_none() -> None:
    assert FAST.windows_per_s == 20.0
    assert replace(FAST, batches=Batches(1, 1.0, 500.0)).windows_per_s == 50.0


def test_the_service_level_is_met_where_one_concurrency_gives_both() -> None:
    assert judged(APP, SERVED, BOX).met
    few = replace(FAST, video_s=50.0)  # in time, but 5 a second; the other one has 40 a second, but too late
    assert not judged(APP, replace(SERVED, levels=(few, SLOW)), BOX).met


def test_the_words_say_up_to_which_concurrency_the_p99_holds() -> None:
    assert judged(APP, SERVED, BOX).words[0] == "p99 within 1 s up to 1 at once"
    assert judged(APP, replace(SERVED, levels=(SLOW,)), BOX).words[0].endswith("at no concurrency that was tried")


def test_a_figure_of_a_cpu_is_said_to_say_nothing_of_the_gpu() -> None:
    assert "of which this says nothing" in judged(GPU_APP, SERVED, BOX).caveats[0]
    assert judged(GPU_APP, replace(SERVED, device="cuda", levels=(FAST,)), BOX).caveats == (
        "the app puts nothing together: a window is counted as one second of video",
    )


def test_videos_of_another_length_and_few_answers_are_told() -> None:
    few = replace(SERVED, levels=(replace(FAST, latencies_s=(0.5,) * 7),), video_s=4.5)
    said = " ".join(judged(APP, few, BOX).caveats)
    assert "videos of 4.5 s on average; the p99 is promised for 30 s" in said
    assert "as few as 7 answers" in said


@pytest.mark.parametrize(
    ("served", "said"),
    [
        (replace(SERVED, levels=(replace(FAST, errors={"internal": 2}),)), "requests failed: 2 internal"),
        (replace(SERVED, levels=(replace(FAST, latencies_s=()),)), "at some concurrency nothing was answered"),
        (replace(SERVED, memory_mb={"Model": [501.0]}), "a replica of Model took 501 MiB and declares 500"),
        (replace(SERVED, memory_mb={"Other": [13_000.0]}), "13000 MiB in all and the box has 12288"),
    ],
)
def test_what_is_wrong_on_any_machine_fails_the_check(served: Served, said: str) -> None:
    outcome = against_slo(APP, served, enforce=False)
    assert (outcome.passed, outcome.stage) == (False, Stage.SLO)
    assert said in outcome.words


@pytest.mark.parametrize(
    ("device", "enforce", "passes"), [("cpu", False, True), ("cpu", True, False), ("cuda", False, False)]
)
def test_a_missed_service_level_fails_where_it_was_asked_to_or_on_a_gpu(
    device: str, enforce: bool, passes: bool
) -> None:
    outcome = against_slo(APP, replace(SERVED, levels=(SLOW,), device=device), enforce)
    assert outcome.passed is passes
    assert outcome.words.startswith("not met here")
    assert bool(outcome.action) is not passes


def test_a_failed_stage_says_where_and_what_next() -> None:
    lines = outcome_lines(Outcome(Stage.GOLDEN, False, "one\ntwo", "golden/first", "mend it"))
    assert [line.strip() for line in lines[1:]] == ["two", "where: golden/first", "next:  mend it"]
    assert "golden" in lines[0]


def test_memory_stands_beside_what_is_declared_and_what_the_box_has() -> None:
    assert memory_line(APP, SERVED, BOX) == (
        "peak memory, MiB: Model 100, 400 (declares 500); 500 in all of the box's 2048"
    )


def test_json_has_null_where_nothing_was_answered() -> None:
    none = replace(SERVED, levels=(replace(FAST, latencies_s=()),))
    assert '"p99_ms": null' in checks_json([Checked("toy", (), none)], [APP], BOX)
