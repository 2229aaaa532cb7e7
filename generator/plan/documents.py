"""Policy documents in one form: actions, resources, principals and values are sets, one of them is a set of one."""

import json
from collections.abc import Mapping
from typing import Any

from generator.plan.canonical import plain


def is_policy(value: Mapping[str, Any]) -> bool:
    """Whether a mapping is a policy: it has statements, and one of them an effect."""
    statements = value.get("Statement")
    if isinstance(statements, Mapping):
        statements = [statements]
    return isinstance(statements, list) and any(isinstance(one, Mapping) and "Effect" in one for one in statements)


def normal_policy(document: Mapping[str, Any]) -> dict[str, Any]:
    """A policy whose sets are in one order: actions, resources, principals and values."""
    statements = document["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    return {**document, "Statement": [_statement(one) for one in listed]}


def _statement(statement: Any) -> Any:
    if not isinstance(statement, Mapping):
        return statement
    found: dict[str, Any] = {}
    for key, value in statement.items():
        if key in ("Action", "NotAction", "Resource", "NotResource"):
            found[key] = _set(value)
        elif key in ("Principal", "NotPrincipal") and isinstance(value, Mapping):
            found[key] = {kind: _set(who) for kind, who in value.items()}
        elif key == "Condition" and isinstance(value, Mapping):
            found[key] = {
                operator: {name: _set(_texts(wanted)) for name, wanted in tests.items()}
                if isinstance(tests, Mapping)
                else tests
                for operator, tests in value.items()
            }
        else:
            found[key] = value
    return found


def _set(value: Any) -> list[Any]:
    return sorted(value if isinstance(value, list) else [value], key=identity)


def _texts(value: Any) -> Any:
    """`aws:SecureTransport: false` and `"false"` are one."""
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value


def identity(value: Any) -> str:
    """What a canonical value is sorted and looked up by."""
    return value if isinstance(value, str) else json.dumps(plain(value), sort_keys=True, default=str)
