"""IAM-* and SEC-* of docs/specification.md."""

import json
from pathlib import Path
from typing import Any

from tests.generator.stacks.built import Built

ROOT = Path(__file__).parents[3]
ROLES = {
    "EcsTaskExecutionRole": "api",
    "EcsTaskRole": "api",
    "ModelServerRole": "model-server",
    "EraserRole": "identity",
    "BackupRole": "data",
}
VIDEOS = ["${VideoBucketArn}", "${VideoBucketArn}/*"]


def _trusted(dev: Built, stack: str, title: str) -> tuple[str, list[dict[str, Any]]]:
    role = dev.properties(stack, title)
    return role["RoleName"], role["AssumeRolePolicyDocument"]["Statement"]


def _trust(service: str) -> list[dict[str, Any]]:
    return [{"Effect": "Allow", "Principal": {"Service": service}, "Action": ["sts:AssumeRole"]}]


def _s3_allow(actions: str, resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [f"s3:{action}" for action in actions.split()], "Resource": resources}


def test_iam_1_ecs_pulls_images_writes_logs_and_reads_this_environments_secrets(dev: Built) -> None:
    assert _trusted(dev, "api", "EcsTaskExecutionRole") == (
        "ecs-task-execution-role",
        _trust("ecs-tasks.amazonaws.com"),
    )
    role = dev.properties("api", "EcsTaskExecutionRole")
    assert role["ManagedPolicyArns"] == [
        "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    ]
    secrets = "arn:aws:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:ecg-project-pipeline-dev/*"
    assert dev.statements("api", "EcsTaskExecutionRole") == [
        {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": [secrets]}
    ]


def test_iam_2_the_api_has_exactly_these_rights_to_the_video_bucket(dev: Built) -> None:
    assert _trusted(dev, "api", "EcsTaskRole") == ("ecs-task-role", _trust("ecs-tasks.amazonaws.com"))
    assert _s3_allow("GetObject PutObject DeleteObject ListBucket", VIDEOS) in dev.statements("api", "EcsTaskRole")


def test_the_api_may_also_use_its_own_table_and_queues_and_abort_its_own_uploads(dev: Built) -> None:
    beyond = [one for one in dev.statements("api", "EcsTaskRole") if one["Resource"] != VIDEOS]
    assert [one["Effect"] for one in beyond] == ["Allow"] * 7
    assert {one["Resource"][0]: {action.split(":")[1] for action in one["Action"]} for one in beyond} == {
        "${VideoBucketArn}/videos/*": {"AbortMultipartUpload"},
        "${JobsTableArn}": {"GetItem", "PutItem", "UpdateItem", "Query", "Scan"},
        "${JobsQueueArn}": {
            "SendMessage",
            "ReceiveMessage",
            "DeleteMessage",
            "ChangeMessageVisibility",
            "GetQueueAttributes",
        },
        "${JobsDeadLetterQueueArn}": {"GetQueueAttributes", "ReceiveMessage", "DeleteMessage"},
        "${ArtifactsBucketArn}/observed/dev/box.json": {"GetObject"},
        (
            "arn:aws:secretsmanager:${AWS::Region}:${AWS::AccountId}"
            ":secret:ecg-project-pipeline-dev/video-signing-key-??????"
        ): {"GetSecretValue"},
        "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${DistributionId}": {"CreateInvalidation"},
    }


def test_the_api_reads_two_reports_in_the_artifacts_bucket_and_nothing_else(dev: Built) -> None:
    reads = [one for one in dev.statements("api", "EcsTaskRole") if "${ArtifactsBucketArn}" in one["Resource"][0]]
    assert reads == [
        _s3_allow("GetObject", ["${ArtifactsBucketArn}/observed/dev/box.json", "${ArtifactsBucketArn}/status/dev.json"])
    ]


def test_iam_3_the_box_has_exactly_these_rights_to_the_video_bucket(dev: Built) -> None:
    assert _trusted(dev, "model-server", "ModelServerRole") == ("model-server-role", _trust("ec2.amazonaws.com"))
    assert _s3_allow("GetObject PutObject ListBucket", VIDEOS) in dev.statements("model-server", "ModelServerRole")


def test_the_box_deletes_nothing_anywhere(built: Built) -> None:
    actions = [action for one in built.statements("model-server", "ModelServerRole") for action in one["Action"]]
    assert not [action for action in actions if "Delete" in action or action.endswith("*")]


def test_the_box_reads_what_it_should_run_and_writes_what_it_saw_and_its_logs(dev: Built) -> None:
    beyond = [one for one in dev.statements("model-server", "ModelServerRole") if one["Resource"] != VIDEOS]
    assert beyond == [
        _s3_allow("GetObject", ["${ArtifactsBucketArn}/serve/dev/*"]),
        _s3_allow("PutObject", ["${ArtifactsBucketArn}/observed/dev/*"]),
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": ["${ModelServerLogGroup.Arn}"],
        },
    ]


def test_the_eraser_deletes_videos_and_records_and_reads_neither(dev: Built) -> None:
    stated = dev.statements("identity", "EraserRole")
    assert {action for one in stated for action in one["Action"]} == {
        "cloudformation:DescribeStacks",
        "s3:ListBucketVersions",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:PutObject",
        "dynamodb:Query",
        "dynamodb:DeleteItem",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
    }
    where = {action: one["Resource"] for one in stated for action in one["Action"]}
    assert where["s3:DeleteObjectVersion"] == ["${VideoBucketArn}/videos/*"]
    assert where["s3:PutObject"] == ["${ArtifactsBucketArn}/audit/*"]


def test_sec_1_only_the_load_balancer_and_the_nat_gateways_are_in_public_subnets(built: Built) -> None:
    def uses_public_subnet(resource: dict[str, Any]) -> bool:
        return "PublicSubnet" in json.dumps(resource.get("Properties", {}))

    public = {
        resource["Type"]
        for template in built.templates.values()
        for resource in template["Resources"].values()
        if uses_public_subnet(resource)
    }
    assert public == {
        "AWS::EC2::NatGateway",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
    }


def test_sec_2_only_web_and_ssh_are_open_to_addresses_outside(dev: Built) -> None:
    rules = [
        rule
        for group in dev.of_type("AWS::EC2::SecurityGroup").values()
        for rule in group.get("SecurityGroupIngress", [])
    ]
    assert {rule["FromPort"] for rule in rules} == {80, 443, 22}
    assert all(rule["FromPort"] == rule["ToPort"] and rule["IpProtocol"] == "tcp" for rule in rules)
    assert not [rule for rule in dev.of_type("AWS::EC2::SecurityGroupIngress").values() if "CidrIp" in rule]


def test_sec_3_every_bucket_blocks_public_access_in_all_four_ways(built: Built) -> None:
    for bucket in built.of_type("AWS::S3::Bucket").values():
        assert list(bucket["PublicAccessBlockConfiguration"].values()) == [True] * 4


def test_sec_4_the_distribution_reads_by_its_access_control_and_nobody_else_is_named(built: Built) -> None:
    allowed = [
        (title, statement["Principal"])
        for title in built.of_type("AWS::S3::BucketPolicy", "cdn")
        for statement in built.statements("cdn", title)
        if statement["Effect"] == "Allow"
    ]
    assert allowed == [
        ("FrontendBucketPolicy", {"Service": "cloudfront.amazonaws.com"}),
        ("VideoBucketPolicy", {"Service": "cloudfront.amazonaws.com"}),
    ]
    assert "AWS::CloudFront::CloudFrontOriginAccessIdentity" not in built.types()


def test_sec_5_no_role_has_an_action_or_a_resource_without_bounds(dev: Built) -> None:
    for title, stack in ROLES.items():
        for statement in dev.statements(stack, title):
            assert not [action for action in statement["Action"] if "*" in action]
            assert "*" not in statement["Resource"]
            assert all(resource.count("*") <= 1 for resource in statement["Resource"])


def test_sec_5_every_wildcard_of_a_policy_says_why_it_stands_there() -> None:
    source = (ROOT / "generator" / "parts" / "policies.py").read_text(encoding="utf-8").splitlines()
    wild = [number for number, line in enumerate(source) if '*"' in line.split("# ")[0]]
    assert len(wild) >= 5
    assert [source[number] for number in wild if "# *: " not in source[number - 1] + source[number]] == []


def test_sec_6_there_are_no_users_and_no_access_keys(dev: Built) -> None:
    assert {kind for kind in dev.types() if kind.startswith("AWS::IAM::")} == {
        "AWS::IAM::Role",
        "AWS::IAM::InstanceProfile",
    }
    assert set(dev.of_type("AWS::IAM::Role")) == set(ROLES)


def test_sec_7_ssh_takes_a_key_pair_that_no_template_makes(dev: Built) -> None:
    assert dev.properties("model-server", "ModelServer")["KeyName"] == "model-server-key"
    assert "AWS::EC2::KeyPair" not in dev.types()


def test_sec_8_every_volume_is_encrypted(built: Built) -> None:
    templates = built.of_type("AWS::EC2::LaunchTemplate").values()
    volumes = [device["Ebs"] for one in templates for device in one["LaunchTemplateData"]["BlockDeviceMappings"]]
    assert [volume["Encrypted"] for volume in volumes] == [True]


def test_sec_9_tasks_load_balancer_and_distribution_log(built: Built) -> None:
    [container] = built.properties("api", "ApiTaskDefinition")["ContainerDefinitions"]
    assert container["LogConfiguration"]["LogDriver"] == "awslogs"
    attributes = built.properties("load-balancer", "Alb")["LoadBalancerAttributes"]
    assert {"Key": "access_logs.s3.enabled", "Value": "true"} in attributes
    assert built.properties("cdn", "Distribution")["DistributionConfig"]["Logging"]["Bucket"]
