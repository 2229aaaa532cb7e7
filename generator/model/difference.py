"""Two environments -> the settings in which they differ. They run the same code, so nothing else does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Final

from generator.model.environment import Environment


class _Absent(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT
"""The setting does not exist there: its section, or its place in a tuple, does not."""


@dataclass(frozen=True)
class Difference:
    """One setting, named by its path such as `network.public_subnets[1].cidr`, with both its values."""

    setting: str
    before: Any
    after: Any


def differences(before: Environment, after: Environment) -> tuple[Difference, ...]:
    """Every setting whose values differ, in the order of their declaration; those that `before` lacks come last."""
    one, other = dict(_flat(before, "")), dict(_flat(after, ""))
    paths = dict.fromkeys([*one, *other])  # ordered, each once
    found = [Difference(path, one.get(path, ABSENT), other.get(path, ABSENT)) for path in paths]
    return tuple(each for each in found if each.before != each.after and not _opened(each, paths))


def _opened(found: Difference, paths: Mapping[str, None]) -> bool:
    """An optional section that one side leaves out: its settings are listed, its None would say it twice."""
    absent = {found.before, found.after} == {None, ABSENT}
    return absent and any(path.startswith(f"{found.setting}.") for path in paths)


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if is_dataclass(value):
        for field in fields(value):
            yield from _flat(getattr(value, field.name), f"{path}.{field.name}" if path else field.name)
    elif isinstance(value, tuple) and value and all(is_dataclass(item) for item in value):
        for index, item in enumerate(value):
            yield from _flat(item, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _flat(value[key], f"{path}.{key}")
    else:
        yield path, value
