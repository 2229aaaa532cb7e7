"""Canonical values in the two forms that leave the plan: as people write them, and as CloudFormation's JSON."""

import json
from collections.abc import Mapping
from typing import Any

from generator.plan.tree import Att, Call, Ref, Text

_LONG = {"Condition": "Condition"}


def plain(value: Any) -> Any:
    """A canonical value as JSON data, intrinsics in their long form."""
    match value:
        case Ref(name):
            return {"Ref": name}
        case Att(resource, attribute):
            return {"Fn::GetAtt": [resource, attribute]}
        case Text():
            return {"Fn::Sub": _sub(value)} if _is_flat(value) else {"Fn::Join": ["", [plain(p) for p in value.pieces]]}
        case Call(name, argument):
            return {_LONG.get(name, f"Fn::{name}"): plain(argument)}
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case set() | frozenset():
            return sorted((plain(item) for item in value), key=str)
        case str() | int() | float() | bool() | None:
            return value
        case _:
            return str(value)


def words(value: Any, limit: int = 120) -> str:
    """A canonical value on one line, as a template would write it; cut at `limit` characters."""
    text = _words(value).replace("\n", "⏎")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def lines(value: Any) -> list[str]:
    """A value that is text of several lines, line by line; else nothing."""
    match value:
        case str() if "\n" in value:
            return value.splitlines()
        case Text() if "\n" in _sub(value):
            return _sub(value).splitlines()
        case Call(_, argument):
            return lines(argument)
        case [Text() | str() as text, _]:
            return lines(text)
    return []


def _words(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case Ref(name):
            return f"!Ref {name}"
        case Att(resource, attribute):
            return f"!GetAtt {resource}.{attribute}"
        case Text():
            return f"!Sub {_sub(value)}"
        case Call(name, argument):
            return f"!{name} {_words(argument)}"
        case Mapping():
            return "{" + ", ".join(f"{key}: {_words(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(_words(item) for item in value) + "]"
        case str():
            return value if value else "''"
        case _:
            return json.dumps(value, default=str)


def _is_flat(text: Text) -> bool:
    return all(isinstance(piece, str | Ref | Att) for piece in text.pieces)


def _sub(text: Text) -> str:
    written = []
    for piece in text.pieces:
        match piece:
            case str():
                written.append(piece.replace("${", "${!"))
            case Ref(name):
                written.append(f"${{{name}}}")
            case Att(resource, attribute):
                written.append(f"${{{resource}.{attribute}}}")
            case _:
                written.append(f"<{_words(piece)}>")
    return "".join(written)
