"""What a rule over settings gets to see, and what it gives.

A rule asks `Known` for the settings that it needs. Where one of them is missing or of the wrong type, the rule is
skipped and all the others still run, so that one reading of a file reports every mistake in it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class Unknown(Exception):
    """A setting that could not be read, whose own problem is reported already: skip the rule."""


@dataclass(frozen=True)
class Finding:
    """A mistake in one setting, named by its path such as `network.public_subnets[1].cidr`."""

    setting: str
    what: str
    next_step: str


@dataclass(frozen=True)
class Known:
    """The settings that could be read, by path; of a tuple of sections also its length."""

    values: Mapping[str, Any]
    lengths: Mapping[str, int]

    def __getitem__(self, setting: str) -> Any:
        if setting not in self.values:
            raise Unknown(setting)
        return self.values[setting]

    def each(self, sections: str, setting: str) -> list[str]:
        """The paths of one setting in every section of a tuple, known or not."""
        return [f"{sections}[{index}].{setting}" for index in range(self.lengths.get(sections, 0))]

    def pick(self, paths: list[str]) -> dict[str, Any]:
        """The values of those that are known."""
        return {path: self.values[path] for path in paths if path in self.values}


Findings = Iterator[Finding]
