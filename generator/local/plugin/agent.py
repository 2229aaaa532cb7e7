"""ECS's control plane, for tasks that a real agent runs.

MiniStack's scheduler (desired count, rolling update within 50 and 200 %, circuit breaker with rollback) is kept. What
it does with Docker is handed to an agent instead, `generator/local/fargate.py`, over the calls that ECS's own agent
uses: DiscoverPollEndpoint says "I am here", SubmitTaskStateChange and SubmitContainerStateChange say what happened.

    RunTask -> PENDING, with an address of its own          here
    -> ACTIVATING (pull) -> RUNNING -> STOPPED               the agent reports
    StopTask -> DEACTIVATING (no traffic) -> STOPPED         the agent drains, then reports

A deployment is COMPLETED when its tasks are RUNNING, their container health check passes and their load balancer
calls them healthy. As on AWS, CloudFormation waits for that; where no agent has called for a while, it does not.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.core.responses import json_response, new_uuid, request_scope
from ministack.services import ecs
from ministack.services.cloudformation import provisioners

from . import targets

_log = logging.getLogger("agent")
_HOST_NUMBERS = range(2, 128)
_PRESENT_S = 10.0
_TICK_S = 0.5
# CloudFormation gives a service three hours; nobody waits that long at a desk.
_STABLE_DEADLINE_S = float(os.environ.get("ECG_SERVICE_DEADLINE_S", "600"))
_last_call = 0.0


def present() -> bool:
    """Whether an agent has called lately."""
    return time.monotonic() - _last_call < _PRESENT_S


class _NoDocker:
    """Truthy, so that MiniStack's scheduler treats tasks as started elsewhere and asynchronously."""


def _address() -> str:
    prefix = os.environ["ECG_LOOPBACK_PREFIX"]
    taken = {ecs._task_ip(task) for task in ecs._tasks.values() if task.get("lastStatus") != "STOPPED"}
    for number in _HOST_NUMBERS:
        if (address := f"{prefix}.{number}") not in taken:
            return address
    raise RuntimeError(f"all {len(_HOST_NUMBERS)} addresses for tasks are in use")


_placing = threading.Lock()


def _place(task: dict[str, Any], _: object, __: object, ___: object, account: str, region: str) -> None:
    """Stands for MiniStack's task worker: give the task its network interface, and leave it to the agent."""
    with request_scope(account, region), _placing:
        attachment, address = new_uuid(), _address()
        task["attachments"] = [
            {
                "id": attachment,
                "type": "ElasticNetworkInterface",
                "status": "ATTACHED",
                "details": [
                    {"name": "subnetId", "value": task.get("_subnet") or ""},
                    {"name": "privateIPv4Address", "value": address},
                ],
            }
        ]
        for container in task["containers"]:
            container["networkInterfaces"] = [{"attachmentId": attachment, "privateIpv4Address": address}]
        ecs._mark_task_pending(task["taskArn"], task)


def _discover(data: dict[str, Any]) -> Any:
    global _last_call
    _last_call = time.monotonic()
    return _original_discover(data)


_original_discover = ecs._discover_poll_endpoint


def _task_of(data: dict[str, Any]) -> dict[str, Any] | None:
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    found: dict[str, Any] | None = ecs._resolve_task(data.get("task", ""), cluster)
    return found


def _task_changed(data: dict[str, Any]) -> Any:
    task = _task_of(data)
    if task is None:
        return json_response({"acknowledgment": "TASK_NOT_FOUND"})
    match data.get("status"):
        case "ACTIVATING":
            ecs._mark_task_activating(task["taskArn"], task)
        case "RUNNING":
            for change in data.get("containers", ()):
                container = _container(task, change["containerName"])
                container |= {"lastStatus": "RUNNING", "imageDigest": change.get("imageDigest", "")}
                container["runtimeId"] = change.get("runtimeId", container.get("runtimeId"))
            ecs._mark_task_running(task["taskArn"], task)
            if not _is_checked(task):
                task["_passed"] = True
        case "STOPPED":
            for change in data.get("containers", ()):
                _container(task, change["containerName"])["exitCode"] = change.get("exitCode")
            _stopped(task, data.get("reason", ""))
    return json_response({"acknowledgment": "ACCEPT"})


