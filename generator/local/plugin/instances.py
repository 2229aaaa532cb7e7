"""AWS::EC2::Instance and AWS::EC2::KeyPair.

MiniStack launches a record, not a machine: gpu_box.py is the machine. So that the deployed `http://{PrivateIp}:8080`
is true on this machine, the private address is one of the emulator's own loopback addresses.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

from ministack.services import ec2 as store

from .in_process import client
from .resources import Made, Properties, ResourceType, retag, tag_specification, tags, truth

# The upper half of the loopback network; tasks have the lower one (agent.py).
_HOST_NUMBERS = range(130, 255)
_LAUNCH_ARGUMENTS = ("ImageId", "InstanceType", "KeyName", "SubnetId", "SecurityGroupIds", "UserData")


def _private_address() -> str:
    prefix = os.environ["ECG_LOOPBACK_PREFIX"]
    taken = {
        record["PrivateIpAddress"] for record in store._instances.values() if record["State"]["Name"] != "terminated"
    }
    for number in _HOST_NUMBERS:
        if (address := f"{prefix}.{number}") not in taken:
            return address
    raise ValueError(f"all {len(_HOST_NUMBERS)} addresses for instances are in use")


def _attributes(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "InstanceId": record["InstanceId"],
        "PrivateIp": record["PrivateIpAddress"],
        "PublicIp": record["PublicIpAddress"],
        "PrivateDnsName": record["PrivateDnsName"],
        "PublicDnsName": record["PublicDnsName"],
        "AvailabilityZone": record["Placement"]["AvailabilityZone"],
        "VpcId": record["VpcId"],
    }


def _create(_: str, properties: Properties, __: str) -> Made:
    properties = {**_launch_template(properties), **properties}
    arguments = {name: properties[name] for name in _LAUNCH_ARGUMENTS if name in properties}
    if profile := properties.get("IamInstanceProfile"):
        arguments["IamInstanceProfile"] = {"Name": profile}
    if user_data := arguments.get("UserData"):
        arguments["UserData"] = base64.b64decode(user_data)  # botocore encodes it again
    made = client("ec2").run_instances(
        MinCount=1,
        MaxCount=1,
        PrivateIpAddress=_private_address(),
        TagSpecifications=tag_specification("instance", properties),
        **arguments,
    )
    record = store._instances[made["Instances"][0]["InstanceId"]]
    # What MiniStack does not read from RunInstances.
    subnet = store._subnets.get(record["SubnetId"], {})
    record["Placement"]["AvailabilityZone"] = subnet.get("AvailabilityZone") or properties.get(
        "AvailabilityZone", record["Placement"]["AvailabilityZone"]
    )
    if not subnet.get("MapPublicIpOnLaunch"):
        record["PublicIpAddress"] = record["PublicDnsName"] = ""
    record["Monitoring"] = {"State": "enabled" if truth(properties.get("Monitoring")) else "disabled"}
    for mapping in properties.get("BlockDeviceMappings", ()):
        _attach(record, mapping)
    return record["InstanceId"], _attributes(record)


def _launch_template(properties: Properties) -> Mapping[str, Any]:
    """What the instance takes from its launch template; its own properties win."""
    named = properties.get("LaunchTemplate")
    if not named:
        return {}
    identity = {key: named[key] for key in ("LaunchTemplateId", "LaunchTemplateName") if key in named}
    versions = client("ec2").describe_launch_template_versions(**identity, Versions=[str(named["Version"])])
    data: Mapping[str, Any] = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    profile = data.get("IamInstanceProfile", {})
    return {
        **{name: data[name] for name in (*_LAUNCH_ARGUMENTS, "BlockDeviceMappings") if name in data},
        **({"IamInstanceProfile": profile["Name"]} if "Name" in profile else {}),
        **({"IamInstanceProfile": profile["Arn"].rpartition("/")[2]} if "Arn" in profile else {}),
    }


def launch(properties: Properties) -> str:
    """Start an instance as a group does; its id. `properties` are those of AWS::EC2::Instance."""
    return _create("", properties, "")[0]


def terminate(instance: str) -> None:
    """End it, with the volumes that go with it; nothing happens where it is gone."""
    _delete(instance, {})


def address(instance: str) -> str | None:
    """The private address of an instance that runs."""
    record = store._instances.get(instance)
    return str(record["PrivateIpAddress"]) if record and record["State"]["Name"] == "running" else None


def _attach(record: dict[str, Any], mapping: Properties) -> None:
    """Give the instance the volume that `mapping` asks for; the first one replaces MiniStack's default root."""
    wanted = mapping.get("Ebs", {})
    existing = {each["DeviceName"]: each for each in record["BlockDeviceMappings"]}
    device = mapping["DeviceName"]
    if device not in existing and not record.get("_root_is_declared"):
        root = record["BlockDeviceMappings"][0]
        root["DeviceName"] = record["RootDeviceName"] = device
        store._volumes[root["Ebs"]["VolumeId"]]["Attachments"][0]["Device"] = device
        existing = {device: root}
    record["_root_is_declared"] = True
    if device not in existing:
        made = client("ec2").create_volume(
            AvailabilityZone=record["Placement"]["AvailabilityZone"], Size=int(wanted.get("VolumeSize", 8))
        )
        client("ec2").attach_volume(Device=device, InstanceId=record["InstanceId"], VolumeId=made["VolumeId"])
        entry = {"DeviceName": device, "Ebs": {"VolumeId": made["VolumeId"], "Status": "attached"}}
        record["BlockDeviceMappings"].append(entry)
        existing[device] = entry
    kept = existing[device]["Ebs"]
    volume = store._volumes[kept["VolumeId"]]
    for name, key, read in (
        ("VolumeSize", "Size", int),
        ("VolumeType", "VolumeType", str),
        ("Iops", "Iops", int),
        ("Throughput", "Throughput", int),
        ("Encrypted", "Encrypted", truth),
        ("KmsKeyId", "KmsKeyId", str),
    ):
        if name in wanted:
            volume[key] = read(wanted[name])
    kept["DeleteOnTermination"] = truth(wanted.get("DeleteOnTermination", True))
    for attachment in volume["Attachments"]:
        attachment["DeleteOnTermination"] = kept["DeleteOnTermination"]


