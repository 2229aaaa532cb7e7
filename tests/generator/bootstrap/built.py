"""The bootstrap stack as tests look at it."""

import json
import re
from typing import Any

from generator.bootstrap.template import bootstrap
from generator.environments.dev import ENVIRONMENT
from tests.generator.stacks.built import plain

TEMPLATE: dict[str, Any] = bootstrap(ENVIRONMENT).to_dict()


def properties(title: str, template: dict[str, Any] = TEMPLATE) -> dict[str, Any]:
    """A resource's properties, written out."""
    return plain(template["Resources"][title]["Properties"])  # type: ignore[no-any-return]


def statements(*titles: str, template: dict[str, Any] = TEMPLATE) -> list[dict[str, Any]]:
    """What policies, and roles by their inline policies, state."""
    found: list[dict[str, Any]] = []
    for title in titles:
        one = properties(title, template)
        for document in [one.get("PolicyDocument"), *(policy["PolicyDocument"] for policy in one.get("Policies", []))]:
            found += document["Statement"] if document else []
    return found


def allowed(action: str, granted: list[dict[str, Any]]) -> bool:
    """Some statement allows the action, on whatever."""
    return any(
        re.fullmatch(pattern.replace("*", ".*"), action)
        for statement in granted
        if statement["Effect"] == "Allow"
        for pattern in statement["Action"]
    )


def size(document: dict[str, Any]) -> int:
    """Characters of a policy as IAM counts them, with names of accounts and regions filled in."""
    text = json.dumps(document, separators=(",", ":"))
    return len(text.replace("${AWS::Partition}", "aws").replace("${AWS::Region}", "ap-northeast-2"))
