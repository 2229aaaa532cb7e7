"""Mistakes with their place, reported together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from generator.errors import EcgError


@dataclass(frozen=True, order=True)
class Where:
    """A line of a file, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Problem:
    """One mistake: what is wrong, where, with which value, and what to do next."""

    where: Where
    setting: str  # such as `network.public_subnets[1].cidr`; empty for the file as a whole
    what: str
    next_step: str
    value: Any = None

    def __str__(self) -> str:
        setting = f"{self.setting}: " if self.setting else ""
        value = "" if self.value is None else f" (it is {self.value!r})"
        return f"{self.where}: {setting}{self.what}{value}; {self.next_step}"


class InvalidEnvironment(EcgError):
    """Every mistake of a settings file, in the order of its lines."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.where))
        super().__init__("\n".join(str(problem) for problem in self.problems))
