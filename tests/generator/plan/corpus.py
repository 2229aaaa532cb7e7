"""The labelled corpus of tests/golden/plan as cases: what AWS documents, and what our plan says."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from generator.plan.changes import Changes, changes
from generator.plan.deployability import obstacles
from generator.plan.facts import Cause, Obstacle
from generator.plan.reading import read_pair
from tests.generator.plan.trees import files

GOLDEN = Path(__file__).parents[2] / "golden/plan"
_ABSENT = "-"


@dataclass(frozen=True)
class EffectCase:
    """One property of one type, changed."""

    type: str
    path: str
    properties: Mapping[str, Any]
    changed: Mapping[str, Any]
    effect: str
    page: str

    def __str__(self) -> str:
        return f"{self.type} {self.path} -> {self.effect}"

    def found(self) -> str:
        """The gravest effect that the plan names for the resource."""
        kind = self.type.partition(" ")[0]
        texts = [
            yaml.safe_dump({"Resources": {"It": {"Type": kind, "Properties": dict(one)}}}, sort_keys=False)
            for one in (self.properties, self.changed)
        ]
        plan = planned(files({"s": texts[0]}), files({"s": texts[1]}))
        (change,) = plan.changes.resources
        (one,) = change.properties
        return str(one.effect)


@dataclass(frozen=True)
class Planned:
    """What the engine says of two trees."""

    changes: Changes
    obstacles: tuple[Obstacle, ...]

    def summary(self) -> dict[str, str]:
        """`stack.resource` -> "action [fate] [propagated]"."""
        return {
            f"{one.stack}.{one.resource}": " ".join(
                [one.action, *([one.fate] if one.fate else []), *(["propagated"] * (one.cause is Cause.PROPAGATED))]
            )
            for one in self.changes.resources
        }

    def effects(self) -> dict[str, str]:
        """`stack.resource:path` -> effect."""
        return {
            f"{one.stack}.{one.resource}:{change.path}": str(change.effect)
            for one in self.changes.resources
            for change in one.properties
        }

    def outputs(self) -> list[str]:
        return sorted(f"{one.name}.{name}" for one in self.changes.stacks for name in one.outputs)


def planned(before: Mapping[str, str], after: Mapping[str, str]) -> Planned:
    trees = read_pair(before, after)
    found = changes(*trees)
    return Planned(found, obstacles(*trees, found))


def effect_cases() -> Iterator[EffectCase]:
    for name, section in _load("effects").items():
        for path, (value, effect, *more) in section["cases"].items():
            changed = copy.deepcopy(section["properties"])
            for where, what in {path: value, **(more[0] if more else {})}.items():
                _put(changed, where.split("/"), what)
            yield EffectCase(name, path, section["properties"], changed, effect, section["page"])


def scenarios() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _load("scenarios")
    return found


def scenario_trees(case: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    before = dict(case["stacks"])
    after = {name: text for name, text in before.items() if name not in case.get("removed", ())}
    for stack, old, new in case.get("changes", ()):
        if old not in after[stack]:
            raise ValueError(f"{case['fact']}: {old!r} is not in stack {stack}")
        after[stack] = after[stack].replace(old, new)
    parameters = case.get("parameters", {})
    return files(before, parameters), files(after, case.get("parameters_after", parameters))


def errors() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _load("errors")
    return found


def error_files(case: Mapping[str, Any]) -> dict[str, str]:
    made = files(case["stacks"], case.get("parameters"))
    if edit := case.get("manifest_edit"):
        made["manifest.yaml"] = made["manifest.yaml"].replace(*edit)
    for path, text in case.get("append", {}).items():
        made[path] += text
    return {path: text for path, text in made.items() if path not in case.get("without", ())}


def _load(name: str) -> Any:
    return yaml.safe_load((GOLDEN / f"{name}.yaml").read_text())


def _put(properties: Any, path: list[str], value: Any) -> None:
    *parents, last = path
    here = properties
    for step in parents:
        here = here[int(step)] if isinstance(here, list) else here[step]
    if value == _ABSENT:
        del here[last]
    elif isinstance(here, list):
        here[int(last) :] = [value]
    else:
        here[last] = value
