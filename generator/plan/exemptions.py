"""Exemptions from policy rules, as `generator/environments/<env>.exemptions.yaml` states them.

exemptions:
  - rule: open-to-world
    stack: security
    resource: ModelServerSecurityGroup    # a glob is fine
    reason: The specification opens SSH; the addresses are restricted in operation.
    owner: platform lead                  # a role, not a person
    expires: 2027-03-31                   # that day it still holds
standing:                                 # of the same shape: what the whole environment breaks, and goes on breaking
  - rule: validate:W3010                  # or `cfn-lint:`; `cdk-nag:` is for `make rule-packs`
    ...
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from generator.errors import EcgError
from generator.model.waivers import Check, Shape, entries, mistakes
from generator.model.yaml_source import read


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


PACKS: Final = "cdk-nag:"
"""What goes before a rule of the rule packs, which `make rule-packs` asks and `ecgctl policy` does not."""

OTHERS: Final = re.compile(r"(cfn-lint|validate):[A-Z]\d{4}|" + PACKS + r"(AwsSolutions|HIPAA\.Security)-\w+(\[.+\])?")
"""Rules of cfn-lint, of cloudformation-validate and of the rule packs, as `standing` names them."""


def parse(text: str, file: str, rules: Collection[str]) -> tuple[Exemption, ...]:
    """Read an exemptions file; an empty one holds none. `rules` are the ids that there are, `file` the name to show.

    Raises InvalidExemptions with every mistake, InvalidYaml where it is no YAML.
    """
    shape = Shape("exemptions", "an exemption", ("rule", "stack", "resource"), _known(rules), beside=("standing",))
    return _entries(text, file, shape)


def parse_standing(text: str, file: str, rules: Collection[str]) -> tuple[Exemption, ...]:
    """Read the list `standing` of the same file: what the environment as a whole breaks, and why it may.

    Raises InvalidExemptions with every mistake, InvalidYaml where it is no YAML.
    """
    known = _known(rules)

    def check(setting: str, value: str) -> str | None:
        return None if setting == "rule" and OTHERS.fullmatch(value) else known(setting, value)

    about = ("rule", "stack", "resource")
    return _entries(text, file, Shape("standing", "an exemption", about, check, beside=("exemptions",)))


def _entries(text: str, file: str, shape: Shape) -> tuple[Exemption, ...]:
    source = read(text, file)
    if found := list(mistakes(source, shape)):
        raise InvalidExemptions(found)
    return tuple(Exemption(**texts, expires=day, where=where) for texts, day, where in entries(source, shape))


def _known(rules: Collection[str]) -> Check:
    def check(setting: str, value: str) -> str | None:
        if setting != "rule" or value in rules:
            return None
        from difflib import get_close_matches  # only a mistake needs it, and each plan would pay for it

        near = get_close_matches(value, sorted(rules), n=1)
        return f"no rule {value!r}; {f'did you mean {near[0]}?' if near else 'docs/policy.md lists them'}"

    return check
