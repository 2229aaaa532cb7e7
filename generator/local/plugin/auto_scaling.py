"""EC2 Auto Scaling: groups whose boxes are instances, where MiniStack makes up a list of them.

Decided in groups.py, done here, twice a second: instances are launched from the group's launch template (gpu_box.py
boots them), join the target group once they have completed the hook `ready`, leave it before they drain, and are
terminated. Policies, hooks and tags are MiniStack's own records.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import new_uuid, now_iso, request_scope
from ministack.services import alb, autoscaling, ec2

from . import balancers, instances, targets
from .groups import Box, Enter, Forget, Group, Hook, Launch, Stage, refreshed, steps

_log = logging.getLogger("auto-scaling")
_TICK_S = 0.5
_AFTER_TROUBLE_S = 5.0
_LAUNCHING, _TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"
_UNDER_WAY = "InProgress"
_PRESENT_S = 10.0
_last_call = 0.0

turning = threading.RLock()
"""Held while a group's boxes are looked at and changed."""


def present() -> bool:
    """Whether somebody boots boxes: gpu_box.py asks every second which of them are in groups."""
    return time.monotonic() - _last_call < _PRESENT_S


def _members(parameters: dict[str, Any]) -> Any:
    global _last_call
    _last_call = time.monotonic()
    return autoscaling._describe_asg_instances(parameters)


def launch_spec(record: dict[str, Any]) -> dict[str, str]:
    """What the group launches from now: a launch template, its version, and the instance type asked for first."""
    template = record.get("LaunchTemplate") or {}
    known = ec2._launch_templates.get(template.get("LaunchTemplateId", "")) or {}
    version = str(template.get("Version", "$Default"))
    numbers = {"$Latest": "LatestVersionNumber", "$Default": "DefaultVersionNumber"}
    return {
        "LaunchTemplateId": template.get("LaunchTemplateId", ""),
        "Version": str(known.get(numbers[version], 1)) if version in numbers else version,
        "InstanceType": (record.get("_types") or [""])[0],
    }


def refresh(record: dict[str, Any]) -> dict[str, Any]:
    """Begin to replace the group's boxes; what tells how far it is."""
    begun = {
        "InstanceRefreshId": new_uuid(),
        "AutoScalingGroupName": record["AutoScalingGroupName"],
        "Status": _UNDER_WAY,
        "StatusReason": "",
        "StartTime": now_iso(),
        "EndTime": "",
        "PercentageComplete": 0,
        "InstancesToUpdate": len(record["Instances"]),
    }
    for earlier in record.setdefault("InstanceRefreshes", []):
        if earlier["Status"] == _UNDER_WAY:
            earlier |= {"Status": "Cancelled", "EndTime": now_iso()}
    record["InstanceRefreshes"].insert(0, begun)
    return begun


def _hook(record: dict[str, Any], transition: str) -> Hook | None:
    for hook in autoscaling._hooks.values():
        if (hook["AutoScalingGroupName"], hook["LifecycleTransition"]) == (record["AutoScalingGroupName"], transition):
            return Hook(float(hook["HeartbeatTimeout"]), hook["DefaultResult"])
    return None


def _group(record: dict[str, Any]) -> Group:
    maintenance = record.get("_maintenance") or {}
    return Group(
        desired=int(record["DesiredCapacity"]),
        subnets=tuple(record["VPCZoneIdentifier"].split(",")),
        ready=_hook(record, _LAUNCHING),
        drained=_hook(record, _TERMINATING),
        grace_s=float(record["HealthCheckGracePeriod"]),
        drain_s=max((balancers.drain_s(arn) for arn in record.get("_target_groups", ())), default=0.0),
        refreshing=any(one["Status"] == _UNDER_WAY for one in record.get("InstanceRefreshes", ())),
        healthy_percent=float(maintenance.get("MinHealthyPercentage", 90)),
        most_percent=float(maintenance.get("MaxHealthyPercentage", 100)),
    )


def _box(record: dict[str, Any], held: dict[str, Any]) -> Box:
    name, groups = held["InstanceId"], record.get("_target_groups", ())
    checked = record["HealthCheckType"] == "ELB"
    return Box(
        name=name,
        stage=Stage(held["LifecycleState"]),
        since_s=time.time() - held["_since"],
        subnet=held["_subnet"],
        running=instances.address(name) is not None,
        failing=checked and any(targets.state(arn, name, _port(arn)) == "unhealthy" for arn in groups),
        current=held["_spec"] == launch_spec(record),
        under_way=sum(balancers.under_way(arn, name) for arn in groups),
        answer=held["_answer"],
    )


def _port(group: str) -> int:
    return int((alb._tgs.get(group) or {}).get("Port") or 80)


def _turn(record: dict[str, Any]) -> None:
    """Bring one group forward."""
    group, boxes = _group(record), [_box(record, held) for held in record["Instances"]]
    for step in steps(group, boxes):
        match step:
            case Launch(subnet):
                _launch(record, subnet)
            case Enter(box, stage):
                _enter(record, box, stage)
            case Forget(box):
                forget(record, box)
    if group.refreshing:
        newer = sum(box.current for box in boxes)
        current = record["InstanceRefreshes"][0]
        current["PercentageComplete"] = 100 * newer // max(len(boxes), 1)
        if refreshed(group, boxes):
            current |= {"Status": "Successful", "EndTime": now_iso(), "PercentageComplete": 100}


