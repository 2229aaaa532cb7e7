"""Walking canonical values."""

from collections.abc import Iterator, Mapping
from typing import Any

from generator.plan.tree import Call, Text


def calls(value: Any) -> Iterator[Call]:
    """Every intrinsic in a canonical value that is neither a reference nor text, depth first."""
    match value:
        case Call(_, argument):
            yield value
            yield from calls(argument)
        case Text(pieces):
            for piece in pieces:
                yield from calls(piece)
        case Mapping():
            for one in value.values():
                yield from calls(one)
        case list():
            for one in value:
                yield from calls(one)
