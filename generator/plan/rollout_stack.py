"""How long one stack's update takes: the longest chain of resources that wait for each other, then the clean-up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from generator.plan.facts import Action, Effect, ResourceChange
from generator.plan.rollout_durations import Durations
from generator.plan.rollout_wiring import named
from generator.plan.tree import Template, Tree


@dataclass(frozen=True)
class StackTime:
    """Typical minutes of one stack."""

    forward: float
    """Until everything new is there; what refers to it by then does, and the old ones still live."""
    cleanup: float
    """Until what is replaced or removed is gone."""

    @property
    def total(self) -> float:
        """Both, one after the other."""
        return self.forward + self.cleanup


def stack_time(stack: str, changes: Sequence[ResourceChange], before: Tree, after: Tree, times: Durations) -> StackTime:
    """Minutes of one stack, from its changes and how its resources refer to each other."""
    ahead = {one.resource: step_minutes(one, times) for one in changes if one.action is not Action.DELETE}
    behind = {
        one.resource: times.minutes(one.type, "delete")
        for one in changes
        if one.action in (Action.DELETE, Action.REPLACE)
    }
    return StackTime(
        forward=times.stack + _longest(ahead, after.templates.get(stack)),
        cleanup=_longest(behind, before.templates.get(stack)),
    )


def step_minutes(change: ResourceChange, times: Durations) -> float:
    """Minutes until a created, changed or replaced resource is as it should be."""
    effects = {one.effect for one in change.properties}
    match change.action:
        case Action.CREATE | Action.REPLACE:
            return times.minutes(change.type, "create")
        case Action.DELETE:
            return times.minutes(change.type, "delete")
        case Action.UPDATE if Effect.MAY_REPLACE in effects:
            return max(times.minutes(change.type, "create"), times.minutes(change.type, "update"))
        case Action.UPDATE if Effect.INTERRUPTION in effects:
            return times.minutes(change.type, "interrupt")
        case Action.UPDATE:
            return times.minutes(change.type, "update")


def _longest(minutes: Mapping[str, float], template: Template | None) -> float:
    """The longest chain through the resources that take time; unchanged ones between them take none."""
    if len(minutes) <= 1 or template is None:
        return max(minutes.values(), default=0.0)
    needs: dict[str, set[str]] = {}
    waiting = list(minutes)
    while waiting:
        name = waiting.pop()
        if name not in needs:
            needs[name] = _needs(name, template)
            waiting += needs[name]
    ends: dict[str, float] = {}
    try:
        for name in TopologicalSorter(needs).static_order():
            ends[name] = minutes.get(name, 0.0) + max((ends[need] for need in needs[name]), default=0.0)
    except CycleError:  # CloudFormation refuses such a template; the plan says so elsewhere.
        return sum(minutes.values())
    return max(ends.values(), default=0.0)


def _needs(name: str, template: Template) -> set[str]:
    resource = template.resources.get(name)
    if resource is None:
        return set()
    found = {*named(resource.properties), *resource.depends_on}
    return {need for need in found if need in template.resources and need != name}
