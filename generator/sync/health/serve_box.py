"""The GPU box and its Serve applications, from `observed/{env}/box.json` (services/ray_serve/reconciler/report.py)."""

from datetime import UTC, datetime, timedelta

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

STALE_AFTER = timedelta(minutes=3)
"""The agent reports every minute (reconciler/loop.py) though nothing changes; three missed ones are silence."""

_APPS = {
    "RUNNING": healthy,
    "NOT_STARTED": progressing,
    "DEPLOYING": progressing,
    "DELETING": progressing,
    "DEPLOY_FAILED": degraded,
    "UNHEALTHY": degraded,
}
"""Ray Serve's ApplicationStatus."""


@of_payload
def agent(payload: Payload, now: datetime) -> Health:
    """Judge the box by `{"report": box.json or None, "desired": desired.json or None}`; `now` is aware.

    What an old report says is not known to be so: a box that has fallen silent is Unknown.
    """
    report, desired = payload["report"], payload["desired"]
    if report is None:
        return missing("the box has not reported yet")
    if silent := _silence(report, now):
        return silent
    wanted = desired["generation"] if desired else None
    if wanted and report["generation"]["wanted"] != wanted:
        return progressing(f"the box has not seen generation {wanted[:12]} yet")
    said = {each["type"]: (each["status"] == "True", _reason(each)) for each in report["conditions"]}
    (is_ready, ready), (is_moving, moving), (is_sick, sick) = said["Ready"], said["Progressing"], said["Degraded"]
    if is_sick:
        return degraded(sick)
    if is_moving and is_ready and moving.startswith("Canary"):
        # For as long as was declared, on purpose: a deployment does not wait for it, as for Argo's paused rollouts.
        return suspended(moving)
    if is_moving:
        return progressing(moving)
    if not is_ready:
        return degraded(ready)
    return healthy(f"runs generation {report['generation']['applied'][:12]}" if report["generation"]["applied"] else "")


@of_payload
def app(payload: Payload, name: str, now: datetime) -> Health:
    """Judge one Serve application that Git wants, by the same payload."""
    report = payload["report"]
    if report is None:
        return missing("the box has not reported yet")
    if silent := _silence(report, now):
        return silent
    found = report["apps"].get(name)
    if found is None:
        arriving = any(each["type"] == "Progressing" and each["status"] == "True" for each in report["conditions"])
        return progressing("it is not on the box yet") if arriving else missing("it is not on the box")
    if found["status"] not in _APPS:
        return unknown(f"Ray Serve says {found['status']}, which this release of ecgctl does not know")
    message = found["message"].strip()
    # A traceback's last line is the one that says what happened.
    last = message.splitlines()[-1] if message else ""
    if found["status"] == "RUNNING":
        return healthy(_canary(found.get("canary")))
    return _APPS[found["status"]](f"{found['status']}{f': {last}' if last else ''}")


def _canary(told: Payload | None) -> str:
    """The trial of a new version, while it goes on or once it was taken back."""
    if told is None or told["verdict"] not in ("trying", "reverted"):
        return ""
    until = f" until {told['until']}" if told["until"] else ""
    bad = told["errors"] + told.get("mismatches", 0)
    return (
        f"canary {told['verdict']}{until}: {told['percent']:g} % of the requests, {told['requests']} seen, {bad} bad"
        f" ({told['error_rate']:.1%}, allowed {told['max_error_rate']:.1%})"
    )


def _silence(report: Payload, now: datetime) -> Health | None:
    told = datetime.fromisoformat(report["updated_at"])
    if now - told <= STALE_AFTER:
        return None
    # The moment, not the age: a reason that changes by itself would look like progress.
    return unknown(f"the box has not reported since {told.astimezone(UTC):%Y-%m-%d %H:%M} UTC")


def _reason(condition: Payload) -> str:
    lines = condition["message"].strip().splitlines()
    return f"{condition['reason']}: {lines[-1]}" if lines else str(condition["reason"])