def _update(instance: str, old: Properties, new: Properties, _: str) -> Made:
    ec2, record = client("ec2"), store._instances[instance]
    if any(old.get(name) != new.get(name) for name in ("InstanceType", "UserData")):
        # As on AWS for an EBS-backed instance: some interruption, no replacement, and cloud-init does not run again.
        ec2.stop_instances(InstanceIds=[instance])
        record["InstanceType"] = new.get("InstanceType", record["InstanceType"])
        record["UserData"] = new.get("UserData", "")
        ec2.start_instances(InstanceIds=[instance])
        record["LaunchTime"] = store._now_ts()
    if old.get("SecurityGroupIds") != new.get("SecurityGroupIds"):
        groups = new.get("SecurityGroupIds", [])
        known = store._security_groups
        record["SecurityGroups"] = [
            {"GroupId": group, "GroupName": known.get(group, {}).get("GroupName", group)} for group in groups
        ]
    if old.get("IamInstanceProfile") != new.get("IamInstanceProfile"):
        _swap_profile(instance, new.get("IamInstanceProfile"))
    record["Monitoring"] = {"State": "enabled" if truth(new.get("Monitoring")) else "disabled"}
    if tags(old) != tags(new):
        retag(ec2, instance, old, new)
    return instance, _attributes(record)


def _swap_profile(instance: str, profile: str | None) -> None:
    ec2 = client("ec2")
    associations = ec2.describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [instance]}]
    )["IamInstanceProfileAssociations"]
    for association in associations:
        if association["State"] == "associated":
            ec2.disassociate_iam_instance_profile(AssociationId=association["AssociationId"])
    if profile:
        ec2.associate_iam_instance_profile(IamInstanceProfile={"Name": profile}, InstanceId=instance)


def _delete(instance: str, _: Properties) -> None:
    record = store._instances.get(instance)
    if record is None or record["State"]["Name"] == "terminated":
        return
    volumes = [
        mapping["Ebs"]["VolumeId"]
        for mapping in record["BlockDeviceMappings"]
        if mapping["Ebs"].get("DeleteOnTermination", True)
    ]
    client("ec2").terminate_instances(InstanceIds=[instance])
    for volume in volumes:
        store._volumes.pop(volume, None)


def _key_create(_: str, properties: Properties, __: str) -> Made:
    ec2 = client("ec2")
    specification = tag_specification("key-pair", properties)
    if material := properties.get("PublicKeyMaterial"):
        made = ec2.import_key_pair(
            KeyName=properties["KeyName"], PublicKeyMaterial=material.encode(), TagSpecifications=specification
        )
    else:
        made = ec2.create_key_pair(KeyName=properties["KeyName"], TagSpecifications=specification)
        # Where CloudFormation leaves the private half of a key that it made.
        client("ssm").put_parameter(
            Name=f"/ec2/keypair/{made['KeyPairId']}", Type="SecureString", Value=made["KeyMaterial"]
        )
    attributes = {"KeyPairId": made["KeyPairId"], "KeyFingerprint": made["KeyFingerprint"]}
    return properties["KeyName"], attributes


def _key_update(name: str, old: Properties, new: Properties, _: str) -> Made:
    pair = client("ec2").describe_key_pairs(KeyNames=[name])["KeyPairs"][0]
    if tags(old) != tags(new):
        retag(client("ec2"), pair["KeyPairId"], old, new)
    return name, {"KeyPairId": pair["KeyPairId"], "KeyFingerprint": pair["KeyFingerprint"]}


def _key_delete(name: str, _: Properties) -> None:
    record = store._key_pairs.get(name)
    if record is None:
        return
    client("ec2").delete_key_pair(KeyName=name)
    ssm = client("ssm")
    ssm.delete_parameters(Names=[f"/ec2/keypair/{record['KeyPairId']}"])


TYPES = (
    ResourceType(
        "AWS::EC2::Instance",
        _create,
        _update,
        _delete,
        replacing=(
            "ImageId",
            "SubnetId",
            "KeyName",
            "AvailabilityZone",
            "PrivateIpAddress",
            "BlockDeviceMappings",
            "LaunchTemplate",
            "NetworkInterfaces",
            "EnclaveOptions",
            "CpuOptions",
        ),
    ),
    ResourceType(
        "AWS::EC2::KeyPair",
        _key_create,
        _key_update,
        _key_delete,
        replacing=("KeyName", "KeyType", "KeyFormat", "PublicKeyMaterial"),
    ),
)
