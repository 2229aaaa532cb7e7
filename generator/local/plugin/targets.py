"""Target health from real health checks, where MiniStack calls every registered target healthy.

As on AWS: a new target is `initial` until one check passes, then `healthy`; `UnhealthyThresholdCount` failures in a
row make it `unhealthy`, `HealthyThresholdCount` passes in a row make it healthy again; requests go to healthy targets
only, and to all of them when none is healthy. One difference: while a target is `initial`, checks come every second
instead of every `HealthCheckIntervalSeconds`.
"""

from __future__ import annotations

import http.client
import itertools
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import alb

from . import instances

_log = logging.getLogger("targets")
_TICK_S = 0.25
_INITIAL_INTERVAL_S = 1.0


@dataclass
class _Health:
    state: str = "initial"
    reason: str = "Elb.RegistrationInProgress"
    row: int = 0
    due: float = 0.0
    busy: bool = False


_known: dict[tuple[str, str, int], _Health] = {}


def state(group: str, target: str, port: int) -> str:
    """`initial`, `healthy`, `unhealthy`; `unused` where it is not registered."""
    health = _known.get((group, target, port))
    return health.state if health else "unused"


def _matches(code: int, wanted: str) -> bool:
    """Whether a status is in a matcher such as `200`, `200,202` or `200-299`."""
    for part in wanted.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= code <= int(high or low):
            return True
    return False


def _probe(group: dict[str, Any], address: str, port: int) -> str:
    """The reason for which the target fails, or nothing."""
    checked = group.get("HealthCheckPort", "traffic-port")
    connection = http.client.HTTPConnection(
        address,
        port if checked == "traffic-port" else int(checked),
        timeout=float(group.get("HealthCheckTimeoutSeconds", 5)),
    )
    try:
        connection.request("GET", group.get("HealthCheckPath", "/"), headers={"User-Agent": "ELB-HealthChecker/2.0"})
        code = connection.getresponse().status
    except TimeoutError:
        return "Target.Timeout"
    except (OSError, http.client.HTTPException):
        return "Target.FailedHealthChecks"
    finally:
        connection.close()
    matched = _matches(code, str((group.get("Matcher") or {}).get("HttpCode", "200")))
    return "" if matched else "Target.ResponseCodeMismatch"


def _check(group: dict[str, Any], address: str, port: int, health: _Health) -> None:
    reason = _probe(group, address, port)
    passed = not reason
    if passed == (health.state == "healthy"):
        health.row = 0
    else:
        health.row += 1
        threshold = group["HealthyThresholdCount"] if passed else group["UnhealthyThresholdCount"]
        if health.state == "initial" and passed:
            threshold = 1
        if health.row >= int(threshold) and not (health.state == "initial" and not passed):
            health.state, health.row = ("healthy" if passed else "unhealthy"), 0
    health.reason = reason
    interval = _INITIAL_INTERVAL_S if health.state == "initial" else float(group["HealthCheckIntervalSeconds"])
    health.due = time.monotonic() + interval
    health.busy = False


def address_of(target: str) -> str:
    """Where a registered target is: an instance at its private address, anything else where its id says."""
    return instances.address(target) or target


def _registered() -> dict[tuple[str, str, int], tuple[dict[str, Any], str]]:
    """Each target's group and address."""
    found = {}
    for (account, region, arn), group in list(alb._tgs.all_items()):
        if group.get("TargetType") not in ("ip", "instance") or not group.get("HealthCheckEnabled", True):
            continue
        with request_scope(account, region):
            for target in list(alb._targets.get(arn, ())):
                port = int(target.get("Port") or group.get("Port") or 80)
                found[(arn, target["Id"], port)] = (group, address_of(target["Id"]))
    return found


def _watch() -> None:
    pool = ThreadPoolExecutor(8, thread_name_prefix="elb-health")
    while True:
        time.sleep(_TICK_S)
        try:
            registered = _registered()
            for key in _known.keys() - registered.keys():
                _known.pop(key, None)
            for key, (group, address) in registered.items():
                health = _known.setdefault(key, _Health())
                if not health.busy and health.due <= time.monotonic():
                    health.busy = True
                    pool.submit(_check, group, address, key[2], health)
        except Exception:
            _log.exception("the health checker stumbled; it goes on")


def _describe(parameters: dict[str, Any]) -> Any:
    arn = alb._p(parameters, "TargetGroupArn")
    if arn not in alb._tgs:
        return alb._error("TargetGroupNotFound", f"Target group '{arn}' not found.")
    group = alb._tgs[arn]
    wanted = {target["Id"] for target in alb._parse_targets_param(parameters)}
    described = ""
    for target in alb._targets.get(arn, ()):
        if wanted and target["Id"] not in wanted:
            continue
        port = int(target.get("Port") or group.get("Port") or 80)
        health = _known.get((arn, target["Id"], port), _Health())
        reason = "" if health.state == "healthy" else f"<Reason>{health.reason or 'Elb.InitialHealthChecking'}</Reason>"
        described += (
            f"<member><Target><Id>{target['Id']}</Id><Port>{port}</Port></Target>"
            f"<HealthCheckPort>{port}</HealthCheckPort>"
            f"<TargetHealth><State>{health.state}</State>{reason}</TargetHealth></member>"
        )
    return alb._xml(200, "DescribeTargetHealth", f"<TargetHealthDescriptions>{described}</TargetHealthDescriptions>")


async def _forward(
    arn: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, Any],
    raw_query: str | None = None,
    raw_path: str | None = None,
) -> Any:
    """Forward to a target that may be asked."""
    group = alb._tgs.get(arn)
    asked = eligible(arn)
    if group is None or not asked or group.get("TargetType") not in ("ip", "instance"):
        return await _original_forward(arn, method, path, headers, body, query, raw_query, raw_path)
    target, port = asked[next(_turn) % len(asked)]
    chosen = {"Id": address_of(target), "Port": port}
    return await alb._proxy_http_target(chosen, group, method, raw_path or path, headers, body, query, raw_query)


def eligible(arn: str) -> list[tuple[str, int]]:
    """The healthy targets, each with its port; when there is none, all (the load balancer "fails open")."""
    port = int((alb._tgs.get(arn) or {}).get("Port") or 80)
    registered = [(str(each["Id"]), int(each.get("Port") or port)) for each in alb._targets.get(arn, ())]
    return [each for each in registered if state(arn, *each) == "healthy"] or registered


_original_forward = alb._forward_to_tg
_turn = itertools.count()  # round robin, ALB's default


def install() -> None:
    """Start checking."""
    alb._forward_to_tg = _forward
    alb._ACTION_MAP["DescribeTargetHealth"] = _describe
    threading.Thread(target=_watch, name="elb-watch", daemon=True).start()
