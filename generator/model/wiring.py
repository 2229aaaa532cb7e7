"""How stacks feed each other, and the waves that follow from it.

A parameter is wired from the one stack whose output has the parameter's name. A stack's wave is the length of the
longest chain of wires that leads to it, so everything a wave needs was made by the waves before it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from generator.errors import EcgError


@dataclass(frozen=True, order=True)
class Wire:
    """A parameter's value: an output of another stack, read at deploy time."""

    stack: str
    output: str


class WiringError(EcgError):
    """Parameters that no output feeds, that two feed, or stacks that wait for each other."""

    exit_code = 2

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


def wire(
    parameters: Mapping[str, Collection[str]], outputs: Mapping[str, Collection[str]]
) -> dict[str, dict[str, Wire]]:
    """Give each stack's parameters the outputs that feed them.

    `parameters` and `outputs` hold names per stack; leave parameters that have a literal value out.
    Raises WiringError with every parameter that has no source or more than one.
    """
    sources: dict[str, list[str]] = {}
    for stack, names in outputs.items():
        for name in names:
            sources.setdefault(name, []).append(stack)
    mistakes = []
    wires: dict[str, dict[str, Wire]] = {}
    for stack, names in parameters.items():
        wires[stack] = {}
        for name in sorted(names):
            match sources.get(name, []):
                case [source]:
                    wires[stack][name] = Wire(source, name)
                case []:
                    mistakes.append(
                        f"stack {stack}: parameter {name} has no literal value and no stack outputs {name}; "
                        f"add the output, or give the value in the environment"
                    )
                case several:
                    mistakes.append(
                        f"stack {stack}: parameter {name} is output by {' and '.join(several)}; rename one of them"
                    )
    if mistakes:
        raise WiringError(mistakes)
    return wires


def waves(needs: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Number each stack's wave, from 0, given the stacks that it needs. Raises WiringError on a circle."""
    numbers: dict[str, int] = {}
    path: list[str] = []

    def number(stack: str) -> int:
        if stack in numbers:
            return numbers[stack]
        if stack in path:
            circle = [*path[path.index(stack) :], stack]
            raise WiringError([f"stacks wait for each other in a circle: {' -> '.join(circle)}"])
        path.append(stack)
        numbers[stack] = 1 + max((number(need) for need in sorted(needs[stack])), default=-1)
        path.pop()
        return numbers[stack]

    for stack in needs:
        number(stack)
    return numbers
