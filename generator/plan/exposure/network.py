"""Security groups: what becomes reachable from where, compared as sets of addresses and services.

A group's rules are its own and the standalone ones of every stack together, so moving a rule changes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from generator.plan.exposure import addresses, services
from generator.plan.exposure.addresses import Block
from generator.plan.exposure.intervals import Intervals, segments
from generator.plan.exposure.services import EVERYTHING, listed
from generator.plan.exposure.sides import Sides
from generator.plan.exposure.world import Place, Target, World, each, targets
from generator.plan.facts import Direction, Exposure, ExposureKind
from generator.plan.tree import Resource

GROUP: Final = "AWS::EC2::SecurityGroup"
INGRESS: Final = "AWS::EC2::SecurityGroupIngress"
EGRESS: Final = "AWS::EC2::SecurityGroupEgress"
TYPES: Final = frozenset({GROUP, INGRESS, EGRESS})

DEFAULT_EGRESS: Final = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
"""What EC2 adds to a group that names no egress rule (AWS::EC2::SecurityGroup, SecurityGroupEgress)."""


@dataclass(frozen=True)
class Rule:
    """One rule: the services it opens between a group and a block of addresses or a named peer."""

    group: Place
    ingress: bool
    services: Intervals
    block: Block | None
    """The addresses; None where the peer is a group, a prefix list or a value that is not known."""
    peer: str
    """What the peer is compared by, where it has no block."""
    words: str
    """What the peer is called."""
    place: Place
    """The resource that says so."""


@dataclass(frozen=True)
class Opening:
    """What one side lets in that the other does not, through one block or peer."""

    rule: Rule
    services: Intervals
    other: tuple[Rule, ...]
    """Narrower rules of the other side that already let some of it in."""
    new_group: bool
    """The group is on one side only."""


def found(both: Sides) -> Iterator[Exposure]:
    """What becomes reachable, and what no longer is."""
    for direction, old, new in both.both_ways():
        for opening in openings(both, old, new):
            stack, resource = opening.rule.place
            sentence = _sentence(direction, opening, new)
            yield Exposure(stack, resource, ExposureKind.NETWORK, direction, sentence)


def openings(both: Sides, old: World, new: World) -> Iterator[Opening]:
    """What `new` opens and `old` does not, group by group."""
    groups = _touched_groups(both)
    if not groups:
        return
    before, after = _rules(old, groups), _rules(new, groups)
    for key in sorted(after):
        yield from _gained(before.get(key, []), after[key], key[0] not in {group for group, _ in before})


def wide_open(both: Sides) -> Iterator[tuple[Opening, Intervals]]:
    """Openings of the change that, with the others of their group, reach as much as the whole internet.

    Each comes with the services that are open to so many addresses. Ingress and egress alike.
    """
    gained: dict[tuple[Place, bool, int], list[Opening]] = {}
    for opening in openings(both, both.before, both.after):
        if opening.rule.block is not None:
            key = (opening.rule.group, opening.rule.ingress, opening.rule.block.version)
            gained.setdefault(key, []).append(opening)
    for (_, _, version), some in sorted(gained.items()):
        for opening in some:
            if (services := _reaching(opening, some, addresses.AS_GOOD_AS_ANYWHERE[version])).spans:
                yield opening, services


def _reaching(opening: Opening, some: list[Opening], enough: int) -> Intervals:
    """The services of an opening that all of its group's openings together give to at least `enough` addresses."""
    reached: list[tuple[int, int]] = []
    for span in segments(one.services for one in some):
        piece = Intervals((span,))
        if not opening.services.covers(piece):
            continue
        open_to = Intervals.of(
            one.rule.block.span for one in some if one.rule.block is not None and one.services.covers(piece)
        )
        if open_to.size >= enough:
            reached.append(span)
    return Intervals.of(reached)


def rules(world: World, place: Place, resource: Resource) -> Iterator[Rule]:
    """The rules that one resource holds. A group without egress rules has the one that EC2 adds."""
    properties = world.properties(place, resource)
    if resource.type in (INGRESS, EGRESS):
        group = _group(world, properties.get("GroupId", properties.get("GroupName")))
        yield _rule(world, group, resource.type == INGRESS, properties, place)
        return
    for item in each(properties.get("SecurityGroupIngress")):
        if isinstance(item, Mapping):
            yield _rule(world, place, True, item, place)
    egress = [item for item in each(properties.get("SecurityGroupEgress")) if isinstance(item, Mapping)]
    for item in egress or [DEFAULT_EGRESS]:
        yield _rule(world, place, False, item, place)


def _rule(world: World, group: Place, ingress: bool, item: Mapping[str, Any], place: Place) -> Rule:
    opened = services.services(item.get("IpProtocol", "-1"), item.get("FromPort"), item.get("ToPort"))
    end = "Source" if ingress else "Destination"
    for key in (f"{end}SecurityGroupId", f"{end}SecurityGroupName"):
        if key in item:
            peer = _group(world, item[key])
            words = world.name(peer, place[0]) if peer[0] else peer[1]
            return Rule(group, ingress, opened, None, f"group {peer}", words, place)
    for key in (f"{end}PrefixListId", "DestinationPrefixListId"):
        if key in item:
            words = f"prefix list {world.words(item[key], place[0])}"
            return Rule(group, ingress, opened, None, f"list {world.text(item[key])}", words, place)
    value = item.get("CidrIp", item.get("CidrIpv6", ""))
    block = addresses.block(value) if isinstance(value, str) else None
    if block is not None:
        return Rule(group, ingress, opened, block, "", addresses.words(block), place)
    words = f"what {world.words(value, place[0])} says" if value else "an address that is not given"
    return Rule(group, ingress, opened, None, f"value {world.text(value)}", words, place)


