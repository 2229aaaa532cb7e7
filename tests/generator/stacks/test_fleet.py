"""A fleet of GPU boxes instead of one: docs/decisions/0008-fleet.md."""

from dataclasses import replace
from typing import Any

import pytest

from generator.environments.dev import ENVIRONMENT as DEV
from generator.model.environment import Environment, Fleet
from generator.model.wiring import wire
from generator.parts.user_data import user_data
from generator.stacks import STACKS, literals
from tests.generator.stacks.built import Built, build

FLEET = Fleet(
    minimum=2,
    maximum=6,
    instance_types=("g4dn.xlarge", "g5.xlarge"),
    spot_percent=75,
    on_demand=1,
    waiting_per_box=8,
    warm=0,
    healthy_percent=90,
    drain_seconds=120,
)


def environment(**changes: Any) -> Environment:
    server = replace(DEV.model_server, fleet=replace(FLEET, **changes))
    return replace(DEV, name="prod", model_server=server)


@pytest.fixture(scope="module")
def prod() -> Built:
    return build(environment())


def group(built: Built) -> dict[str, Any]:
    return built.properties("model-server", "Fleet")


def test_the_boxes_stand_in_all_private_subnets_behind_one_internal_load_balancer(prod: Built) -> None:
    balancer = prod.properties("model-server", "ModelBalancer")
    assert group(prod)["VPCZoneIdentifier"] == balancer["Subnets"] == ["${PrivateSubnet1Id}", "${PrivateSubnet2Id}"]
    assert balancer["Scheme"] == "internal"
    assert group(prod)["TargetGroupARNs"] == ["${ModelTargetGroup}"]
    assert (group(prod)["MinSize"], group(prod)["MaxSize"]) == ("2", "6")
    assert prod.of_type("AWS::EC2::Instance") == {}


def test_the_api_asks_the_load_balancer_and_alarms_watch_the_group(prod: Built) -> None:
    [container] = prod.properties("api", "ApiTaskDefinition")["ContainerDefinitions"]
    variables = {one["Name"]: one["Value"] for one in container["Environment"]}
    assert variables["MODEL_SERVER_URL"] == "http://${ModelServerDnsName}:8080"
    assert prod.outputs("model-server")["ModelServerDnsName"] == "${ModelBalancer.DNSName}"
    [dimension] = prod.properties("observability", "ModelServerStatus")["Dimensions"]
    assert dimension == {"Name": "AutoScalingGroupName", "Value": "${ModelServerGroupName}"}


@pytest.mark.parametrize("warm", [0, 1])
def test_every_parameter_of_every_stack_has_its_source(warm: int) -> None:
    single = {"instance_types": ("g4dn.xlarge",), "spot_percent": 0} if warm else {}
    made = environment(warm=warm, **single)
    templates = {name: stack(made) for name, stack in STACKS.items()}
    given = {"api": {"ImageTag": ""}, "cdn": {"PageScripts": ""}, **literals(made)}
    assert wire(
        {name: set(one.parameters) - set(given.get(name, ())) for name, one in templates.items()},
        {name: set(one.outputs) for name, one in templates.items()},
    )


def test_a_request_reaches_a_box_from_the_api_alone_through_the_balancer(prod: Built) -> None:
    balancer = prod.properties("model-server", "ModelBalancerSecurityGroup")
    ends = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080}
    assert balancer["SecurityGroupIngress"] == [{**ends, "SourceSecurityGroupId": "${EcsSecurityGroupId}"}]
    assert balancer["SecurityGroupEgress"] == [{**ends, "DestinationSecurityGroupId": "${ModelServerSecurityGroupId}"}]
    assert prod.properties("model-server", "ModelServerIngressFromBalancer") == {
        **ends,
        "GroupId": "${ModelServerSecurityGroupId}",
        "SourceSecurityGroupId": "${ModelBalancerSecurityGroup}",
    }


def test_the_box_with_fewest_readings_under_way_gets_the_next_one_and_may_finish_them(prod: Built) -> None:
    attributes = {
        one["Key"]: one["Value"] for one in prod.properties("model-server", "ModelTargetGroup")["TargetGroupAttributes"]
    }
    assert attributes["load_balancing.algorithm.type"] == "least_outstanding_requests"
    assert attributes["deregistration_delay.timeout_seconds"] == "120"


