"""Lists of written leave: each entry says about what, why, whose it is, and on which day it ends.

exemptions:                                # or another key: what the file is a list of
  - rule: open-to-world                    # what it is about: settings that the reader of the file names
    stack: security
    resource: ModelServerSecurityGroup
    reason: The specification opens SSH; the addresses are restricted in operation.
    owner: platform lead                   # a role, not a person
    expires: 2027-03-31                    # that day it still holds

Here is what all such files have in common: their shape, their days, and every mistake told with its line.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from generator.model.yaml_source import Path, Source

_PLACEHOLDER: Final = re.compile(r"(?i)\W*(todo|tbd|fixme|xxx|none|n/?a|-|\.)*\W*")

Check = Callable[[str, str], str | None]
"""(setting, value) -> what is wrong with the value, or None."""


@dataclass(frozen=True)
class Shape:
    """What a file of waivers holds."""

    key: str
    """The list's name, such as `exemptions`."""
    noun: str
    """One entry with its article: `an exemption`."""
    about: tuple[str, ...]
    """Settings that say what an entry is about. A glob is as good as a name."""
    check: Check = lambda _setting, _value: None
    """What else is wrong with a setting's value."""
    beside: tuple[str, ...] = ()
    """Other lists that the file may hold, each of a shape of its own."""

    @property
    def settings(self) -> tuple[str, ...]:
        """All settings, in the order in which people write them."""
        return (*self.about, "reason", "owner", "expires")


def entries(source: Source, shape: Shape) -> Iterator[tuple[Mapping[str, str], date, str]]:
    """The entries of a file without mistakes: its texts by setting, its last day, `file:line`."""
    items = (source.data.get(shape.key) or ()) if source.data else ()
    for index, item in enumerate(items):
        texts = {key: str(item[key]).strip() for key in shape.settings if key != "expires"}
        expires = _day(item["expires"])
        assert expires is not None  # noqa: S101  # `mistakes` has seen it
        yield texts, expires, source.where((shape.key, index))


def mistakes(source: Source, shape: Shape) -> Iterator[str]:
    """Everything that is wrong with a file, each with `file:line`; an empty file holds no entries."""
    data = source.data
    if data is None:
        return
    if not isinstance(data, Mapping) or not isinstance(data.get(shape.key, 0), list | None):
        yield f"{source.where(())}: a mapping with a list `{shape.key}` is expected"
        return
    known = (shape.key, *shape.beside)
    for key in data.keys() - set(known):
        only = " and ".join(f"`{one}`" for one in known)
        yield f"{source.where((key,))}: {key!r} is not known here; only {only} {'are' if shape.beside else 'is'}"
    for index, item in enumerate(data.get(shape.key) or ()):
        yield from _item_mistakes(source, (shape.key, index), item, shape)


def _item_mistakes(source: Source, path: Path, item: Any, shape: Shape) -> Iterator[str]:
    where, names = source.where(path), ", ".join(shape.settings)
    if not isinstance(item, dict):
        yield f"{where}: {shape.noun} is a mapping of {names}"
        return
    for key in item:
        if key not in shape.settings:
            yield f"{source.where((*path, key))}: no setting {key!r}; the settings are {names}"
    for key in shape.settings:
        at, value = source.where((*path, key)), item.get(key)
        if key not in item:
            yield f"{where}: {key!r} is missing"
        elif key == "expires":
            if _day(value) is None:
                yield f"{at}: {value!r} is no day; write it like 2027-03-31"
        elif not isinstance(value, str) or (key in ("reason", "owner") and _PLACEHOLDER.fullmatch(value)):
            yield f"{at}: {key} has to say something (it is {value!r})"
        elif not value.strip():
            yield f"{at}: {key} is empty"
        elif (wrong := shape.check(key, value)) is not None:
            yield f"{at}: {wrong}"


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
