"""Types that are taken and do nothing: MiniStack knows neither them nor, mostly, what they ask of a service.

Of a flow log EC2 keeps a record, so that it can be found, and deleted by hand.

They stand in `not_emulated.json` with what is missing, beside types that MiniStack keeps and that have no effect
either; `ecgctl apply --local` names those that an environment has.
"""

from __future__ import annotations

import uuid

from .in_process import client
from .resources import Made, Properties, ResourceType


def _flow_log(_: str, properties: Properties, __: str) -> Made:
    [name] = client("ec2").create_flow_logs(
        ResourceIds=[properties["ResourceId"]],
        ResourceType=properties["ResourceType"],
        TrafficType=properties["TrafficType"],
        LogGroupName=properties["LogGroupName"],
    )["FlowLogIds"]
    return name, {"Id": name}


def _no_flow_log(name: str, _: Properties) -> None:
    client("ec2").delete_flow_logs(FlowLogIds=[name])


def _selection(_: str, properties: Properties, __: str) -> Made:
    selection = str(uuid.uuid4())
    name = f"{selection}_{properties['BackupPlanId']}"
    return name, {"Id": name, "SelectionId": selection, "BackupPlanId": str(properties["BackupPlanId"])}


def _web_acl_log(_: str, properties: Properties, __: str) -> Made:
    return f"{properties['ResourceArn']}", {"ManagedByFirewallManager": "false"}


def _visitor(_: str, properties: Properties, __: str) -> Made:
    return str(properties["Name"]), {"Id": str(uuid.uuid4()), "State": "READY"}


def _kept(name: str, _: Properties, __: Properties, ___: str) -> Made:
    return name, {"Id": name}


def _gone(_: str, __: Properties) -> None:
    """There is nothing to delete."""


TYPES = (
    ResourceType(
        "AWS::EC2::FlowLog",
        _flow_log,
        _kept,
        _no_flow_log,
        ("ResourceId", "ResourceType", "TrafficType", "LogGroupName"),
    ),
    ResourceType("AWS::Backup::BackupSelection", _selection, _kept, _gone, ("BackupPlanId", "BackupSelection")),
    ResourceType("AWS::Synthetics::Canary", _visitor, _kept, _gone, ("Name",)),
    ResourceType("AWS::WAFv2::LoggingConfiguration", _web_acl_log, _kept, _gone, ("ResourceArn",)),
)
