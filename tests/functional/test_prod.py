"""What templates_out/prod hardens and dev has not, read back from its embedded AWS, and tried from outside.

What both have, each with its own values, is in test_deployed_specification.py and test_deployed_front.py.
"""

from __future__ import annotations

import ssl
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from generator.trial.target import without_effect
from tests.functional.conftest import ROOT, Deployed


def test_no_stack_can_be_deleted_before_somebody_lifts_its_protection(
    prod: Deployed,
) -> None:
    cloudformation = prod.emulator.client("cloudformation")
    stacks = cloudformation.describe_stacks()["Stacks"]
    assert len(stacks) == len(prod.first.actions)
    assert all(stack["EnableTerminationProtection"] for stack in stacks)
    with pytest.raises(ClientError, match=r"(?i)protection"):
        cloudformation.delete_stack(StackName=f"{prod.prefix}-data")


def test_cloudfront_sends_the_header_that_the_load_balancer_asks_for_and_the_secret_holds(
    prod: Deployed,
) -> None:
    edge = prod.emulator.client("cloudfront")
    config = edge.get_distribution_config(Id=prod.outputs["DistributionId"])["DistributionConfig"]
    [sent] = [
        header for origin in config["Origins"]["Items"] for header in origin.get("CustomHeaders", {}).get("Items", [])
    ]
    [asked] = _conditions(prod)
    secret = _secret(prod)
    assert len(secret) >= 32
    assert (sent["HeaderName"], sent["HeaderValue"]) == ("x-origin-secret", secret)
    assert asked["HttpHeaderConfig"] == {"HttpHeaderName": "x-origin-secret", "Values": [secret]}


def _secret(prod: Deployed) -> str:
    vault = prod.emulator.client("secretsmanager")
    return str(vault.get_secret_value(SecretId=f"{prod.prefix}/origin-1")["SecretString"])


def _conditions(prod: Deployed) -> list[dict[str, Any]]:
    balancing = prod.emulator.client("elbv2")
    [balancer] = balancing.describe_load_balancers(Names=[f"{prod.prefix}-alb"])["LoadBalancers"]
    listeners = balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    [https] = [one["ListenerArn"] for one in listeners if one["Port"] == 443]
    return [one for rule in balancing.describe_rules(ListenerArn=https)["Rules"] for one in rule["Conditions"]]


def test_the_load_balancer_refuses_whoever_does_not_come_through_the_distribution(prod: Deployed) -> None:
    """Without the header, with another one, and over HTTP; the header itself is the positive control."""
    balancer = prod.outputs["AlbDnsName"]

    def asked(port: int, **headers: str) -> httpx.Response:
        return httpx.get(
            f"{prod.emulator.endpoint_url}/api/health",
            headers={"Host": f"{balancer}:{port}", **headers},
            verify=ssl.create_default_context(cafile=str(prod.emulator.ca_bundle)),
        )

    assert asked(443).status_code == 403
    assert asked(443, **{"x-origin-secret": "guessed"}).status_code == 403
    assert asked(80).status_code == 301
    assert asked(443, **{"x-origin-secret": _secret(prod)}).status_code in (502, 503), "no task runs here"


def test_only_the_sites_own_pages_may_upload_and_only_upload(prod: Deployed) -> None:
    def may(origin: str, method: str) -> bool:
        answer = httpx.options(
            f"{prod.emulator.endpoint_url}/{prod.outputs['VideoBucketName']}/videos/a/1/source.mp4",
            headers={"Origin": origin, "Access-Control-Request-Method": method},
            verify=ssl.create_default_context(cafile=str(prod.emulator.ca_bundle)),
        )
        return answer.headers.get("Access-Control-Allow-Origin") == origin

    assert may(prod.page, "PUT")
    assert not may(prod.page, "DELETE")
    assert not may("https://evil.example", "PUT")
    assert not may("https://evil.localhost", "PUT")


def test_the_secrets_value_stands_in_no_template_that_was_deployed(prod: Deployed) -> None:
    secret, cloudformation = _secret(prod), prod.emulator.client("cloudformation")
    for stack in ("keys", "load-balancer", "cdn"):
        body = cloudformation.get_template(StackName=f"{prod.prefix}-{stack}")["TemplateBody"]
        assert secret not in str(body)
    assert secret not in str(prod.outputs)


def test_table_and_queues_are_under_keys_of_our_own(prod: Deployed) -> None:
    sqs, outputs = prod.emulator.client("sqs"), prod.outputs
    queue = sqs.get_queue_attributes(QueueUrl=outputs["JobsQueueUrl"], AttributeNames=["All"])
    assert queue["Attributes"]["KmsMasterKeyId"] == outputs["JobsKeyArn"]
    table = prod.emulator.client("dynamodb").describe_table(TableName=outputs["JobsTableName"])["Table"]
    assert table["DeletionProtectionEnabled"] is True


def test_roles_are_the_environments_own(prod: Deployed) -> None:
    """Their boundary is not read back: the emulator drops it (docs/local.md)."""
    found = prod.emulator.client("iam").list_roles()["Roles"]
    roles = {one["RoleName"].removeprefix(f"{prod.prefix}-") for one in found}
    ours = {"ecs-task-execution-role", "ecs-task-role", "model-server-role", "eraser-role"}
    assert {*ours, "flow-log-role", "backup-role", "visitor-role"} <= roles


def test_what_has_no_effect_here_is_listed_with_what_is_missing() -> None:
    lines = list(without_effect(ROOT, "prod"))
    assert "network.FlowLog (AWS::EC2::FlowLog): no flow is written down" in lines
    assert "cdn.WebAcl (AWS::WAFv2::WebACL): no request is judged" in lines
    assert {line.split("(")[1].split(")")[0] for line in lines} == {
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::AutoScaling::ScalingPolicy",
        "AWS::Backup::BackupPlan",
        "AWS::Backup::BackupSelection",
        "AWS::EC2::FlowLog",
        "AWS::EC2::VPCEndpoint",
        "AWS::Synthetics::Canary",
        "AWS::WAFv2::LoggingConfiguration",
        "AWS::WAFv2::WebACL",
    }
