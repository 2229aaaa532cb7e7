"""Logical ids that were renamed: a resource that goes and one that comes, saying nearly the same."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from generator.plan.facts import Action, ResourceChange
from generator.plan.tree import Att, Call, Ref, Resource, Text, Tree

_ALIKE = 0.75
"""Share of equal leaves from which two resources of one type count as one that was renamed."""


@dataclass(frozen=True)
class Rename:
    """A resource that was most likely meant to stay."""

    old: ResourceChange
    new: ResourceChange
    likeness: float

    @property
    def moved(self) -> bool:
        """To another stack."""
        return self.old.stack != self.new.stack


def renames(before: Tree, after: Tree, changes: Iterable[ResourceChange]) -> tuple[Rename, ...]:
    """Pair what is deleted with what is created, the most alike first. Each resource is in one pair at most."""
    changes = tuple(changes)
    gone = [one for one in changes if one.action is Action.DELETE]
    come = [one for one in changes if one.action is Action.CREATE]
    ids = {one.resource for one in (*gone, *come)}
    leaves = {id(one): frozenset(_leaves("", _resource(one, before, after).properties, ids)) for one in (*gone, *come)}
    by_type: dict[str, list[ResourceChange]] = {}
    for one in come:
        by_type.setdefault(one.type, []).append(one)
    scored = []
    for old in gone:
        for new in by_type.get(old.type, ()):
            likeness = _likeness(leaves[id(old)], leaves[id(new)])
            if likeness >= _ALIKE and (old.stack == new.stack or leaves[id(old)]):
                names = SequenceMatcher(None, old.resource, new.resource).ratio()
                scored.append((old.stack != new.stack, -likeness, -names, old.resource, new.resource, old, new))
    found: list[Rename] = []
    taken: set[int] = set()
    for _, likeness, _, _, _, old, new in sorted(scored, key=lambda one: one[:5]):
        if id(old) not in taken and id(new) not in taken:
            taken |= {id(old), id(new)}
            found.append(Rename(old, new, -likeness))
    return tuple(found)


def _resource(change: ResourceChange, before: Tree, after: Tree) -> Resource:
    tree = before if change.action is Action.DELETE else after
    return tree.templates[change.stack].resources[change.resource]


def _likeness(old: frozenset[tuple[str, str]], new: frozenset[tuple[str, str]]) -> float:
    whole = len(old | new)
    return len(old & new) / whole if whole else 1.0


def _leaves(path: str, value: Any, ids: set[str]) -> Iterator[tuple[str, str]]:
    """Paths and values, lists as sets; what refers to another renamed resource counts as the same."""
    match value:
        case Mapping():
            for key, one in value.items():
                yield from _leaves(f"{path}/{key}", one, ids)
        case list():
            for one in value:
                yield from _leaves(f"{path}/[]", one, ids)
        case _:
            yield path, repr(_masked(value, ids))


def _masked(value: Any, ids: set[str]) -> Any:
    match value:
        case Ref(name) if name in ids:
            return Ref("?")
        case Att(resource, attribute) if resource in ids:
            return Att("?", attribute)
        case Text(pieces):
            return Text(tuple(_masked(piece, ids) for piece in pieces))
        case Call(name, argument):
            return Call(name, _masked(argument, ids))
        case Mapping():
            return {key: _masked(one, ids) for key, one in value.items()}
        case list():
            return [_masked(one, ids) for one in value]
        case _:
            return value
