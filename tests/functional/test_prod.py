"""templates_out/prod on an embedded AWS of its own: every stack deploys, and what it hardens can be read back.

At the end its tasks and boxes run: videos go through the fleet, a box of which is lost. Under the deployed user data
the boxes are hurried ones (hurried_box.py); the longer form, with Ray and the real reader, is one of the faults.
"""

from __future__ import annotations

import json
import os
import random
import ssl
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from generator.aws.session import Clients
from generator.deployment import SystemClock, apply_desired, committed, target
from generator.local.emulator import Emulator
from generator.local.fargate import Fargate
from generator.local.gpu_box import GpuBox, Tools
from generator.local.not_emulated import not_emulated
from generator.local.system import LocalSystem
from generator.planning import tree_of
from generator.proof_token import proof_token
from generator.publish.image import push_tree
from generator.sync.apply import Outcome
from generator.sync.progress import Action
from generator.sync.proof import Analysis
from generator.video_client import VideoClient
from tests.functional.conftest import PAGES, ROOT
from tests.functional.fleet import Fleet

PREFIX = "ecg-project-pipeline-prod"
JOBS = 12
HOOK_S = 180.0
"""After which a box goes that does not say that it has drained: `drain_seconds` and a minute."""
PATIENCE_S = 900.0
"""For a fleet of real boxes on two busy cores; hurried ones take seconds."""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Not the one that dev is in: many of dev's tests take the first that they find."""
    with Emulator(tmp_path_factory.mktemp("prod")) as running:
        yield running


@pytest.fixture(scope="module")
def outcomes(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Outcome]:
    """What the first apply did, and the second."""
    desired, ecr = committed(ROOT, "prod"), emulator.client("ecr")
    to = target(
        ROOT,
        desired,
        Clients("us-east-1", dict(emulator.connection.environment())),
        lambda repository, tag, files: push_tree(ecr, repository, tag, files) and None,
        LocalSystem(tmp_path_factory.mktemp("state")).resolutions(),
        lambda address: {**PAGES, "site.json": json.dumps({"address": address}).encode()},
    )
    return apply_desired(desired, to, lambda _: None), apply_desired(desired, to, lambda _: None)


@pytest.fixture(scope="module")
def outputs(outcomes: tuple[Outcome, Outcome]) -> dict[str, str]:
    """Outputs of every stack; no name is given out twice."""
    return {name: value for stack in outcomes[0].outputs.values() for name, value in stack.items()}


def test_every_stack_deploys_and_deploying_again_changes_nothing(outcomes: tuple[Outcome, Outcome]) -> None:
    first, second = outcomes
    assert set(first.actions) == {path.stem for path in (ROOT / "templates_out/prod/stacks").glob("*.yaml")}
    assert set(first.actions.values()) == {Action.CREATED}
    assert set(second.actions.values()) == {Action.UNCHANGED}


def test_no_stack_can_be_deleted_before_somebody_lifts_its_protection(
    emulator: Emulator, outcomes: tuple[Outcome, Outcome]
) -> None:
    cloudformation = emulator.client("cloudformation")
    stacks = cloudformation.describe_stacks()["Stacks"]
    assert len(stacks) == len(outcomes[0].actions)
    assert all(stack["EnableTerminationProtection"] for stack in stacks)
    with pytest.raises(ClientError, match=r"(?i)protection"):
        cloudformation.delete_stack(StackName=f"{PREFIX}-data")


def test_cloudfront_sends_the_header_that_the_load_balancer_asks_for_and_the_secret_holds(
    emulator: Emulator, outputs: dict[str, str]
) -> None:
    config = emulator.client("cloudfront").get_distribution_config(Id=outputs["DistributionId"])["DistributionConfig"]
    [sent] = [
        header for origin in config["Origins"]["Items"] for header in origin.get("CustomHeaders", {}).get("Items", [])
    ]
    [asked] = _conditions(emulator)
    secret = emulator.client("secretsmanager").get_secret_value(SecretId=f"{PREFIX}/origin-1")["SecretString"]
    assert len(secret) >= 32
    assert (sent["HeaderName"], sent["HeaderValue"]) == ("x-origin-secret", secret)
    assert asked["HttpHeaderConfig"] == {"HttpHeaderName": "x-origin-secret", "Values": [secret]}