def test_a_box_comes_into_service_and_goes_when_its_agent_says_so(prod: Built) -> None:
    ready, drained = group(prod)["LifecycleHookSpecificationList"]
    assert (ready["LifecycleHookName"], ready["DefaultResult"]) == ("ready", "ABANDON")
    assert ready["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_LAUNCHING"
    assert (drained["LifecycleHookName"], drained["DefaultResult"]) == ("drained", "CONTINUE")
    assert drained["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert drained["HeartbeatTimeout"] > FLEET.drain_seconds


def test_a_box_may_complete_its_own_groups_hooks_and_read_what_the_others_report(prod: Built) -> None:
    *_, complete, read, listed = prod.statements("model-server", "ModelServerRole")
    assert complete["Action"] == ["autoscaling:CompleteLifecycleAction"]
    [resource] = complete["Resource"]
    assert resource.endswith(":autoScalingGroup:*:autoScalingGroupName/ecg-project-pipeline-prod-model-server")
    assert group(prod)["AutoScalingGroupName"] == "ecg-project-pipeline-prod-model-server"
    assert read == {
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": ["${ArtifactsBucketArn}/observed/prod/boxes/*"],
    }
    assert listed["Condition"] == {"StringEquals": {"s3:prefix": "observed/prod/boxes/"}}


def test_a_new_launch_template_is_an_instance_refresh_that_keeps_most_boxes_in_service(prod: Built) -> None:
    assert prod.resource("model-server", "Fleet")["UpdatePolicy"] == {
        "AutoScalingInstanceRefresh": {"Strategy": "Rolling"}
    }
    assert group(prod)["InstanceMaintenancePolicy"]["MinHealthyPercentage"] == 90
    specification = group(prod)["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]
    assert specification["Version"] == "${FleetLaunchTemplate.LatestVersionNumber}"


@pytest.mark.parametrize(
    ("minimum", "healthy", "most"), [(1, 100, 200), (2, 100, 150), (3, 100, 134), (10, 90, 110), (1, 50, 150)]
)
def test_a_refresh_has_room_for_a_new_box_before_an_old_one_goes(minimum: int, healthy: int, most: int) -> None:
    """At Auto Scaling's own 100 % a group of two would fall to one, whatever the minimum says."""
    made = build(environment(minimum=minimum, maximum=10, healthy_percent=healthy))
    assert group(made)["InstanceMaintenancePolicy"] == {"MinHealthyPercentage": healthy, "MaxHealthyPercentage": most}


def test_spot_is_a_setting_and_some_boxes_are_never_spot(prod: Built) -> None:
    policy = group(prod)["MixedInstancesPolicy"]
    assert policy["InstancesDistribution"]["OnDemandBaseCapacity"] == 1
    assert policy["InstancesDistribution"]["OnDemandPercentageAboveBaseCapacity"] == 25
    assert [one["InstanceType"] for one in policy["LaunchTemplate"]["Overrides"]] == ["g4dn.xlarge", "g5.xlarge"]
    assert group(prod)["CapacityRebalance"] is True


def test_a_warm_pool_is_a_setting_of_a_fleet_of_one_kind() -> None:
    made = build(environment(warm=1, spot_percent=0, instance_types=("g4dn.xlarge",)))
    assert "MixedInstancesPolicy" not in group(made)
    pool = made.properties("model-server", "FleetWarmPool")
    assert (pool["MinSize"], pool["PoolState"]) == (1, "Stopped")


def test_there_are_more_boxes_while_more_videos_wait_for_each(prod: Built) -> None:
    policy = prod.properties("model-server", "FleetFollowsTheQueue")["TargetTrackingConfiguration"]
    assert policy["TargetValue"] == 8
    *measured, each = policy["CustomizedMetricSpecification"]["Metrics"]
    names = {one["Id"]: one["MetricStat"]["Metric"]["MetricName"] for one in measured}
    assert names == {"waiting": "ApproximateNumberOfMessagesVisible", "boxes": "GroupInServiceInstances"}
    assert each["Expression"] == "waiting / IF(boxes < 1, 1, boxes)"
    assert [one.get("ReturnData") for one in (*measured, each)] == [False, False, True]
    # Nothing else sets the number: an update would put it back.
    assert "DesiredCapacity" not in group(prod)


def test_a_box_hands_out_credentials_only_for_a_token(prod: Built) -> None:
    data = prod.properties("model-server", "FleetLaunchTemplate")["LaunchTemplateData"]
    assert data["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }


def test_a_box_of_a_fleet_knows_its_group_and_is_otherwise_a_box_like_any() -> None:
    alone, member = user_data(), user_data("some-group")
    added = [line for line in member.splitlines() if line not in alone.splitlines()]
    assert [line for line in alone.splitlines() if line not in member.splitlines()] == []
    assert "ECG_GROUP=%s" in added[-1]
    assert "'some-group'" in added[-1]
