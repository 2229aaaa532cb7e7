"""What a canonical value comes to, as far as the tree itself tells.

Literals, parameters and conditions are resolved by the canonical form already; what is left are parameters wired to
another stack's output, which are followed here. Everything that only the live account knows (an ARN, an address) is
UNKNOWN, and so is whatever hangs on it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from generator.plan.tree import Att, Call, Ref, Template, Text, Tree


class Unknown(Enum):
    """The type of UNKNOWN, so that `is` tells it from every value."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN

_DEEPEST = 32
"""Wires that are followed before a value counts as unknown: a circle must not hang the plan."""


@dataclass(frozen=True)
class Values:
    """Resolves values within one tree."""

    tree: Tree

    def resolve(self, template: Template, value: Any, depth: int = 0) -> Any:
        """The plain data behind a canonical value, with UNKNOWN where the tree does not tell."""
        match value:
            case Ref("AWS::Region") if self.tree.manifest:
                return self.tree.manifest.region
            case Ref(name) if name in template.bindings and depth < _DEEPEST:
                return self._wired(template.bindings[name], depth + 1)
            case Ref() | Att() | Call():
                return UNKNOWN
            case Text(pieces):
                parts = [self.resolve(template, piece, depth) for piece in pieces]
                return UNKNOWN if UNKNOWN in parts else "".join(str(part) for part in parts)
            case Mapping():
                return {key: self.resolve(template, item, depth) for key, item in value.items()}
            case list() | tuple():
                return [self.resolve(template, item, depth) for item in value]
            case _:
                return value

    def _wired(self, binding: Any, depth: int) -> Any:
        match binding:
            case Att(stack, attribute) if stack in self.tree.templates:
                source = self.tree.templates[stack]
                return self.resolve(source, source.outputs.get(attribute.removeprefix("Outputs."), UNKNOWN), depth)
            case _:
                return UNKNOWN


def number(value: Any, default: float | None = None) -> float | None:
    """An amount out of a property, 0 or more, `1 vCPU` and `2 GB` included.

    `default` where there is none; None where it is unknown, or nothing that an amount could be.
    """
    match value:
        case None:
            return default
        case bool():
            return None
        case int() | float():
            found = float(value)
        case str():
            text = value.lower()
            for unit in ("vcpu", "gb"):
                text = text.removesuffix(unit).strip()
            try:
                found = float(text)
            except ValueError:
                return None
        case _:
            return None
    return found if math.isfinite(found) and found >= 0 else None


def is_true(value: Any) -> bool:
    """Whether a property says yes, in either spelling that CloudFormation takes."""
    return value is True or (isinstance(value, str) and value.lower() == "true")
