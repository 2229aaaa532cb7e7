"""Exemptions from policy rules, as `generator/environments/<env>.exemptions.yaml` states them.

exemptions:
  - rule: open-to-world
    stack: security
    resource: ModelServerSecurityGroup    # a glob is fine
    reason: The specification opens SSH; the addresses are restricted in operation.
    owner: platform lead                  # a role, not a person
    expires: 2027-03-31                   # that day it still holds
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Final

from generator.errors import EcgError
from generator.model.yaml_source import Path, Source, read

SETTINGS: Final = ("rule", "stack", "resource", "reason", "owner", "expires")

_PLACEHOLDER: Final = re.compile(r"(?i)\W*(todo|tbd|fixme|xxx|none|n/?a|-|\.)*\W*")


class InvalidExemptions(EcgError):
    """Every mistake of an exemptions file, each with `file:line`."""

    exit_code = 2

    def __init__(self, mistakes: Collection[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


@dataclass(frozen=True)
class Exemption:
    """Leave to break one rule at some resources, until a day."""

    rule: str
    stack: str
    """Name or glob."""
    resource: str
    """Logical id or glob."""
    reason: str
    owner: str
    """The role that answers for it."""
    expires: date
    """The last day on which it holds."""
    where: str = ""
    """`file:line`."""

    def admits(self, rule: str, stack: str, resource: str) -> bool:
        """Whether it is about this rule and place."""
        return self.rule == rule and fnmatchcase(stack, self.stack) and fnmatchcase(resource, self.resource)

    def holds(self, today: date) -> bool:
        """Whether it is still valid."""
        return today <= self.expires

    @property
    def words(self) -> str:
        """Reason, owner and date."""
        return f"{self.reason} ({self.owner}, until {self.expires.isoformat()})"


def parse(text: str, file: str, rules: Collection[str]) -> tuple[Exemption, ...]:
    """Read an exemptions file; an empty one holds none. `rules` are the ids that there are, `file` the name to show.

    Raises InvalidExemptions with every mistake, InvalidYaml where it is no YAML.
    """
    source = read(text, file)
    mistakes = list(_mistakes(source, rules))
    if mistakes:
        raise InvalidExemptions(mistakes)
    items = source.data.get("exemptions") or () if source.data else ()
    return tuple(_exemption(item, source.where(("exemptions", index))) for index, item in enumerate(items))


def _exemption(item: Mapping[str, Any], where: str) -> Exemption:
    texts = {key: str(item[key]).strip() for key in SETTINGS if key != "expires"}
    expires = _day(item["expires"])
    assert expires is not None  # noqa: S101  # _mistakes has seen it
    return Exemption(**texts, expires=expires, where=where)


def _mistakes(source: Source, rules: Collection[str]) -> Iterator[str]:
    match source.data:
        case None:
            return
        case {"exemptions": None | [*_]}:
            for key in source.data.keys() - {"exemptions"}:
                yield f"{source.where((key,))}: {key!r} is not known here; only `exemptions` is"
            for index, item in enumerate(source.data["exemptions"] or ()):
                yield from _item_mistakes(source, ("exemptions", index), item, rules)
        case _:
            yield f"{source.where(())}: a mapping with a list `exemptions` is expected"


def _item_mistakes(source: Source, path: Path, item: Any, rules: Collection[str]) -> Iterator[str]:
    where = source.where(path)
    if not isinstance(item, dict):
        yield f"{where}: an exemption is a mapping of {', '.join(SETTINGS)}"
        return
    for key in item:
        if key not in SETTINGS:
            yield f"{source.where((*path, key))}: no setting {key!r}; the settings are {', '.join(SETTINGS)}"
    for key in SETTINGS:
        at, value = source.where((*path, key)), item.get(key)
        if key not in item:
            yield f"{where}: {key!r} is missing"
        elif key == "expires":
            if _day(value) is None:
                yield f"{at}: {value!r} is no day; write it like 2027-03-31"
        elif not isinstance(value, str) or (_PLACEHOLDER.fullmatch(value) and key != "resource" and key != "stack"):
            yield f"{at}: {key} has to say something (it is {value!r})"
        elif not value.strip():
            yield f"{at}: {key} is empty"
        elif key == "rule" and value not in rules:
            from difflib import get_close_matches  # only a mistake needs it, and each plan would pay for it

            near = get_close_matches(value, sorted(rules), n=1)
            yield f"{at}: no rule {value!r}; {f'did you mean {near[0]}?' if near else 'docs/policy.md lists them'}"


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
