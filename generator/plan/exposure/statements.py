"""Policy statements as grants: one principal, one action, one resource, one condition each; and which covers which."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from generator.plan.exposure import globs
from generator.plan.exposure.conditions import Condition, condition, weaker
from generator.plan.exposure.services import listed
from generator.plan.exposure.world import World, each, get

EVERYONE: Final = "*"


@dataclass(frozen=True, order=True)
class Pattern:
    """A pattern to compare by, and what people read. The words do not count in comparisons."""

    text: str
    words: str = field(compare=False)


@dataclass(frozen=True, order=True)
class Scope:
    """One pattern, or (`NotAction`, `NotResource`, `NotPrincipal`) everything but some."""

    patterns: tuple[Pattern, ...]
    all_but: bool = False

    def covers(self, other: "Scope") -> bool:
        """Whether this one takes in all of the other; never wrong where it says yes."""
        mine, theirs = ([one.text for one in scope.patterns] for scope in (self, other))
        match self.all_but, other.all_but:
            case False, False:
                return globs.covers(mine[0], theirs[0])
            case False, True:
                return mine[0] == "*"
            case True, False:
                return not any(globs.meet(one, theirs[0]) for one in mine)
            case _:
                return all(any(globs.covers(wide, one) for wide in theirs) for one in mine)

    @property
    def everything(self) -> bool:
        """It is `*`."""
        return not self.all_but and self.patterns[0].text in ("*", "*:*")

    @property
    def words(self) -> str:
        """`s3:Get*`, `everything`, or `everything but iam:*`."""
        if self.all_but:
            return f"everything but {listed([one.words for one in self.patterns])}"
        return "everything" if self.everything else self.patterns[0].words


@dataclass(frozen=True)
class Grant:
    """What one statement allows or denies, for one action on one resource."""

    principal: Scope | None
    """None in a policy that is attached to whoever may use it."""
    action: Scope
    resource: Scope | None
    """None in a trust policy, and in a resource's own policy where no resource is named."""
    condition: Condition
    allow: bool

    def covers(self, other: "Grant") -> bool:
        """Whether this one allows (or denies) at least what the other does."""
        return (
            self.allow is other.allow
            and self.action.covers(other.action)
            and _covers(self.resource, other.resource)
            and _covers(self.principal, other.principal)
            and weaker(self.condition, other.condition)
        )

    def meets(self, other: "Grant") -> bool:
        """Whether they are about the same thing but for the condition, one way or the other."""
        return any(
            a.action.covers(b.action) and _covers(a.resource, b.resource) and _covers(a.principal, b.principal)
            for a, b in ((self, other), (other, self))
        )


def _covers(one: Scope | None, other: Scope | None) -> bool:
    return one is None or (other is not None and one.covers(other))


def grants(world: World, document: Any, seen_from: str) -> Iterator[Grant]:
    """Every grant of a policy document, which is resolved. `seen_from` is the stack that the words are for."""
    for statement in each(get(document, "Statement")):
        if not isinstance(statement, Mapping):
            continue
        principals = tuple(_principals(world, statement, seen_from)) or (None,)
        actions = tuple(_scopes(world, statement, "Action", seen_from))
        resources = tuple(_scopes(world, statement, "Resource", seen_from)) or (None,)
        under = condition(world, statement.get("Condition"), seen_from)
        allow = statement.get("Effect", "Allow") == "Allow"
        for principal in principals:
            for action in actions:
                for resource in resources:
                    yield Grant(principal, action, resource, under, allow)


def gained(before: Iterable[Grant], after: Iterable[Grant]) -> tuple[Grant, ...]:
    """Grants of `after` that none of `before` covers; of two where one covers the other, the wider one."""
    had = tuple(dict.fromkeys(before))
    new = [grant for grant in dict.fromkeys(after) if not any(old.covers(grant) for old in had)]
    kept: list[Grant] = []
    for index, grant in enumerate(new):
        wider = (other for place, other in enumerate(new) if place != index and other.covers(grant))
        if not any(not grant.covers(other) or new.index(other) < index for other in wider):
            kept.append(grant)
    return tuple(kept)


def _scopes(world: World, statement: Mapping[str, Any], key: str, seen_from: str) -> Iterator[Scope]:
    lower = key == "Action"
    if key in statement:
        for value in each(statement[key]):
            yield Scope((_pattern(world, value, seen_from, lower=lower),))
    elif f"Not{key}" in statement:
        patterns = (_pattern(world, value, seen_from, lower=lower) for value in each(statement[f"Not{key}"]))
        yield Scope(tuple(sorted(patterns)), all_but=True)


def _principals(world: World, statement: Mapping[str, Any], seen_from: str) -> Iterator[Scope]:
    if "Principal" in statement:
        for pattern in _principal(world, statement["Principal"], seen_from):
            yield Scope((pattern,))
    elif "NotPrincipal" in statement:
        yield Scope(tuple(sorted(_principal(world, statement["NotPrincipal"], seen_from))), all_but=True)


def _principal(world: World, value: Any, seen_from: str) -> Iterator[Pattern]:
    for one in each(value):
        if isinstance(one, Mapping):
            for names in one.values():
                yield from (_named(_pattern(world, name, seen_from)) for name in each(names))
        else:
            yield _named(_pattern(world, one, seen_from))


def _named(pattern: Pattern) -> Pattern:
    return Pattern(EVERYONE, "anyone") if pattern.text == EVERYONE else pattern


def _pattern(world: World, value: Any, seen_from: str, *, lower: bool = False) -> Pattern:
    text = world.text(value)
    return Pattern(text.lower() if lower else text, world.words(value, seen_from))
