"""The settings in which two environments differ, as a table and as JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from generator.model.difference import ABSENT, Difference
from generator.report.columns import table

_WIDTH = 60


def envs_text(found: Sequence[Difference], names: tuple[str, str]) -> str:
    """One line per setting, each side in a column of its own."""
    if not found:
        return f"{names[0]} and {names[1]} have the same settings"
    rows = [(one.setting, _words(one.before), _words(one.after)) for one in found]
    return "\n".join(table(("SETTING", *(name.upper() for name in names)), rows))


def envs_json(found: Sequence[Difference], names: tuple[str, str]) -> str:
    """An array of `{"setting", "<one name>", "<other name>"}`; a side that lacks the setting has no key."""
    sides = [(one.setting, zip(names, (one.before, one.after), strict=True)) for one in found]
    return json.dumps(
        [
            {"setting": setting} | {name: _plain(value) for name, value in values if value is not ABSENT}
            for setting, values in sides
        ],
        indent=1,
    )


def _words(value: Any) -> str:
    if value is ABSENT:
        return "-"
    text = json.dumps(_plain(value), ensure_ascii=False) if not isinstance(value, str) else value or '""'
    text = " ".join(text.split())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def _plain(value: Any) -> Any:
    match value:
        case tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case bool() | int() | float() | str() | None:
            return value
        case _:
            return str(value)
