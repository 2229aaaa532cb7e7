"""How busy the GPUs are: what the driver says is told once a minute, and nothing of it can end the agent."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from reconciler.gpus import CloudWatch, Gpus, NotTold, utilization
from tests.services.ray_serve.world import FakeClock


def _driver(folder: Path, script: str) -> str:
    """A program in the place of nvidia-smi."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def test_several_gpus_are_one_figure_and_the_driver_is_asked_for_nothing_else(tmp_path: Path) -> None:
    driver = _driver(tmp_path, f'echo "$@" >{tmp_path}/asked; echo 90; echo 31')
    assert utilization(driver) == 60.5
    assert (tmp_path / "asked").read_text().split() == ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]


def test_a_box_without_a_driver_has_no_figure(tmp_path: Path) -> None:
    assert utilization(str(tmp_path / "none")) is None


@pytest.mark.parametrize(
    "script", ["exit 9", "echo '[N/A]'", "true", "sleep 60"], ids=["fails", "text", "none", "hangs"]
)
def test_a_driver_that_does_not_answer_is_not_taken_for_an_idle_gpu(
    tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.gpus._PATIENCE_S", 0.5)
    with pytest.raises(NotTold):
        utilization(_driver(tmp_path, script))


class Told:
    """CloudWatch's client."""

    def __init__(self, *, answers: bool = True) -> None:
        self.calls: list[dict[str, Any]] = []
        self._answers = answers

    def put_metric_data(self, **call: Any) -> None:
        if not self._answers:
            raise EndpointConnectionError(endpoint_url="https://monitoring")
        self.calls.append(call)


def test_the_namespace_is_the_environments() -> None:
    client = Told()
    CloudWatch("ecg-project-pipeline-prod-artifacts-0a1b2c3d", lambda: client).tell(42.0)
    [call] = client.calls
    assert call["Namespace"] == "ecg-project-pipeline-prod"
    assert call["MetricData"] == [{"MetricName": "GpuUtilization", "Value": 42.0, "Unit": "Percent"}]


def test_cloudwatch_out_of_reach_is_not_told() -> None:
    with pytest.raises(NotTold):
        CloudWatch("x-artifacts-0", lambda: Told(answers=False)).tell(1.0)


def test_it_is_told_once_a_minute() -> None:
    clock, told = FakeClock(), list[float]()
    gpus = Gpus(lambda: 7.0, told.append, lambda: clock.now)
    for _ in range(121):
        gpus.turn()
        clock.now += 1.0
    assert told == [7.0, 7.0, 7.0]


def test_what_is_in_the_way_ends_nothing_and_is_asked_again() -> None:
    clock, answers, told = FakeClock(), iter([NotTold("x"), None, 5.0]), list[float]()

    def ask() -> float | None:
        answer = next(answers)
        if isinstance(answer, NotTold):
            raise answer
        return answer

    gpus = Gpus(ask, told.append, lambda: clock.now)
    for _ in range(3):
        gpus.turn()
        clock.now += 60.0
    assert told == [5.0]
