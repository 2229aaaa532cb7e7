"""A plan as JSON; `docs/plan.schema.json` is its schema, and others parse it."""

import dataclasses
import json
from typing import Any

from generator.plan.facts import Cost, Plan, ResourceChange
from generator.report.values import plain


def plan_data(plan: Plan) -> dict[str, Any]:
    """A plan as plain data, in the order of the contract."""
    return {
        "environment": plan.environment,
        "digest": plan.digest,
        "verdict": _data(plan.verdict),
        "stacks": [_data(stack) for stack in plan.stacks],
        "changes": [_change(change) for change in plan.changes],
        "exposure": [_data(exposure) for exposure in plan.exposure],
        "cost": _cost(plan.cost),
        "rollout": _data(plan.rollout),
        "serve": [_data(change) for change in plan.serve],
        "policy": [_data(finding) for finding in plan.policy],
        "deployability": [_data(obstacle) for obstacle in plan.deployability],
        "artifacts": [_data(artifact) for artifact in plan.artifacts],
    }


def plan_json(plan: Plan) -> str:
    """A plan as a JSON document."""
    return json.dumps(plan_data(plan), indent=1, ensure_ascii=False)


def _change(change: ResourceChange) -> dict[str, Any]:
    return {
        "stack": change.stack,
        "resource": change.resource,
        "type": change.type,
        "action": change.action.value,
        "fate": change.fate.value if change.fate else None,
        "cause": change.cause.value,
        "stateful": change.stateful,
        "properties": [
            {
                "path": item.path,
                "before": plain(item.before),
                "after": plain(item.after),
                "effect": item.effect.value,
                "proof": item.proof,
                "confidence": item.confidence.value,
            }
            for item in change.properties
        ],
        "source": change.source,
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {**_data(cost), "delta": round(cost.after - cost.before, 2)}


def _data(fact: Any) -> dict[str, Any]:
    data = {field.name: getattr(fact, field.name) for field in dataclasses.fields(fact)}
    return {name: _plain(value) for name, value in data.items()}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return _data(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return plain(value)
