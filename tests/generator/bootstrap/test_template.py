"""The bootstrap stack: who may do what, and that it fits."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from generator.bootstrap.template import bootstrap_text
from generator.environments.dev import ENVIRONMENT
from tests.generator.bootstrap.built import TEMPLATE, allowed, properties, size, statements
from tests.generator.stacks.built import Built, build

SERVICE = ("ServiceNetwork", "ServiceServices", "ServiceStorage", "ServiceKeeping", "ServiceRole")
READING = ("ReadingSettings", "ReadingState")
JOBS = "token.actions.githubusercontent.com"

NOT_OURS = {
    r"(s3tables|kinesis|firehose|ssm):.*": "features of other services: none is used",
    r"kms:(Encrypt|ReEncrypt(From|To)|GenerateDataKeyWithoutPlaintext|RevokeGrant|ListKeys)": "contents; not our keys",
    r"s3:.*(Metadata\w*Table|Analytics|Metrics|Inventory).*": "unused",
    r"s3:.*(Replication|Website|Accelerate|IntelligentTiering|Logging|Notification|ObjectLock|Abac).*": "unused",
    r"s3:(PutObjectAcl|DeleteObject|GetObject|GetObjectMetadata|REST.PUT.OBJECT)": "contents",
    r"s3:DeleteBucket(Cors|Encryption|Lifecycle)": "the API has no such action: IAM asks for Put...",
    r"dynamodb:.*(Replica|Kinesis|Import|Insights).*": "unused",
    r"dynamodb:(BatchWriteItem|GetItem|PutItem|DeleteItem|UpdateItem|Query|Scan)": "contents, which imports touch",
    r"dynamodb:(Put|Delete)ResourcePolicy": "unused",
    r"backup:(Put|Delete)BackupVault(AccessPolicy|LockConfiguration|Notifications)": "unused",
    r"backup-storage:Mount": "no such action: IAM asks for MountCapsule",
    r"cloudfront:.*(ConnectionGroup|VpcOrigin|Staging).*": "unused",
    r"cloudfront:CreateDistributionWithTags": "AWS's list of actions (cfn-lint W3037) has it no longer",
    r"ec2:.*(Vpn|Volume|PrivateNatGateway|NatGatewayAddress|EncryptionControl|Ipam|CidrBlock).*": "unused",
    r"ec2:(AcceptAddressTransfer|ModifyVpcTenancy|ModifyInstanceCreditSpecification)": "unused",
    r"cognito-idp:ListUserPoolClientSecrets": "of clients with several secrets: unused",
    r"cloudfront:updateDistribution": "of a domain of one's own: unused",
    r"iam:(PutRolePolicy|DeleteRolePolicy)": "by the name of the role, or not at all",
    r"ecr:.*(LifecyclePolicy|RepositoryPolicy)": "unused",
    r"ecs:PutAccountSetting.*": "changes the whole account",
    r"elasticloadbalancing:Modify(CapacityReservation|IpPools)": "unused",
    r"logs:.*(KmsKey|LogDelivery|DataProtection|IndexPolic|ResourcePolic|BearerToken|DeletionProtection).*": "unused",
    r"logs:(CreateLogStream|PutLogEvents|DescribeLogStreams)": "whoever logs makes its own streams",
    r"sns:PutDataProtectionPolicy": "unused",
}
"""Actions of the resource types' handlers that the service role does without, as patterns, with the reason."""


@pytest.fixture(scope="module")
def dev() -> Built:
    return build(ENVIRONMENT)


def test_it_fits_into_one_call_of_cloudformation() -> None:
    """There is no bucket yet that could hold a larger one."""
    assert len(bootstrap_text(ENVIRONMENT).encode()) <= 51_200


def test_the_text_is_the_same_under_any_hash_seed() -> None:
    program = (
        "from generator.bootstrap.template import bootstrap_text;"
        "from generator.environments.dev import ENVIRONMENT; print(bootstrap_text(ENVIRONMENT), end='')"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "01"
    }
    assert texts == {bootstrap_text(ENVIRONMENT)}