def _container(task: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in task["containers"] if each["name"] == name)
    return found


def _is_checked(task: dict[str, Any]) -> bool:
    definition = ecs._task_defs.get(ecs._resolve_td_key(task["taskDefinitionArn"])) or {}
    return any("healthCheck" in each for each in definition.get("containerDefinitions", ()))


def _stopped(task: dict[str, Any], reason: str) -> None:
    arn = task["taskArn"]
    if ecs._task_is_active(arn, task):
        failed_to_start = task.get("startedAt") is None
        code = "TaskFailedToStart" if failed_to_start else "EssentialContainerExited"
        _event(task, f"has stopped 1 running tasks: {reason}" if not failed_to_start else reason)
        ecs._mark_task_stopped(arn, task, reason, code)
        return
    # StopTask came first: its reason and code stand; the processes are gone only now.
    with resource_lock("ecs-task", arn):
        now = ecs._iso()
        task["lastStatus"] = "STOPPED"
        task["stoppedAt"] = now
        task["executionStoppedAt"] = now
        ecs._bump_task_version(task)
        for container in task["containers"]:
            container["lastStatus"] = "STOPPED"


def _event(task: dict[str, Any], message: str) -> None:
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    name = task.get("group", "").removeprefix("service:")
    if service := ecs._services.get(f"{cluster}/{name}"):
        entry = {"id": new_uuid(), "createdAt": ecs._iso(), "message": f"(service {name}) {message}"}
        service["events"].insert(0, entry)
        del service["events"][100:]


def _container_changed(data: dict[str, Any]) -> Any:
    """Health, which the real agent reports on a channel of its own: HEALTHY or UNHEALTHY in `status`."""
    task = _task_of(data)
    if task is None:
        return json_response({"acknowledgment": "TASK_NOT_FOUND"})
    status = data.get("status")
    _container(task, data["containerName"])["healthStatus"] = status
    checked = [each["healthStatus"] for each in task["containers"] if each["healthStatus"] != "UNKNOWN"]
    task["healthStatus"] = "UNHEALTHY" if "UNHEALTHY" in checked else "HEALTHY"
    if status == "UNHEALTHY":
        _replace(task, "Task failed container health checks")
    else:
        task["_passed"] = True
    return json_response({"acknowledgment": "ACCEPT"})


def _replace(task: dict[str, Any], reason: str) -> None:
    """Stop a task that the service scheduler holds for failed, and count it against its deployment."""
    if not ecs._task_is_active(task["taskArn"], task):
        return
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    _event(task, f"(task {task['taskArn'].rpartition('/')[2]}) stopped: {reason}")
    _stop({"task": task["taskArn"], "cluster": cluster, "reason": reason, "_code": "ServiceSchedulerInitiated"})
    ecs._record_service_task_failure(task)


def _stop(data: dict[str, Any]) -> Any:
    """StopTask in two steps: no more traffic at once, STOPPED when the agent says so."""
    task = _task_of(data)
    if not present() or task is None or task["lastStatus"] == "STOPPED":
        return _original_stop(data)
    with resource_lock("ecs-task", task["taskArn"]):
        if ecs._task_is_active(task["taskArn"], task):
            ecs._bump_task_version(task)
            task["desiredStatus"] = "STOPPED"
            task["lastStatus"] = "DEACTIVATING"
            task["stoppingAt"] = ecs._iso()
            task["stoppedReason"] = data.get("reason", "Task stopped by user")
            task["stopCode"] = data.get("_code", "UserInitiated")
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    ecs._recount_cluster(cluster)
    ecs._refresh_service_state(cluster, task.get("group", ""))
    return json_response({"task": ecs._sanitize(task)})


_original_stop = ecs._stop_task


def _settle() -> None:
    """Carry each service forward: which tasks count as healthy, which deployments are complete."""
    for (account, region, key), service in list(ecs._services.all_items()):
        if service.get("status") != "ACTIVE":
            continue
        with request_scope(account, region):
            cluster = key.split("/", 1)[0]
            group = f"service:{service['serviceName']}"
            # Restored state still counts, and sends traffic to, tasks that ended with the last run.
            ecs._refresh_service_state(cluster, group)
            tasks = [
                task
                for task in list(ecs._tasks.values())
                if task.get("group") == group
                and task.get("clusterArn") == service["clusterArn"]
                and task.get("lastStatus") == "RUNNING"
            ]
            for task in tasks:
                _settle_task(key, service, task)
            if (ecs._primary_deployment(service) or {}).get("rolloutState") == "IN_PROGRESS":
                ecs._reconcile_service_tasks(cluster, key)
                ecs._complete_service_deployment(cluster, key)


