"""IAM: who gains or loses which action on which resource, under which condition."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from generator.plan.exposure import conditions
from generator.plan.exposure.conditions import limits_who
from generator.plan.exposure.holders import TYPES, Held, Holder, Role, held, holders
from generator.plan.exposure.services import listed
from generator.plan.exposure.sides import Sides
from generator.plan.exposure.statements import Grant, gained
from generator.plan.exposure.world import Place, World
from generator.plan.facts import Direction, Exposure, ExposureKind

ASSUME: Final = "sts:assumerole"

Grants = dict[Holder, list[Held]]


@dataclass(frozen=True)
class Policies:
    """Every grant about whoever a touched policy is about, before and after."""

    both: Sides
    before: Grants
    after: Grants

    def given(self) -> Iterator[tuple[Holder, Grant, Place]]:
        """Every grant that the change gives and nothing gave before, and the resource that gives it."""
        for holder in sorted(self.after):
            for grant in gained(_allows(self.before, holder), _allows(self.after, holder)):
                yield holder, grant, _place(self.after[holder], grant)

    def freed(self) -> Iterator[tuple[Holder, Grant, Place, str]]:
        """Grants that the change gives and that were there already under a condition; the condition in words."""
        for holder, grant, place in self.given():
            under = _conditions(grant, _allows(self.before, holder))
            if under and not grant.condition:
                yield holder, grant, place, " or when ".join(sorted(under))

    def lifted(self) -> Iterator[tuple[Holder, Grant, Place]]:
        """Every denial that the change takes away from a resource that stays, and the resource that held it."""
        for holder in sorted(self.before):
            if _stays(self.both, holder):
                for grant in gained(_denials(self.after, holder), _denials(self.before, holder)):
                    yield holder, grant, _place(self.before[holder], grant)


def policies(both: Sides) -> Policies:
    """The grants on both sides."""
    touched = set[Holder]()
    for place, *resources in both.differing(TYPES):
        for world, resource in zip((both.before, both.after), resources, strict=True):
            if resource is not None:
                touched.update(holders(world, place[0], resource))
    return Policies(both, _collect(both.before, touched), _collect(both.after, touched))


def found(both: Sides) -> Iterator[Exposure]:
    """What the change of policies gives and takes."""
    some = policies(both)
    for direction, _, new in both.both_ways():
        here, there = (some.before, some.after) if direction is Direction.WIDENED else (some.after, some.before)
        for holder in sorted(here.keys() | there.keys()):
            yield from _allowed(direction, new, holder, here, there)
            if _stays(both, holder):
                yield from _denied(direction, new, holder, here, there)


def _collect(world: World, touched: set[Holder]) -> Grants:
    collected: Grants = {}
    if not touched:
        return collected
    for stack, resource in world.of(TYPES, {holder.place[0] for holder in touched}):
        for holder in holders(world, stack, resource):
            if holder in touched:
                collected.setdefault(holder, []).extend(held(world, stack, resource, holder.role))
    return collected


def _allows(some: Grants, holder: Holder) -> list[Grant]:
    return [one.grant for one in some.get(holder, ()) if one.grant.allow]


def _denials(some: Grants, holder: Holder) -> list[Grant]:
    return [one.grant for one in some.get(holder, ()) if not one.grant.allow]


def public(holder: Holder, grant: Grant) -> bool:
    """Whether a grant is for everyone, with no condition that says otherwise."""
    return (
        holder.role is Role.RESOURCE
        and grant.allow
        and grant.principal is not None
        and (grant.principal.everything or grant.principal.all_but)
        and not limits_who(grant.condition)
    )


def _stays(both: Sides, holder: Holder) -> bool:
    """The holder is there on both sides: what comes and goes with its policies neither frees nor binds anyone."""
    return not holder.place[0] or None not in (both.before.resource(holder.place), both.after.resource(holder.place))


def _allowed(direction: Direction, world: World, holder: Holder, here: Grants, there: Grants) -> Iterator[Exposure]:
    had = _allows(here, holder)
    for some in _together(gained(had, _allows(there, holder)), had):
        place = _place(there[holder], some[0])
        sentence = _allow_sentence(direction, world, holder, some, place[0]) + _so_far(direction, some, had)
        yield Exposure(*place, _kind(holder, some[0]), direction, sentence)


def _denied(direction: Direction, world: World, holder: Holder, here: Grants, there: Grants) -> Iterator[Exposure]:
    """A denial that only the first side has is lifted; so widened and narrowed change places."""
    for some in _together(gained(_denials(there, holder), _denials(here, holder)), []):
        place = _place(here[holder], some[0])
        verb = "is no longer denied" if direction is Direction.WIDENED else "is now denied"
        sentence = f"{_who(world, holder, some[0], place[0])} {verb} {_what(world, holder, some, place[0])}"
        kind = ExposureKind.TRUST if holder.role is Role.TRUST else ExposureKind.PERMISSION
        yield Exposure(*place, kind, direction, sentence)


def _kind(holder: Holder, grant: Grant) -> ExposureKind:
    if holder.role is Role.TRUST:
        return ExposureKind.TRUST
    return ExposureKind.PUBLIC if public(holder, grant) else ExposureKind.PERMISSION


def _place(some: list[Held], grant: Grant) -> tuple[str, str]:
    return next(one.place for one in some if one.grant == grant)


def _together(new: Iterable[Grant], had: list[Grant]) -> Iterator[tuple[Grant, ...]]:
    """Grants that one sentence can say: the same but for action and resource, all actions on all resources."""
    by_resource: dict[object, list[Grant]] = {}
    for grant in new:
        by_resource.setdefault((grant.principal, grant.resource, grant.condition, _conditions(grant, had)), []).append(
            grant
        )
    by_actions: dict[object, list[Grant]] = {}
    for grants in by_resource.values():
        one = grants[0]
        actions = frozenset(grant.action for grant in grants)
        by_actions.setdefault((one.principal, actions, one.condition, _conditions(one, had)), []).extend(grants)
    yield from (tuple(grants) for grants in by_actions.values())


def _allow_sentence(direction: Direction, world: World, holder: Holder, some: tuple[Grant, ...], seen_from: str) -> str:
    widened = direction is Direction.WIDENED
    who = _who(world, holder, some[0], seen_from)
    if holder.role is Role.TRUST and all(grant.action.patterns[0].text.startswith(ASSUME) for grant in some):
        verb = "may now assume" if widened else "may no longer assume"
        return f"{who} {verb} {_name(world, holder, seen_from)}{_when(some[0])}"
    said = f"{who} {'gains' if widened else 'loses'} {_what(world, holder, some, seen_from)}"
    if public(holder, some[0]):
        return f"{_name(world, holder, seen_from)} is {'more' if widened else 'less'} public: {said}"
    return said


def _who(world: World, holder: Holder, grant: Grant, seen_from: str) -> str:
    if holder.role is Role.IDENTITY or grant.principal is None:
        return _name(world, holder, seen_from)
    return grant.principal.words.replace("everything", "anyone")


def _what(world: World, holder: Holder, some: tuple[Grant, ...], seen_from: str) -> str:
    actions = list(dict.fromkeys(f"{grant.action.words}" for grant in some))
    actions = ["every action" if action == "everything" else action for action in actions]
    resources = list(
        dict.fromkeys(
            _name(world, holder, seen_from)
            if grant.resource is None or (holder.role is Role.RESOURCE and grant.resource.everything)
            else grant.resource.words
            for grant in some
        )
    )
    return f"{listed(actions)} on {_of_one_stack(resources)}{_when(some[0])}"


def _of_one_stack(resources: list[str]) -> str:
    """Resources in words, with the stack once where they share it."""
    stacks = {resource.partition(" of stack ")[2] for resource in resources}
    if len(stacks) > 1 or "" in stacks:
        return listed(resources, most=4)
    return f"{listed([one.partition(' of stack ')[0] for one in resources], most=4)} of stack {stacks.pop()}"


def _when(grant: Grant) -> str:
    return f" when {conditions.words(grant.condition)}" if grant.condition else ""


def _name(world: World, holder: Holder, seen_from: str) -> str:
    return world.name(holder.place, seen_from) if holder.place[0] else holder.place[1]


def _conditions(grant: Grant, had: list[Grant]) -> frozenset[str]:
    """The conditions under which all of a grant was held already."""
    bare = Grant(grant.principal, grant.action, grant.resource, frozenset(), grant.allow)
    return frozenset(
        conditions.words(old.condition)
        for old in had
        if old.condition and Grant(old.principal, old.action, old.resource, frozenset(), old.allow).covers(bare)
    )


def _so_far(direction: Direction, some: tuple[Grant, ...], had: list[Grant]) -> str:
    """What of it the other side has: the same under a condition, or narrower actions."""
    widened = direction is Direction.WIDENED
    if under := _conditions(some[0], had):
        return f", so far only when {listed(sorted(under))}" if widened else f", except when {listed(sorted(under))}"
    narrower = [old for old in had if old.action != some[0].action and any(grant.covers(old) for grant in some)]
    if actions := list(dict.fromkeys(old.action.words for old in narrower)):
        return f", so far only {listed(actions)}" if widened else f", keeps {listed(actions)}"
    return ""
