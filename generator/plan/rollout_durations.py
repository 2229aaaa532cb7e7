"""How long things typically take, in minutes. `durations.yaml` is the text, with where each number is from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import yaml

Step = Literal["create", "update", "interrupt", "delete"]


@dataclass(frozen=True)
class Durations:
    """Typical minutes; nobody promises them."""

    stack: float
    """What a stack's update takes beside its resources."""
    box_ready: float
    """From a new GPU box's start to its first analysis."""
    image: float
    package: float
    serve_reconfigure: float
    serve_restart: float
    """A new replica of an app beside the old one, until it serves."""
    ray_restart: float
    default: Mapping[Step, float]
    types: Mapping[str, Mapping[Step, float]]

    def minutes(self, kind: str, step: Step) -> float:
        """Minutes that CloudFormation takes for one resource of a type."""
        return self.types.get(kind, self.default)[step]


@cache
def durations() -> Durations:
    """The packaged table, read once."""
    text = Path(__file__).with_name("durations.yaml").read_text(encoding="utf-8")
    return parse_durations(text)


def parse_durations(text: str) -> Durations:
    """Read a table of durations. Raises KeyError where a row lacks a step: the file is ours."""
    data: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return Durations(
        stack=float(data["stack"]),
        box_ready=float(data["box_ready"]["minutes"]),
        image=float(data["image"]["minutes"]),
        package=float(data["package"]["minutes"]),
        serve_reconfigure=float(data["serve_reconfigure"]["minutes"]),
        serve_restart=float(data["serve_restart"]["minutes"]),
        ray_restart=float(data["ray_restart"]["minutes"]),
        default=_steps(data["default"]),
        types=MappingProxyType({kind: _steps(row) for kind, row in data["types"].items()}),
    )


def _steps(row: Mapping[str, Any]) -> Mapping[Step, float]:
    return {step: float(row[step]) for step in ("create", "update", "interrupt", "delete")}