def _conditions(emulator: Emulator) -> list[dict[str, Any]]:
    balancing = emulator.client("elbv2")
    [balancer] = balancing.describe_load_balancers(Names=[f"{PREFIX}-alb"])["LoadBalancers"]
    listeners = balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    [https] = [one["ListenerArn"] for one in listeners if one["Port"] == 443]
    return [one for rule in balancing.describe_rules(ListenerArn=https)["Rules"] for one in rule["Conditions"]]


def test_the_secrets_value_stands_in_no_template_that_was_deployed(emulator: Emulator, outputs: dict[str, str]) -> None:
    secret = emulator.client("secretsmanager").get_secret_value(SecretId=f"{PREFIX}/origin-1")["SecretString"]
    for stack in ("keys", "load-balancer", "cdn"):
        body = emulator.client("cloudformation").get_template(StackName=f"{PREFIX}-{stack}")["TemplateBody"]
        assert secret not in str(body)
    assert secret not in str(outputs)


def test_videos_table_and_queues_are_under_keys_of_our_own(emulator: Emulator, outputs: dict[str, str]) -> None:
    encryption = emulator.client("s3").get_bucket_encryption(Bucket=outputs["VideoBucketName"])
    [rule] = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == outputs["VideosKeyArn"]
    queue = emulator.client("sqs").get_queue_attributes(QueueUrl=outputs["JobsQueueUrl"], AttributeNames=["All"])
    assert queue["Attributes"]["KmsMasterKeyId"] == outputs["JobsKeyArn"]
    table = emulator.client("dynamodb").describe_table(TableName=outputs["JobsTableName"])["Table"]
    assert table["DeletionProtectionEnabled"] is True


def test_roles_are_the_environments_own(emulator: Emulator, outcomes: tuple[Outcome, Outcome]) -> None:
    """Their boundary is not read back: the emulator drops it (docs/local.md)."""
    roles = {one["RoleName"].removeprefix(f"{PREFIX}-") for one in emulator.client("iam").list_roles()["Roles"]}
    ours = {"ecs-task-execution-role", "ecs-task-role", "model-server-role", "eraser-role"}
    assert {*ours, "flow-log-role", "backup-role"} <= roles


def test_what_has_no_effect_here_is_listed_with_what_is_missing() -> None:
    templates = tree_of(Path(ROOT), "prod").templates
    held = [(stack, one.id, one.type) for stack, template in templates.items() for one in template.resources.values()]
    lines = list(not_emulated(held))
    assert "network.FlowLog (AWS::EC2::FlowLog): no flow is written down" in lines
    assert "cdn.WebAcl (AWS::WAFv2::WebACL): no request is judged" in lines
    assert {line.split("(")[1].split(")")[0] for line in lines} == {
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::AutoScaling::ScalingPolicy",
        "AWS::Backup::BackupPlan",
        "AWS::Backup::BackupSelection",
        "AWS::EC2::FlowLog",
        "AWS::EC2::VPCEndpoint",
        "AWS::WAFv2::LoggingConfiguration",
        "AWS::WAFv2::WebACL",
    }


@pytest.fixture
def host(
    request: pytest.FixtureRequest, emulator: Emulator, outcomes: tuple[Outcome, Outcome], tmp_path: Path
) -> Iterator[GpuBox]:
    """Tasks and boxes of what is deployed, with Ray in each box or without."""
    tasks = Fargate(emulator.connection, emulator.state_dir, ROOT / ".venv")
    python = ROOT / ".venv-serve" if request.param == "ray" else _hurried(tmp_path / "environment")
    boxes = GpuBox(emulator.connection, emulator.state_dir, Tools(ROOT / ".venv-aws/bin", python))
    tasks.start()
    boxes.start()
    yield boxes
    boxes.stop()
    tasks.stop()


