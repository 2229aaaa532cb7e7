"""What a fleet of GPU boxes adds to the bootstrap stack."""

import re
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from generator.bootstrap.hardening import hardening
from generator.bootstrap.permissions import grants
from generator.bootstrap.template import bootstrap
from generator.environments.dev import ENVIRONMENT as DEV
from tests.generator.bootstrap.built import allowed, size
from tests.generator.stacks.built import build, plain
from tests.generator.stacks.test_fleet import environment

NOT_OURS = (
    r"autoscaling:.*(LoadBalancers|NotificationConfiguration)",  # classic load balancers; nobody is notified
    r"(managed-fleets|vpc-lattice):.*",  # unused
    r"iam:PassRole|cloudwatch:PutMetricAlarm|ssm:Get\*|ec2:Get\*",  # elsewhere, or of features that we do not use
)
PROD = environment()


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    found: dict[str, Any] = bootstrap(PROD).to_dict()["Resources"]
    return found


def test_the_service_role_may_do_what_the_handlers_of_a_group_do() -> None:
    granted = [
        {"Effect": "Allow", "Action": [f"{one.service}:{action}" for action in one.actions]}
        for one in (*grants(PROD), *hardening(PROD))
    ]
    missing = set()
    for kind in ("AutoScalingGroup", "ScalingPolicy", "WarmPool"):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", f"AWS::AutoScaling::{kind}").schema
        wanted = {action for handler in schema["handlers"].values() for action in handler["permissions"]}
        ours = {one for one in wanted if not any(re.fullmatch(pattern, one) for pattern in NOT_OURS)}
        missing |= {one for one in ours if not allowed(one, granted)}
    assert missing == {"iam:CreateServiceLinkedRole"}  # by the names of the services


def test_what_is_granted_stands_in_the_template(resources: dict[str, Any]) -> None:
    policy = plain(resources["ServiceGuarding"]["Properties"]["PolicyDocument"])
    assert allowed("autoscaling:StartInstanceRefresh", policy["Statement"])
    reading = plain(resources["ReadingGuards"]["Properties"]["PolicyDocument"])
    assert allowed("autoscaling:DescribeAutoScalingGroups", reading["Statement"])
    assert not allowed("autoscaling:StartInstanceRefresh", reading["Statement"])


def test_it_changes_no_group_but_its_own() -> None:
    [changing] = [one for one in hardening(PROD) if one.service == "autoscaling" and "Describe*" not in one.actions]
    assert [arn.rpartition("/")[2] for arn in changing.resources] == ["ecg-project-pipeline-prod-model-server"]


def test_the_boundary_holds_what_a_box_of_the_fleet_may_do(resources: dict[str, Any]) -> None:
    boundary = plain(resources["Boundary"]["Properties"]["PolicyDocument"])
    for one in build(PROD).statements("model-server", "ModelServerRole"):
        assert [action for action in one["Action"] if not allowed(action, boundary["Statement"])] == []
    assert size(boundary) <= 6144


def test_the_services_own_roles_may_be_made_only_with_a_fleet(resources: dict[str, Any]) -> None:
    assert "spot.amazonaws.com" in str(resources)
    assert "autoscaling" not in str(bootstrap(DEV).to_dict())
