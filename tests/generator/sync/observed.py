"""A small environment as AWS and the box show it: two stacks, a service, a queue, one Serve app; all of it healthy."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import yaml

from generator.live_plan import compared
from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.sync.health import Box, Reading, Thing
from generator.sync.health.reading import LiveTemplate, StackReading
from generator.sync.live_tree import LiveEnvironment, live_tree
from generator.sync.status import EnvironmentStatus, status_of, things_to_read

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
Outputs:
  BucketName: {Value: !Ref Jobs}
"""
API = """\
Description: api
Parameters:
  BucketName: {Type: String}
  ImageTag: {Type: String}
  ImageId: {Type: String}
  ApiTargetGroupArn: {Type: String, Default: 'arn:group'}
Resources:
  Cluster: {Type: 'AWS::ECS::Cluster'}
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties: {Family: !Ref BucketName, ContainerDefinitions: [{Name: api, Image: !Ref ImageTag}]}
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
TAGS = {"Project": "ecg", "Environment": "dev", "ManagedBy": "ecgctl"}
_TAGS = [{"Key": key, "Value": value} for key, value in TAGS.items()]
_BUCKET = Wire("storage", "BucketName")


def manifest(files: Mapping[str, str]) -> Manifest:
    """What Git wants where these are the texts."""
    sha = {path: sha256(text.encode()).hexdigest() for path, text in files.items()}
    parameters = {"BucketName": _BUCKET, "ImageTag": "src-1", "ImageId": "unresolved"}
    return Manifest(
        name="dev",
        project="ecg",
        region="us-east-1",
        account="unresolved",
        stacks=(
            StackManifest("storage", 0, "stacks/storage.yaml", sha["stacks/storage.yaml"], MappingProxyType({})),
            StackManifest("api", 1, "stacks/api.yaml", sha["stacks/api.yaml"], MappingProxyType(parameters)),
        ),
        artifacts=(
            Artifact("api", ArtifactKind.IMAGE, "services/api", "src-1", Wire("storage", "Repository")),
            Artifact("agent", ArtifactKind.PACKAGE, "services/agent", "agent.zip", _BUCKET),
            Artifact("ecg_rhythm", ArtifactKind.PACKAGE, "services/app", "new.zip", _BUCKET),
        ),
        serve=ServeManifest("serve.yaml", sha["serve.yaml"]),
    )


MANIFEST = manifest(FILES)


def status(
    stacks: Mapping[str, StackReading] | None = None,
    read: Mapping[str, Reading] | None = None,
    strays: tuple[str, ...] = (),
    files: Mapping[str, str] = FILES,
    **more: Any,
) -> EnvironmentStatus:
    """The environment judged, but for the stacks and the readings (by label) that are given."""
    wanted, found = manifest(files), {**live(), **(stacks or {})}
    read_ = readings(things_to_read(wanted, files, found), read or {})
    box = next((one for thing, one in read_.items() if isinstance(thing, Box)), None)
    git = {**files, "manifest.yaml": yaml.safe_dump(wanted.to_data())}
    tree = live_tree(wanted, git, LiveEnvironment(found, strays, box))
    return status_of(wanted, git, found, read_, NOW, compared(wanted, git, tree), strays=strays, **more)


def live() -> dict[str, LiveTemplate]:
    """Stacks by CloudFormation's names."""
    return {
        "ecg-dev-storage": LiveTemplate(
            {
                "StackStatus": "CREATE_COMPLETE",
                "CreationTime": datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
                "Outputs": [{"OutputKey": "BucketName", "OutputValue": "the-bucket"}],
                "Tags": _TAGS,
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
                "Tags": _TAGS,
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
        "serve": {"key": "k", "sha256": MANIFEST.serve.sha256},
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
        "serve/box": {"report": box_report(), "desired": pointer(), "config": SERVE},
    }
    return {thing: {**healthy, **instead}[thing.label] for thing in things}
