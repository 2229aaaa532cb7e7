"""Application Auto Scaling: the service (MiniStack has none), and its ScalableTarget and ScalingPolicy types.

Targets and policies are kept and described; nothing is ever scaled by them here.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core import iam_actions, router
from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from .in_process import client
from .resources import Made, Properties, ResourceType

_NAME = "application-autoscaling"
_TARGET_KEY = ("ServiceNamespace", "ResourceId", "ScalableDimension")

_targets = AccountRegionScopedDict()
_policies = AccountRegionScopedDict()


class ServiceError(Exception):
    """An error as the service answers it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _key(data: Properties) -> str:
    return "|".join(data[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))


def _register(data: dict[str, Any]) -> dict[str, Any]:
    existing = _targets.get(_key(data), {})
    if not existing and not {"MinCapacity", "MaxCapacity"} <= data.keys():
        raise ServiceError("ValidationException", "MinCapacity and MaxCapacity are required for a new target")
    arn = f"arn:aws:{_NAME}:{get_region()}:{get_account_id()}:scalable-target/{uuid.uuid4().hex[:12]}"
    made = {"ScalableTargetARN": arn, "CreationTime": time.time(), "RoleARN": "", **existing, **data}
    _targets[_key(data)] = made
    return {"ScalableTargetARN": made["ScalableTargetARN"]}


def _deregister(data: dict[str, Any]) -> dict[str, Any]:
    if _targets.pop(_key(data), None) is None:
        raise ServiceError("ObjectNotFoundException", f"No scalable target found for {_key(data)}")
    for name in [name for name, policy in _policies.items() if _key(policy) == _key(data)]:
        _policies.pop(name)
    return {}


def _put_policy(data: dict[str, Any]) -> dict[str, Any]:
    if _key(data) not in _targets:
        raise ServiceError("ObjectNotFoundException", f"No scalable target registered for {_key(data)}")
    name = f"{_key(data)}|{data['PolicyName']}"
    arn = (
        f"arn:aws:autoscaling:{get_region()}:{get_account_id()}:scalingPolicy:{uuid.uuid4()}:"
        f"resource/{data['ServiceNamespace']}/{data['ResourceId']}:policyName/{data['PolicyName']}"
    )
    _policies[name] = {"PolicyARN": arn, "CreationTime": time.time(), "Alarms": [], **_policies.get(name, {}), **data}
    return {"PolicyARN": _policies[name]["PolicyARN"], "Alarms": []}


def _delete_policy(data: dict[str, Any]) -> dict[str, Any]:
    if _policies.pop(f"{_key(data)}|{data['PolicyName']}", None) is None:
        raise ServiceError("ObjectNotFoundException", f"No scaling policy found for {data['PolicyName']}")
    return {}


def _describe_targets(data: dict[str, Any]) -> dict[str, Any]:
    ids = data.get("ResourceIds")
    found = [each for each in _targets.values() if each["ServiceNamespace"] == data["ServiceNamespace"]]
    return {"ScalableTargets": [each for each in found if not ids or each["ResourceId"] in ids]}


def _describe_policies(data: dict[str, Any]) -> dict[str, Any]:
    wanted = {name: data[name] for name in _TARGET_KEY if name in data}
    names = data.get("PolicyNames")
    return {
        "ScalingPolicies": [
            policy
            for policy in _policies.values()
            if all(policy[name] == value for name, value in wanted.items())
            and (not names or policy["PolicyName"] in names)
        ]
    }


_ACTIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "RegisterScalableTarget": _register,
    "DeregisterScalableTarget": _deregister,
    "DescribeScalableTargets": _describe_targets,
    "PutScalingPolicy": _put_policy,
    "DeleteScalingPolicy": _delete_policy,
    "DescribeScalingPolicies": _describe_policies,
}


