"""The specification, read back from the services after templates_out/dev was deployed to the embedded AWS.

`CREATE_COMPLETE` proves little in an emulator, so each setting is asked of the service that keeps it. What the emulator
does not keep is asserted against the templates alone (tests/generator/stacks) and listed in docs/local.md.
"""

import functools
from collections.abc import Mapping
from typing import Any

import pytest

from generator.local.emulator import Emulator
from generator.serve_apps import SERVE_APPS
from generator.sync.apply import Outcome
from generator.sync.progress import Action

NAME = "ecg-project-pipeline-dev"
ANYWHERE = "0.0.0.0/0"


@pytest.fixture(scope="module")
def out(deployed: Outcome) -> Mapping[str, str]:
    """Every output of every stack; their names are unique."""
    return {name: value for outputs in deployed.outputs.values() for name, value in outputs.items()}


@pytest.fixture(scope="module")
def api(emulator: Emulator, deployed: Outcome) -> Any:
    return functools.cache(emulator.client)


def test_every_stack_is_created(deployed: Outcome) -> None:
    assert set(deployed.actions.values()) == {Action.CREATED}
    assert len(deployed.actions) == 12


def test_applying_again_changes_nothing_and_leaves_no_change_set(deploy: Any, deployed: Outcome, api: Any) -> None:
    assert not deploy().changed
    cloudformation = api("cloudformation")
    left = [
        summary["ChangeSetName"]
        for stack in deployed.actions
        for summary in cloudformation.list_change_sets(StackName=f"{NAME}-{stack}")["Summaries"]
        if summary["ExecutionStatus"] not in ("EXECUTE_COMPLETE", "OBSOLETE")
    ]
    assert left == []


# --- network ----------------------------------------------------------------------------------------------------------


def test_net_1_vpc(api: Any, out: Mapping[str, str]) -> None:
    ec2 = api("ec2")
    vpc = ec2.describe_vpcs(VpcIds=[out["VpcId"]])["Vpcs"][0]
    assert vpc["CidrBlock"] == "10.0.0.0/16"
    assert vpc["InstanceTenancy"] == "default"
    assert not vpc.get("Ipv6CidrBlockAssociationSet")
    for attribute in ("enableDnsHostnames", "enableDnsSupport"):
        answer = ec2.describe_vpc_attribute(VpcId=out["VpcId"], Attribute=attribute)
        assert answer[attribute[0].upper() + attribute[1:]]["Value"] is True


@pytest.mark.parametrize(
    ("output", "cidr", "zone", "public"),
    [
        ("PublicSubnet1Id", "10.0.1.0/24", "us-east-1a", True),
        ("PublicSubnet2Id", "10.0.2.0/24", "us-east-1b", True),
        ("PrivateSubnet1Id", "10.0.10.0/24", "us-east-1a", False),
        ("PrivateSubnet2Id", "10.0.20.0/24", "us-east-1b", False),
    ],
)
def test_net_2_and_3_subnets(api: Any, out: Mapping[str, str], output: str, cidr: str, zone: str, public: bool) -> None:
    subnet = api("ec2").describe_subnets(SubnetIds=[out[output]])["Subnets"][0]
    assert (subnet["CidrBlock"], subnet["AvailabilityZone"], subnet["MapPublicIpOnLaunch"]) == (cidr, zone, public)


def routes(api: Any, subnet: str) -> list[dict[str, Any]]:
    tables = api("ec2").describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
    return [r for table in tables["RouteTables"] for r in table["Routes"] if r.get("DestinationCidrBlock") == ANYWHERE]


def test_net_4_public_subnets_route_to_the_internet_gateway(api: Any, out: Mapping[str, str]) -> None:
    for output in ("PublicSubnet1Id", "PublicSubnet2Id"):
        (route,) = routes(api, out[output])
        assert route["GatewayId"].startswith("igw-")


