"""The twelve CloudFormation types of the plug-in: made, changed and removed where the service's own API sees them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from generator.local.authority import key_pair
from tests.functional.conftest import Client, StackFailed, Stacks


def _tags(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _network() -> dict[str, Any]:
    return {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.9.1.0/24", "AvailabilityZone": "us-east-1b"},
        },
        "Group": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "GroupDescription": "one"},
        },
        "Other": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "GroupDescription": "two"},
        },
    }


def test_an_address_and_its_gateway_live_and_die_with_their_stack(stacks: Stacks, client: Client) -> None:
    def resources(name: str) -> dict[str, Any]:
        return _network() | {
            "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc", "Tags": _tags(Name=name)}},
            "Gateway": {
                "Type": "AWS::EC2::NatGateway",
                "Properties": {
                    "SubnetId": {"Ref": "Subnet"},
                    "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                    "Tags": _tags(Name=name),
                },
            },
        }

    ec2 = client("ec2")
    outputs = {"Ip": {"Ref": "Address"}, "Allocation": {"Fn::GetAtt": ["Address", "AllocationId"]}}
    made = stacks.put("nat", resources("before"), outputs)
    gateway = stacks.physical_id("nat", "Gateway")
    stacks.put("nat", resources("after"), outputs)
    address = ec2.describe_addresses(AllocationIds=[made["Allocation"]])["Addresses"][0]
    found = ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]
    assert address["PublicIp"] == made["Ip"]
    assert (address["Tags"], found["Tags"]) == (_tags(Name="after"), _tags(Name="after"))
    stacks.delete("nat")
    assert made["Allocation"] not in [each["AllocationId"] for each in ec2.describe_addresses()["Addresses"]]
    assert ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]["State"] == "deleted"


def test_standalone_rules_break_the_circle_of_two_groups(stacks: Stacks, client: Client) -> None:
    def rule(group: str, source: str, port: int) -> dict[str, Any]:
        return {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {
                "GroupId": {"Fn::GetAtt": [group, "GroupId"]},
                "SourceSecurityGroupId": {"Fn::GetAtt": [source, "GroupId"]},
                "IpProtocol": "tcp",
                "FromPort": str(port),
                "ToPort": str(port),
            },
        }

    def resources(port: int) -> dict[str, Any]:
        egress = {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "CidrIp": "10.0.0.0/8",
            },
        }
        circle = {"There": rule("Group", "Other", port), "Back": rule("Other", "Group", 8080)}
        return _network() | circle | {"Out": egress}

    ec2 = client("ec2")

    def ports(direction: str) -> list[int]:
        group = ec2.describe_security_groups(GroupIds=[stacks.physical_id("rules", "Group")])["SecurityGroups"][0]
        return sorted(each["FromPort"] for each in group[direction] if "FromPort" in each)

    stacks.put("rules", resources(8000))
    assert (ports("IpPermissions"), ports("IpPermissionsEgress")) == ([8000], [443])
    stacks.put("rules", resources(9000))
    assert ports("IpPermissions") == [9000]
    stacks.put("rules", _network())
    assert (ports("IpPermissions"), ports("IpPermissionsEgress")) == ([], [])


def _instance(**properties: Any) -> dict[str, Any]:
    return _network() | {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        },
        "Profile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "Role"}]}},
        "Pair": {"Type": "AWS::EC2::KeyPair", "Properties": {"KeyName": "box-key"}},
        "Box": {
            "Type": "AWS::EC2::Instance",
            "Properties": {
                "ImageId": "ami-0123456789abcdef0",
                "InstanceType": "t3.micro",
                "KeyName": {"Ref": "Pair"},
                "SubnetId": {"Ref": "Subnet"},
                "SecurityGroupIds": [{"Fn::GetAtt": ["Group", "GroupId"]}],
                "IamInstanceProfile": {"Ref": "Profile"},
                "UserData": {"Fn::Base64": "#!/bin/bash\n"},
                **properties,
            },
        },
    }


def test_an_instance_has_the_disk_the_zone_and_the_address_that_it_asked_for(stacks: Stacks, client: Client) -> None:
    disk = {"VolumeSize": 50, "VolumeType": "gp3", "Iops": 3000, "Encrypted": True, "DeleteOnTermination": True}
    outputs = {"Ip": {"Fn::GetAtt": ["Box", "PrivateIp"]}}
    made = stacks.put("box", _instance(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": disk}]), outputs)
    ec2 = client("ec2")
    box = stacks.physical_id("box", "Box")
    found = ec2.describe_instances(InstanceIds=[box])["Reservations"][0]["Instances"][0]
    volume = ec2.describe_volumes(VolumeIds=[found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"][0]
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (50, "gp3", True)
    assert found["Placement"]["AvailabilityZone"] == "us-east-1b"
    assert not found.get("PublicIpAddress")
    assert found["PrivateIpAddress"] == made["Ip"]
    assert made["Ip"].startswith("127."), "the box must be reachable on this machine"
    assert found["IamInstanceProfile"]["Arn"].endswith(stacks.physical_id("box", "Profile"))


def test_a_launch_template_gives_the_instance_its_disk(stacks: Stacks, client: Client) -> None:
    disk = {"VolumeSize": 60, "VolumeType": "gp3", "Throughput": 125, "Encrypted": True}
    template = {
        "Template": {
            "Type": "AWS::EC2::LaunchTemplate",
            "Properties": {
                "LaunchTemplateName": "box-disk",
                "LaunchTemplateData": {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": disk}]},
            },
        }
    }
    version = {"LaunchTemplateName": "box-disk", "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]}}
    stacks.put("templated", _instance(LaunchTemplate=version) | template)
    ec2 = client("ec2")
    box = stacks.physical_id("templated", "Box")
    found = ec2.describe_instances(InstanceIds=[box])["Reservations"][0]["Instances"][0]
    volume = ec2.describe_volumes(VolumeIds=[found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"][0]
    assert (volume["Size"], volume["Encrypted"]) == (60, True)


def test_user_data_and_type_change_in_place_and_an_image_replaces(stacks: Stacks, client: Client) -> None:
    ec2 = client("ec2")

    def described() -> dict[str, Any]:
        box = stacks.physical_id("box", "Box")
        found: dict[str, Any] = ec2.describe_instances(InstanceIds=[box])["Reservations"][0]["Instances"][0]
        return found

    stacks.put("box", _instance())
    before = described()
    stacks.put("box", _instance(InstanceType="t3.large", UserData={"Fn::Base64": "#!/bin/bash\ntrue\n"}))
    after = described()
    attribute = ec2.describe_instance_attribute(InstanceId=after["InstanceId"], Attribute="userData")
    assert base64.b64decode(attribute["UserData"]["Value"]) == b"#!/bin/bash\ntrue\n"
    assert (after["InstanceId"], after["InstanceType"]) == (before["InstanceId"], "t3.large")
    stacks.put("box", _instance(ImageId="ami-0fedcba9876543210"))
    replaced = described()
    old = ec2.describe_instances(InstanceIds=[before["InstanceId"]])["Reservations"][0]["Instances"][0]
    assert replaced["InstanceId"] != before["InstanceId"]
    assert old["State"]["Name"] == "terminated"
    stacks.delete("box")
    with pytest.raises(ClientError, match="NotFound"):
        ec2.describe_key_pairs(KeyNames=["box-key"])


def test_an_identity_provider_follows_its_template(stacks: Stacks, client: Client) -> None:
    def resources(*audiences: str) -> dict[str, Any]:
        properties = {"Url": "https://token.example.test", "ClientIdList": list(audiences), "ThumbprintList": []}
        return {"Provider": {"Type": "AWS::IAM::OIDCProvider", "Properties": properties}}

    iam = client("iam")
    stacks.put("oidc", resources("one"))
    arn = stacks.physical_id("oidc", "Provider")
    stacks.put("oidc", resources("two", "three"))
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert sorted(found["ClientIDList"]) == ["three", "two"]
    stacks.delete("oidc")
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_a_key_group_holds_its_keys_and_a_new_key_replaces_the_old(
    stacks: Stacks, client: Client, tmp_path: Path
) -> None:
    def resources(pem: str, reference: str) -> dict[str, Any]:
        config = {"Name": reference, "CallerReference": reference, "EncodedKey": pem}
        group = {"Name": "viewers", "Items": [{"Ref": "Key"}]}
        return {
            "Key": {"Type": "AWS::CloudFront::PublicKey", "Properties": {"PublicKeyConfig": config}},
            "Group": {"Type": "AWS::CloudFront::KeyGroup", "Properties": {"KeyGroupConfig": group}},
        }

    cloudfront = client("cloudfront")
    stacks.put("keys", resources(key_pair(tmp_path, "one").public, "one"))
    old, group = stacks.physical_id("keys", "Key"), stacks.physical_id("keys", "Group")
    stacks.put("keys", resources(key_pair(tmp_path, "two").public, "two"))
    new = stacks.physical_id("keys", "Key")
    assert new != old
    assert cloudfront.get_key_group(Id=group)["KeyGroup"]["KeyGroupConfig"]["Items"] == [new]
    stacks.delete("keys")
    with pytest.raises(ClientError, match="NoSuchPublicKey"):
        cloudfront.get_public_key(Id=new)
    with pytest.raises(ClientError, match="NoSuchPublicKey"):
        cloudfront.get_public_key(Id=old)


def test_a_budget_follows_its_template(stacks: Stacks, client: Client) -> None:
    def resources(amount: int, threshold: int) -> dict[str, Any]:
        notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": threshold}
        subscriber = {"SubscriptionType": "EMAIL", "Address": "ops@example.test"}
        properties = {
            "Budget": {
                "BudgetName": "dev-month",
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": amount, "Unit": "USD"},
            },
            "NotificationsWithSubscribers": [{"Notification": notification, "Subscribers": [subscriber]}],
        }
        return {"Budget": {"Type": "AWS::Budgets::Budget", "Properties": properties}}

    account = client("sts").get_caller_identity()["Account"]
    budgets = client("budgets")
    stacks.put("budget", resources(100, 80))
    stacks.put("budget", resources(500, 90))
    found = budgets.describe_budget(AccountId=account, BudgetName="dev-month")["Budget"]
    notices = budgets.describe_notifications_for_budget(AccountId=account, BudgetName="dev-month")["Notifications"]
    assert float(found["BudgetLimit"]["Amount"]) == 500
    assert [each["Threshold"] for each in notices] == [90]
    stacks.delete("budget")
    with pytest.raises(ClientError, match="NotFoundException"):
        budgets.describe_budget(AccountId=account, BudgetName="dev-month")


def test_scaling_is_kept_and_described(stacks: Stacks, client: Client) -> None:
    def resources(maximum: int, wanted: float) -> dict[str, Any]:
        tracking = {
            "TargetValue": wanted,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        }
        return {
            "Target": {
                "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                "Properties": {
                    "ServiceNamespace": "ecs",
                    "ResourceId": "service/cluster/api",
                    "ScalableDimension": "ecs:service:DesiredCount",
                    "MinCapacity": 2,
                    "MaxCapacity": maximum,
                },
            },
            "Policy": {
                "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
                "Properties": {
                    "PolicyName": "cpu",
                    "PolicyType": "TargetTrackingScaling",
                    "ScalingTargetId": {"Ref": "Target"},
                    "TargetTrackingScalingPolicyConfiguration": tracking,
                },
            },
        }

    scaling = client("application-autoscaling")
    stacks.put("scaling", resources(4, 60))
    stacks.put("scaling", resources(8, 50))
    target = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]
    policy = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"][0]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 8)
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 50
    stacks.delete("scaling")
    assert scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []


def test_a_rule_that_exists_already_fails_its_stack_and_is_rolled_back(stacks: Stacks) -> None:
    rule = {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {
            "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
            "IpProtocol": "tcp",
            "FromPort": 22,
            "ToPort": 22,
            "CidrIp": "0.0.0.0/0",
        },
    }
    with pytest.raises(StackFailed, match="Duplicate"):
        stacks.put("twice", _network() | {"One": rule, "Two": rule | {"DependsOn": "One"}})
