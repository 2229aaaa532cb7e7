"""What a look for drift compares, for types that MiniStack itself does not look at."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.services import alb, backup, cloudwatch, cognito, ec2, ecs, kms, waf
from ministack.services.cloudformation import _stacks, provisioners

from .resources import Properties


def _rules_of_their_own() -> set[str]:
    """Ids of rules that are resources: a group's own list does not count them as added, as on AWS."""
    kinds = ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress")
    return {
        one["PhysicalResourceId"]
        for stack in _stacks.values()
        for one in stack.get("_resources", {}).values()
        if one.get("ResourceType") in kinds
    }


def _rules(group: str, permissions: list[dict[str, Any]], egress: bool, declared: list[Properties]) -> list[Properties]:
    """A group's live rules in the template's shape: those that it declares as it spells them, then all others."""
    own = _rules_of_their_own()
    left = [one for one in permissions if ec2._sg_rule_id(group, egress, one) not in own]
    found: list[Properties] = []
    for rule, permission in zip(declared, provisioners._ec2_sg_permissions(declared), strict=True):
        same = next((one for one in left if ec2._rules_match(one, permission)), None)
        if same is not None:
            left.remove(same)
            found.append(rule)
    return found + [one for permission in left for one in _as_declared(permission, egress)]


def _as_declared(permission: Mapping[str, Any], egress: bool) -> Iterator[Properties]:
    other = "DestinationSecurityGroupId" if egress else "SourceSecurityGroupId"
    kept = {name: permission[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in permission}
    for one in permission.get("IpRanges", ()):
        yield {**kept, **one}
    for one in permission.get("Ipv6Ranges", ()):
        yield {**kept, **one}
    for one in permission.get("UserIdGroupPairs", ()):
        yield {**kept, other: one.get("GroupId", "")}


def _security_group(group: str, properties: Properties) -> Properties | None:
    live = ec2._security_groups.get(group)
    if live is None:
        return None
    # Copied plainly: what the comparison changes must not reach the record.
    ingress = copy.deepcopy(list(properties.get("SecurityGroupIngress") or ()))
    egress = copy.deepcopy(list(properties.get("SecurityGroupEgress") or ()))
    return {
        "SecurityGroupIngress": _rules(group, live["IpPermissions"], False, ingress),
        "SecurityGroupEgress": _rules(group, live["IpPermissionsEgress"], True, egress),
    }


def _rule(rule: str, properties: Properties) -> Properties | None:
    live = ec2._security_groups.get(properties.get("GroupId", ""))
    there = live and any(ec2._sg_rule_id(live["GroupId"], False, one) == rule for one in live["IpPermissions"])
    return {} if there else None


def _service(arn: str, _: Properties) -> Properties | None:
    live = ecs._services.get(arn.split(":service/", 1)[-1])
    return {"DesiredCount": live["desiredCount"], "TaskDefinition": live["taskDefinition"]} if live else None


_ALARM = ("Threshold", "EvaluationPeriods", "DatapointsToAlarm", "Period", "ComparisonOperator", "TreatMissingData")


def _alarm(name: str, properties: Properties) -> Properties | None:
    live = cloudwatch._alarms.get(name)
    if live is None:
        return None
    found = {key: live[key] for key in _ALARM if live.get(key) is not None}
    # MiniStack keeps numbers as 5.0, which would differ from a template's 5, and compares them as they are written.
    return {key: _spelt_as(properties.get(key), each) for key, each in found.items()}


def _spelt_as(declared: object, live: object) -> object:
    """A live number as the template writes it, where it is the same one."""
    if not isinstance(live, float):
        return live
    if isinstance(declared, int | float | str) and float(declared) == live:
        return declared
    return int(live) if live.is_integer() else live


def _key(key: str, _: Properties) -> Properties | None:
    live = kms._resolve_key(key)
    if live is None or live["KeyState"] == "PendingDeletion":  # CloudFormation takes such a key for deleted
        return None
    return {
        "Description": live["Description"],
        "EnableKeyRotation": live["KeyRotationEnabled"],
        "KeyPolicy": json.loads(live["Policy"]),
    }


_WEB_ACL = ("DefaultAction", "Rules", "VisibilityConfig")


def _web_acl(reference: str, _: Properties) -> Properties | None:
    _, identity, scope = reference.split("|")
    live = waf.web_acl_record(identity, scope)
    return {name: live[name] for name in _WEB_ACL} if live else None


def _vault(name: str, _: Properties) -> Properties | None:
    return {} if name in backup._vaults else None


def _flow_log(log: str, _: Properties) -> Properties | None:
    return {} if log in ec2._flow_logs else None


_ENDPOINT = ("PolicyDocument", "PrivateDnsEnabled", "RouteTableIds", "SecurityGroupIds", "SubnetIds")


def _endpoint(endpoint: str, _: Properties) -> Properties | None:
    live = ec2._vpc_endpoints.get(endpoint)
    return {name: live[name] for name in _ENDPOINT if live.get(name) is not None} if live else None


def _balancer(arn: str, properties: Properties) -> Properties | None:
    if arn not in alb._lbs:
        return None
    live = {one["Key"]: one["Value"] for one in alb._lb_attrs.get(arn, ())}
    declared = [one["Key"] for one in properties.get("LoadBalancerAttributes", ())]
    return {"LoadBalancerAttributes": [{"Key": name, "Value": live.get(name, "")} for name in declared]}


_POOL = ("DeletionProtection", "MfaConfiguration")


def _user_pool(pool: str, _: Properties) -> Properties | None:
    live = cognito._user_pools.get(pool)
    return {name: live[name] for name in _POOL if name in live} if live else None


READERS = {
    "AWS::EC2::SecurityGroup": (_security_group, frozenset({"SecurityGroupIngress", "SecurityGroupEgress"})),
    "AWS::EC2::SecurityGroupIngress": (_rule, frozenset()),
    "AWS::ECS::Service": (_service, frozenset({"DesiredCount", "TaskDefinition"})),
    "AWS::CloudWatch::Alarm": (_alarm, frozenset(_ALARM)),
    "AWS::KMS::Key": (_key, frozenset({"Description", "EnableKeyRotation", "KeyPolicy"})),
    "AWS::WAFv2::WebACL": (_web_acl, frozenset(_WEB_ACL)),
    "AWS::Backup::BackupVault": (_vault, frozenset()),
    "AWS::EC2::FlowLog": (_flow_log, frozenset()),
    "AWS::EC2::VPCEndpoint": (_endpoint, frozenset(_ENDPOINT)),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (_balancer, frozenset({"LoadBalancerAttributes"})),
    "AWS::Cognito::UserPool": (_user_pool, frozenset(_POOL)),
}
"""By type: what reads a live resource in its template's shape (None: it is gone), and which properties that covers."""
