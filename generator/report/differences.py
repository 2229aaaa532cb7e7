"""A plan from what is live as the differences that a status shows: one line each. Pure."""

from collections.abc import Iterator, Mapping

from generator.model.manifest import ArtifactKind
from generator.plan.facts import (
    Action,
    ArtifactChange,
    Cause,
    Plan,
    PropertyChange,
    ResourceChange,
    ServeAction,
    ServeChange,
)
from generator.plan.serve import WHOLE_BOX
from generator.report.values import lines, words
from generator.sync.status import Differences, SyncStatus

_VALUE = 60
"""Characters of a value."""


def differences(plan: Plan, carriers: Mapping[str, str], unknown: Mapping[str, str]) -> Differences:
    """What of each stack, app and of the box differs.

    What only follows from another stack's change is not the stack's own difference. `carriers`: the stack that runs
    each image and shows each site. `unknown` is LiveTree's.
    """
    images: dict[str, list[str]] = {}
    packages = []
    for artifact in plan.artifacts:
        if artifact.kind != ArtifactKind.PACKAGE:
            images.setdefault(carriers.get(artifact.name, ""), []).append(_artifact(artifact))
        else:
            packages.append(_artifact(artifact))
    stacks = {stack.name: (*images.get(stack.name, ()), *_stack(plan, stack.name)) for stack in plan.stacks}
    return Differences(
        stacks={name: said for name, said in stacks.items() if said},
        apps={one.app: _app(one) for one in plan.serve if one.app != WHOLE_BOX},
        box=(*packages, *(f"{one.app}: {'; '.join(one.reasons)}" for one in plan.serve)),
        unknown=unknown,
    )


def _stack(plan: Plan, name: str) -> Iterator[str]:
    stack = next(one for one in plan.stacks if one.name == name)
    yield from stack.reasons
    own = [one for one in plan.changes if one.stack == name and one.cause is Cause.DIRECT]
    for change in own:
        yield from _resource(change)
    if stack.cause is Cause.DIRECT and not own:
        yield from (f"output {output} differs" for output in stack.outputs)


def _resource(change: ResourceChange) -> Iterator[str]:
    match change.action:
        case Action.CREATE:
            yield f"Git adds {change.resource} ({change.type})"
        case Action.DELETE:
            yield f"Git drops {change.resource} ({change.type})"
        case _:
            # One that refers to what changes, in the same words, is not the text's own difference.
            own = (one for one in change.properties if one.before != one.after)
            yield from (f"{change.resource}.{one.path}: {_values(one)}" for one in own)


def _values(one: PropertyChange) -> str:
    if lines(one.before) and lines(one.after):
        return f"lines differ, {len(lines(one.before))} live and {len(lines(one.after))} in Git"
    return f"live {words(one.before, _VALUE)}, Git {words(one.after, _VALUE)}"


def _app(change: ServeChange) -> SyncStatus:
    return SyncStatus.MISSING if change.action is ServeAction.CREATE else SyncStatus.OUT_OF_SYNC


def _artifact(one: ArtifactChange) -> str:
    return f"{one.kind} {one.name}: live {_short(one.before)}, Git {_short(one.after)}"


def _short(address: str | None) -> str:
    return address[:16] if address else "nothing"