def test_net_5_and_6_each_private_subnet_has_the_nat_gateway_of_its_zone(api: Any, out: Mapping[str, str]) -> None:
    ec2 = api("ec2")
    for number in ("1", "2"):
        (route,) = routes(api, out[f"PrivateSubnet{number}Id"])
        gateway = ec2.describe_nat_gateways(NatGatewayIds=[route["NatGatewayId"]])["NatGateways"][0]
        assert gateway["SubnetId"] == out[f"PublicSubnet{number}Id"]
        assert gateway.get("ConnectivityType", "public") == "public"
    # The emulator keeps both addresses, but not which gateway has which.
    assert len(ec2.describe_addresses()["Addresses"]) == 2


# --- security groups --------------------------------------------------------------------------------------------------


def ingress(api: Any, group: str) -> set[tuple[int, int, str]]:
    found = api("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    return {
        (rule["FromPort"], rule["ToPort"], source)
        for rule in found["IpPermissions"]
        for source in [
            *(each["CidrIp"] for each in rule.get("IpRanges", ())),
            *(each["GroupId"] for each in rule.get("UserIdGroupPairs", ())),
        ]
    }


def test_sg_1_alb_group(api: Any, out: Mapping[str, str]) -> None:
    assert ingress(api, out["AlbSecurityGroupId"]) == {(80, 80, ANYWHERE), (443, 443, ANYWHERE)}


def test_sg_2_and_4_ecs_group_admits_the_alb_and_the_model_server(api: Any, out: Mapping[str, str]) -> None:
    assert ingress(api, out["EcsSecurityGroupId"]) == {
        (8000, 8000, out["AlbSecurityGroupId"]),
        (8000, 8000, out["ModelServerSecurityGroupId"]),
    }


def test_sg_3_and_4_model_server_group_admits_ecs_and_ssh(api: Any, out: Mapping[str, str]) -> None:
    assert ingress(api, out["ModelServerSecurityGroupId"]) == {
        (8080, 8080, out["EcsSecurityGroupId"]),
        (22, 22, ANYWHERE),
    }


# --- ECR and ECS ------------------------------------------------------------------------------------------------------


def test_ecs_1_repository(api: Any, out: Mapping[str, str]) -> None:
    repository = api("ecr").describe_repositories(repositoryNames=[f"{NAME}-api"])["repositories"][0]
    assert repository["imageTagMutability"] == "MUTABLE"
    assert repository["imageScanningConfiguration"]["scanOnPush"] is True


def test_the_image_is_at_the_address_that_the_task_definition_names(api: Any, out: Mapping[str, str]) -> None:
    tag = container(api, out)["image"].rpartition(":")[2]
    images = api("ecr").describe_images(repositoryName=f"{NAME}-api", imageIds=[{"imageTag": tag}])["imageDetails"]
    assert tag.startswith("src-")
    assert len(images) == 1


def task_definition(api: Any, out: Mapping[str, str]) -> dict[str, Any]:
    answer = api("ecs").describe_task_definition(taskDefinition=out["ApiTaskDefinitionArn"])
    return dict(answer["taskDefinition"])


def container(api: Any, out: Mapping[str, str]) -> dict[str, Any]:
    (only,) = task_definition(api, out)["containerDefinitions"]
    return dict(only)


def test_ecs_2_cluster(api: Any) -> None:
    cluster = api("ecs").describe_clusters(clusters=[f"{NAME}-cluster"], include=["CONFIGURATIONS"])["clusters"][0]
    assert cluster["capacityProviders"] == ["FARGATE"]


def test_ecs_3_task_definition(api: Any, out: Mapping[str, str]) -> None:
    task = task_definition(api, out)
    assert (task["cpu"], task["memory"], task["networkMode"]) == ("512", "1024", "awsvpc")
    assert task["executionRoleArn"].endswith(":role/ecs-task-execution-role")
    assert task["taskRoleArn"].endswith(":role/ecs-task-role")


def test_ecs_4_container(api: Any, out: Mapping[str, str]) -> None:
    api_container = container(api, out)
    assert api_container["name"] == "api"
    assert api_container["portMappings"][0]["containerPort"] == 8000
    assert api_container["essential"] is True
    assert int(api_container["memoryReservation"]) == 1024
    assert int(api_container.get("cpu", 0)) == 0
    assert "memory" not in api_container


