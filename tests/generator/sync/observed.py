"""A small environment as AWS and the box show it: two stacks, a service, a queue, one Serve app; all of it healthy."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.sync.health import Reading, Thing
from generator.sync.health.reading import LiveTemplate

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TASK = "arn:aws:ecs:us-east-1:123456789012:task-definition/api:7"
GENERATION = "9f" * 32
STORAGE = """\
Resources:
  Dead: {Type: 'AWS::SQS::Queue'}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
"""
API = """\
Description: api
Resources:
  Cluster: {Type: 'AWS::ECS::Cluster'}
  Task: {Type: 'AWS::ECS::TaskDefinition'}
  ApiService:
    Type: AWS::ECS::Service
    Properties:
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      DesiredCount: 2
      LoadBalancers: [{TargetGroupArn: !Ref ApiTargetGroupArn}]
"""
SERVE = "applications: [{name: ecg_rhythm, args: {version: new.zip}}]\n"
FILES = {"stacks/storage.yaml": STORAGE, "stacks/api.yaml": API, "serve.yaml": SERVE}

_BUCKET = Wire("storage", "BucketName")
MANIFEST = Manifest(
    name="dev",
    project="ecg",
    region="us-east-1",
    account="unresolved",
    stacks=(
        StackManifest("storage", 0, "stacks/storage.yaml", "0" * 64, MappingProxyType({})),
        StackManifest(
            "api",
            1,
            "stacks/api.yaml",
            "0" * 64,
            MappingProxyType({"BucketName": _BUCKET, "ImageTag": "src-1", "ImageId": "unresolved"}),
        ),
    ),
    artifacts=(
        Artifact("api", ArtifactKind.IMAGE, "services/api", "src-1", Wire("storage", "Repository")),
        Artifact("agent", ArtifactKind.PACKAGE, "services/agent", "agent.zip", _BUCKET),
        Artifact("ecg_rhythm", ArtifactKind.PACKAGE, "services/app", "new.zip", _BUCKET),
    ),
    serve=ServeManifest("serve.yaml", "5e" * 32),
)


def live() -> dict[str, LiveTemplate]:
    """Stacks by CloudFormation's names."""
    return {
        "ecg-dev-storage": LiveTemplate(
            {
                "StackStatus": "CREATE_COMPLETE",
                "CreationTime": datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
                "Outputs": [{"OutputKey": "BucketName", "OutputValue": "the-bucket"}],
            },
            STORAGE,
            {"Dead": "https://sqs/dead", "Jobs": "https://sqs/jobs"},
        ),
        "ecg-dev-api": LiveTemplate(
            {
                "StackStatus": "UPDATE_COMPLETE",
                "CreationTime": datetime(2026, 11, 20, 9, 5, tzinfo=UTC),
                "LastUpdatedTime": datetime(2026, 11, 23, 11, 30, tzinfo=UTC),
                "Parameters": [
                    {"ParameterKey": "ImageTag", "ParameterValue": "src-1"},
                    {"ParameterKey": "BucketName", "ParameterValue": "the-bucket"},
                    {"ParameterKey": "ImageId", "ParameterValue": "ami-1"},
                    {"ParameterKey": "ApiTargetGroupArn", "ParameterValue": "arn:group"},
                ],
            },
            API,
            {"Cluster": "the-cluster", "Task": TASK, "ApiService": "arn:service"},
        ),
    }


def box_report(**fields: Any) -> dict[str, Any]:
    """`box.json`."""
    said = {"Ready": "True", "Progressing": "False", "Degraded": "False"}
    return {
        "generation": {"wanted": GENERATION, "applied": GENERATION, "good": GENERATION},
        "conditions": [
            {"type": type_, "status": status, "reason": "AsDesired", "message": ""} for type_, status in said.items()
        ],
        "apps": {"ecg_rhythm": {"status": "RUNNING", "message": "", "version": "new.zip"}},
        "device": {"kind": "cuda", "name": "Tesla T4"},
        "errors": [],
        "updated_at": "2026-11-23T11:59:30Z",
        **fields,
    }


def pointer() -> dict[str, Any]:
    """`desired.json`."""
    return {
        "generation": GENERATION,
        "agent": {"key": "k", "sha256": "agent"},
        "serve": {"key": "k", "sha256": "5e" * 32},
        "packages": [{"name": "ecg_rhythm", "key": "k", "sha256": "new"}],
    }


def readings(things: Sequence[Thing], instead: Mapping[str, Reading]) -> dict[Thing, Reading]:
    """Healthy readings of things, but for the labels in `instead`."""
    empty = {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0"}
    primary = {"status": "PRIMARY", "taskDefinition": TASK, "rolloutState": "COMPLETED", "runningCount": 2}
    service = {"status": "ACTIVE", "desiredCount": 2, "runningCount": 2, "deployments": [primary]}
    healthy: dict[str, Reading] = {
        "storage/Jobs": {"queue": empty, "dead_letters": empty, "oldest_s": None},
        "api/ApiService": {"service": service, "stopped": []},
        "api/ApiTargetGroupArn": {"TargetHealthDescriptions": [{"TargetHealth": {"State": "healthy"}}] * 2},
        "serve/box": {"report": box_report(), "desired": pointer()},
    }
    return {thing: {**healthy, **instead}[thing.label] for thing in things}
