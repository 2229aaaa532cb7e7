"""The answer to drift that keeps what is live: rules for `<env>.drift.yaml`, for people to complete and merge. Pure."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
from typing import Final

from generator.sync.drift.verdict import EnvironmentDrift, Finding, ResourceDrift

_DAYS: Final = 30
"""How long a proposed rule holds: long enough to bring the change into the generator."""
_HEAD: Final = """\
# Drift that is left alone, each with a reason, an owner (a role) and a last day: docs/drift.md.
ignore:
"""


def digest(drift: EnvironmentDrift) -> str:
    """The same for the same drift, so that it is proposed once: 12 hexadecimal digits."""
    said = [
        (resource.stack, resource.logical_id, one.difference.path, one.difference.actual)
        for resource, one in _counting(drift)
    ]
    return sha256(json.dumps(sorted(said)).encode()).hexdigest()[:12]


def proposed(drift: EnvironmentDrift, text: str, today: date) -> str:
    """The rules file `text` (empty: there is none) with a rule for each difference that counts.

    Reason and owner read TODO, which no check lets pass: the pull request stays red until a person has written them.
    """
    rules = "".join(_rule(resource, one, today) for resource, one in _counting(drift))
    return (text.rstrip() + "\n" if text.strip() else _HEAD) + rules


def _counting(drift: EnvironmentDrift) -> Iterator[tuple[ResourceDrift, Finding]]:
    for stack in drift.stacks:
        for resource in stack.reverts:
            for one in resource.counts:
                yield resource, one


def _rule(resource: ResourceDrift, one: Finding, today: date) -> str:
    difference = one.difference
    # JSON strings are YAML, whatever they hold.
    return (
        f"  # {resource.type}: live {_line(difference.actual)}, template {_line(difference.expected)}\n"
        f"  - stack: {json.dumps(resource.stack)}\n"
        f"    resource: {json.dumps(resource.logical_id)}\n"
        f"    property: {json.dumps(difference.path)}\n"
        f"    reason: TODO\n"
        f"    owner: TODO\n"
        f"    expires: {(today + timedelta(days=_DAYS)).isoformat()}\n"
    )


def _line(value: str) -> str:
    return " ".join(value.split())[:120]