def test_ecs_5_environment(api: Any, out: Mapping[str, str]) -> None:
    values = {each["name"]: each["value"] for each in container(api, out)["environment"]}
    assert values["AWS_DEFAULT_REGION"] == "us-east-1"
    assert values["S3_BUCKET_NAME"] == out["VideoBucketName"]
    assert values["MODEL_SERVER_URL"] == f"http://{out['ModelServerPrivateIp']}:8080"


def test_ecs_6_health_check(api: Any, out: Mapping[str, str]) -> None:
    check = container(api, out)["healthCheck"]
    assert check["command"] == ["CMD-SHELL", "curl -f http://localhost:8000/health"]
    assert [int(check[key]) for key in ("interval", "timeout", "retries", "startPeriod")] == [30, 5, 3, 0]


def test_ecs_7_and_8_service(api: Any, out: Mapping[str, str]) -> None:
    service = api("ecs").describe_services(cluster=f"{NAME}-cluster", services=[f"{NAME}-api"])["services"][0]
    assert service["launchType"] == "FARGATE"
    assert service["desiredCount"] == 2
    limits = service["deploymentConfiguration"]
    assert (int(limits["maximumPercent"]), int(limits["minimumHealthyPercent"])) == (200, 50)
    place = service["networkConfiguration"]["awsvpcConfiguration"]
    assert set(place["subnets"]) == {out["PrivateSubnet1Id"], out["PrivateSubnet2Id"]}
    assert place["assignPublicIp"] == "DISABLED"
    (attachment,) = service["loadBalancers"]
    assert attachment["targetGroupArn"] == out["ApiTargetGroupArn"]
    assert (attachment["containerName"], int(attachment["containerPort"])) == ("api", 8000)


def test_ecs_9_logs_are_kept_for_seven_days(api: Any) -> None:
    groups = api("logs").describe_log_groups(logGroupNamePrefix=f"/ecs/{NAME}-api")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [7]


# --- GPU box ----------------------------------------------------------------------------------------------------------


def instance(api: Any, out: Mapping[str, str]) -> dict[str, Any]:
    answer = api("ec2").describe_instances(InstanceIds=[out["ModelServerInstanceId"]])
    return dict(answer["Reservations"][0]["Instances"][0])


def test_gpu_1_instance(api: Any, out: Mapping[str, str]) -> None:
    box = instance(api, out)
    assert box["InstanceType"] == "g4dn.xlarge"
    assert box["SubnetId"] == out["PrivateSubnet1Id"]
    assert box["KeyName"] == "model-server-key"
    assert not box.get("PublicIpAddress")
    assert box["Monitoring"]["State"] == "disabled"


def test_gpu_3_and_4_root_volume_is_encrypted_gp3(api: Any, out: Mapping[str, str]) -> None:
    ids = [each["Ebs"]["VolumeId"] for each in instance(api, out)["BlockDeviceMappings"]]
    (volume,) = api("ec2").describe_volumes(VolumeIds=ids)["Volumes"]
    assert (volume["VolumeType"], volume["Size"], volume["Iops"]) == ("gp3", 50, 3000)
    assert volume["Encrypted"] is True


