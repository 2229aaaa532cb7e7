"""Health gates, against readings in memory and a clock that never waits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from types import MappingProxyType
from typing import Any

import pytest

from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.sync.errors import ApplyFailed, Interrupted
from generator.sync.gates import Gate, GateBlind, GateFact, GateFailed, GatePassed, Patience, ThingStalled, WaveGates
from generator.sync.health import (
    Distribution,
    HealthStatus,
    Instance,
    Queue,
    Reading,
    Service,
    TargetGroup,
    Thing,
    Unreadable,
    things_of,
)
from generator.sync.health.reading import LiveTemplate, StackReading

TASK = "arn:aws:ecs:us-east-1:123456789012:task-definition/api:7"
SERVICE = Service("api", "ApiService", "cluster", "arn:service", TASK)
CDN = Distribution("cdn", "Distribution", "E1")
DEPLOYED = {"Status": "Deployed", "DistributionConfig": {"Enabled": True}}
MOVING = {"Status": "InProgress", "DistributionConfig": {"Enabled": True}}
OFF = {"Status": "Deployed", "DistributionConfig": {"Enabled": False}}
PATIENCE = Patience(deadline=600, grace=60, stalled=120, poll=10)


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Script:
    """Readings in turn; the last one stays."""

    def __init__(self, **turns: Sequence[Reading]) -> None:
        self.turns, self.asked = turns, 0

    def read(self, things: Sequence[Thing]) -> Mapping[Thing, Reading]:
        self.asked += 1
        found = {}
        for thing in things:
            mine = self.turns[thing.stack]
            found[thing] = mine[min(self.asked, len(mine)) - 1]
        return found


def service(state: str, running: int, *stopped: str, revision: int = 7) -> Reading:
    primary = {
        "status": "PRIMARY",
        "taskDefinition": TASK[:-1] + str(revision),
        "rolloutState": state,
        "runningCount": running,
        "failedTasks": len(stopped),
    }
    tasks = [{"stoppedReason": reason, "taskDefinitionArn": TASK, "containers": []} for reason in stopped]
    counts = {"status": "ACTIVE", "desiredCount": 2, "runningCount": running}
    return {"service": {**counts, "deployments": [primary]}, "stopped": tasks}


class World:
    def __init__(self, **turns: Sequence[Reading]) -> None:
        self.reader, self.clock = Script(**turns), FakeClock()
        self.facts: list[GateFact] = []
        self.gate = Gate("dev", self.reader, self.clock, PATIENCE, self.facts.append, lambda: NOW)

    def wait(self, *things: Thing) -> Any:
        return self.gate.await_healthy("stack api", things)

    def fail(self, *things: Thing) -> GateFailed:
        with pytest.raises(GateFailed) as caught:
            self.wait(*things)
        return caught.value


NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_a_gate_opens_when_everything_is_healthy() -> None:
    world = World(api=[service("IN_PROGRESS", 1), service("COMPLETED", 2)], cdn=[MOVING, MOVING, DEPLOYED])
    healths = world.wait(SERVICE, CDN)
    assert {health.status for health in healths.values()} == {HealthStatus.HEALTHY}
    assert world.facts[-1] == GatePassed("stack api", 2, 20.0)


def test_a_gate_with_nothing_to_wait_for_never_sleeps() -> None:
    world = World(cdn=[DEPLOYED])
    world.wait(CDN)
    assert world.clock.now == 0.0


def test_what_was_stopped_on_purpose_holds_nothing_up() -> None:
    assert World(cdn=[OFF]).wait(CDN)[CDN].status is HealthStatus.SUSPENDED


def test_a_gate_whose_verdict_nobody_needs_any_longer_is_left() -> None:
    world = World(cdn=[MOVING])
    given_up = Event()
    gate = replace(world.gate, given_up=given_up, report=lambda _: given_up.set())
    with pytest.raises(Interrupted):
        gate.await_healthy("stack cdn", [CDN])
    assert world.clock.now == 0.0


def test_a_fault_that_mends_itself_within_the_grace_period_is_forgiven() -> None:
    world = World(api=[*[service("COMPLETED", 0, "oops")] * 5, service("COMPLETED", 2)])
    world.wait(SERVICE)
    assert world.clock.now == 50.0


def test_a_fault_that_stays_ends_the_wait_long_before_the_deadline() -> None:
    error = World(api=[service("FAILED", 0, "CannotPullContainerError")]).fail(SERVICE)
    assert error.seconds == PATIENCE.grace
    assert "api/ApiService Degraded: the rollout of api:7 failed; CannotPullContainerError" in str(error)
    assert "next: ecgctl logs dev api --since 15m" in str(error)


def test_the_grace_period_begins_anew_after_progress() -> None:
    sick, better = service("COMPLETED", 0), service("IN_PROGRESS", 1)
    error = World(api=[*[sick] * 5, better, sick]).fail(SERVICE)
    assert error.seconds == 60 + PATIENCE.grace


def test_a_service_that_was_rolled_back_does_not_pass_for_healthy() -> None:
    error = World(api=[service("COMPLETED", 2, revision=6)]).fail(SERVICE)
    assert "runs api:6, the template's is api:7" in str(error)


def test_reasons_of_stopped_tasks_outlive_the_tasks() -> None:
    gone = service("FAILED", 0)
    error = World(api=[service("IN_PROGRESS", 0, "out of memory", "out of memory"), gone]).fail(SERVICE)
    assert error.failures[0].stop_reasons == ("out of memory (2 times)",)
    assert "a task stopped: out of memory (2 times)" in str(error)


def test_at_the_deadline_each_thing_says_whether_it_moves_or_has_stalled() -> None:
    counts = [service("IN_PROGRESS", step % 2) for step in range(100)]
    world = World(api=counts, cdn=[MOVING])
    error = world.fail(SERVICE, CDN)
    assert error.seconds == PATIENCE.deadline
    assert {failure.thing: failure.stalled for failure in error.failures} == {SERVICE: False, CDN: True}
    assert "stalled: nothing about it has moved for 600 s" in str(error)


def test_stalling_is_reported_once_while_the_gate_still_waits() -> None:
    world = World(cdn=[*[MOVING] * 40, DEPLOYED])
    world.wait(CDN)
    stalled = [fact for fact in world.facts if isinstance(fact, ThingStalled)]
    assert [fact.seconds for fact in stalled] == [PATIENCE.stalled]


def test_what_cannot_be_read_is_waited_for_and_then_named() -> None:
    error = World(cdn=[Unreadable("AccessDenied: cloudfront:GetDistribution")]).fail(CDN)
    assert error.seconds == PATIENCE.deadline
    assert "cdn/Distribution Unknown: AccessDenied: cloudfront:GetDistribution" in str(error)


def test_only_what_is_not_healthy_is_named() -> None:
    error = World(api=[service("FAILED", 0)], cdn=[DEPLOYED]).fail(SERVICE, CDN)
    assert "cdn/Distribution" not in str(error)


def test_a_failed_gate_stops_an_apply() -> None:
    assert issubclass(GateFailed, ApplyFailed)
    assert issubclass(GateBlind, ApplyFailed)


TEMPLATE = {
    "Resources": {
        "Task": {"Type": "AWS::ECS::TaskDefinition"},
        "Api": {
            "Type": "AWS::ECS::Service",
            "Properties": {
                "Cluster": {"Ref": "Cluster"},
                "TaskDefinition": {"Ref": "Task"},
                "LoadBalancers": [{"TargetGroupArn": {"Ref": "ApiTargetGroupArn"}}],
            },
        },
        "Box": {"Type": "AWS::EC2::Instance"},
        "Edge": {"Type": "AWS::CloudFront::Distribution"},
        "Dead": {"Type": "AWS::SQS::Queue"},
        "Jobs": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}}},
        },
        "Empty": {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": {"Port": 8000}},
        "Pinned": {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": {"Targets": [{"Id": "i-1"}]}},
        "Bucket": {"Type": "AWS::S3::Bucket"},
    }
}
PHYSICAL = {
    "Cluster": "the-cluster",
    "Task": TASK,
    "Api": "arn:service",
    "Box": "i-1",
    "Edge": "E1",
    "Dead": "https://dead",
    "Jobs": "https://jobs",
    "Empty": "arn:empty",
    "Pinned": "arn:pinned",
    "Bucket": "b",
}


def test_what_to_check_follows_from_the_template() -> None:
    assert things_of("s", TEMPLATE, PHYSICAL, {"ApiTargetGroupArn": "arn:group"}) == (
        Service("s", "Api", "the-cluster", "arn:service", TASK),
        TargetGroup("s", "ApiTargetGroupArn", "arn:group"),
        Instance("s", "Box", "i-1"),
        Distribution("s", "Edge", "E1"),
        Queue("s", "Jobs", "https://jobs", "https://dead"),
        TargetGroup("s", "Pinned", "arn:pinned"),
    )


def test_a_resource_without_a_physical_id_is_left_out() -> None:
    assert things_of("s", TEMPLATE, {"Edge": "E1"}, {}) == (Distribution("s", "Edge", "E1"),)


@pytest.mark.parametrize("template", [None, "text", {}, {"Resources": {}}])
def test_a_template_without_resources_holds_nothing_to_check(template: Any) -> None:
    assert things_of("s", template, {}, {}) == ()


class Stacks:
    def __init__(self, reading: StackReading) -> None:
        self.reading = reading

    def read_stacks(self, names: Sequence[str]) -> Mapping[str, StackReading]:
        return dict.fromkeys(names, self.reading)

    def named(self, prefix: str) -> Sequence[str]:
        return []


EDGE = "Resources:\n  Edge: {Type: 'AWS::CloudFront::Distribution'}\n"
JOBS = "Resources:\n  Jobs: {Type: 'AWS::SQS::Queue', Properties: {RedrivePolicy: {}}}\n"
MANIFEST = Manifest(
    name="dev",
    project="ecg",
    region="us-east-1",
    account="unresolved",
    stacks=(StackManifest("cdn", 3, "stacks/cdn.yaml", "0" * 64, MappingProxyType({})),),
    artifacts=(Artifact("agent", ArtifactKind.PACKAGE, "services", "abc.zip", Wire("storage", "BucketName")),),
    serve=ServeManifest("serve.yaml", "1" * 64),
)


def gates(world: World, reading: StackReading, template: str = EDGE) -> WaveGates:
    files = {"stacks/cdn.yaml": template, "serve.yaml": "applications: [{name: ecg_rhythm}]\n"}
    return WaveGates(MANIFEST, files, Stacks(reading), world.gate)


def test_a_stacks_gate_waits_for_what_it_holds() -> None:
    world = World(cdn=[MOVING, DEPLOYED])
    gates(world, LiveTemplate({}, EDGE, {"Edge": "E1"}))(3, ("cdn",), {})
    assert GatePassed("stack cdn", 1, 10.0) in world.facts


def test_jobs_that_fail_do_not_keep_their_fix_from_being_deployed() -> None:
    world = World()
    gates(world, LiveTemplate({}, JOBS, {"Jobs": "https://jobs"}), JOBS)(3, ("cdn",), {})
    assert world.reader.asked == 0


@pytest.mark.parametrize("reading", [None, Unreadable("AccessDenied")])
def test_a_stack_that_cannot_be_read_is_never_taken_for_healthy(reading: StackReading) -> None:
    with pytest.raises(GateBlind, match="stack cdn cannot be checked"):
        gates(World(), reading)(3, ("cdn",), {})


def test_the_boxs_gate_asks_for_every_app_that_git_wants() -> None:
    world = World(serve=[{"report": None, "desired": None}])
    with pytest.raises(GateFailed, match="the GPU box is not healthy after 600 s") as caught:
        gates(world, None).box({"storage": {"BucketName": "artifacts"}})
    thing = caught.value.failures[0].thing
    assert (thing.report_key, thing.apps) == ("observed/dev/box.json", ("ecg_rhythm",))


BOX = "Resources:\n  Box: {Type: 'AWS::EC2::Instance'}\n"
STOPPED = {"instance": {"State": {"Name": "stopped"}}, "status": None}


def test_what_a_wave_holds_suspended_is_known_afterwards() -> None:
    waves = gates(World(cdn=[OFF]), LiveTemplate({}, EDGE, {"Edge": "E1"}))
    waves(3, ("cdn",), {})
    assert [thing.label for thing in waves.suspended] == ["cdn/Edge"]


def test_a_stopped_box_is_not_waited_for_to_report() -> None:
    world = World(cdn=[STOPPED], serve=[{"report": None, "desired": None}])
    waves = gates(world, LiveTemplate({}, BOX, {"Box": "i-1"}), BOX)
    waves(3, ("cdn",), {})
    waves.box({"storage": {"BucketName": "artifacts"}})
    assert world.clock.now == 0.0