def test_every_policy_has_a_size_that_iam_takes() -> None:
    for title, resource in TEMPLATE["Resources"].items():
        one = properties(title)
        match resource["Type"]:
            case "AWS::IAM::ManagedPolicy":
                assert size(one["PolicyDocument"]) < 6_144, title
            case "AWS::IAM::Role":
                assert sum(size(policy["PolicyDocument"]) for policy in one.get("Policies", [])) < 10_240, title


def test_the_deploy_role_wants_the_environment_and_the_main_branch_both() -> None:
    [trust] = properties("DeployRole")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {
            f"{JOBS}:aud": "sts.amazonaws.com",
            f"{JOBS}:sub": ["repo:${Repository}:environment:dev"],
            f"{JOBS}:ref": "refs/heads/main",
        }
    }


@pytest.mark.parametrize(("role", "job"), [("PlanRole", "pull_request"), ("DriftRole", "ref:refs/heads/main")])
def test_pull_requests_plan_and_the_schedule_on_main_looks_for_drift(role: str, job: str) -> None:
    [trust] = properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"][f"{JOBS}:sub"] == [f"repo:${{Repository}}:{job}"]


def test_the_drift_role_reads_as_the_plan_role_does_and_writes_what_it_found_alone() -> None:
    """A pull request's job could otherwise tell people that all is well."""
    drift = properties("DriftRole")
    assert drift["ManagedPolicyArns"] == properties("PlanRole")["ManagedPolicyArns"]
    status, metrics = drift["Policies"][0]["PolicyDocument"]["Statement"]
    assert status["Action"] == ["s3:GetObject", "s3:PutObject"]
    assert json.dumps(status["Resource"]).endswith('-artifacts-*/status/*"]')
    assert metrics["Action"] == ["cloudwatch:PutMetricData"]
    assert metrics["Condition"] == {"StringEquals": {"cloudwatch:namespace": "ecg-project-pipeline-dev"}}


def test_no_trust_policy_has_a_pattern_in_it() -> None:
    """`StringLike` and a star are how other people's repositories have got in."""
    for title in ("PlanRole", "DriftRole", "DeployRole"):
        trust = json.dumps(properties(title)["AssumeRolePolicyDocument"])
        assert "*" not in trust
        assert "StringLike" not in trust


def test_the_plan_role_only_reads_and_reads_no_contents() -> None:
    actions = [action for one in statements(*READING) for action in one["Action"]]
    assert "Policies" not in properties("PlanRole")
    assert not [one for one in actions if not re.match(r"\w[\w-]*:(Describe|Get|List|Detect|Validate)", one)]
    for contents in ("dynamodb:GetItem", "sqs:ReceiveMessage", "secretsmanager:GetSecretValue", "logs:GetLogEvents"):
        assert not allowed(contents, statements(*READING))
    artifacts = "arn:${AWS::Partition}:s3:::ecg-project-pipeline-dev-artifacts-*"
    box = ("serve/dev/desired.json", "serve/dev/config/*", "observed/dev/box.json")  # which status and plan --live read
    objects = [one for one in statements(*READING) if {"s3:GetObject", "s3:ListBucket"} & set(one["Action"])]
    assert {json.dumps(one["Resource"]) for one in objects} == {
        '["${StateBucket.Arn}/*"]',
        '["${StateBucket.Arn}"]',
        json.dumps([f"{artifacts}/{path}" for path in box]),
        f'["{artifacts}"]',
    }


