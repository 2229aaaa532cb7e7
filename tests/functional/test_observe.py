"""`ecgctl status`, `events` and `logs` against the embedded AWS: a small environment, as AWS itself describes it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from generator.aws.live import LiveReader
from generator.aws.session import Clients
from generator.checkout import STATE
from generator.commands import observe as commands
from generator.deployment import Desired
from generator.local.emulator import Emulator
from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest, UnknownStack
from generator.model.wiring import Wire
from generator.status import LogSource, Observer, wave_gates
from generator.sync.gates import GateFailed, Patience, WaveGates
from generator.sync.health import Distribution, HealthStatus, Instance, Queue, Service, TargetGroup
from generator.sync.status import EnvironmentStatus, SyncStatus
from tests.functional.conftest import Client

QUEUES = """\
Resources:
  Dead: {Type: 'AWS::SQS::Queue', Properties: {QueueName: observed-dead}}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: observed-jobs
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Artifacts: {Type: 'AWS::S3::Bucket', Properties: {BucketName: observed-artifacts}}
Outputs:
  BucketName: {Value: !Ref Artifacts}
"""
BOX = """\
Parameters:
  BucketName: {Type: String}
  Size: {Type: String}
Resources:
  Vpc: {Type: 'AWS::EC2::VPC', Properties: {CidrBlock: 10.77.0.0/16}}
  Subnet: {Type: 'AWS::EC2::Subnet', Properties: {VpcId: !Ref Vpc, CidrBlock: 10.77.1.0/24}}
  Box:
    Type: AWS::EC2::Instance
    Properties: {ImageId: ami-0123456789abcdef0, InstanceType: !Ref Size, SubnetId: !Ref Subnet}
