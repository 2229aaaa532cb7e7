"""The specification, read back from the services after each environment was deployed to an embedded AWS.

`CREATE_COMPLETE` proves little in an emulator, so each setting is asked of the service that keeps it; prod is asked for
the hardened counterpart (specified.py). What the emulator does not keep is asserted against the templates alone
(tests/generator/stacks) and listed in docs/local.md. test_deployed_front.py has what stands before the network.
"""

from collections.abc import Mapping
from typing import Any

from generator.parts.model_server import host
from generator.sync.progress import Action
from tests.functional.conftest import Deployed
from tests.functional.specified import ANYWHERE, Specified


def test_every_stack_is_created(environment: Deployed) -> None:
    assert set(environment.first.actions.values()) == {Action.CREATED}
    assert len(environment.first.actions) == 12


def test_applying_again_changes_nothing_and_leaves_no_change_set(environment: Deployed, api: Any) -> None:
    assert not environment.apply().changed
    cloudformation = api("cloudformation")
    left = [
        summary["ChangeSetName"]
        for stack in environment.first.actions
        for summary in cloudformation.list_change_sets(StackName=f"{environment.prefix}-{stack}")["Summaries"]
        if summary["ExecutionStatus"] not in ("EXECUTE_COMPLETE", "OBSOLETE")
    ]
    assert left == []


# --- network ----------------------------------------------------------------------------------------------------------


def test_net_1_vpc(api: Any, out: Mapping[str, str], specified: Specified) -> None:
    ec2 = api("ec2")
    vpc = ec2.describe_vpcs(VpcIds=[out["VpcId"]])["Vpcs"][0]
    assert vpc["CidrBlock"] == specified.vpc
    assert vpc["InstanceTenancy"] == "default"
    assert not vpc.get("Ipv6CidrBlockAssociationSet")
    for attribute in ("enableDnsHostnames", "enableDnsSupport"):
        answer = ec2.describe_vpc_attribute(VpcId=out["VpcId"], Attribute=attribute)
        assert answer[attribute[0].upper() + attribute[1:]]["Value"] is True


def test_net_2_and_3_subnets(api: Any, out: Mapping[str, str], specified: Specified) -> None:
    for output, cidr, zone, public in specified.subnets:
        subnet = api("ec2").describe_subnets(SubnetIds=[out[output]])["Subnets"][0]
        found = (subnet["CidrBlock"], subnet["AvailabilityZone"], subnet["MapPublicIpOnLaunch"])
        assert found == (cidr, zone, public and specified.public_addresses)


def routes(api: Any, subnet: str) -> list[dict[str, Any]]:
    tables = api("ec2").describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
    return [r for table in tables["RouteTables"] for r in table["Routes"] if r.get("DestinationCidrBlock") == ANYWHERE]


def test_net_4_public_subnets_route_to_the_internet_gateway(
    api: Any, out: Mapping[str, str], specified: Specified
) -> None:
    for output in specified.outputs_of(public=True):
        (route,) = routes(api, out[output])
        assert route["GatewayId"].startswith("igw-")


def test_net_5_and_6_each_private_subnet_has_the_nat_gateway_of_its_zone(
    api: Any, out: Mapping[str, str], specified: Specified
) -> None:
    ec2 = api("ec2")
    private, public = specified.outputs_of(public=False), specified.outputs_of(public=True)
    for inside, outside in zip(private, public, strict=True):
        (route,) = routes(api, out[inside])
        gateway = ec2.describe_nat_gateways(NatGatewayIds=[route["NatGatewayId"]])["NatGateways"][0]
        assert gateway["SubnetId"] == out[outside]
        assert gateway.get("ConnectivityType", "public") == "public"
    # The emulator keeps the addresses, but not which gateway has which.
    assert len(ec2.describe_addresses()["Addresses"]) == len(public)


# --- security groups --------------------------------------------------------------------------------------------------


