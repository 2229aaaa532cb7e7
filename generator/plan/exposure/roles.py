"""What roles carry besides statements: managed policies, permissions boundaries; and what runs as which role."""

from collections.abc import Iterator
from typing import Any, Final

from generator.plan.exposure.holders import INLINE
from generator.plan.exposure.sides import Sides
from generator.plan.exposure.world import Place, World, each
from generator.plan.facts import Direction, Exposure, ExposureKind
from generator.plan.tree import Resource

RUNS_AS: Final = {
    "AWS::IAM::InstanceProfile": ("Roles",),
    "AWS::EC2::Instance": ("IamInstanceProfile",),
    "AWS::ECS::TaskDefinition": ("TaskRoleArn", "ExecutionRoleArn"),
    "AWS::Lambda::Function": ("Role",),
}
"""What runs with the rights of a role, and the properties that name it."""

EVERY_ACTION: Final = {
    "AdministratorAccess": "every action on everything",
    "PowerUserAccess": "every action but those of IAM and Organizations, on everything",
    "IAMFullAccess": "every action of IAM, so it can give itself any other",
}
"""AWS managed policies that are as good as everything (AWS Managed Policy Reference, 2026-10)."""


def found(both: Sides) -> Iterator[Exposure]:
    """Policies attached and detached, boundaries dropped and set, roles swapped."""
    for place, old, new in both.differing({*INLINE, *RUNS_AS}):
        if old is None and new is None:
            continue
        for direction, _, world in both.both_ways():
            here, there = (old, new) if direction is Direction.WIDENED else (new, old)
            yield from _attached(both, direction, place, here, there, world)
            if here is not None and there is not None:
                yield from _bounded(both, direction, place, here, there)
                yield from _runs_as(both, direction, place, here, there)


def attached(both: Sides) -> Iterator[tuple[Place, str]]:
    """Principals that get a managed policy which they had not, with its name."""
    for place, old, new in both.differing(INLINE):
        had, has = (_texts(world, place, one, "ManagedPolicyArns") for world, one in _each(both, old, new))
        for text in sorted(has.keys() - had.keys()):
            yield place, has[text].rsplit("/", 1)[-1]


def unbound(both: Sides) -> Iterator[tuple[Place, str]]:
    """Principals that stay and lose a permissions boundary, with its name."""
    for place, old, new in both.differing(INLINE):
        if old is not None and new is not None:
            had, has = (_texts(world, place, one, "PermissionsBoundary") for world, one in _each(both, old, new))
            for text in sorted(had.keys() - has.keys()):
                yield place, had[text].rsplit("/", 1)[-1]


def broad(words: str) -> str:
    """What a managed policy allows, if that is as good as everything; `words` is its name or ARN. Else nothing."""
    name = words.rsplit("/", 1)[-1]
    if name in EVERY_ACTION:
        return EVERY_ACTION[name]
    return f"every action of {name.removesuffix('FullAccess')}" if name.endswith("FullAccess") else ""


def _attached(
    both: Sides, direction: Direction, place: Place, here: Resource | None, there: Resource | None, world: World
) -> Iterator[Exposure]:
    old, new = (
        _texts(_of(both, direction, side), place, one, "ManagedPolicyArns") for side, one in enumerate((here, there))
    )
    for text in sorted(new.keys() - old.keys()):
        name = new[text].rsplit("/", 1)[-1]
        verb = "gets" if direction is Direction.WIDENED else "loses"
        what = f" ({broad(name)})" if broad(name) else ""
        sentence = f"{world.name(place, place[0])} {verb} the managed policy {name}{what}"
        yield Exposure(*place, ExposureKind.PERMISSION, direction, sentence)


def _bounded(both: Sides, direction: Direction, place: Place, here: Resource, there: Resource) -> Iterator[Exposure]:
    """A boundary of the first side that the second has not."""
    old, new = (
        _texts(_of(both, direction, side), place, one, "PermissionsBoundary") for side, one in enumerate((here, there))
    )
    for text in sorted(old.keys() - new.keys()):
        verb = "is no longer held by" if direction is Direction.WIDENED else "is now held by"
        sentence = f"{place[1]} {verb} the permissions boundary {old[text].rsplit('/', 1)[-1]}"
        yield Exposure(*place, ExposureKind.PERMISSION, direction, sentence)


def _runs_as(both: Sides, direction: Direction, place: Place, here: Resource, there: Resource) -> Iterator[Exposure]:
    for key in RUNS_AS.get(here.type, ()):
        old, new = (_texts(_of(both, direction, side), place, one, key) for side, one in enumerate((here, there)))
        for text in sorted(new.keys() - old.keys()):
            verb = "now has" if direction is Direction.WIDENED else "no longer has"
            sentence = f"{place[1]} {verb} the rights of {new[text]}"
            yield Exposure(*place, ExposureKind.PERMISSION, direction, sentence)


def _each(both: Sides, old: Resource | None, new: Resource | None) -> tuple[tuple[World, Resource | None], ...]:
    return (both.before, old), (both.after, new)


def _of(both: Sides, direction: Direction, side: int) -> World:
    """The world of the first or second side, seen in a direction."""
    return (both.before, both.after)[side if direction is Direction.WIDENED else 1 - side]


def _texts(world: World, place: Place, resource: Resource | None, key: str) -> dict[str, str]:
    """The values of a property that is one text or a list of them: what to compare -> what to read."""
    value: Any = world.properties(place, resource).get(key) if resource is not None else None
    return {world.text(one): world.words(one, place[0]) for one in each(value)}
