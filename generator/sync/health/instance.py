"""An EC2 instance, from DescribeInstances and DescribeInstanceStatus."""

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

_CHECKS = {"SystemStatus": "system", "InstanceStatus": "instance", "AttachedEbsStatus": "volume"}
_SETTLING = {"initializing", "insufficient-data"}


@of_payload
def instance(payload: Payload) -> Health:
    """Judge `{"instance": DescribeInstances' instance or None, "status": DescribeInstanceStatus' entry or None}`.

    A stopped instance is Suspended: a schedule or a person stopped it, and starting it is all that it needs.
    """
    found, status = payload["instance"], payload["status"]
    if found is None:
        return missing("it does not exist")
    match found["State"]["Name"]:
        case "running":
            return _checked(status)
        case "pending" | "stopping" as state:
            return progressing(state)
        case "stopped":
            return suspended("stopped")
        case "shutting-down" | "terminated" as state:
            return missing(state)
        case state:
            return unknown(f"EC2 says {state}, which this release of ecgctl does not know")


def _checked(status: Payload | None) -> Health:
    if status is None:
        return progressing("running, not yet checked")
    told = {word: status[check]["Status"] for check, word in _CHECKS.items() if check != "AttachedEbsStatus"}
    if "AttachedEbsStatus" in status:
        told["volume"] = status["AttachedEbsStatus"]["Status"]
    impaired = [word for word, state in told.items() if state == "impaired"]
    if impaired:
        return degraded(f"fails EC2's {' and '.join(impaired)} status check")
    settling = [f"{word} {state}" for word, state in told.items() if state in _SETTLING]
    if settling:
        return progressing(f"status checks: {', '.join(settling)}")
    other = [f"{word} {state}" for word, state in told.items() if state not in ("ok", "not-applicable")]
    if other:
        return unknown(f"status checks: {', '.join(other)}")
    events = [event["Description"] for event in status.get("Events", ()) if "[Completed]" not in event["Description"]]
    return healthy(f"EC2 plans: {'; '.join(events)}" if events else "")
