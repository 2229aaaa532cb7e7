"""An ECS service, from DescribeServices, with its stopped tasks from DescribeTasks.

CloudFormation says COMPLETE when ECS has accepted a service; a service is healthy when the tasks that run are of the
template's revision, the rollout is COMPLETED and as many run as should.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from generator.sync.health.states import (
    Health,
    Payload,
    degraded,
    healthy,
    missing,
    of_payload,
    progressing,
    suspended,
    unknown,
)

_SHOWN_REASONS = 3
_ORDERLY = ("Scaling activity initiated by", "Task stopped by user")
"""How stopped tasks begin to explain themselves that nobody needs to hear about."""


@of_payload
def service(payload: Payload, task_definition: str | None) -> Health:
    """Judge `{"service": DescribeServices' service or None, "stopped": DescribeTasks' stopped tasks}`.

    `task_definition`: the ARN that the stack's template made; None where that is not known.
    """
    found = payload["service"]
    if found is None or found["status"] == "INACTIVE":
        return missing("it does not exist")
    if found["status"] == "DRAINING":
        return progressing("being deleted")
    primary = next((each for each in found["deployments"] if each["status"] == "PRIMARY"), None)
    if primary is None:
        return unknown("it has no primary deployment")
    runs = revision(primary["taskDefinition"])
    reasons = told(stops(payload["stopped"], task_definition))
    because = f"; {'; '.join(reasons)}" if reasons else ""
    if task_definition is not None and primary["taskDefinition"] != task_definition:
        said = _failure(found["deployments"])
        return degraded(f"runs {runs}, the template's is {revision(task_definition)}{said}{because}")
    state, wanted, running = primary["rolloutState"], found["desiredCount"], found["runningCount"]
    if state == "FAILED":
        return degraded(f"the rollout of {runs} failed{_said(primary)}{because}")
    if wanted == 0:
        return suspended("scaled to no task")
    if state == "IN_PROGRESS":
        failed = primary.get("failedTasks", 0)
        failures = f", {failed} failed{because}" if failed else ""
        return progressing(f"{primary['runningCount']} of {wanted} tasks run {runs}{failures}")
    if running == 0:
        return degraded(f"none of {wanted} tasks runs{because}")
    if running < wanted:
        return progressing(f"{running} of {wanted} tasks run{because}")
    return healthy(f"{running} of {wanted} tasks run {runs}")


def stops(tasks: Sequence[Payload], task_definition: str | None) -> Mapping[str, int]:
    """Why tasks stopped by themselves, and how many; of the template's revision where it has any.

    ECS forgets stopped tasks after about an hour, so who waits for a service keeps what this says.
    """
    failed = [task for task in tasks if not task.get("stoppedReason", "").startswith(_ORDERLY)]
    wanted = [task for task in failed if task.get("taskDefinitionArn") == task_definition]
    return Counter(_stop_reason(task) for task in wanted or failed)


def told(counted: Mapping[str, int]) -> list[str]:
    """Reasons as text, most frequent first."""
    ordered = sorted(counted.items(), key=lambda item: -item[1])
    return [reason if count == 1 else f"{reason} ({count} times)" for reason, count in ordered[:_SHOWN_REASONS]]


def revision(task_definition: str) -> str:
    """`family:revision` of a task definition's ARN."""
    return task_definition.rpartition("/")[2]


def _stop_reason(task: Payload) -> str:
    parts = [task.get("stoppedReason") or "stopped without a reason"]
    for container in task.get("containers", ()):
        if "exitCode" in container:
            parts.append(f"container {container['name']} exited with {container['exitCode']}")
        if container.get("reason"):
            parts.append(container["reason"])
    return ", ".join(dict.fromkeys(parts))


def _failure(deployments: Iterable[Payload]) -> str:
    """What the circuit breaker says: on the deployment that failed, or on the one that it rolls back to."""
    failed = [each for each in deployments if each.get("rolloutState") == "FAILED" or "rolling back" in _said(each)]
    return _said(failed[0]) if failed else ""


def _said(deployment: Payload) -> str:
    reason = deployment.get("rolloutStateReason")
    return f": {reason.rstrip('.')}" if reason else ""