def _launch(record: dict[str, Any], subnet: str) -> None:
    spec = launch_spec(record)
    template = {name: spec[name] for name in ("LaunchTemplateId", "Version")}
    name = instances.launch(
        {
            "LaunchTemplate": template,
            "SubnetId": subnet,
            "Tags": [
                *_instance_tags(template),
                {"Key": "aws:autoscaling:groupName", "Value": record["AutoScalingGroupName"]},
            ],
            **({"InstanceType": spec["InstanceType"]} if spec["InstanceType"] else {}),
        }
    )
    record["Instances"].append(
        {
            "InstanceId": name,
            "LifecycleState": str(Stage.PENDING),
            "HealthStatus": "Healthy",
            "AvailabilityZone": ec2._instances[name]["Placement"]["AvailabilityZone"],
            "ProtectedFromScaleIn": False,
            "LaunchTemplate": {**(record.get("LaunchTemplate") or {}), "Version": spec["Version"]},
            "LaunchConfigurationName": "",
            "_since": time.time(),
            "_subnet": subnet,
            "_spec": spec,
            "_answer": "",
        }
    )


def _instance_tags(template: dict[str, str]) -> list[dict[str, str]]:
    for version in (ec2._launch_templates.get(template["LaunchTemplateId"]) or {}).get("Versions", ()):
        if str(version["VersionNumber"]) == template["Version"]:
            specifications = version["LaunchTemplateData"].get("TagSpecifications", ())
            return [tag for one in specifications if one["ResourceType"] == "instance" for tag in one["Tags"]]
    return []


def _enter(record: dict[str, Any], box: str, stage: Stage) -> None:
    held = next(one for one in record["Instances"] if one["InstanceId"] == box)
    _register(record, box, stage is Stage.IN_SERVICE)
    held |= {"LifecycleState": str(stage), "_since": time.time(), "_answer": ""}


def _register(record: dict[str, Any], box: str, serving: bool) -> None:
    """Have the group's target groups know the box, or not."""
    for arn in record.get("_target_groups", ()):
        if arn in alb._tgs:
            others = [one for one in alb._targets.get(arn, ()) if one["Id"] != box]
            alb._targets[arn] = [*others, {"Id": box}] if serving else others


def forget(record: dict[str, Any], box: str) -> None:
    """Take a box out of everything and terminate it."""
    _register(record, box, False)
    instances.terminate(box)
    record["Instances"] = [one for one in record["Instances"] if one["InstanceId"] != box]


def _completed(parameters: dict[str, Any]) -> Any:
    """CompleteLifecycleAction: MiniStack says yes to everything."""
    group, name, box, result = (
        autoscaling._p(parameters, key)
        for key in ("AutoScalingGroupName", "LifecycleHookName", "InstanceId", "LifecycleActionResult")
    )
    hook = autoscaling._hooks.get(f"{group}/{name}")
    waits = Stage.PENDING if hook and hook["LifecycleTransition"] == _LAUNCHING else Stage.DRAINING
    for held in (autoscaling._asgs.get(group) or {}).get("Instances", ()) if hook else ():
        if (held["InstanceId"], held["LifecycleState"], held["_answer"]) == (box, waits, ""):
            held["_answer"] = result
            return autoscaling._xml(200, "CompleteLifecycleActionResponse", "<CompleteLifecycleActionResult/>")
    return autoscaling._error("ValidationError", f"No active Lifecycle Action found with instance ID {box}")


def _refresh_started(parameters: dict[str, Any]) -> Any:
    """StartInstanceRefresh: MiniStack calls it done at once."""
    record = autoscaling._asgs.get(autoscaling._p(parameters, "AutoScalingGroupName"))
    if record is None:
        return autoscaling._error("ValidationError", "AutoScalingGroup name not found")
    begun = refresh(record)["InstanceRefreshId"]
    return autoscaling._xml(
        200,
        "StartInstanceRefreshResponse",
        f"<StartInstanceRefreshResult><InstanceRefreshId>{begun}</InstanceRefreshId></StartInstanceRefreshResult>",
    )


def _refreshes(parameters: dict[str, Any]) -> Any:
    """DescribeInstanceRefreshes: MiniStack knows none that has not ended."""
    status, headers, body = autoscaling._describe_instance_refreshes(parameters)
    return status, headers, body.replace(b"<EndTime></EndTime>", b"")


def _records() -> Iterator[dict[str, Any]]:
    for (account, region, _), record in list(autoscaling._asgs.all_items()):
        with request_scope(account, region):
            yield record


def _run() -> None:
    while True:
        time.sleep(_TICK_S)
        try:
            for record in _records():
                with turning:
                    # One that was deleted meanwhile launches nothing any more.
                    if autoscaling._asgs.get(record["AutoScalingGroupName"]) is record:
                        _turn(record)
        except Exception:
            _log.exception("the groups stumbled; they go on")
            time.sleep(_AFTER_TROUBLE_S)


def install() -> None:
    """Keep groups at their number, and answer truly what MiniStack answers kindly."""
    autoscaling._reconcile_instances = lambda _: None
    autoscaling._ACTION_MAP |= {
        "CompleteLifecycleAction": _completed,
        "DescribeAutoScalingInstances": _members,
        "DescribeInstanceRefreshes": _refreshes,
        "StartInstanceRefresh": _refresh_started,
    }
    threading.Thread(target=_run, name="auto-scaling", daemon=True).start()


def await_refresh(record: dict[str, Any], deadline_s: float) -> None:
    """Replace the group's boxes, and wait for it where they boot. Raises ValueError."""
    begun = refresh(record)
    if not present():
        return
    until = time.monotonic() + deadline_s
    while begun["Status"] == _UNDER_WAY:
        if time.monotonic() > until:
            begun |= {"Status": "Failed", "StatusReason": "timed out", "EndTime": now_iso()}
        time.sleep(_TICK_S)
    if begun["Status"] != "Successful":
        raise ValueError(f"the instance refresh of {record['AutoScalingGroupName']} ended as {begun['Status']}")