def _settle_task(key: str, service: dict[str, Any], task: dict[str, Any]) -> None:
    address = ecs._task_ip(task)
    states = {
        targets.state(balancer["targetGroupArn"], address, int(balancer.get("containerPort", 80)))
        for balancer in service.get("loadBalancers", ())
        if balancer.get("targetGroupArn")
    }
    grace = float(service.get("healthCheckGracePeriodSeconds") or 0)
    if "unhealthy" in states and time.monotonic() - task.setdefault("_running_since", time.monotonic()) > grace:
        _replace(task, "Task failed ELB health checks")
    elif task.get("_passed") and states <= {"healthy"} and not task.get("_startup_stable"):
        ecs._record_service_task_healthy(key, task)


def _settle_forever() -> None:
    while True:
        time.sleep(_TICK_S)
        try:
            if present():
                _settle()
        except Exception:
            _log.exception("the service scheduler stumbled; it goes on")


def _steady(handler: Callable[..., Any]) -> Callable[..., Any]:
    """CloudFormation's part: the resource is complete when the deployment is, and failed when it failed."""

    def provision(*arguments: Any) -> Any:
        made = handler(*arguments)
        key = made[0].split(":service/", 1)[1]
        started = (ecs._primary_deployment(ecs._services[key]) or {}).get("id")
        deadline = time.monotonic() + _STABLE_DEADLINE_S
        while present() and time.monotonic() < deadline:
            service = ecs._services.get(key)
            if service is None or service.get("status") != "ACTIVE":
                raise ValueError(f"the service {key} was deleted while it was being deployed")
            deployment = next((each for each in service["deployments"] if each["id"] == started), None)
            state = deployment.get("rolloutState") if deployment else "FAILED"
            if state == "COMPLETED":
                return made
            if state == "FAILED":
                reasons = [event["message"] for event in service["events"][:20] if "Error" in event["message"]]
                raise ValueError("; ".join(["ECS Deployment Circuit Breaker was triggered", *reasons[:1]]))
            time.sleep(0.2)
        if present():
            raise ValueError(f"the service {key} did not become steady within {_STABLE_DEADLINE_S:.0f} s")
        return made

    return provision


def _begun(*arguments: Any, **named: Any) -> Any:
    """A new deployment is in progress; MiniStack calls a service's first one COMPLETED at once."""
    deployment = _original_deployment(*arguments, **named)
    deployment |= {"rolloutState": "IN_PROGRESS", "rolloutStateReason": "ECS deployment in progress."}
    return deployment


_original_deployment = ecs._make_deployment


def _restored(data: Any) -> None:
    """After a restart nothing runs yet, whatever the kept state says."""
    _original_restore(data)
    for _, service in ecs._services.all_items():
        for counted in (service, *service.get("deployments", ())):
            counted["runningCount"] = counted["pendingCount"] = 0


_original_restore = ecs.load_persisted_state


def install() -> None:
    """Put the agent in Docker's place."""
    sentinel = _NoDocker()
    ecs._get_docker = lambda: sentinel
    ecs._ensure_ecs_reaper_thread = lambda: None
    ecs._deployment_needs_first_task = lambda *_: False
    ecs._maybe_mark_stopped = lambda *_: None
    ecs._run_task_worker = _place
    ecs._make_deployment = _begun
    ecs._stop_task = _stop
    ecs.load_persisted_state = _restored
    ecs._ACTION_MAP |= {
        "StopTask": _stop,
        "DiscoverPollEndpoint": _discover,
        "SubmitTaskStateChange": _task_changed,
        "SubmitContainerStateChange": _container_changed,
    }
    kind = provisioners._RESOURCE_HANDLERS["AWS::ECS::Service"]
    kind["create"], kind["update"] = _steady(kind["create"]), _steady(kind["update"])
    threading.Thread(target=_settle_forever, name="ecs-settle", daemon=True).start()