def test_the_deploy_role_changes_nothing_by_its_own_hand() -> None:
    """Stacks through the service role; of its own it has only artifacts, the state and invalidations."""
    changing = {
        action.split(":")[0]
        for one in statements("DeployRole")
        for action in one["Action"]
        if one["Effect"] == "Allow" and not re.match(r"[\w-]+:(Describe|Get|List|Batch|Filter)", action)
    }
    assert changing == {"cloudformation", "iam", "s3", "ecr", "cloudfront", "cloudwatch"}
    [passing] = [one for one in statements("DeployRole") if "iam:PassRole" in one["Action"]]
    assert passing["Resource"] == ["${ServiceRole.Arn}"]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}


def test_the_deploy_role_cannot_change_the_stack_that_it_comes_from() -> None:
    [refused] = [one for one in statements("DeployRole") if one["Effect"] == "Deny"]
    assert refused["Resource"] == [
        "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}"
        ":stack/ecg-project-pipeline-dev-bootstrap/*"
    ]
    assert {"cloudformation:CreateChangeSet", "cloudformation:DeleteStack"} <= set(refused["Action"])


def _wanted(kind: str) -> set[str]:
    """The actions that AWS's handlers of a resource type call."""
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get("handlers", {})
    actions = {action for handler in handlers.values() for action in handler.get("permissions", [])}
    return {one for one in actions if not any(re.fullmatch(pattern, one) for pattern in NOT_OURS)}


def test_the_service_role_may_do_what_the_handlers_of_our_resource_types_do(dev: Built) -> None:
    """Add what is missing to generator/bootstrap/permissions.py, or a reason to NOT_OURS; then bootstrap again."""
    granted = statements(*SERVICE)
    missing = {
        kind: sorted(action for action in _wanted(kind) if not allowed(action, granted))
        for kind in sorted(dev.types())
        if not kind.startswith("Custom::")
    }
    assert {kind: actions for kind, actions in missing.items() if actions} == {}


def test_the_service_role_has_no_service_that_no_stack_uses(dev: Built) -> None:
    used = {action.split(":")[0] for kind in dev.types() for action in _wanted(kind)}
    granted = {
        action.split(":")[0] for one in statements(*SERVICE) if one["Effect"] == "Allow" for action in one["Action"]
    }
    assert granted <= used


def test_no_service_is_granted_whole() -> None:
    for title in (*SERVICE, *READING, "DeployRole", "Boundary"):
        for one in statements(title):
            if one["Effect"] == "Allow":
                assert not [action for action in one["Action"] if re.fullmatch(r"(\*|[\w-]+:\*)", action)], title


def test_the_service_role_hands_on_only_the_roles_that_our_stacks_make_for_services() -> None:
    passing = [one for one in statements("ServiceRole") if "iam:PassRole" in one["Action"]]
    assert {
        (arn.split("/")[-1], one["Condition"]["StringEquals"]["iam:PassedToService"])
        for one in passing
        for arn in one["Resource"]
    } == {
        ("backup-role", "backup.amazonaws.com"),
        ("ecs-task-execution-role", "ecs-tasks.amazonaws.com"),
        ("ecs-task-role", "ecs-tasks.amazonaws.com"),
        ("model-server-role", "ec2.amazonaws.com"),
    }


def test_the_roles_that_it_knows_are_those_of_the_stacks(dev: Built) -> None:
    made = {role["RoleName"] for role in dev.of_type("AWS::IAM::Role").values()}
    [creating] = [one for one in statements("ServiceRole") if "iam:CreateRole" in one["Action"]]
    assert {arn.split("/")[-1] for arn in creating["Resource"]} == made


def test_neither_the_service_role_nor_what_it_makes_reaches_the_state() -> None:
    for title in ("ServiceRole", "Boundary"):
        [refused] = [one for one in statements(title) if one["Effect"] == "Deny" and "s3:*" in one["Action"]]
        assert refused["Resource"] == ["arn:${AWS::Partition}:s3:::ecg-project-pipeline-dev-state-*"]


