"""YAML text as plain data that remembers its lines, so that a mistake can be pointed at.

CloudFormation's short tags become their long form: `!Ref A` is `{"Ref": "A"}`, `!GetAtt a.b` is
`{"Fn::GetAtt": ["a", "b"]}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from generator.errors import EcgError

Path = tuple[str | int, ...]
"""Where a value stands: keys and list indices from the root."""


class InvalidYaml(EcgError):
    """Text that is no YAML, or has a key twice."""

    exit_code = 2

    def __init__(self, file: str, line: int, problem: str) -> None:
        self.file, self.line, self.problem = file, line, problem
        super().__init__(f"{file}:{line}: {problem}")


@dataclass(frozen=True)
class Source:
    """Plain data with the line (from 1) of each value in its file."""

    file: str
    data: Any
    lines: Mapping[Path, int]

    def where(self, path: Path) -> str:
        """`file:line` of a value, or of the nearest value around it that exists."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.file}:{self.lines.get(path, 1)}"


def read(text: str, file: str) -> Source:
    """Parse YAML text. `file` is the name to show. Raises InvalidYaml."""
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InvalidYaml(file, mark.line + 1 if mark else 1, error.problem or "not YAML") from error
    except yaml.YAMLError as error:
        raise InvalidYaml(file, 1, str(error)) from error
    lines: dict[Path, int] = {}
    data = _value(root, (), lines, file) if root is not None else None
    return Source(file, data, lines)


_construct = yaml.CSafeLoader("").construct_object


def _value(node: yaml.Node, path: Path, lines: dict[Path, int], file: str) -> Any:
    lines[path] = node.start_mark.line + 1
    short = node.tag.startswith("!")
    inner = (*path, _long_name(node.tag)) if short else path
    value: Any
    match node:
        case yaml.MappingNode():
            value = {}
            for key_node, value_node in node.value:
                key = key_node.value
                if key in value:
                    raise InvalidYaml(file, key_node.start_mark.line + 1, f"the key {key!r} stands here twice")
                value[key] = _value(value_node, (*inner, key), lines, file)
                lines[(*inner, key)] = key_node.start_mark.line + 1
        case yaml.SequenceNode():
            value = [_value(item, (*inner, index), lines, file) for index, item in enumerate(node.value)]
        case _ if short:
            value = node.value
        case _:
            try:
                value = _construct(node)
            except ValueError:
                # YAML 1.1 takes `2027-02-30` for a date, and finds none of that day: then it is what was written.
                value = node.value
    if not short:
        return value
    if node.tag == "!GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {_long_name(node.tag): value}


def _long_name(tag: str) -> str:
    name = tag.removeprefix("!")
    return name if name in ("Ref", "Condition") else f"Fn::{name}"
