"""One-way doors: what applying the reverse change would not bring back."""

import re
from collections.abc import Iterable, Iterator

from generator.plan.behaviour import Behaviour
from generator.plan.difference import Difference
from generator.plan.effects import changes_so, known_behaviour, verdict
from generator.plan.facts import Action, Effect, Fate, Obstacle, PropertyChange, ResourceChange, Severity
from generator.plan.tree import Resource, Tree

KIND = "one-way"


def doors(before: Tree, after: Tree, changes: Iterable[ResourceChange]) -> Iterator[Obstacle]:
    """An obstacle for each resource that the reverse change would leave other than it is now."""
    for change in changes:
        for why in _reasons(change, before, after):
            yield Obstacle(KIND, Severity.WARNING, change.stack, change.resource, why)


def _reasons(change: ResourceChange, before: Tree, after: Tree) -> Iterator[str]:
    known = known_behaviour(change.type)
    if change.fate is not None:
        yield from _left(change, known)
    elif change.action is Action.UPDATE:
        old = before.templates[change.stack].resources[change.resource]
        new = after.templates[change.stack].resources[change.resource]
        for one in change.properties:
            if one.before != one.after and known is not None:
                yield from _in_place(change, one, old, new, known)


def _left(change: ResourceChange, known: Behaviour | None) -> Iterator[str]:
    name, again = change.resource, "the reverse change makes an empty one"
    outside = known.outside if known else ""
    match change.fate:
        case Fate.DESTROYED if change.stateful and known:
            yield f"{name} and its {known.stateful} are gone for good: {again}"
        case Fate.SNAPSHOTTED:
            yield f"{name} survives as a snapshot only: {again}, and the snapshot has to be restored by hand"
        case Fate.RETAINED | Fate.ORPHANED if change.stateful:
            yield f"the old {name} stays outside its stack: {again}; the old one has to be imported by hand"
        case _ if outside:
            yield f"{outside} of {name} is given up: the reverse change gets another one"


def _in_place(
    change: ResourceChange, one: PropertyChange, old: Resource, new: Resource, known: Behaviour
) -> Iterator[str]:
    path = re.sub(r"\[\d+\]", "/*", one.path).replace(".", "/")
    for door in known.doors:
        spoken_of = path == door.path or path.startswith(f"{door.path}/") or door.path.startswith(f"{path}/")
        if spoken_of and (not door.change or changes_so(door.change, one.before, one.after)):
            yield f"{change.resource}, {one.path}: {door.why}"
            return
    back = Difference(_steps(one.path), one.after, one.before)
    effect, _, _ = verdict(back, new, old, known)
    if effect is Effect.UNSUPPORTED and one.effect is not Effect.UNSUPPORTED:
        yield f"{change.resource}: CloudFormation would refuse to change {one.path} back"
    elif effect is Effect.REPLACEMENT and change.stateful:
        yield f"{change.resource}: changing {one.path} back would replace it"


def _steps(path: str) -> tuple[str | int, ...]:
    return tuple(int(step) if step.isdecimal() else step for step in re.split(r"[.\[\]]+", path) if step)