def ingress(api: Any, group: str) -> set[tuple[int, int, str]]:
    found = api("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    return {
        (rule["FromPort"], rule["ToPort"], source)
        for rule in found["IpPermissions"]
        for source in [
            *(each["CidrIp"] for each in rule.get("IpRanges", ())),
            *(each["GroupId"] for each in rule.get("UserIdGroupPairs", ())),
            *(each["PrefixListId"] for each in rule.get("PrefixListIds", ())),
        ]
    }


def test_sg_1_alb_group(api: Any, out: Mapping[str, str], specified: Specified) -> None:
    assert ingress(api, out["AlbSecurityGroupId"]) == specified.web


def test_sg_2_and_4_ecs_group_admits_the_alb_and_the_model_server(api: Any, out: Mapping[str, str]) -> None:
    assert ingress(api, out["EcsSecurityGroupId"]) == {
        (8000, 8000, out["AlbSecurityGroupId"]),
        (8000, 8000, out["ModelServerSecurityGroupId"]),
    }


def test_sg_3_and_4_model_server_group_admits_ecs_and_ssh(
    api: Any, environment: Deployed, out: Mapping[str, str], specified: Specified
) -> None:
    """And, where there is a fleet, the load balancer before it, which is in the same group or in one of its own."""
    found = ingress(api, out["ModelServerSecurityGroupId"])
    balancers = _balancer_groups(api, environment) if environment.settings.model_server.fleet else []
    asking = {out["EcsSecurityGroupId"], *balancers}
    assert found == {*((8080, 8080, group) for group in asking), *specified.ssh}


def _balancer_groups(api: Any, environment: Deployed) -> list[str]:
    found = api("elbv2").describe_load_balancers()["LoadBalancers"]
    [internal] = [one for one in found if one["Scheme"] == "internal"]
    assert internal["DNSName"] == environment.outputs["ModelServerDnsName"]
    return list(internal["SecurityGroups"])


# --- ECR and ECS ------------------------------------------------------------------------------------------------------


def test_ecs_1_repository(api: Any, environment: Deployed, specified: Specified) -> None:
    repository = api("ecr").describe_repositories(repositoryNames=[f"{environment.prefix}-api"])["repositories"][0]
    assert repository["imageTagMutability"] == specified.tags
    assert repository["imageScanningConfiguration"]["scanOnPush"] is True


