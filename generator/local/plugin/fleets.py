"""AWS::AutoScaling::AutoScalingGroup, where MiniStack leaves something out, and AWS::AutoScaling::WarmPool.

The group's boxes are auto_scaling.py's. An update that changes what boxes are launched from is an instance refresh, and
CloudFormation waits for it, whatever the template's UpdatePolicy says: handlers do not get to see it. It does not wait
where nobody boots boxes.
"""

from __future__ import annotations

from typing import Any

from ministack.services import autoscaling, ec2
from ministack.services.cloudformation import provisioners

from . import auto_scaling
from .resources import Made, Properties, ResourceType, on_worker_thread

_GROUP = "AWS::AutoScaling::AutoScalingGroup"
# On AWS an hour for each box; nobody waits that long at a desk.
_REFRESH_DEADLINE_S = 1800.0


def _specification(properties: Properties) -> Properties:
    mixed = (properties.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    found: Properties = mixed.get("LaunchTemplateSpecification") or properties.get("LaunchTemplate") or {}
    return found


def _complete(record: dict[str, Any], properties: Properties) -> None:
    """What MiniStack drops of the properties."""
    name = record["AutoScalingGroupName"]
    mixed = (properties.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    subnets = record["VPCZoneIdentifier"].split(",")
    record |= {
        "LaunchTemplate": provisioners._asg_launch_template(_specification(properties)),
        "AvailabilityZones": sorted({ec2._subnets[one]["AvailabilityZone"] for one in subnets if one in ec2._subnets}),
        "_types": [one["InstanceType"] for one in mixed.get("Overrides", ())],
        "_target_groups": list(properties.get("TargetGroupARNs", ())),
        "_maintenance": dict(properties.get("InstanceMaintenancePolicy") or {}),
    }
    for key, hook in list(autoscaling._hooks.items()):
        if hook["AutoScalingGroupName"] == name and hook.get("_of_group"):
            autoscaling._hooks.pop(key)
    for hook in properties.get("LifecycleHookSpecificationList", ()):
        kept = autoscaling._hook_record(name, hook["LifecycleHookName"], hook)
        autoscaling._hooks[f"{name}/{hook['LifecycleHookName']}"] = {**kept, "_of_group": True}


def _groups() -> None:
    kind = provisioners._RESOURCE_HANDLERS[_GROUP]
    create, update, delete = kind["create"], kind["update"], kind["delete"]

    def created(logical_id: str, properties: Properties, stack: str) -> Made:
        with auto_scaling.turning:
            made: Made = create(logical_id, properties, stack)
            _complete(autoscaling._asgs[made[0]], properties)
        return made

    def updated(name: str, old: Properties, new: Properties, *more: Any) -> Made:
        with auto_scaling.turning:
            number = autoscaling._asgs[name]["DesiredCapacity"]
            before = auto_scaling.launch_spec(autoscaling._asgs[name])
            made: Made = update(name, old, new, *more)
            record = autoscaling._asgs[made[0]]
            _complete(record, new)
            if "DesiredCapacity" not in new:
                # What scaling has set stays, within the limits.
                record["DesiredCapacity"] = min(max(number, record["MinSize"]), record["MaxSize"])
            changed = auto_scaling.launch_spec(record) != before
        if changed and record["Instances"]:
            auto_scaling.await_refresh(record, _REFRESH_DEADLINE_S)
        return made

    def deleted(name: str, properties: Properties) -> None:
        """With its boxes, and without their hooks, as CloudFormation's forced deletion does."""
        with auto_scaling.turning:
            record = autoscaling._asgs.get(name)
            for held in list(record["Instances"]) if record else ():
                auto_scaling.forget(record, held["InstanceId"])
            delete(name, properties)

    kind |= {"create": created, "update": updated, "delete": deleted}
    provisioners._REPLACING_PROPERTIES[_GROUP] = ("AutoScalingGroupName",)
    on_worker_thread(_GROUP)


def _pool(properties: Properties) -> dict[str, Any]:
    record = autoscaling._asgs.get(properties["AutoScalingGroupName"])
    if record is None:
        raise ValueError(f"ValidationError: AutoScalingGroup {properties['AutoScalingGroupName']} not found")
    return record


def _pool_create(_: str, properties: Properties, __: str) -> Made:
    numbers = ("MinSize", "MaxGroupPreparedCapacity")
    kept = {name: int(properties[name]) for name in numbers if name in properties}
    _pool(properties)["_warm_pool"] = {**kept, "PoolState": properties.get("PoolState", "Stopped")}
    return f"{properties['AutoScalingGroupName']}", {}


def _pool_delete(_: str, properties: Properties) -> None:
    (autoscaling._asgs.get(properties["AutoScalingGroupName"]) or {}).pop("_warm_pool", None)


def _describe_pool(parameters: dict[str, Any]) -> Any:
    """DescribeWarmPool: what was asked for, and no instance."""
    record = autoscaling._asgs.get(autoscaling._p(parameters, "AutoScalingGroupName"))
    kept = (record or {}).get("_warm_pool")
    told = "".join(f"<{name}>{value}</{name}>" for name, value in (kept or {}).items())
    configuration = f"<WarmPoolConfiguration>{told}</WarmPoolConfiguration>" if kept else ""
    return autoscaling._xml(
        200, "DescribeWarmPoolResponse", f"<DescribeWarmPoolResult>{configuration}<Instances/></DescribeWarmPoolResult>"
    )


def install() -> None:
    """Complete the group's type, and let the pool be read."""
    _groups()
    autoscaling._ACTION_MAP["DescribeWarmPool"] = _describe_pool


TYPES = (
    ResourceType(
        "AWS::AutoScaling::WarmPool",
        _pool_create,
        lambda _, __, new, stack: _pool_create("", new, stack),
        _pool_delete,
        replacing=("AutoScalingGroupName",),
    ),
)