def test_gpu_5_instance_profile(api: Any, out: Mapping[str, str]) -> None:
    assert instance(api, out)["IamInstanceProfile"]["Arn"].endswith("/model-server-role")
    profile = api("iam").get_instance_profile(InstanceProfileName="model-server-role")["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == ["model-server-role"]


# --- S3 ---------------------------------------------------------------------------------------------------------------

BUCKETS = ("FrontendBucketName", "VideoBucketName", "CloudFrontLogsBucketName", "ArtifactsBucketName")


@pytest.mark.parametrize("output", BUCKETS)
def test_s3_1_to_3_public_access_is_blocked(api: Any, out: Mapping[str, str], output: str) -> None:
    block = api("s3").get_public_access_block(Bucket=out[output])["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}


def test_s3_1_to_3_names_end_in_eight_characters_of_the_stack_id(out: Mapping[str, str]) -> None:
    for output, middle in zip(BUCKETS, ("frontend", "video-storage", "cloudfront-logs"), strict=False):
        random = out[output].removeprefix(f"{NAME}-{middle}-")
        assert len(random) == 8
        assert set(random) <= set("0123456789abcdef")


def test_s3_2_video_bucket_is_versioned(api: Any, out: Mapping[str, str]) -> None:
    assert api("s3").get_bucket_versioning(Bucket=out["VideoBucketName"])["Status"] == "Enabled"


@pytest.mark.parametrize("output", BUCKETS)
def test_s3_4_objects_are_encrypted_by_default(api: Any, out: Mapping[str, str], output: str) -> None:
    answer = api("s3").get_bucket_encryption(Bucket=out[output])["ServerSideEncryptionConfiguration"]
    (rule,) = answer["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert not rule.get("BucketKeyEnabled")


def test_s3_5_cors(api: Any, out: Mapping[str, str]) -> None:
    (rule,) = api("s3").get_bucket_cors(Bucket=out["VideoBucketName"])["CORSRules"]
    assert rule["AllowedHeaders"] == ["*"]
    assert rule["AllowedMethods"] == ["GET", "POST", "PUT", "DELETE"]
    assert rule["AllowedOrigins"] == ["*"]
    assert rule["ExposeHeaders"] == ["ETag"]
    assert rule["MaxAgeSeconds"] == 3000


# --- CloudFront -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def distribution(api: Any, out: Mapping[str, str]) -> dict[str, Any]:
    return dict(api("cloudfront").get_distribution_config(Id=out["DistributionId"])["DistributionConfig"])


def behaviour(distribution: dict[str, Any], pattern: str) -> dict[str, Any]:
    (found,) = [each for each in distribution["CacheBehaviors"]["Items"] if each["PathPattern"] == pattern]
    return dict(found)


def test_cdn_1_distribution(distribution: dict[str, Any]) -> None:
    assert distribution["Enabled"] is True
    assert distribution["PriceClass"] == "PriceClass_100"
    assert distribution["HttpVersion"] == "http2"
    assert distribution["IsIPV6Enabled"] is True
    assert distribution["DefaultRootObject"] == "index.html"


def test_cdn_2_to_4_origins(distribution: dict[str, Any], out: Mapping[str, str]) -> None:
    origins = {each["Id"]: each for each in distribution["Origins"]["Items"]}
    assert set(origins) == {"S3-frontend-bucket", "S3-video-bucket", f"ALB-{NAME}-alb"}
    assert origins["S3-frontend-bucket"]["DomainName"] == out["FrontendBucketRegionalDomainName"]
    assert origins["S3-video-bucket"]["DomainName"] == out["VideoBucketRegionalDomainName"]
    assert origins["S3-frontend-bucket"]["OriginAccessControlId"] == origins["S3-video-bucket"]["OriginAccessControlId"]
    alb = origins[f"ALB-{NAME}-alb"]
    assert alb["DomainName"] == out["AlbDnsName"]
    assert alb["CustomOriginConfig"]["OriginProtocolPolicy"] == "http-only"
    assert int(alb["CustomOriginConfig"]["HTTPPort"]) == 80


def test_cdn_5_default_behaviour(distribution: dict[str, Any]) -> None:
    default = distribution["DefaultCacheBehavior"]
    assert default["TargetOriginId"] == "S3-frontend-bucket"
    assert default["ViewerProtocolPolicy"] == "redirect-to-https"
    assert default["Compress"] is True
    assert default["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"


def test_cdn_6_api_behaviour(distribution: dict[str, Any]) -> None:
    api_behaviour = behaviour(distribution, "/api/*")
    assert api_behaviour["TargetOriginId"] == f"ALB-{NAME}-alb"
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


def test_cdn_9_origin_access_control(api: Any) -> None:
    items = api("cloudfront").list_origin_access_controls()["OriginAccessControlList"]["Items"]
    (control,) = [each for each in items if each["Name"] == "s3-oac"]
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
def test_iam_1_to_3_trust(api: Any, role: str, service: str) -> None:
    document = api("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    assert document["Statement"][0]["Principal"] == {"Service": service}


def test_iam_1_execution_role_has_the_managed_policy(api: Any) -> None:
    attached = api("iam").list_attached_role_policies(RoleName="ecs-task-execution-role")["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == ["AmazonECSTaskExecutionRolePolicy"]


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        ("ecs-task-role", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]),
        ("model-server-role", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]),
    ],
)
def test_iam_2_and_3_video_bucket(api: Any, out: Mapping[str, str], role: str, actions: list[str]) -> None:
    document = api("iam").get_role_policy(RoleName=role, PolicyName="video-bucket")["PolicyDocument"]
    (statement,) = document["Statement"]
    assert statement["Action"] == actions
    assert statement["Resource"] == [out["VideoBucketArn"], f"{out['VideoBucketArn']}/*"]


# --- load balancer ----------------------------------------------------------------------------------------------------


def test_alb_1_load_balancer(api: Any, out: Mapping[str, str]) -> None:
    elb = api("elbv2")
    balancer = elb.describe_load_balancers(Names=[f"{NAME}-alb"])["LoadBalancers"][0]
    assert balancer["Scheme"] == "internet-facing"
    assert balancer["IpAddressType"] == "ipv4"
    assert {zone["SubnetId"] for zone in balancer["AvailabilityZones"]} == {
        out["PublicSubnet1Id"],
        out["PublicSubnet2Id"],
    }
    assert balancer["SecurityGroups"] == [out["AlbSecurityGroupId"]]


def test_alb_1_and_5_attributes(api: Any, out: Mapping[str, str]) -> None:
    elb = api("elbv2")
    arn = elb.describe_load_balancers(Names=[f"{NAME}-alb"])["LoadBalancers"][0]["LoadBalancerArn"]
    answer = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    attributes = {each["Key"]: each["Value"] for each in answer}
    assert attributes["deletion_protection.enabled"] == "false"
    assert attributes["access_logs.s3.enabled"] == "true"
    assert attributes["access_logs.s3.bucket"] == out["AlbLogsBucketName"]


def test_alb_2_listener(api: Any, out: Mapping[str, str]) -> None:
    elb = api("elbv2")
    arn = elb.describe_load_balancers(Names=[f"{NAME}-alb"])["LoadBalancers"][0]["LoadBalancerArn"]
    (listener,) = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    assert (listener["Protocol"], int(listener["Port"])) == ("HTTP", 80)
    (action,) = listener["DefaultActions"]
    assert (action["Type"], action["TargetGroupArn"]) == ("forward", out["ApiTargetGroupArn"])


def test_alb_3_and_4_target_group(api: Any, out: Mapping[str, str]) -> None:
    group = api("elbv2").describe_target_groups(TargetGroupArns=[out["ApiTargetGroupArn"]])["TargetGroups"][0]
    assert group["TargetGroupName"] == f"{NAME}-api-tg"
    assert (group["TargetType"], group["Protocol"], int(group["Port"])) == ("ip", "HTTP", 8000)
    assert group["VpcId"] == out["VpcId"]
    assert group["HealthCheckPath"] == "/health"
    numbers = ("HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthyThresholdCount")
    assert [int(group[key]) for key in numbers] == [30, 5, 5]
    assert int(group["UnhealthyThresholdCount"]) == 2
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


def test_the_box_state_is_published_under_its_hash(api: Any, out: Mapping[str, str]) -> None:
    s3 = api("s3")
    keys = {each["Key"] for each in s3.list_objects_v2(Bucket=out["ArtifactsBucketName"])["Contents"]}
    assert "serve/dev/desired.json" in keys
    # The agent's, and one of each app.
    assert len([key for key in keys if key.startswith("serve/dev/packages/")]) == 1 + len(SERVE_APPS)
