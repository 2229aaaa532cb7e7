"""An environment's status as JSON, for scripts, the API and the operations page. Pure."""

import json
from datetime import datetime
from typing import Any

from generator.sync.health import Health
from generator.sync.status import EnvironmentStatus, SyncStatus


def status_data(status: EnvironmentStatus) -> dict[str, Any]:
    """A status as plain data. `at` says when it was so: whoever keeps it shows it as stale when that is long ago."""
    return {
        "apiVersion": "gitops.ecg/v1",
        "kind": "EnvironmentStatus",
        "environment": status.environment,
        "region": status.region,
        "at": _time(status.at),
        **_state(status.sync, status.health),
        "revision": status.deployed.commit if status.deployed else None,
        "deployment": status.deployed.id if status.deployed else None,
        "notes": list(status.notes),
        "stacks": [
            {
                "name": stack.name,
                "wave": stack.wave,
                **_state(stack.sync, stack.health),
                "status": stack.status,
                "changed": _time(stack.changed),
                "differences": list(stack.differences),
                "drift": {"status": stack.drift, "at": _time(stack.drift_looked_at)} if stack.drift else None,
                "resources": [
                    {"name": one.thing.logical_id, "kind": type(one.thing).__name__, "health": _health(one.health)}
                    for one in stack.things
                ],
            }
            for stack in status.stacks
        ],
        "apps": [
            {"name": app.name, **_state(app.sync, app.health), "status": app.status, "version": app.version}
            for app in status.apps
        ],
        "box": {
            **_state(status.box.sync, status.box.health),
            "differences": list(status.box.differences),
            "report": status.box.report,
        }
        if status.box
        else None,
        "queues": [
            {"name": one.thing.logical_id, "stack": one.thing.stack, "health": _health(one.health)}
            for one in status.queues
        ],
    }


def status_json(status: EnvironmentStatus) -> str:
    """A status as a JSON document."""
    return json.dumps(status_data(status), indent=1, ensure_ascii=False)


def _state(sync: SyncStatus, health: Health) -> dict[str, Any]:
    return {"sync": sync.value, "health": _health(health)}


def _health(health: Health) -> dict[str, str]:
    return {"status": health.status.value, "reason": health.reason}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
