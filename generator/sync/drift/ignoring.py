"""Drift that is left alone, as `generator/environments/<env>.drift.yaml` states it.

ignore:
  - stack: api
    resource: ApiService
    property: /DesiredCount        # a JSON pointer or a glob of one; `deleted` for a resource that is gone
    reason: Operations scales the service by hand during the study.
    owner: platform lead           # a role, not a person
    expires: 2027-03-31            # that day it still holds
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from generator.errors import EcgError
from generator.model.waivers import Shape, entries, mistakes
from generator.model.yaml_source import read

DELETED: Final = "deleted"
"""Stands for the property where the whole resource is gone."""


def _check(setting: str, value: str) -> str | None:
    if setting != "property" or value == DELETED or value.startswith(("/", "*")):
        return None
    return f"property is a JSON pointer such as /DesiredCount, a glob of one, or `{DELETED}` (it is {value!r})"


SHAPE: Final = Shape("ignore", "a rule", ("stack", "resource", "property"), _check)


class InvalidDriftRules(EcgError):
    """Every mistake of a drift rules file, each with `file:line`."""

    exit_code = 2

    def __init__(self, found: Collection[str]) -> None:
        self.mistakes = tuple(found)
        super().__init__("\n".join(self.mistakes))


@dataclass(frozen=True)
class IgnoreRule:
    """Leave for some resources to differ from their template, until a day."""

    stack: str
    """Name or glob, as the others."""
    resource: str
    path: str
    """The `property` of the file."""
    reason: str
    owner: str
    expires: date
    where: str = ""
    """`file:line`."""

    def admits(self, stack: str, resource: str, path: str) -> bool:
        """Whether it is about this place; `path` is a JSON pointer or DELETED. What lies below a property is its."""
        return (
            fnmatchcase(stack, self.stack)
            and fnmatchcase(resource, self.resource)
            and (fnmatchcase(path, self.path) or path.startswith(f"{self.path}/"))
        )

    @property
    def words(self) -> str:
        """Reason, owner and date."""
        return f"{self.reason} ({self.owner}, until {self.expires.isoformat()})"


def parse(text: str, file: str) -> tuple[IgnoreRule, ...]:
    """Read a drift rules file; an empty one holds none. `file` is the name to show.

    Raises InvalidDriftRules with every mistake, InvalidYaml where it is no YAML.
    """
    source = read(text, file)
    if found := list(mistakes(source, SHAPE)):
        raise InvalidDriftRules(found)
    return tuple(
        IgnoreRule(one["stack"], one["resource"], one["property"], one["reason"], one["owner"], day, where)
        for one, day, where in entries(source, SHAPE)
    )


def rule_for(
    rules: Sequence[IgnoreRule], today: date, stack: str, resource: str, path: str
) -> tuple[IgnoreRule | None, IgnoreRule | None]:
    """The first rule that holds today for a place, and the first that did until its day came."""
    about = [rule for rule in rules if rule.admits(stack, resource, path)]
    holding = next((rule for rule in about if today <= rule.expires), None)
    return holding, None if holding else next(iter(about), None)
