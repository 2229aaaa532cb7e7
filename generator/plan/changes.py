"""Two trees -> the resources that are created, changed, replaced or removed, with everything that they drag along."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from generator.plan import fate
from generator.plan.behaviour import ANYTHING, Behaviour
from generator.plan.blast import Blast, Changing, Place
from generator.plan.difference import differences, dotted, says
from generator.plan.effects import change, known_behaviour
from generator.plan.facts import (
    Action,
    Cause,
    Confidence,
    Effect,
    PropertyChange,
    ResourceChange,
    StackChange,
)
from generator.plan.tree import Resource, Template, Tree

_ORDER = tuple(Action)


@dataclass(frozen=True)
class Changes:
    """What changes in the stacks of an environment."""

    resources: tuple[ResourceChange, ...]
    stacks: tuple[StackChange, ...]


def changes(before: Tree, after: Tree) -> Changes:
    """Compare two trees. Resources come by wave, stack and logical id; stacks by wave and name."""
    old, new = set(_stacks(before)), set(_stacks(after))
    found: list[ResourceChange] = []
    for stack in new - old:
        found += (_created(stack, one) for one in after.templates[stack].resources.values())
    for stack in old - new:
        found += (_deleted(stack, one) for one in before.templates[stack].resources.values())
    changing: dict[Place, Changing] = {}
    both = [stack for stack in after.templates if stack in old & new]
    for stack in both:
        was, now = before.templates[stack], after.templates[stack]
        for name in {*was.resources, *now.resources}:
            match was.resources.get(name), now.resources.get(name):
                case None, Resource() as one:
                    found.append(_created(stack, one))
                case Resource() as one, None:
                    found.append(_deleted(stack, one))
                case Resource() as left, Resource() as right:
                    if properties := tuple(_changed(left, right, (was, now))):
                        changing[stack, name] = Changing(left, right, properties, Cause.DIRECT)
    fixed = frozenset((one.stack, one.resource) for one in found if one.action is Action.CREATE)
    blast = Blast(before, after, changing, fixed)
    blast.spread()
    found += (_updated(place, one) for place, one in changing.items())
    waves = {name: wave for tree in (before, after) for name, wave in _stacks(tree).items()}
    found.sort(key=lambda one: (waves[one.stack], one.stack, one.resource))
    return Changes(tuple(found), tuple(_stack_changes(before, after, waves, found, blast)))


def _stacks(tree: Tree) -> dict[str, int]:
    """Stack -> wave. A tree without a manifest, as tests make them, has its templates in one wave."""
    if tree.manifest is None:
        return dict.fromkeys(tree.templates, 0)
    return {stack.name: stack.wave for stack in tree.manifest.stacks}


def _stack_changes(
    before: Tree, after: Tree, waves: dict[str, int], found: list[ResourceChange], blast: Blast
) -> Iterator[StackChange]:
    old, new = _stacks(before), _stacks(after)
    touched = {one.stack for one in found}
    directly = {one.stack for one in found if one.cause is Cause.DIRECT}
    unsettled = {one.name: one.unsettled for one in before.manifest.stacks} if before.manifest else {}
    for name in sorted(waves, key=lambda stack: (waves[stack], stack)):
        outputs = dict.fromkeys(blast.outputs.get(name, ()))
        if name not in old or name not in new:
            action, side = (Action.DELETE, before) if name in old else (Action.CREATE, after)
            told = tuple(sorted(side.templates[name].outputs))
            yield StackChange(name, action, waves[name], told, Cause.DIRECT)
        else:
            own = (
                set(_restated(before.templates[name], after.templates[name])) if name in set(after.templates) else set()
            )
            outputs |= dict.fromkeys(own)
            reasons = unsettled.get(name, ())
            updated = name in touched or outputs or reasons
            direct = name in directly or own or reasons
            yield StackChange(
                name,
                Action.UPDATE if updated else None,
                waves[name],
                tuple(sorted(outputs)),
                (Cause.DIRECT if direct else Cause.PROPAGATED) if updated else None,
                reasons,
            )


def _restated(was: Template, now: Template) -> Iterator[str]:
    """Outputs whose own text says something else: they appear, go, or have another value or export."""
    yield from {*was.outputs} ^ {*now.outputs}
    for name in {*was.outputs} & {*now.outputs}:
        if says(was, was.outputs[name]) != says(now, now.outputs[name]):
            yield name
    for name in {*was.exports, *now.exports}:
        if says(was, was.exports.get(name)) != says(now, now.exports.get(name)):
            yield name


def _created(stack: str, one: Resource) -> ResourceChange:
    return ResourceChange(
        stack, one.id, one.type, Action.CREATE, None, Cause.DIRECT, (), stateful=fate.stateful(one.type)
    )


def _deleted(stack: str, one: Resource) -> ResourceChange:
    left = fate.removed(one)
    return ResourceChange(
        stack, one.id, one.type, Action.DELETE, left, Cause.DIRECT, (), stateful=fate.stateful(one.type)
    )


def _updated(place: Place, one: Changing) -> ResourceChange:
    replaces = one.action is Action.REPLACE
    return ResourceChange(
        stack=place[0],
        resource=place[1],
        type=one.after.type,
        action=one.action,
        fate=fate.replaced(one.before, one.after) if replaces else None,
        cause=one.cause,
        properties=tuple(sorted(one.properties, key=lambda change: change.path)),
        stateful=fate.stateful(one.before.type),
    )


def _changed(left: Resource, right: Resource, templates: tuple[Template, Template]) -> Iterator[PropertyChange]:
    """A resource's own changes: its type, its properties, and what else its template says of it."""
    if left.type != right.type:
        yield PropertyChange(
            "Type",
            left.type,
            right.type,
            Effect.UNSUPPORTED,
            "CloudFormation: update of resource type is not permitted; give the new one a logical id of its own",
            Confidence.CERTAIN,
        )
        return
    known = known_behaviour(right.type)
    for difference in differences(left, right, known, templates):
        yield change(difference, left, right, known)
    yield from _around(left, right, templates)


def _around(left: Resource, right: Resource, templates: tuple[Template, Template]) -> Iterator[PropertyChange]:
    """What a template says beside the properties.

    Not `DependsOn`: it only orders, and CloudFormation makes no update of it alone (aws/aws-cdk issue 21496, 2022-08).
    """
    policies = "it tells CloudFormation what to do later; the resource itself stays as it is"
    for path, old, new in (
        ("DeletionPolicy", left.deletion_policy, right.deletion_policy),
        ("UpdateReplacePolicy", left.update_replace_policy, right.update_replace_policy),
    ):
        if old != new:
            yield PropertyChange(path, old, new, Effect.IN_PLACE, policies, Confidence.CERTAIN)
    wrap = [Resource("", "", side.attributes) for side in (left, right)]
    for one in differences(wrap[0], wrap[1], _FREE, templates):
        yield PropertyChange(dotted(one.path), one.before, one.after, Effect.IN_PLACE, policies, Confidence.CERTAIN)
    was, now = _condition(left, templates[0]), _condition(right, templates[1])
    if was != now:
        why = "its condition depends on values that are not known here: it may appear or go"
        yield PropertyChange("Condition", was, now, Effect.UNKNOWN, why, Confidence.GUESS)


_FREE = Behaviour("", properties={"*": ANYTHING})


def _condition(resource: Resource, template: Template) -> Any:
    return None if resource.condition is None else template.conditions.get(resource.condition)
