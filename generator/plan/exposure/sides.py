"""The two sides of a plan, and which of their resources can differ."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from generator.plan.exposure.world import Place, World
from generator.plan.facts import Action, Direction, ResourceChange
from generator.plan.tree import Resource, Tree


@dataclass(frozen=True)
class Sides:
    """Before and after. `touched` are the places, on either side, of resources that can differ."""

    before: World
    after: World
    touched: frozenset[Place]

    @cached_property
    def _pairs(self) -> tuple[tuple[Place, Resource | None, Resource | None], ...]:
        old = {self.before.known_as(place): self.before.resource(place) for place in self.touched}
        new = {self.after.known_as(place): self.after.resource(place) for place in self.touched}
        return tuple((place, old.get(place), new.get(place)) for place in sorted(old.keys() | new.keys()))

    def differing(self, types: Collection[str]) -> Iterator[tuple[Place, Resource | None, Resource | None]]:
        """Every touched resource of some types under the place that both sides know it by, before and after."""
        for place, old, new in self._pairs:
            one = old if old is not None and old.type in types else None
            other = new if new is not None and new.type in types else None
            if one is not None or other is not None:
                yield place, one, other

    def both_ways(self) -> Iterator[tuple[Direction, World, World]]:
        """What is in the second world and not in the first is widened; and the other way round, narrowed."""
        yield Direction.WIDENED, self.before, self.after
        yield Direction.NARROWED, self.after, self.before


def sides(before: Tree, after: Tree, changes: Iterable[ResourceChange]) -> Sides:
    """Both trees, with the resources that the changes name and those of stacks that are wired otherwise."""
    changes = tuple(changes)
    plain_before, world_after = World(before), World(after)
    touched = {(change.stack, change.resource) for change in changes}
    for stack in before.templates.keys() | after.templates.keys():
        old, new = before.templates.get(stack), after.templates.get(stack)
        if old is None or new is None:
            continue
        if plain_before.parameters.get(stack) != world_after.parameters.get(stack):
            touched |= {(stack, id_) for id_ in old.resources.keys() | new.resources.keys()}
    renamed = _renamed(plain_before, world_after, changes)
    return Sides(World(before, renamed) if renamed else plain_before, world_after, frozenset(touched))


def _renamed(before: World, after: World, changes: tuple[ResourceChange, ...]) -> dict[Place, Place]:
    """Removed resources that come back under another id or in another stack with the same properties."""
    created: dict[str, list[Place]] = {}
    for change in changes:
        if change.action is Action.CREATE:
            created.setdefault(change.type, []).append((change.stack, change.resource))
    renamed: dict[Place, Place] = {}
    for change in sorted((c for c in changes if c.action is Action.DELETE), key=lambda c: (c.stack, c.resource)):
        old = (change.stack, change.resource)
        candidates = sorted(created.get(change.type, ()), key=lambda place: (place[0] != old[0], place))
        for new in candidates:
            one, other = before.resource(old), after.resource(new)
            if one and other and before.properties(old, one) == after.properties(new, other):
                renamed[old] = new
                created[change.type].remove(new)
                break
    return renamed
