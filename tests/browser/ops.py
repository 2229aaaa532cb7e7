"""`GET /api/ops/status` of a dev environment with one broken and one drifted stack, and a canary under way."""

from __future__ import annotations

import time
from typing import Any

_WAVES = {
    "network": 0,
    "storage": 0,
    "registry": 0,
    "data": 0,
    "keys": 0,
    "security": 1,
    "load-balancer": 2,
    "model-server": 2,
    "cdn": 3,
    "api": 4,
    "observability": 5,
}


def ago(seconds: float) -> str:
    """ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


def ops() -> dict[str, Any]:
    """The whole answer."""
    broken = {
        "status": "Degraded",
        "reason": "ApiService: 0 of 2 tasks run: CannotPullContainerError: src-3f9a2c not found",
    }
    stacks = [_stack(name, wave) for name, wave in _WAVES.items()]
    by_name = {stack["name"]: stack for stack in stacks}
    by_name["api"] |= {
        "health": broken,
        "resources": [{"name": "ApiService", "kind": "Service", "health": broken}],
    }
    by_name["security"]["drift"] = {"status": "DRIFTED", "at": ago(4000)}
    by_name["cdn"] |= {"sync": "OutOfSync", "differences": ["page: src-41c0aa12bb34 to src-9f00e1c2d3a4"]}
    reader = {"name": "ecg_rhythm", "sync": "Synced", "health": _well(), "status": "RUNNING", "version": "7373" * 16}
    status = {
        "apiVersion": "gitops.ecg/v1",
        "kind": "EnvironmentStatus",
        "environment": "dev",
        "region": "us-east-1",
        "at": ago(240),
        "sync": "OutOfSync",
        "health": broken,
        "revision": "341fa76c0ffee0badc0de",
        "deployment": "20261126T140000Z",
        "notes": [],
        "stacks": stacks,
        "apps": [reader, {**reader, "name": "signal_quality", "version": "a1b2" * 16}],
        "box": {"sync": "Synced", "health": _well(), "differences": [], "report": None},
        "queues": [],
        "deployments": _deployments(),
        "drift": {
            "at": ago(4000),
            "drifted": True,
            "coverage": {"resources": 151, "compared": 118},
            "resources": [
                {
                    "stack": "security",
                    "resource": "ApiSecurityGroup",
                    "property": "/GroupDescription",
                    "template": "API tasks",
                    "live": "API tasks (debug)",
                    "ignored": None,
                }
            ],
            "unread": {},
        },
    }
    return {
        "environment": "dev",
        "as_of": ago(2),
        "status": status,
        "status_stale": False,
        "box": _box(),
        "box_stale": False,
        "queue": {"waiting": 4, "in_flight": 2, "dead_letters": 1},
        "monthly_cost_usd": 530.27,
    }


def _deployments() -> list[dict[str, Any]]:
    def one(number: int, outcome: str, seconds: float | None, changed: list[str], error: str = "") -> dict[str, Any]:
        began = ago(240 + number * 40_000 + (seconds or 0))
        about = {"id": f"ab12cd3{number}", "commit": f"{number}41fa76c0ffee0badc0de", "who": "github", "note": ""}
        ended = {"seconds": seconds, "outcome": outcome, "changed": changed, "error": error}
        return {**about, "began": began, **ended}

    return [
        one(0, "failed", 413.2, ["api"], "wave 4 failed\nstack api ended in UPDATE_ROLLBACK_COMPLETE"),
        one(1, "succeeded", 93.4, ["cdn", "api"]),
        one(2, "interrupted", 12.0, ["network"], "stopped by Ctrl-C"),
        one(3, "succeeded", 688.0, list(_WAVES)),
    ]


def _well() -> dict[str, str]:
    return {"status": "Healthy", "reason": ""}


def _stack(name: str, wave: int) -> dict[str, Any]:
    return {
        "name": name,
        "wave": wave,
        "sync": "Synced",
        "health": _well(),
        "status": "UPDATE_COMPLETE",
        "changed": ago(90_000),
        "differences": [],
        "drift": None,
        "resources": [],
    }


def _box() -> dict[str, Any]:
    def app(version: str, **more: Any) -> dict[str, Any]:
        deployments = {"Reader": {"status": "HEALTHY", "message": "", "replicas": {"RUNNING": 2}}}
        about = {"status": "RUNNING", "message": "", "route": "/a", "version": version, "deployments": deployments}
        return {**about, **more}

    canary = {
        "version": "bead" * 16,
        "status": "RUNNING",
        "compare": None,
        "percent": 10,
        "since": ago(300),
        "until": ago(-300),
        "requests": 42,
        "errors": 0,
        "mismatches": 0,
        "error_rate": 0.0,
        "max_error_rate": 0.02,
        "last": None,
        "verdict": "trying",
    }
    return {
        "apiVersion": "gitops.ecg/v1",
        "kind": "BoxObserved",
        "updated_at": ago(4),
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Serving", "message": "", "since": ago(9000)},
            {"type": "Degraded", "status": "False", "reason": "AsDesired", "message": "", "since": ago(9000)},
        ],
        "apps": {"ecg_rhythm": app("7373" * 16, canary=canary), "signal_quality": app("a1b2" * 16)},
        "device": {"kind": "cpu", "name": None},
    }