def _hurried(environment: Path) -> Path:
    """A Python environment whose `python` is a hurried box, whatever it is asked to run."""
    python = environment / "bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f"""#!/bin/sh
export PYTHONPATH='{ROOT}{os.pathsep}{ROOT / "services/ray_serve"}' ECG_HURRIED_READING_S=2
exec '{ROOT / ".venv/bin/python"}' -m tests.functional.hurried_box
""",
        encoding="utf-8",
    )
    python.chmod(0o755)
    return environment


class _AnyTask(httpx.BaseTransport):
    """Asks whichever of the API's tasks runs at `http://api`: nothing here answers to the site's name."""

    def __init__(self, emulator: Emulator) -> None:
        self._ecs = emulator.client("ecs")
        self._http = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=str(emulator.ca_bundle)))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "api":
            request.url = request.url.copy_with(host=self._address(), port=8000)
        return self._http.handle_request(request)

    def _address(self) -> str:
        cluster = f"{PREFIX}-cluster"
        arns = self._ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"]
        tasks = self._ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
        found = [task["attachments"][0]["details"] for task in tasks if task["lastStatus"] == "RUNNING"]
        if not found:
            raise httpx.ConnectError("no task runs")
        return next(one["value"] for one in random.choice(found) if one["name"] == "privateIPv4Address")


@pytest.mark.parametrize("host", ["hurried", pytest.param("ray", marks=pytest.mark.faults)], indirect=True)
def test_videos_go_through_the_fleet_and_a_box_that_is_lost_loses_none_and_is_replaced(
    host: GpuBox, emulator: Emulator, outputs: dict[str, str]
) -> None:
    fleet = Fleet(emulator, outputs["ModelServerGroupName"])
    began = time.monotonic()
    first = fleet.await_serving(2, PATIENCE_S)
    started_s = time.monotonic() - began
    assert len({one["Placement"]["AvailabilityZone"] for one in fleet.instances().values()}) == 2
    token = proof_token(Clients("us-east-1", dict(emulator.environment())), outputs)()

    def analysed(_: int) -> Analysis:
        client = VideoClient("http://api", None, SystemClock(), transport=_AnyTask(emulator), token=lambda: token)
        return client.analyse(ROOT / "samples/sweep.mp4", lambda _: None, PATIENCE_S)

    with ThreadPoolExecutor(JOBS) as owners:
        jobs = [owners.submit(analysed, number) for number in range(JOBS)]
        next(as_completed(jobs))  # six are under way at any time, on both boxes
        lost, began = min(first), time.monotonic()
        host.lose(lost)
        left = sum(not job.done() for job in jobs)
        results = [job.result().result for job in jobs]
        second = fleet.await_serving(2, PATIENCE_S)
        whole_s = time.monotonic() - began
    assert left >= JOBS / 2, "most of them were still to be read"
    assert {one["schema"] for one in results} == {"ecg-result/v1"}
    assert len(second - first) == 1
    assert lost not in second
    dead = emulator.client("sqs").get_queue_attributes(
        QueueUrl=outputs["JobsDeadLetterQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert dead["Attributes"]["ApproximateNumberOfMessages"] == "0"
    # One fewer: Serve drains, and the agent says so long before the hook would run out.
    began = time.monotonic()
    fleet.scale(1)
    fleet.await_serving(1, PATIENCE_S)
    drained_s = time.monotonic() - began
    assert drained_s < HOOK_S
    sys.stdout.write(
        f"\nfleet: two boxes in service after {started_s:.0f} s; one lost with {left} of {JOBS} videos to be read, "
        f"{len(results)} read, the group whole again {whole_s:.0f} s later; "
        f"one that had to go drained and gone in {drained_s:.0f} s\n"
    )
