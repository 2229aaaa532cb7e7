"""The bootstrap stack of prod: what hard settings need, and that it still fits."""

import json
import re
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from generator.bootstrap.hardening import hardening
from generator.bootstrap.template import bootstrap, bootstrap_body
from generator.environments import dev, prod
from tests.generator.bootstrap.built import allowed, properties, size, statements
from tests.generator.bootstrap.test_template import NOT_OURS
from tests.generator.stacks.built import Built, build

TEMPLATE: dict[str, Any] = bootstrap(prod.ENVIRONMENT).to_dict()
SERVICE = tuple(title for title in TEMPLATE["Resources"] if title.startswith("Service"))

NOT_PRODS = {
    r"application-autoscaling:(Put|Delete)ScheduledAction": "nothing scales by the clock",
    r"lambda:.*": "no functions scale",
    r"billing:GetBillingViewData": "of views of several accounts: unused",
    r"autoscaling:.*(LoadBalancers|NotificationConfiguration)": "classic load balancers; nobody is notified",
    r"managed-fleets:.*|ssm:Get\*|ec2:Get\*": "of features of groups that we do not use",
    r"vpc-lattice:.*|vpce:AllowMultiRegion": "endpoints are of AWS's services, in the region",
    r"secretsmanager:.*Repl.*": "no secret is copied to another region",
    r"iam:DescribeOrganization|payments:GetConnectedAccount": "of delegated administration: unused",
    r"wafv2:listWebACLs": "spelled ListWebACLs",
    r"synthetics:ReplicateCanary": "the site is visited from one region",
    r"s3:PutBucketEncryption": "no such action: IAM asks for PutEncryptionConfiguration",
    r"s3:GetObjectVersion": "the visitor's script stands in the template",
}
"""As `NOT_OURS`, of the types that only prod has."""


@pytest.fixture(scope="module")
def built() -> Built:
    return build(prod.ENVIRONMENT)


def _wanted(kind: str) -> set[str]:
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get("handlers", {})
    actions = {action for handler in handlers.values() for action in handler.get("permissions", [])}
    apart = NOT_OURS | NOT_PRODS
    return {one for one in actions if not any(re.fullmatch(pattern, one) for pattern in apart)}


def test_the_service_role_may_do_what_the_handlers_of_prods_resource_types_do(built: Built) -> None:
    granted = statements(*SERVICE, template=TEMPLATE)
    missing = {kind: [one for one in _wanted(kind) if not allowed(one, granted)] for kind in built.types()}
    assert {kind: actions for kind, actions in missing.items() if actions} == {}


def test_its_deploy_role_trusts_jobs_of_the_environment_prod_on_main_and_no_others() -> None:
    [trust] = properties("DeployRole", template=TEMPLATE)["AssumeRolePolicyDocument"]["Statement"]
    claims = {key.rpartition(":")[2]: value for key, value in trust["Condition"]["StringEquals"].items()}
    assert claims == {
        "aud": "sts.amazonaws.com",
        "sub": ["repo:${Repository}:environment:prod"],
        "ref": "refs/heads/main",
    }


def test_dev_is_granted_its_key_and_its_copies_and_nothing_else_of_it() -> None:
    granted = {grant.service for grant in hardening(dev.ENVIRONMENT)}
    assert granted == {"kms", "logs", "backup", "backup-storage"}


def test_what_cloudformation_is_sent_fits_into_one_call_and_says_the_same() -> None:
    """There is no bucket yet that could hold a larger one."""
    for environment in (dev.ENVIRONMENT, prod.ENVIRONMENT):
        body = bootstrap_body(environment)
        assert len(body.encode()) <= 51_200
        assert set(json.loads(body)["Resources"]) == set(bootstrap(environment).to_dict()["Resources"])


def test_every_policy_has_a_size_that_iam_takes() -> None:
    for title, resource in TEMPLATE["Resources"].items():
        one = properties(title, TEMPLATE)
        match resource["Type"]:
            case "AWS::IAM::ManagedPolicy":
                assert size(one["PolicyDocument"]) < 6_144, title
            case "AWS::IAM::Role":
                assert sum(size(policy["PolicyDocument"]) for policy in one.get("Policies", [])) < 10_240, title
                assert len(one.get("ManagedPolicyArns", [])) <= 10


def test_the_boundary_holds_whatever_the_roles_of_prod_state(built: Built) -> None:
    """Each of them carries it: what it leaves out, the role cannot do."""
    limit = statements("Boundary", template=TEMPLATE)
    for stack, template in built.templates.items():
        for title, resource in template["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role" and "Policies" in resource["Properties"]:
                for one in built.statements(stack, title):
                    assert [action for action in one["Action"] if not allowed(action, limit)] == [], title


def test_the_service_role_makes_and_hands_on_the_roles_of_prod_each_to_its_service(built: Built) -> None:
    made = {role["RoleName"]: role for role in built.of_type("AWS::IAM::Role").values()}
    stated = statements("ServiceRole", template=TEMPLATE)
    [creating] = [one for one in stated if "iam:CreateRole" in one["Action"]]
    assert {arn.split("/")[-1] for arn in creating["Resource"]} == set(made)
    for one in stated:
        if "iam:PassRole" in one["Action"]:
            for arn in one["Resource"]:
                [trusted] = made[arn.split("/")[-1]]["AssumeRolePolicyDocument"]["Statement"]
                assert trusted["Principal"]["Service"] == one["Condition"]["StringEquals"]["iam:PassedToService"]


def test_whoever_only_reads_settings_reads_no_secret() -> None:
    for title in ("ReadingSettings", "ReadingState", "DeployRole"):
        for one in statements(title, template=TEMPLATE):
            assert "secretsmanager:GetSecretValue" not in one["Action"]
            assert "kms:Decrypt" not in one["Action"]
