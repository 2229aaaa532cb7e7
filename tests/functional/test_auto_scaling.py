"""Auto Scaling's stand-in: a group's boxes boot, serve behind the load balancer, drain and are replaced."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from generator.local.emulator import Emulator
from generator.local.gpu_box import GpuBox, Tools
from tests.functional.conftest import Stacks
from tests.functional.fleet import Fleet, eventually

ROOT = Path(__file__).resolve().parents[2]
GROUP = "boxes"
USER_DATA = f"""#!/bin/bash
mkdir -p "$ECG_ROOT/etc/systemd/system/box.service.d"
cat > "$ECG_ROOT/etc/systemd/system/box.service" <<END
[Service]
Environment="PYTHONPATH={ROOT}{os.pathsep}{ROOT / "services/ray_serve"}" ECG_HURRIED_READING_S=1.2
ExecStart=/usr/bin/env python -m tests.functional.hurried_box
TimeoutStopSec=2
END
printf '[Service]\\nEnvironment=ECG_GROUP={GROUP}\\n' > "$ECG_ROOT/etc/systemd/system/box.service.d/group.conf"
systemctl enable --now box # VERSION
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Not the one that dev is in, whose box would boot here."""
    with Emulator(tmp_path_factory.mktemp("groups")) as running:
        yield running


@pytest.fixture(scope="module")
def host(emulator: Emulator) -> Iterator[GpuBox]:
    running = GpuBox(emulator.connection, emulator.state_dir, Tools(ROOT / ".venv-aws/bin", ROOT / ".venv"))
    running.start()
    yield running
    running.stop()


def _resources(version: int = 1, **properties: Any) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    mayor = {"Effect": "Allow", "Action": "autoscaling:CompleteLifecycleAction", "Resource": "*"}
    policy = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [mayor]}}
    subnets = {
        f"Subnet{zone}": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "CidrBlock": f"10.9.{number}.0/24",
                "AvailabilityZone": f"us-east-1{zone.lower()}",
            },
        }
        for number, zone in enumerate("AB")
    }
    both = [{"Ref": name} for name in subnets]
    hooks = [("ready", "LAUNCHING", "ABANDON"), ("drained", "TERMINATING", "CONTINUE")]
    return {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
        **subnets,
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "Policies": [policy],
            },
        },
        "Profile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "Role"}]}},
        "Template": {
            "Type": "AWS::EC2::LaunchTemplate",
            "Properties": {
                "LaunchTemplateData": {
                    "ImageId": "ami-0123456789abcdef0",
                    "InstanceType": "g4dn.xlarge",
                    "IamInstanceProfile": {"Arn": {"Fn::GetAtt": ["Profile", "Arn"]}},
                    "UserData": {"Fn::Base64": USER_DATA.replace("VERSION", str(version))},
                    "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "box"}]}],
                }
            },
        },
        "Balancer": {
            "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "Properties": {"Scheme": "internal", "Subnets": both},
        },
        "Targets": {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {
                "TargetType": "instance",
                "Protocol": "HTTP",
                "Port": 8080,
                "VpcId": {"Ref": "Vpc"},
                "HealthCheckPath": "/-/healthz",
                "HealthCheckIntervalSeconds": 1,
                "HealthyThresholdCount": 2,
                "UnhealthyThresholdCount": 2,
                "TargetGroupAttributes": [
                    {"Key": "load_balancing.algorithm.type", "Value": "least_outstanding_requests"},
                    {"Key": "deregistration_delay.timeout_seconds", "Value": "30"},
                ],
            },
        },
        "Listener": {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {
                "LoadBalancerArn": {"Ref": "Balancer"},
                "Port": 8080,
                "Protocol": "HTTP",
                "DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Targets"}}],
            },
        },
        "Group": {
            "Type": "AWS::AutoScaling::AutoScalingGroup",
            "Properties": {
                "AutoScalingGroupName": GROUP,
                "MinSize": 1,
                "MaxSize": 4,
                "VPCZoneIdentifier": both,
                "TargetGroupARNs": [{"Ref": "Targets"}],
                "HealthCheckType": "ELB",
                "HealthCheckGracePeriod": 1,
                "InstanceMaintenancePolicy": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200},
                "MixedInstancesPolicy": {
                    "InstancesDistribution": {"OnDemandBaseCapacity": 2},
                    "LaunchTemplate": {
                        "LaunchTemplateSpecification": {
                            "LaunchTemplateId": {"Ref": "Template"},
                            "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]},
                        },
                        "Overrides": [{"InstanceType": "g5.xlarge"}, {"InstanceType": "g4dn.xlarge"}],
                    },
                },
                "LifecycleHookSpecificationList": [
                    {
                        "LifecycleHookName": name,
                        "LifecycleTransition": f"autoscaling:EC2_INSTANCE_{moment}",
                        "HeartbeatTimeout": 60,
                        "DefaultResult": otherwise,
                    }
                    for name, moment, otherwise in hooks
                ],
                **properties,
            },
        },
        "Pool": {
            "Type": "AWS::AutoScaling::WarmPool",
            "Properties": {"AutoScalingGroupName": {"Ref": "Group"}, "MinSize": version, "PoolState": "Stopped"},
        },
    }


OUTPUTS = {"Name": {"Fn::GetAtt": ["Balancer", "DNSName"]}}


def test_where_nobody_boots_boxes_a_group_is_kept_changed_and_deleted_as_records(
    emulator: Emulator, stacks: Stacks
) -> None:
    fleet = Fleet(emulator, GROUP, stacks.put("records", _resources(), OUTPUTS)["Name"])
    eventually(lambda: list(fleet.states().values()) == ["Pending:Wait"])
    stacks.put("records", _resources(version=2, MaxSize=3), OUTPUTS)
    [group] = fleet.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"]
    assert (group["MaxSize"], group["DesiredCapacity"], len(group["AvailabilityZones"])) == (3, 1, 2)
    [refresh] = fleet.scaling.describe_instance_refreshes(AutoScalingGroupName=GROUP)["InstanceRefreshes"]
    assert refresh["Status"] == "InProgress"
    hooks = fleet.scaling.describe_lifecycle_hooks(AutoScalingGroupName=GROUP)["LifecycleHooks"]
    assert [one["LifecycleHookName"] for one in hooks] == ["ready", "drained"]
    stacks.delete("records")
    assert fleet.instances() == {}
    assert fleet.scaling.describe_lifecycle_hooks(AutoScalingGroupName=GROUP)["LifecycleHooks"] == []


def test_a_group_keeps_its_boxes_serving_while_they_come_go_and_die(
    host: GpuBox, emulator: Emulator, stacks: Stacks
) -> None:
    fleet = Fleet(emulator, GROUP, stacks.put("fleet", _resources(), OUTPUTS)["Name"])
    fleet.scale(2)
    first = fleet.await_serving(2)
    boxes = fleet.instances()
    assert {boxes[name]["Placement"]["AvailabilityZone"] for name in first} == {"us-east-1a", "us-east-1b"}
    assert {boxes[name]["InstanceType"] for name in first} == {"g5.xlarge"}
    assert all({"Key": "Name", "Value": "box"} in boxes[name]["Tags"] for name in first)
    with ThreadPoolExecutor(4) as readers:
        read_by = list(readers.map(fleet.read, map(str, range(4))))
    assert set(read_by) == {boxes[name]["PrivateIpAddress"] for name in first}

    with pytest.raises(ClientError, match="No active Lifecycle Action"):
        fleet.scaling.complete_lifecycle_action(
            AutoScalingGroupName=GROUP,
            LifecycleHookName="ready",
            InstanceId=min(first),
            LifecycleActionResult="CONTINUE",
        )

    # One dies in the middle of its readings: they break off, and another takes its place.
    lost = min(first)
    with ThreadPoolExecutor(4) as readers:
        readings = [readers.submit(fleet.read, f"again-{number}") for number in range(4)]
        time.sleep(0.4)
        host.lose(lost)
        broken = [reading for reading in readings if reading.exception()]
    assert broken
    second = fleet.await_serving(2)
    assert lost not in second

    # One fewer: who goes ends what it reads before it drains.
    with ThreadPoolExecutor(4) as readers:
        readings = [readers.submit(fleet.read, f"end-{number}") for number in range(4)]
        time.sleep(0.4)
        fleet.scale(1)
        eventually(lambda: len(fleet.serving()) == 1)
        [going] = second - fleet.serving()
        note = emulator.state_dir / f"{going}.drained"  # its disk goes with it
        eventually(note.exists)
        assert note.read_text(encoding="utf-8") == "0"
        assert [reading.exception() for reading in readings] == [None] * 4
    kept = fleet.await_serving(1)
    assert kept == second - {going}

    # New user data: the box is replaced, the new one first, while readings go on.
    with ThreadPoolExecutor(1) as worker:
        update = worker.submit(stacks.put, "fleet", _resources(version=2), OUTPUTS)
        for number in itertools.count():
            fleet.read(f"refresh-{number}")
            assert fleet.serving()
            if update.done():
                break
        update.result()
    assert fleet.await_serving(1).isdisjoint(kept)
    [refresh] = fleet.scaling.describe_instance_refreshes(AutoScalingGroupName=GROUP)["InstanceRefreshes"]
    assert (refresh["Status"], refresh["PercentageComplete"]) == ("Successful", 100)
    pool = fleet.scaling.describe_warm_pool(AutoScalingGroupName=GROUP)
    assert (pool["WarmPoolConfiguration"]["MinSize"], pool["Instances"]) == (2, [])

    stacks.delete("fleet")
    assert fleet.instances() == {}
    assert fleet.scaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    eventually(fleet.refuses)