def _group(world: World, value: Any) -> Place:
    """The group that a value names; an id from outside stands for itself, with no stack."""
    target = next(targets(value), None)
    return target.place if isinstance(target, Target) else ("", world.text(value))


def _touched_groups(both: Sides) -> set[Place]:
    touched: set[Place] = set()
    for place, *resources in both.differing(TYPES):
        for world, resource in zip((both.before, both.after), resources, strict=True):
            if resource is not None:
                touched |= {rule.group for rule in rules(world, place, resource)} | (
                    {place} if resource.type == GROUP else set()
                )
    return touched


def _rules(world: World, groups: set[Place]) -> dict[tuple[Place, bool], list[Rule]]:
    held: dict[tuple[Place, bool], list[Rule]] = {}
    for stack, resource in world.of(TYPES, {stack for stack, _ in groups}):
        place = world.known_as((stack, resource.id))
        if resource.type == GROUP and place not in groups:
            continue
        for rule in rules(world, place, resource):
            if rule.group in groups:
                held.setdefault((rule.group, rule.ingress), []).append(rule)
    return held


def _gained(before: list[Rule], after: list[Rule], new_group: bool) -> Iterator[Opening]:
    """What the rules of one group and direction open that they did not; what a wider one says is not repeated."""
    said: list[Opening] = []
    for opening in sorted(_by_block(before, after, new_group), key=_widest_first):
        if not any(_says(one, opening) for one in said):
            said.append(opening)
    yield from said
    for peer in sorted({rule.peer for rule in after if rule.block is None}):
        mine = [rule for rule in after if rule.block is None and rule.peer == peer]
        had = _services(rule for rule in before if rule.block is None and rule.peer == peer)
        if gained := _services(iter(mine)) - had:
            first = next(rule for rule in mine if rule.services & gained)
            yield Opening(first, gained, (), new_group)


def _by_block(before: list[Rule], after: list[Rule], new_group: bool) -> Iterator[Opening]:
    for version in (4, 6):
        old = [(rule, rule.block.addresses) for rule in before if rule.block and rule.block.version == version]
        new = [(rule, rule.block.addresses) for rule in after if rule.block and rule.block.version == version]
        pieces = segments(block for _, block in old + new)
        for span, mine in _together(new).items():
            opened = _services(iter(mine))
            gained = Intervals()
            for first, last in pieces:
                if span[0] <= first and last <= span[1]:
                    gained |= opened - _services(rule for rule, block in old if first in block)
            if gained:
                rule = next(rule for rule in mine if rule.services & gained)
                inside = tuple(one for one, block in old if block & Intervals((span,)) and one.services & gained)
                yield Opening(rule, gained, inside, new_group)


def _together(pairs: list[tuple[Rule, Intervals]]) -> dict[tuple[int, int], list[Rule]]:
    by_span: dict[tuple[int, int], list[Rule]] = {}
    for rule, block in sorted(pairs, key=lambda pair: (pair[0].place, pair[0].services.spans)):
        by_span.setdefault(block.spans[0], []).append(rule)
    return by_span


def _services(some: Iterator[Rule]) -> Intervals:
    return Intervals.of(span for rule in some for span in rule.services.spans)


def _widest_first(opening: Opening) -> tuple[int, tuple[int, int]]:
    block = opening.rule.block
    return (-block.addresses.size, block.span) if block else (0, (0, 0))


def _says(wide: Opening, narrow: Opening) -> bool:
    one, other = wide.rule.block, narrow.rule.block
    return (
        one is not None
        and other is not None
        and one.version == other.version
        and one.addresses.covers(other.addresses)
        and wide.services.covers(narrow.services)
    )


def _sentence(direction: Direction, opening: Opening, world: World) -> str:
    rule = opening.rule
    group = world.name(rule.group, rule.place[0]) if rule.group[0] else rule.group[1]
    said = services.words(opening.services)
    many = len(opening.services.spans) > 1 and opening.services != EVERYTHING
    others = list(dict.fromkeys(other.words for other in opening.other if other.words != rule.words))
    widened = direction is Direction.WIDENED
    if rule.ingress:
        verb = ("become" if many else "becomes") if widened else ("are no longer" if many else "is no longer")
        tail = f", so far only from {listed(others)}" if widened else f", only from {listed(others)}"
        return f"{said} of {group} {verb} reachable from {rule.words}{tail if others else ''}"
    verb = "can now reach" if widened else "can no longer reach"
    tail = f", so far only {listed(others)}" if widened else f", only {listed(others)}"
    return f"{group} {verb} {rule.words} with {said}{tail if others else ''}"