def test_the_boundary_holds_whatever_the_roles_of_the_stacks_state(dev: Built) -> None:
    limit = statements("Boundary")
    for stack, title in (("api", "EcsTaskRole"), ("api", "EcsTaskExecutionRole"), ("model-server", "ModelServerRole")):
        for one in dev.statements(stack, title):
            assert [action for action in one["Action"] if not allowed(action, limit)] == [], title


def test_without_the_boundary_no_role_is_made_or_changed_where_it_is_required() -> None:
    assert TEMPLATE["Resources"]["OnlyBounded"]["Condition"] == "BoundaryRequired"
    bounded, stay = statements("OnlyBounded")
    assert bounded["Effect"] == stay["Effect"] == "Deny"
    assert bounded["Condition"] == {"StringNotEquals": {"iam:PermissionsBoundary": "${Boundary}"}}
    assert "iam:CreateRole" in bounded["Action"]
    assert "iam:PutRolePolicy" in bounded["Action"]


def test_the_boundary_is_not_required_unless_asked_for() -> None:
    """dev's roles are as specified, without one; a stack that sets it comes first."""
    assert TEMPLATE["Parameters"]["RequireBoundary"]["Default"] == "false"


def _bucket() -> dict[str, Any]:
    return properties("StateBucket")


def test_the_state_bucket_is_private_versioned_and_encrypted() -> None:
    assert list(_bucket()["PublicAccessBlockConfiguration"].values()) == [True] * 4
    assert _bucket()["VersioningConfiguration"] == {"Status": "Enabled"}
    assert _bucket()["BucketName"] == "ecg-project-pipeline-dev-state-{random}"
    assert "BucketEncryption" in _bucket()


def test_the_state_bucket_refuses_plain_http() -> None:
    [only] = statements("StateBucketPolicy")
    assert (only["Effect"], only["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": False}})


def test_the_state_bucket_and_the_provider_outlive_the_stack() -> None:
    kept = {title for title, one in TEMPLATE["Resources"].items() if one.get("DeletionPolicy") == "Retain"}
    assert kept == {"StateBucket", "GitHubProvider"}


def test_old_versions_of_the_state_are_forgotten() -> None:
    rules = {rule["Id"]: rule for rule in _bucket()["LifecycleConfiguration"]["Rules"]}
    assert rules["forget-noncurrent-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert "forget-incomplete-uploads" in rules


def test_large_templates_are_forgotten_when_cloudformation_has_long_read_them() -> None:
    rules = {rule["Id"]: rule for rule in _bucket()["LifecycleConfiguration"]["Rules"]}
    assert rules["forget-large-templates"] == {
        "Id": "forget-large-templates",
        "Status": "Enabled",
        "Prefix": "templates/",
        "ExpirationInDays": 30,
    }


def test_the_deploy_role_puts_and_reads_large_templates_and_deletes_none() -> None:
    """CloudFormation reads them with its caller's rights; the service role is refused the whole bucket."""
    held = [one for one in statements("DeployRole", *READING) if one["Effect"] == "Allow"]

    def reach(action: str) -> set[str]:
        return {arn for one in held if action in one["Action"] for arn in one["Resource"] if "StateBucket" in arn}

    assert reach("s3:GetObject") == reach("s3:PutObject") == {"${StateBucket.Arn}/*"}
    assert reach("s3:DeleteObject") == {"${StateBucket.Arn}/leases/*"}


def test_an_account_that_has_a_provider_keeps_it() -> None:
    assert TEMPLATE["Conditions"]["MakeProvider"] == {"Fn::Equals": [{"Ref": "OidcProviderArn"}, ""]}
    assert TEMPLATE["Resources"]["GitHubProvider"]["Condition"] == "MakeProvider"


def test_outputs_name_what_others_need() -> None:
    assert set(TEMPLATE["Outputs"]) == {
        "StateBucketName",
        "PlanRoleArn",
        "DriftRoleArn",
        "DeployRoleArn",
        "ServiceRoleArn",
        "BoundaryArn",
        "OidcProviderArn",
        "OidcProviderMade",
    }
