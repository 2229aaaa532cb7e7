"""AWS::EC2::SecurityGroupIngress and AWS::EC2::SecurityGroupEgress.

The physical id is the rule's id, as on AWS. MiniStack derives that id from the rule's content, so a rule that two
resources declare is one rule: the second create is refused, as AWS refuses a duplicate.
"""

from __future__ import annotations

from typing import Any, Literal

from .in_process import client
from .resources import Made, Properties, ResourceType

Direction = Literal["ingress", "egress"]


def _permission(properties: Properties, direction: Direction) -> dict[str, Any]:
    group_key = "SourceSecurityGroupId" if direction == "ingress" else "DestinationSecurityGroupId"
    list_key = "SourcePrefixListId" if direction == "ingress" else "DestinationPrefixListId"
    described = {"Description": properties["Description"]} if "Description" in properties else {}
    permission: dict[str, Any] = {"IpProtocol": str(properties["IpProtocol"])}
    if "FromPort" in properties:
        permission |= {"FromPort": int(properties["FromPort"]), "ToPort": int(properties["ToPort"])}
    if group_key in properties:
        permission["UserIdGroupPairs"] = [{"GroupId": properties[group_key], **described}]
    if "CidrIp" in properties:
        permission["IpRanges"] = [{"CidrIp": properties["CidrIp"], **described}]
    if "CidrIpv6" in properties:
        permission["Ipv6Ranges"] = [{"CidrIpv6": properties["CidrIpv6"], **described}]
    if list_key in properties:
        permission["PrefixListIds"] = [{"PrefixListId": properties[list_key], **described}]
    return permission


def _rules(group: str, direction: Direction) -> dict[str, dict[str, Any]]:
    answer = client("ec2").describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    return {
        rule["SecurityGroupRuleId"]: rule
        for rule in answer["SecurityGroupRules"]
        if rule.get("IsEgress", False) == (direction == "egress")
    }


def _authorize(properties: Properties, direction: Direction) -> Made:
    group = properties["GroupId"]
    before = _rules(group, direction)
    arguments = {"GroupId": group, "IpPermissions": [_permission(properties, direction)]}
    if direction == "ingress":
        client("ec2").authorize_security_group_ingress(**arguments)
    else:
        client("ec2").authorize_security_group_egress(**arguments)
    added = _rules(group, direction).keys() - before.keys()
    if not added:
        raise ValueError(f"InvalidPermission.Duplicate: the {direction} rule already exists in {group}")
    rule = added.pop()
    return rule, {"Id": rule}


def _revoke(rule: str, properties: Properties, direction: Direction) -> None:
    group = properties["GroupId"]
    if rule not in _rules(group, direction):
        return  # deleted with its group, or by hand
    if direction == "ingress":
        client("ec2").revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
    else:
        client("ec2").revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[rule])


def _type(name: str, direction: Direction, replacing: tuple[str, ...]) -> ResourceType:
    def update(rule: str, old: Properties, new: Properties, _: str) -> Made:
        # Only the description can change in place, and MiniStack's rule ids do not depend on it.
        _revoke(rule, old, direction)
        return _authorize(new, direction)

    return ResourceType(
        name,
        create=lambda _, properties, __: _authorize(properties, direction),
        update=update,
        delete=lambda rule, properties: _revoke(rule, properties, direction),
        replacing=("GroupId", "IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", *replacing),
    )


TYPES = (
    _type(
        "AWS::EC2::SecurityGroupIngress",
        "ingress",
        ("SourceSecurityGroupId", "SourceSecurityGroupOwnerId", "SourcePrefixListId"),
    ),
    _type("AWS::EC2::SecurityGroupEgress", "egress", ("DestinationSecurityGroupId", "DestinationPrefixListId")),
)