"""
FILES = {"stacks/queues.yaml": QUEUES, "stacks/box.yaml": BOX, "serve.yaml": "applications: []\n"}
TAGS = {"Project": "observed", "Environment": "dev", "ManagedBy": "ecgctl"}


def _stack(name: str, wave: int, **parameters: Wire | str) -> StackManifest:
    path = f"stacks/{name}.yaml"
    return StackManifest(name, wave, path, sha256(FILES[path].encode()).hexdigest(), MappingProxyType(parameters))


_STORE = Wire("queues", "BucketName")
_CONFIG = sha256(FILES["serve.yaml"].encode()).hexdigest()
MANIFEST = Manifest(
    name="dev",
    project="observed",
    region="us-east-1",
    account="unresolved",
    stacks=(_stack("queues", 0), _stack("box", 1, BucketName=_STORE, Size="t3.micro")),
    artifacts=(Artifact("agent", ArtifactKind.PACKAGE, "services", "abc.zip", _STORE),),
    serve=ServeManifest("serve.yaml", _CONFIG),
)
FILES["manifest.yaml"] = yaml.safe_dump(MANIFEST.to_data())
NAMES = [MANIFEST.stack_id(stack.name) for stack in MANIFEST.stacks]


@pytest.fixture(scope="module")
def applied(emulator: Emulator) -> Iterator[Emulator]:
    """The environment as an apply would leave it."""
    api = emulator.client("cloudformation")
    parameters: dict[str, dict[str, str]] = {
        "queues": {},
        "box": {"BucketName": "observed-artifacts", "Size": "t3.micro"},
    }
    for stack in MANIFEST.stacks:
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters[stack.name].items()]
        _create(api, MANIFEST.stack_id(stack.name), FILES[stack.template], given)
    s3, now = emulator.client("s3"), datetime.now(UTC).isoformat()
    condition = {"reason": "AsDesired", "message": ""}
    report = {
        "generation": {"wanted": "g1", "applied": "g1", "good": "g1"},
        "conditions": [
            {"type": "Ready", "status": "True", **condition},
            {"type": "Progressing", "status": "False", **condition},
            {"type": "Degraded", "status": "False", **condition},
        ],
        "apps": {},
        "errors": [{"at": now, "message": "pip was slow"}],
        "updated_at": now,
    }
    desired = {
        "generation": "g1",
        "serve": {"key": "k", "sha256": _CONFIG},
        "agent": {"key": "k", "sha256": "abc"},
        "packages": [],
    }
    for key, value in {"observed/dev/box.json": report, "serve/dev/desired.json": desired}.items():
        s3.put_object(Bucket="observed-artifacts", Key=key, Body=json.dumps(value).encode())
    yield emulator
    for key in ("observed/dev/box.json", "serve/dev/desired.json"):
        s3.delete_object(Bucket="observed-artifacts", Key=key)
    for name in reversed(NAMES):
        api.delete_stack(StackName=name)


def _create(
    api: Any, name: str, template: str, parameters: list[dict[str, str]], tagged: Mapping[str, str] = TAGS
) -> None:
    tags = [{"Key": key, "Value": value} for key, value in tagged.items()]
    api.create_stack(StackName=name, TemplateBody=template, Parameters=parameters, Tags=tags)
    while (status := api.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]) == "CREATE_IN_PROGRESS":
        time.sleep(0.1)
    assert status == "CREATE_COMPLETE"


@pytest.fixture(scope="module")
def clients(applied: Emulator) -> Clients:
    return Clients("us-east-1", applied.connection.environment())


@pytest.fixture(scope="module")
def observer(clients: Clients) -> Observer:
    return Observer(Desired(MANIFEST, FILES), clients)


def row(status: EnvironmentStatus, name: str) -> Any:
    return next(stack for stack in status.stacks if stack.name == name)


def test_what_was_just_applied_is_synced_and_healthy(observer: Observer) -> None:
    status = observer.status()
    assert [(stack.sync, stack.health.status) for stack in status.stacks] == [
        (SyncStatus.SYNCED, HealthStatus.HEALTHY),
        (SyncStatus.SYNCED, HealthStatus.HEALTHY),
    ]
    assert status.box is not None
    assert (status.box.sync, status.good) == (SyncStatus.SYNCED, True)
    assert [one.thing.logical_id for one in row(status, "box").things] == ["Box"]


@pytest.fixture
def checkout(applied: Emulator, tmp_path: Path) -> Path:
    """A checkout whose templates_out/dev is this environment, and whose local system is the running one."""
    for folder in ("generator/environments", "services", "templates_out/dev/stacks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "generator/environments/dev.py").touch()
    for path, text in FILES.items():
        (tmp_path / "templates_out/dev" / path).write_text(text, encoding="utf-8")
    (tmp_path / STATE).symlink_to(applied.state_dir)
    return tmp_path


def run(command: click.Command, checkout: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["dev", *arguments, "--local", "--root", str(checkout)])


def test_the_exit_code_of_status_says_whether_all_is_well(checkout: Path, client: Client) -> None:
    assert run(commands.status, checkout).exit_code == 0
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName="observed-dead")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    try:
        done = run(commands.status, checkout, "-o", "json")
    finally:
        sqs.purge_queue(QueueUrl=url)
    assert (done.exit_code, json.loads(done.output)["health"]["status"]) == (1, "Degraded")


def test_events_and_logs_are_commands(checkout: Path, log: Any) -> None:
    log("hello")
    assert "observed-dev-box" in run(commands.events, checkout, "box").output
    assert "hello" in run(commands.logs, checkout, "api", "--since", "1m").output
    box = run(commands.logs, checkout, "model-server")
    assert "the box reported: pip was slow" in box.output
    assert "/ec2/observed-dev-model-server has no line of that time" in box.stderr


def test_a_duration_that_is_none_is_refused_with_examples(checkout: Path) -> None:
    done = run(commands.logs, checkout, "--since", "soon")
    assert (done.exit_code, "'soon' is no duration; write 30s, 10m, 2h or 1d" in done.output) == (2, True)


def test_a_dead_letter_degrades_the_stack_of_its_queue(observer: Observer, client: Client) -> None:
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName="observed-dead")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    try:
        status = observer.status()
    finally:
        sqs.purge_queue(QueueUrl=url)
    assert row(status, "queues").message == "Jobs: 1 job among the dead letters, which failed as often as they may"
    assert (status.sync, status.good) == (SyncStatus.SYNCED, False)


def test_a_stopped_box_is_suspended_and_holds_no_wave_up(observer: Observer, clients: Clients, client: Client) -> None:
    ec2 = client("ec2")
    box = client("cloudformation").describe_stack_resource(StackName=NAMES[1], LogicalResourceId="Box")
    identity = [box["StackResourceDetail"]["PhysicalResourceId"]]
    ec2.stop_instances(InstanceIds=identity)
    try:
        while ec2.describe_instances(InstanceIds=identity)["Reservations"][0]["Instances"][0]["State"]["Name"] != (
            "stopped"
        ):
            time.sleep(0.1)
        assert row(observer.status(), "box").health.status is HealthStatus.SUSPENDED
        _gates(clients)(1, ("box",), {})
    finally:
        ec2.start_instances(InstanceIds=identity)


def _gates(clients: Clients) -> WaveGates:
    return wave_gates(Desired(MANIFEST, FILES), clients, patience=Patience(deadline=0.3, grace=0.1, poll=0.1))


def test_the_boxs_gate_passes_when_the_box_says_that_it_runs_what_it_was_told(clients: Clients) -> None:
    _gates(clients).box({"queues": {"BucketName": "observed-artifacts"}})


def test_the_boxs_gate_names_a_bucket_that_nobody_can_read(clients: Clients) -> None:
    with pytest.raises(GateFailed, match="NoSuchBucket"):
        _gates(clients).box({"queues": {"BucketName": "observed-nowhere"}})


def test_a_hand_made_change_of_a_parameter_is_out_of_sync(observer: Observer, client: Client) -> None:
    api = client("cloudformation")

    def resize(size: str) -> None:
        given = [{"ParameterKey": "BucketName", "UsePreviousValue": True}]
        given.append({"ParameterKey": "Size", "ParameterValue": size})
        api.update_stack(StackName=NAMES[1], UsePreviousTemplate=True, Parameters=given)
        while api.describe_stacks(StackName=NAMES[1])["Stacks"][0]["StackStatus"].endswith("_IN_PROGRESS"):
            time.sleep(0.1)

    resize("t3.small")
    try:
        status = observer.status()
        assert row(status, "box").differences == ("Box.InstanceType: live t3.small, Git t3.micro",)
        assert status.sync is SyncStatus.OUT_OF_SYNC
    finally:
        resize("t3.micro")


def test_a_stack_that_git_dropped_is_found_by_its_tags(observer: Observer, client: Client) -> None:
    api = client("cloudformation")
    topic = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}"
    _create(api, "observed-dev-old", topic, [])
    # Another environment, `dev-two`, whose names begin with ours.
    _create(api, "observed-dev-two-api", topic, [], {**TAGS, "Environment": "dev-two"})
    try:
        shown = [stack.name for stack in observer.status().stacks]
    finally:
        for name in ("observed-dev-old", "observed-dev-two-api"):
            api.delete_stack(StackName=name)
    assert shown == ["queues", "box", "observed-dev-old"]


def test_the_age_of_the_oldest_job_comes_from_cloudwatch(clients: Clients, client: Client) -> None:
    """SQS does not tell it; on AWS it reports the metric itself."""
    metric = {
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": "observed-jobs"}],
        "Value": 4000.0,
    }
    client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[metric])
    url = client("sqs").get_queue_url(QueueName="observed-jobs")["QueueUrl"]
    thing = Queue("queues", "Jobs", url, None)
    assert LiveReader(clients.make).read([thing])[thing]["oldest_s"] == 4000.0


def test_what_does_not_exist_is_missing_and_never_an_error(clients: Clients, applied: Emulator) -> None:
    absent = (
        Service("s", "Service", "no-cluster", "no-service", None),
        TargetGroup("s", "Group", "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/none/0"),
        Instance("s", "Box", "i-0123456789abcdef0"),
        Distribution("s", "Edge", "ENONE"),
        Queue("s", "Jobs", f"{applied.connection.endpoint_url}/000000000000/none", None),
    )
    readings = LiveReader(clients.make).read(absent)
    found = {thing.logical_id: reading for thing, reading in readings.items()}
    # ECS answers for a service that is not there, and so does the emulator's EC2.
    assert found.pop("Service") in (None, {"service": None, "stopped": []})
    assert found.pop("Box") in (None, {"instance": None, "status": None})
    assert found == {"Group": None, "Edge": None, "Jobs": None}


def test_events_of_all_stacks_are_one_story_newest_last(observer: Observer) -> None:
    moments = observer.events(None, 500)
    assert [moment.event.time for moment in moments] == sorted(moment.event.time for moment in moments)
    assert {moment.stack for moment in moments} == {"queues", "box"}
    assert len(observer.events("queues", 3)) == 3
    with pytest.raises(UnknownStack, match="use one of queues, box"):
        observer.events("nonsense", 3)


@pytest.fixture
def log(client: Client) -> Iterator[Any]:
    logs, group = client("logs"), "/ecs/observed-dev-api"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="api/api/1")

    def write(*texts: str) -> None:
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": text} for text in texts]
        logs.put_log_events(logGroupName=group, logStreamName="api/api/1", logEvents=events)

    yield write
    logs.delete_log_group(logGroupName=group)


def test_a_log_is_shown_from_a_moment_on(observer: Observer, log: Any) -> None:
    log("first", "second")
    assert [line.text for line in observer.lines(LogSource.API, timedelta(minutes=1))] == ["first", "second"]


def test_following_a_log_shows_each_line_once(observer: Observer, log: Any) -> None:
    log("first")
    lines = observer.follow(LogSource.API, timedelta(minutes=1), sleep=lambda _: log("next"))
    assert [next(lines).text for _ in range(4)] == ["first", "next", "next", "next"]


def test_a_box_whose_log_is_empty_still_tells_its_last_errors(observer: Observer) -> None:
    assert list(observer.lines(LogSource.MODEL_SERVER, timedelta(minutes=1))) == []
    assert [error["message"] for error in observer.box_errors()] == ["pip was slow"]
