"""Buckets, CloudFront, roles and load balancer, read back after each environment was deployed.

test_deployed_specification.py says how, and has the rest.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from generator.serve_apps import SERVE_APPS
from tests.functional.conftest import Deployed
from tests.functional.specified import Specified

# --- S3 ---------------------------------------------------------------------------------------------------------------

BUCKETS = ("FrontendBucketName", "VideoBucketName", "CloudFrontLogsBucketName", "ArtifactsBucketName")


@pytest.mark.parametrize("output", BUCKETS)
def test_s3_1_to_3_public_access_is_blocked(api: Any, out: Mapping[str, str], output: str) -> None:
    block = api("s3").get_public_access_block(Bucket=out[output])["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}


def test_s3_1_to_3_names_end_in_eight_characters_of_the_stack_id(environment: Deployed) -> None:
    out = environment.outputs
    for output, middle in zip(BUCKETS, ("frontend", "video-storage", "cloudfront-logs"), strict=False):
        random = out[output].removeprefix(f"{environment.prefix}-{middle}-")
        assert len(random) == 8
        assert set(random) <= set("0123456789abcdef")


def test_s3_2_buckets_are_versioned_as_specified(api: Any, out: Mapping[str, str], specified: Specified) -> None:
    status = {output: api("s3").get_bucket_versioning(Bucket=out[output]).get("Status") for output in BUCKETS}
    assert {output for output, each in status.items() if each == "Enabled"} == specified.versioned


@pytest.mark.parametrize("output", BUCKETS)
def test_s3_4_objects_are_encrypted_by_default(
    api: Any, out: Mapping[str, str], specified: Specified, output: str
) -> None:
    answer = api("s3").get_bucket_encryption(Bucket=out[output])["ServerSideEncryptionConfiguration"]
    (rule,) = answer["Rules"]
    with_ours = "videos" in specified.customer_keys and output == "VideoBucketName"
    default = (
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": out["VideosKeyArn"]} if with_ours else {"SSEAlgorithm": "AES256"}
    )
    assert rule["ApplyServerSideEncryptionByDefault"] == default
    assert rule.get("BucketKeyEnabled", False) is with_ours


def test_s3_5_cors(api: Any, out: Mapping[str, str], specified: Specified) -> None:
    (rule,) = api("s3").get_bucket_cors(Bucket=out["VideoBucketName"])["CORSRules"]
    assert rule["AllowedHeaders"] == ["*"]
    assert rule["AllowedMethods"] == list(specified.cors_methods)
    assert rule["AllowedOrigins"] == [specified.cors_origin]
    assert rule["ExposeHeaders"] == ["ETag"]
    assert rule["MaxAgeSeconds"] == 3000


# --- CloudFront -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def distribution(api: Any, out: Mapping[str, str]) -> dict[str, Any]:
    return dict(api("cloudfront").get_distribution_config(Id=out["DistributionId"])["DistributionConfig"])


def behaviour(distribution: dict[str, Any], pattern: str) -> dict[str, Any]:
    (found,) = [each for each in distribution["CacheBehaviors"]["Items"] if each["PathPattern"] == pattern]
    return dict(found)


def test_cdn_1_distribution(distribution: dict[str, Any], specified: Specified) -> None:
    assert distribution["Enabled"] is True
    assert distribution["PriceClass"] == "PriceClass_100"
    assert distribution["HttpVersion"] == "http2"
    assert distribution["IsIPV6Enabled"] is True
    assert distribution["DefaultRootObject"] == "index.html"
    assert tuple(distribution.get("Aliases", {}).get("Items", ())) == specified.aliases


def test_cdn_2_to_4_origins(distribution: dict[str, Any], environment: Deployed, specified: Specified) -> None:
    out, balancer = environment.outputs, f"ALB-{environment.prefix}-alb"
    origins = {each["Id"]: each for each in distribution["Origins"]["Items"]}
    assert set(origins) == {"S3-frontend-bucket", "S3-video-bucket", balancer}
    assert origins["S3-frontend-bucket"]["DomainName"] == out["FrontendBucketRegionalDomainName"]
    assert origins["S3-video-bucket"]["DomainName"] == out["VideoBucketRegionalDomainName"]
    assert origins["S3-frontend-bucket"]["OriginAccessControlId"] == origins["S3-video-bucket"]["OriginAccessControlId"]
    alb = origins[balancer]
    assert alb["DomainName"] == out["AlbDnsName"]
    assert alb["CustomOriginConfig"]["OriginProtocolPolicy"] == specified.origin_protocol
    assert int(alb["CustomOriginConfig"][specified.origin_port[0]]) == specified.origin_port[1]


def test_cdn_5_default_behaviour(distribution: dict[str, Any]) -> None:
    default = distribution["DefaultCacheBehavior"]
    assert default["TargetOriginId"] == "S3-frontend-bucket"
    assert default["ViewerProtocolPolicy"] == "redirect-to-https"
    assert default["Compress"] is True
    assert default["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"


def test_cdn_6_api_behaviour(distribution: dict[str, Any], environment: Deployed, specified: Specified) -> None:
    api_behaviour = behaviour(distribution, "/api/*")
    assert api_behaviour["TargetOriginId"] == f"ALB-{environment.prefix}-alb"
    assert bool(api_behaviour.get("ResponseHeadersPolicyId")) is specified.hsts_on_answers
    assert api_behaviour["ViewerProtocolPolicy"] == "https-only"
    assert api_behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert api_behaviour["OriginRequestPolicyId"] == "216adef6-5c7f-47e4-b989-5492eafa07d3"


def test_cdn_7_video_behaviour(distribution: dict[str, Any], out: Mapping[str, str]) -> None:
    videos = behaviour(distribution, "/videos/*")
    assert videos["TargetOriginId"] == "S3-video-bucket"
    assert videos["ViewerProtocolPolicy"] == "redirect-to-https"
    assert videos["Compress"] is False
    assert videos["CachePolicyId"] == "b2884449-e4de-46a7-ac36-70bc7f1ddd6d"


def test_cdn_8_logging(distribution: dict[str, Any], out: Mapping[str, str]) -> None:
    logging = distribution["Logging"]
    assert logging["Enabled"] is True
    assert logging["Bucket"] == out["CloudFrontLogsBucketDomainName"]
    assert logging["Prefix"] == "cloudfront-logs/"
    assert logging["IncludeCookies"] is False


def test_cdn_9_origin_access_control(api: Any, specified: Specified) -> None:
    items = api("cloudfront").list_origin_access_controls()["OriginAccessControlList"]["Items"]
    (control,) = [each for each in items if each["Name"] == f"{specified.role}s3-oac"]
    assert control["OriginAccessControlOriginType"] == "s3"
    assert control["SigningBehavior"] == "always"
    assert control["SigningProtocol"] == "sigv4"


# --- IAM --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "service"),
    [
        ("ecs-task-execution-role", "ecs-tasks.amazonaws.com"),
        ("ecs-task-role", "ecs-tasks.amazonaws.com"),
        ("model-server-role", "ec2.amazonaws.com"),
    ],
)
def test_iam_1_to_3_trust(api: Any, specified: Specified, role: str, service: str) -> None:
    document = api("iam").get_role(RoleName=f"{specified.role}{role}")["Role"]["AssumeRolePolicyDocument"]
    assert document["Statement"][0]["Principal"] == {"Service": service}


def test_iam_1_execution_role_has_the_managed_policy(api: Any, specified: Specified) -> None:
    role = f"{specified.role}ecs-task-execution-role"
    attached = api("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == ["AmazonECSTaskExecutionRolePolicy"]


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        ("ecs-task-role", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]),
        ("model-server-role", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]),
    ],
)
def test_iam_2_and_3_video_bucket(
    api: Any, out: Mapping[str, str], specified: Specified, role: str, actions: list[str]
) -> None:
    name = f"{specified.role}{role}"
    document = api("iam").get_role_policy(RoleName=name, PolicyName="video-bucket")["PolicyDocument"]
    (statement,) = document["Statement"]
    assert statement["Action"] == actions
    assert statement["Resource"] == [out["VideoBucketArn"], f"{out['VideoBucketArn']}/*"]
    named = api("iam").list_role_policies(RoleName=name)["PolicyNames"]
    assert ("keys" in named) is ("videos" in specified.customer_keys)


# --- load balancer ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def balancer(api: Any, environment: Deployed) -> dict[str, Any]:
    (found,) = api("elbv2").describe_load_balancers(Names=[f"{environment.prefix}-alb"])["LoadBalancers"]
    return dict(found)


def test_alb_1_load_balancer(balancer: dict[str, Any], out: Mapping[str, str], specified: Specified) -> None:
    assert balancer["Scheme"] == "internet-facing"
    assert balancer["IpAddressType"] == "ipv4"
    subnets = {zone["SubnetId"] for zone in balancer["AvailabilityZones"]}
    assert subnets == {out[each] for each in specified.outputs_of(public=True)}
    assert balancer["SecurityGroups"] == [out["AlbSecurityGroupId"]]


def test_alb_1_and_5_attributes(
    api: Any, balancer: dict[str, Any], out: Mapping[str, str], specified: Specified
) -> None:
    arn = balancer["LoadBalancerArn"]
    answer = api("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    attributes = {each["Key"]: each["Value"] for each in answer}
    assert attributes["deletion_protection.enabled"] == specified.protected
    assert attributes["access_logs.s3.enabled"] == "true"
    assert attributes["access_logs.s3.bucket"] == out["AlbLogsBucketName"]


def test_alb_2_listeners(api: Any, balancer: dict[str, Any], out: Mapping[str, str], specified: Specified) -> None:
    """Where not everybody is let through, whoever knows the header is: test_prod.py has the rule."""
    listeners = api("elbv2").describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    actions = [(one["Protocol"], int(one["Port"]), one["DefaultActions"][0]) for one in listeners]
    found = tuple(sorted((protocol, port, action["Type"]) for protocol, port, action in actions))
    assert found == specified.listeners
    assert {action["TargetGroupArn"] for _, _, action in actions if action["Type"] == "forward"} <= {
        out["ApiTargetGroupArn"]
    }


def test_alb_3_and_4_target_group(api: Any, environment: Deployed, specified: Specified) -> None:
    out = environment.outputs
    group = api("elbv2").describe_target_groups(TargetGroupArns=[out["ApiTargetGroupArn"]])["TargetGroups"][0]
    assert group["TargetGroupName"] == f"{environment.prefix}-api-tg"
    assert (group["TargetType"], group["Protocol"], int(group["Port"])) == ("ip", "HTTP", 8000)
    assert group["VpcId"] == out["VpcId"]
    assert group["HealthCheckPath"] == "/health"
    seconds = ("HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds")
    counts = ("HealthyThresholdCount", "UnhealthyThresholdCount")
    assert tuple(int(group[key]) for key in (*seconds, *counts)) == specified.health_check
    assert group["Matcher"]["HttpCode"] == "200"


# --- what goes beyond -------------------------------------------------------------------------------------------------


def test_the_jobs_table_and_queues(api: Any, out: Mapping[str, str]) -> None:
    table = api("dynamodb").describe_table(TableName=out["JobsTableName"])["Table"]
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [
        ("owner", "HASH"),
        ("id", "RANGE"),
    ]
    queue = api("sqs").get_queue_attributes(QueueUrl=out["JobsQueueUrl"], AttributeNames=["All"])["Attributes"]
    assert queue["VisibilityTimeout"] == "900"
    assert out["JobsDeadLetterQueueArn"] in queue["RedrivePolicy"]


def test_the_box_state_is_published_under_its_hash(api: Any, environment: Deployed) -> None:
    bucket, place = environment.outputs["ArtifactsBucketName"], f"serve/{environment.name}"
    keys = {each["Key"] for each in api("s3").list_objects_v2(Bucket=bucket)["Contents"]}
    assert f"{place}/desired.json" in keys
    # The agent's, and one of each app.
    assert len([key for key in keys if key.startswith(f"{place}/packages/")]) == 1 + len(SERVE_APPS)