async def handle_request(
    _: str, __: str, headers: dict[str, str], body: bytes, ___: dict[str, Any]
) -> tuple[int, dict[str, str], bytes]:
    """Answer one call, as every service module of MiniStack does."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    content = {"Content-Type": "application/x-amz-json-1.1"}
    try:
        if action not in _ACTIONS:
            raise ServiceError("UnknownOperationException", f"{action} is not emulated")
        return 200, content, json.dumps(_ACTIONS[action](json.loads(body or b"{}"))).encode()
    except ServiceError as error:
        return 400, content, json.dumps({"__type": error.kind, "message": str(error)}).encode()


def get_state() -> dict[str, Any]:
    """What survives a clean stop."""
    return {"targets": _targets, "policies": _policies}


def load_persisted_state(data: dict[str, Any]) -> None:
    """Take back what `get_state` gave."""
    _targets.update(data.get("targets", {}))
    _policies.update(data.get("policies", {}))


def reset() -> None:
    """Forget everything."""
    _targets.clear()
    _policies.clear()


def install() -> None:
    """Give MiniStack the service: routing, IAM actions, state."""
    app.SERVICE_HANDLERS[_NAME] = handle_request
    router.SERVICE_PATTERNS[_NAME] = {"target_prefixes": ["AnyScaleFrontendService"]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[_NAME] = _NAME
    app._state_map["application_autoscaling"] = "application_autoscaling"
    app._loaded_modules["application_autoscaling"] = sys.modules[__name__]


def _target_create(_: str, properties: Properties, __: str) -> Made:
    arguments = {name: properties[name] for name in (*_TARGET_KEY, "RoleARN", "SuspendedState") if name in properties}
    made = client(_NAME).register_scalable_target(
        MinCapacity=int(properties["MinCapacity"]), MaxCapacity=int(properties["MaxCapacity"]), **arguments
    )
    identity = _key(properties)
    return identity, {"Id": identity, "ScalableTargetARN": made["ScalableTargetARN"]}


def _target_delete(_: str, properties: Properties) -> None:
    client(_NAME).deregister_scalable_target(**{name: properties[name] for name in _TARGET_KEY})


def _policy_target(properties: Properties) -> dict[str, str]:
    if identity := properties.get("ScalingTargetId"):
        resource, dimension, namespace = identity.split("|")
        return {"ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace}
    return {name: properties[name] for name in _TARGET_KEY}


_NUMBERS = ("TargetValue", "ScaleInCooldown", "ScaleOutCooldown", "Cooldown", "ScalingAdjustment")


def _numbers(value: Any, name: str = "") -> Any:
    """`value` with its numbers as numbers: templates may carry them as text."""
    if isinstance(value, dict):
        return {key: _numbers(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    if name in _NUMBERS:
        return float(value) if name == "TargetValue" else int(value)
    return value


def _policy_create(_: str, properties: Properties, __: str) -> Made:
    arguments = {
        name: _numbers(properties[f"{name}"])
        for name in ("TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration")
        if name in properties
    }
    made = client(_NAME).put_scaling_policy(
        PolicyName=properties["PolicyName"],
        PolicyType=properties["PolicyType"],
        **_policy_target(properties),
        **arguments,
    )
    return made["PolicyARN"], {"Arn": made["PolicyARN"], "PolicyName": properties["PolicyName"]}


def _policy_delete(_: str, properties: Properties) -> None:
    target, name = _policy_target(properties), properties["PolicyName"]
    # A policy goes with its target, which CloudFormation may have deregistered already.
    if client(_NAME).describe_scaling_policies(PolicyNames=[name], **target)["ScalingPolicies"]:
        client(_NAME).delete_scaling_policy(PolicyName=name, **target)


TYPES = (
    ResourceType(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        _target_create,
        lambda _, __, new, stack: _target_create("", new, stack),
        _target_delete,
        replacing=_TARGET_KEY,
    ),
    ResourceType(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        _policy_create,
        lambda _, __, new, stack: _policy_create("", new, stack),
        _policy_delete,
        replacing=("PolicyName", "ScalingTargetId", *_TARGET_KEY),
    ),
)