def test_the_image_is_at_the_address_that_the_task_definition_names(api: Any, environment: Deployed) -> None:
    tag = container(api, environment.outputs)["image"].rpartition(":")[2]
    repository = f"{environment.prefix}-api"
    images = api("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
    assert tag.startswith("src-")
    assert len(images) == 1


def task_definition(api: Any, out: Mapping[str, str]) -> dict[str, Any]:
    answer = api("ecs").describe_task_definition(taskDefinition=out["ApiTaskDefinitionArn"])
    return dict(answer["taskDefinition"])


def container(api: Any, out: Mapping[str, str]) -> dict[str, Any]:
    (only,) = task_definition(api, out)["containerDefinitions"]
    return dict(only)


def test_ecs_2_cluster(api: Any, environment: Deployed) -> None:
    name = f"{environment.prefix}-cluster"
    cluster = api("ecs").describe_clusters(clusters=[name], include=["CONFIGURATIONS"])["clusters"][0]
    assert cluster["capacityProviders"] == ["FARGATE"]


def test_ecs_3_task_definition(api: Any, out: Mapping[str, str], specified: Specified) -> None:
    task = task_definition(api, out)
    assert (task["cpu"], task["memory"], task["networkMode"]) == (specified.cpu, specified.memory, "awsvpc")
    assert task["executionRoleArn"].endswith(f":role/{specified.role}ecs-task-execution-role")
    assert task["taskRoleArn"].endswith(f":role/{specified.role}ecs-task-role")


def test_ecs_4_container(api: Any, out: Mapping[str, str], specified: Specified) -> None:
    api_container = container(api, out)
    assert api_container["name"] == "api"
    assert api_container["portMappings"][0]["containerPort"] == 8000
    assert api_container["essential"] is True
    assert int(api_container["memoryReservation"]) == specified.reservation
    assert api_container.get("readonlyRootFilesystem", False) is specified.read_only
    assert int(api_container.get("cpu", 0)) == 0
    assert "memory" not in api_container


def test_ecs_5_environment(api: Any, environment: Deployed, out: Mapping[str, str]) -> None:
    values = {each["name"]: each["value"] for each in container(api, out)["environment"]}
    assert values["AWS_DEFAULT_REGION"] == "us-east-1"
    assert values["S3_BUCKET_NAME"] == out["VideoBucketName"]
    assert values["MODEL_SERVER_URL"] == f"http://{out[host(environment.settings)]}:8080"


def test_ecs_6_health_check(api: Any, out: Mapping[str, str]) -> None:
    check = container(api, out)["healthCheck"]
    assert check["command"] == ["CMD-SHELL", "curl -f http://localhost:8000/health"]
    assert [int(check[key]) for key in ("interval", "timeout", "retries", "startPeriod")] == [30, 5, 3, 0]


def test_ecs_7_and_8_service(api: Any, environment: Deployed, specified: Specified) -> None:
    name, out = environment.prefix, environment.outputs
    service = api("ecs").describe_services(cluster=f"{name}-cluster", services=[f"{name}-api"])["services"][0]
    assert service["launchType"] == "FARGATE"
    assert service["desiredCount"] == specified.desired
    limits = service["deploymentConfiguration"]
    assert (int(limits["maximumPercent"]), int(limits["minimumHealthyPercent"])) == (200, specified.healthy_percent)
    place = service["networkConfiguration"]["awsvpcConfiguration"]
    assert set(place["subnets"]) == {out[each] for each in specified.outputs_of(public=False)}
    assert place["assignPublicIp"] == "DISABLED"
    (attachment,) = service["loadBalancers"]
    assert attachment["targetGroupArn"] == out["ApiTargetGroupArn"]
    assert (attachment["containerName"], int(attachment["containerPort"])) == ("api", 8000)


def test_ecs_9_logs_are_kept_as_long_as_specified(api: Any, environment: Deployed, specified: Specified) -> None:
    groups = api("logs").describe_log_groups(logGroupNamePrefix=f"/ecs/{environment.prefix}-api")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [specified.log_days]


# --- GPU box ----------------------------------------------------------------------------------------------------------


def instance(api: Any, out: Mapping[str, str]) -> dict[str, Any]:
    """The box, or one of the fleet's."""
    if group := out.get("ModelServerGroupName"):
        [found] = api("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
        box = found["Instances"][0]["InstanceId"]
    else:
        box = out["ModelServerInstanceId"]
    answer = api("ec2").describe_instances(InstanceIds=[box])
    return dict(answer["Reservations"][0]["Instances"][0])


def test_gpu_1_instance(api: Any, environment: Deployed, out: Mapping[str, str], specified: Specified) -> None:
    box = instance(api, out)
    assert box["InstanceType"] == "g4dn.xlarge"
    places = ["PrivateSubnet1Id"] if environment.name == "dev" else specified.outputs_of(public=False)
    assert box["SubnetId"] in {out[each] for each in places}
    assert (box.get("KeyName") or None) == specified.key_pair
    assert not box.get("PublicIpAddress")
    assert box["Monitoring"]["State"] == "disabled"


def test_gpu_3_and_4_root_volume_is_encrypted_gp3(api: Any, out: Mapping[str, str], specified: Specified) -> None:
    ids = [each["Ebs"]["VolumeId"] for each in instance(api, out)["BlockDeviceMappings"]]
    (volume,) = api("ec2").describe_volumes(VolumeIds=ids)["Volumes"]
    assert (volume["VolumeType"], volume["Size"], volume["Iops"]) == ("gp3", specified.volume, 3000)
    assert volume["Encrypted"] is True


def test_gpu_5_instance_profile(api: Any, out: Mapping[str, str], specified: Specified) -> None:
    name = f"{specified.role}model-server-role"
    assert instance(api, out)["IamInstanceProfile"]["Arn"].endswith(f"/{name}")
    profile = api("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == [name]
