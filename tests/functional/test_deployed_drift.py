"""Drift of each environment as it was really deployed: none at first, and what a hand did is found and taken back.

test_drift.py takes the kinds of resources one by one.
"""

from __future__ import annotations

from datetime import UTC, datetime

from generator.aws.cloudformation import CloudFormation
from generator.aws.drift import CloudFormationDrift
from generator.deployment import SystemClock
from generator.sync.drift.revert import revert
from generator.sync.drift.verdict import EnvironmentDrift, judge
from generator.sync.run import Options, Target
from tests.functional.conftest import Deployed
from tests.generator.sync.worlds import InMemoryArtifacts


def look(environment: Deployed) -> EnvironmentDrift:
    manifest = environment.desired.manifest
    reader = CloudFormationDrift(environment.emulator.client("cloudformation"))
    names = {stack.name: manifest.stack_id(stack.name) for stack in manifest.stacks}
    return judge(manifest, reader.read_drift(names), (), datetime.now(UTC))


def found(drift: EnvironmentDrift) -> set[str]:
    return {f"{stack.name}.{one.logical_id}" for stack in drift.stacks for one in stack.reverts}


def test_what_a_hand_did_to_an_environment_is_found_and_taken_back(environment: Deployed) -> None:
    assert found(look(environment)) == set()
    sqs, logs = environment.emulator.client("sqs"), environment.emulator.client("logs")
    sqs.set_queue_attributes(QueueUrl=environment.outputs["JobsQueueUrl"], Attributes={"VisibilityTimeout": "5"})
    logs.put_retention_policy(logGroupName=f"/ecs/{environment.prefix}-api", retentionInDays=1)
    wanted = {"data.JobsQueue", "api.ApiLogGroup"}
    if "videos" in environment.settings.hardening.customer_keys:
        environment.emulator.client("kms").disable_key_rotation(KeyId=environment.outputs["VideosKeyArn"])
        wanted.add("keys.VideosKey")
    drifted = look(environment)
    assert found(drifted) == wanted
    target = Target(CloudFormation(environment.emulator.client("cloudformation")), InMemoryArtifacts(), SystemClock())
    revert(environment.desired.manifest, environment.desired.files, drifted, target, lambda _: None, Options())
    assert found(look(environment)) == set()
