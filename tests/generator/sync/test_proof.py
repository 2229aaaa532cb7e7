"""Proof by use, against an API in memory and a clock that never waits."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generator.sync.errors import NotWorking
from generator.sync.health import Instance
from generator.sync.proof import (
    HEALTHY,
    Analysis,
    AnalysisFailed,
    Deadlines,
    HealthAnswered,
    JobProgress,
    Proof,
    ProofFact,
    ProofFailed,
    ProofOmitted,
    SampleLeft,
    SampleMoved,
    SampleRead,
    Step,
)
from tests.generator.sync.test_agreement import TIMES, TRUTH, result
from tests.generator.sync.worlds import FakeClock

BAD_GATEWAY = AnalysisFailed("GET /api/health", "502", "Bad Gateway", transient=True)
NO_TRACE = AnalysisFailed("analysing video v1", "no_trace", "No trace was found.")
OUTPUTS = {"network": {"VpcId": "vpc-1"}, "cdn": {"DistributionDomainName": "d1.cloudfront.net"}}


class FakeApi:
    """Health answers in turn, the last one stays; the analysis reports `states`, then ends as told."""

    def __init__(
        self,
        clock: FakeClock,
        *,
        health: Sequence[object] = (HEALTHY,),
        states: Sequence[tuple[str, str]] = (("uploading", ""), ("analysing", "read"), ("done", "")),
        end: BaseException | dict[str, Any] | None = None,
        deletion: AnalysisFailed | None = None,
    ) -> None:
        self.clock, self.answers, self.states = clock, list(health), states
        self.end: BaseException | dict[str, Any] = result(TIMES) if end is None else end
        self.deletion = deletion
        self.deleted: list[str] = []
        self.asked: list[tuple[str, float]] = []

    def health(self) -> object:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, AnalysisFailed):
            raise answer
        return answer

    def analyse(self, video: Path, report: Callable[[JobProgress], None], deadline_s: float) -> Analysis:
        self.asked.append((video.name, deadline_s))
        for state, stage in self.states:
            self.clock.sleep(1)
            report(JobProgress("v1", state, stage, 0.5))
        if isinstance(self.end, BaseException):
            raise self.end
        return Analysis("v1", self.end, {})

    def delete(self, video: str) -> None:
        self.deleted.append(video)
        if self.deletion is not None:
            raise self.deletion


class World:
    def __init__(self, **api: Any) -> None:
        self.clock = FakeClock()
        self.api = FakeApi(self.clock, **api)
        self.facts: list[ProofFact] = []
        self.connected: list[str] = []
        self.proof = Proof("dev", Path("sweep.mp4"), TRUTH, self._connect, self.clock, self.facts.append)

    def _connect(self, domain: str, outputs: Mapping[str, str]) -> FakeApi:
        self.connected.append(domain)
        return self.api

    def fail(self) -> ProofFailed:
        with pytest.raises(ProofFailed) as caught:
            self.proof(OUTPUTS)
        return caught.value


def test_a_sample_that_is_read_through_the_cdn_proves_the_deployment() -> None:
    world = World()
    world.proof(OUTPUTS)
    assert world.connected == ["d1.cloudfront.net"]
    assert world.api.asked == [("sweep.mp4", Deadlines().analysis)]
    assert world.facts == [
        HealthAnswered("https://d1.cloudfront.net", 0.0),
        SampleMoved("v1", "uploading", ""),
        SampleMoved("v1", "analysing", "read"),
        SampleMoved("v1", "done", ""),
        SampleRead(39, 98.1, 3.0),
    ]


def test_progress_within_a_stage_is_not_told_again() -> None:
    world = World(states=[("analysing", "read")] * 50)
    world.proof(OUTPUTS)
    assert world.facts.count(SampleMoved("v1", "analysing", "read")) == 1


@pytest.mark.parametrize("end", [None, NO_TRACE, result(TIMES[::2]), KeyboardInterrupt()])
def test_the_samples_video_is_deleted_whatever_came_of_it(end: Any) -> None:
    world = World(end=end)
    if end is None:
        world.proof(OUTPUTS)
    else:
        with pytest.raises((ProofFailed, KeyboardInterrupt)):
            world.proof(OUTPUTS)
    assert world.api.deleted == ["v1"]


def test_a_video_that_was_never_announced_is_not_deleted() -> None:
    world = World(states=[], end=AnalysisFailed("POST /api/videos", "service_unavailable", "No table."))
    world.fail()
    assert world.api.deleted == []


def test_a_deletion_that_fails_is_told_and_fails_nothing() -> None:
    world = World(deletion=AnalysisFailed("DELETE /api/videos/v1", "service_unavailable", "No bucket."))
    world.proof(OUTPUTS)
    left = "DELETE /api/videos/v1: service_unavailable: No bucket."
    assert SampleLeft("https://d1.cloudfront.net/api/videos/v1", left) in world.facts
    assert isinstance(world.facts[-1], SampleRead)


def test_a_deletion_that_fails_does_not_hide_why_the_proof_failed() -> None:
    failed = World(end=NO_TRACE, deletion=AnalysisFailed("DELETE", "internal", "Oops.")).fail()
    assert failed.step is Step.ANALYSIS


def test_the_first_seconds_may_answer_502() -> None:
    world = World(health=[BAD_GATEWAY, BAD_GATEWAY, HEALTHY])
    world.proof(OUTPUTS)
    assert world.facts[0] == HealthAnswered("https://d1.cloudfront.net", 2 * Deadlines().poll)


def test_an_api_that_stays_away_fails_the_proof_after_a_bounded_time_with_its_last_answer() -> None:
    world = World(health=[BAD_GATEWAY])
    failed = world.fail()
    assert world.clock.now == Deadlines().health
    assert world.api.asked == []
    assert str(failed).splitlines() == [
        "the API is not healthy: GET /api/health: 502: Bad Gateway, still so after 120 s",
        "  asked through https://d1.cloudfront.net",
        "  next: ecgctl logs dev api --since 15m",
        "  next: ecgctl status dev -o wide",
    ]


@pytest.mark.parametrize("answer", [HEALTHY | {"version": 2}, {"status": "healthy"}, "healthy", None, []])
def test_only_the_exact_answer_is_healthy(answer: object) -> None:
    assert f"answers {json.dumps(answer)}, not" in str(World(health=[answer]).fail())


def test_a_failed_analysis_tells_the_apis_code_and_message_and_the_next_commands() -> None:
    assert str(World(end=NO_TRACE).fail()).splitlines() == [
        "the sample was not analysed: analysing video v1: no_trace: No trace was found.",
        "  asked through https://d1.cloudfront.net",
        "  next: ecgctl logs dev model-server --since 15m",
        "  next: ecgctl logs dev api --since 15m",
    ]


def test_a_result_that_does_not_agree_with_the_truth_fails_the_proof_with_both_figures() -> None:
    failed = World(end=result(TIMES[::2])).fail()
    assert failed.step is Step.AGREEMENT
    assert "20 beats, the truth is 39" in str(failed)


def test_a_tree_without_a_front_door_cannot_be_proved() -> None:
    world = World()
    with pytest.raises(ProofFailed, match="no stack has the output DistributionDomainName"):
        world.proof({"network": {}})
    assert world.connected == []


def test_what_was_stopped_on_purpose_holds_no_deployment_up_and_that_is_told() -> None:
    world = World(health=[BAD_GATEWAY])
    box = Instance("model-server", "ModelServer", "i-1")
    replace(world.proof, suspended=[box])(OUTPUTS)
    assert world.facts == [ProofOmitted(("model-server/ModelServer",))]
    assert world.connected == []


def test_a_failed_proof_is_something_to_go_back_from() -> None:
    assert issubclass(ProofFailed, NotWorking)
