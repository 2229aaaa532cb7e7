"""`observed/{env}/box.json`: what the box is. Read by `ecgctl`, by the API and by people.

generation   {wanted, applied, good}
conditions   Ready, Progressing, Degraded, Accelerated: each True or False, since when, and why
apps         Ray's word on each app and its deployments, and the package that it runs
             golden: what its golden cases came to last, of which version    canary: its trial under way, or its last
versions     agent, python, ray        device  what models run on        box  what Ray was told it may give away
errors       the last ten, newest first
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.decide import target_of
from reconciler.rollout import CANARY, Step, Told
from reconciler.snapshot import AppState, AppStatus, Proven, Ray, Snapshot
from reconciler.trial import Outcome, Trial


@dataclass(frozen=True)
class Condition:
    """One thing that is so, or is not."""

    type: str
    status: bool
    reason: str
    message: str = ""


@dataclass(frozen=True)
class Facts:
    """What the report says beside the snapshot."""

    agent: str
    python: str
    ray: str | None
    device: Mapping[str, Any] | None
    """None until it was asked."""
    errors: Sequence[Mapping[str, str]]
    trouble: str | None
    """What kept the last turn from going on."""
    now: datetime


def conditions(snapshot: Snapshot, facts: Facts) -> tuple[Condition, ...]:
    """Judge a snapshot."""
    return (
        _ready(snapshot),
        _progressing(snapshot),
        _degraded(snapshot, facts),
        _accelerated(facts),
    )


def _ready(snapshot: Snapshot) -> Condition:
    if snapshot.ray is not Ray.UP:
        return Condition("Ready", False, "RayNotUp", f"Ray is {snapshot.ray}")
    apps = snapshot.apps or {}
    wanted = sorted(name for name in snapshot.wanted_apps if not name.endswith(CANARY))
    down = [name for name in wanted if _status(snapshot, name) is not AppStatus.RUNNING]
    if down or not wanted:
        message = ", ".join(f"{name} {apps[name].status if name in apps else 'absent'}" for name in down)
        return Condition("Ready", False, "AppsNotRunning", message)
    if not snapshot.http_ready:
        return Condition("Ready", False, "HttpNotReady", "the proxy does not answer")
    return Condition("Ready", True, "Serving")


def _status(snapshot: Snapshot, name: str) -> AppStatus | None:
    app = (snapshot.apps or {}).get(name)
    return app.status if app else None


def _progressing(snapshot: Snapshot) -> Condition:
    target, memory = target_of(snapshot), snapshot.memory
    if target is None:
        return Condition("Progressing", False, "NothingDesired")
    if memory.good and memory.good.generation == target.generation and memory.applied == Told(target.generation):
        return Condition("Progressing", False, "Settled")
    if memory.failed and memory.failed.generation == target.generation:
        return Condition("Progressing", False, "Failed")
    if memory.applied == Told(target.generation, Step.SPLIT) and memory.trial:
        return Condition("Progressing", True, "Canary", _trial_in_words(memory.trial))
    return Condition("Progressing", True, "Applying", f"towards {target.generation[:12]}")


def _trial_in_words(trial: Trial) -> str:
    return "; ".join(
        f"{app}: the new version {'works beside' if rule.compare == 'shadow' else 'answers'} {rule.percent:g} % of the"
        f" requests, {_requests(trial.of(app).requests)} so far, {trial.of(app).bad} of them bad"
        for app, rule in sorted(trial.rules.items())
    )


def _requests(count: int) -> str:
    return f"{count} request" + ("" if count == 1 else "s")


def _degraded(snapshot: Snapshot, facts: Facts) -> Condition:
    memory, desired = snapshot.memory, snapshot.desired
    if desired and memory.failed and memory.failed.generation == desired.generation:
        reason = "RolledBack" if memory.good else "Failed"
        return Condition("Degraded", True, reason, memory.failed.message)
    if snapshot.fetch_error:
        return Condition("Degraded", True, "CannotFetch", snapshot.fetch_error)
    if facts.trouble:
        return Condition("Degraded", True, "Trouble", facts.trouble)
    sick = [
        f"{name}: {app.message}" for name, app in (snapshot.apps or {}).items() if app.status is AppStatus.UNHEALTHY
    ]
    if sick:
        return Condition("Degraded", True, "Unhealthy", "\n".join(sick))
    return Condition("Degraded", False, "AsDesired")


def _accelerated(facts: Facts) -> Condition:
    if facts.device is None:
        return Condition("Accelerated", False, "NotYetKnown")
    if facts.device["kind"] == "cuda":
        return Condition("Accelerated", True, "Cuda", str(facts.device["name"]))
    return Condition("Accelerated", False, "NoCuda", "models run on the CPU")


def since(
    now: tuple[Condition, ...], before: Mapping[str, tuple[bool, str]], at: datetime
) -> dict[str, tuple[bool, str]]:
    """When each condition got the status that it has, ISO 8601 UTC."""
    moments = {}
    for one in now:
        status, moment = before.get(one.type, (None, ""))
        moments[one.type] = (one.status, moment if status is one.status else stamp(at))
    return moments


def box_json(
    snapshot: Snapshot, facts: Facts, judged: tuple[Condition, ...], moments: Mapping[str, tuple[bool, str]]
) -> dict[str, Any]:
    """The report's data, without `updated_at`."""
    memory = snapshot.memory
    head = memory.started_with
    return {
        "apiVersion": "gitops.ecg/v1",
        "kind": "BoxObserved",
        "generation": {
            "wanted": snapshot.desired.generation if snapshot.desired else None,
            "applied": memory.applied.generation if memory.applied else None,
            "good": memory.good.generation if memory.good else None,
        },
        "conditions": [
            {
                "type": one.type,
                "status": str(one.status),
                "reason": one.reason,
                "message": one.message[:8000],
                "since": moments[one.type][1],
            }
            for one in judged
        ],
        "apps": {
            name: _app(snapshot, facts, name, app)
            for name, app in (snapshot.apps or {}).items()
            if not name.endswith(CANARY)
        },
        "versions": {"agent": facts.agent, "python": facts.python, "ray": facts.ray},
        "device": dict(facts.device) if facts.device else None,
        "box": {"cpus": head.cpus, "gpus": head.gpus} if head else None,
        "http": {"host": head.host, "port": head.port} if head else None,
        "errors": list(facts.errors),
    }


