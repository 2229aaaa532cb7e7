"""A load balancer's target group, from DescribeTargetHealth."""

from collections import Counter

from generator.sync.health.states import (
    Health,
    Payload,
    degraded,
    healthy,
    of_payload,
    progressing,
    unknown,
)

_LEAVING = {"draining", "unhealthy.draining"}
_FAILED = {"unhealthy", "unused"}
_UNTOLD = {"unavailable"}
"""No health check is configured or possible."""


@of_payload
def target_group(payload: Payload) -> Health:
    """Judge by the targets that stay; those that drain are on their way out and count for nothing."""
    targets = [
        each["TargetHealth"]
        for each in payload["TargetHealthDescriptions"]
        if each["TargetHealth"]["State"] not in _LEAVING
    ]
    states = Counter(target["State"] for target in targets)
    if not targets:
        return progressing("no target is registered")
    count = f"{states['healthy']} of {len(targets)} targets are healthy"
    failed = [target for target in targets if target["State"] in _FAILED]
    if failed:
        return degraded(f"{count}: {'; '.join(dict.fromkeys(_why(target) for target in failed))}")
    if any(state in _UNTOLD for state in states):
        return unknown(f"{count}; the others are not checked")
    if states["initial"]:
        return progressing(f"{count}, {states['initial']} not yet checked")
    if states["healthy"] == len(targets):
        return healthy(count)
    return unknown(f"{count}; the others are {', '.join(sorted(states.keys() - {'healthy'}))}")


def _why(target: Payload) -> str:
    code = target.get("Reason", target["State"])
    return f"{code} ({target['Description']})" if target.get("Description") else str(code)
