"""Lets a stand-in act as the AWS service that it stands in for, when it assumes a role.

On AWS it is `ecs-tasks.amazonaws.com` or `ec2.amazonaws.com` that assumes a task's or an instance's role. The stand-in
calls AssumeRole with `ExternalId="service:<principal>"`, and the role's trust policy is then judged for that service
and for nobody else: a role that does not trust the service is refused, as it would be on AWS.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from ministack.core import iam_evaluator

_PREFIX = "service:"


def _judged_for(service: str, document: dict[str, Any], caller: str) -> dict[str, Any]:
    """`document` with each statement about `service` made one about `caller`, and the others left out."""
    kept = copy.deepcopy(document)
    statements = kept.get("Statement", [])
    kept["Statement"] = []
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal")
        named = principal.get("Service", []) if isinstance(principal, dict) else []
        if principal == "*" or service in ([named] if isinstance(named, str) else named):
            kept["Statement"].append(statement | {"Principal": {"AWS": caller}})
    return kept


def install() -> None:
    """Teach MiniStack's trust evaluation the prefix."""
    original = iam_evaluator.evaluate_trust_policy

    def evaluate(document: Any, caller: str, context: Any = None) -> bool:
        claimed = ((context.service_context if context else None) or {}).get("sts:externalid") or ""
        if claimed.startswith(_PREFIX) and context.action == "sts:AssumeRole":
            parsed = json.loads(document) if isinstance(document, str) else document
            document = _judged_for(claimed.removeprefix(_PREFIX), parsed, caller)
        return bool(original(document, caller, context))

    iam_evaluator.evaluate_trust_policy = evaluate