def _app(snapshot: Snapshot, facts: Facts, name: str, app: AppState) -> dict[str, Any]:
    memory = snapshot.memory
    told: dict[str, Any] = {
        "status": str(app.status),
        "message": app.message[:8000],
        "route": app.route,
        "version": app.version,
        "deployments": {
            deployment: {"status": one.status, "message": one.message[:2000], "replicas": dict(one.replicas)}
            for deployment, one in app.deployments.items()
        },
    }
    if proven := memory.proven.get(name):
        told["golden"] = _golden(proven)
    if memory.trial and name in memory.trial.rules:
        told["canary"] = _canary(snapshot, facts, memory.trial, name)
    return told


def _golden(proven: Proven) -> dict[str, Any]:
    return {
        "passed": proven.proof.passed,
        "cases": [
            {"name": one.name, "passed": one.passed, "seconds": one.seconds, "differences": list(one.differences)}
            for one in proven.proof.cases
        ],
        "problem": proven.proof.problem,
        "version": proven.version,
        "at": proven.at,
    }


def _canary(snapshot: Snapshot, facts: Facts, trial: Trial, name: str) -> dict[str, Any]:
    """`until`: when its time is over if nothing holds it up; None once the trial is."""
    rule, tally = trial.rules[name], trial.of(name)
    canary = (snapshot.apps or {}).get(name + CANARY)
    config = snapshot.configs.get(trial.target.generation)
    left = timedelta(seconds=max(0.0, rule.minutes * 60 - trial.seen_s))
    return {
        "version": config.apps[name].version if config else None,
        "status": str(canary.status) if canary else None,
        "compare": rule.compare,
        "percent": rule.percent,
        "since": trial.began,
        "until": stamp(facts.now + left) if trial.outcome is Outcome.TRYING else None,
        "requests": tally.requests,
        "errors": tally.errors,
        "mismatches": tally.mismatches,
        "error_rate": round(tally.error_rate, 4),
        "max_error_rate": rule.max_error_rate,
        "last": tally.last,
        "verdict": str(trial.outcome),
    }


def stamp(at: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
