"""Routes: which subnets get a way to or from the internet and other networks.

A subnet's routes are those of the table that it is associated with, so moving a subnet to a public table shows.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from generator.plan.exposure import addresses, services
from generator.plan.exposure.sides import Sides
from generator.plan.exposure.world import Place, World, targets
from generator.plan.facts import Direction, Exposure, ExposureKind

ROUTE: Final = "AWS::EC2::Route"
ASSOCIATION: Final = "AWS::EC2::SubnetRouteTableAssociation"
ACL_ENTRY: Final = "AWS::EC2::NetworkAclEntry"

INTERNET: Final = "internet"
"""Through an internet gateway: both ways, if the subnet's machines have public addresses."""

TARGETS: Final = (
    "GatewayId",
    "NatGatewayId",
    "EgressOnlyInternetGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "VpcEndpointId",
    "InstanceId",
    "NetworkInterfaceId",
    "LocalGatewayId",
    "CarrierGatewayId",
)
"""The properties of a route that say through what it leads."""


@dataclass(frozen=True, order=True)
class Way:
    """A destination of a subnet (or of a table without one) through a kind of gateway; which one does not matter."""

    start: Place
    destination: str
    through: str
    """The property that names the gateway, or INTERNET."""


def found(both: Sides) -> Iterator[Exposure]:
    """Ways that subnets gain and lose, and rules of network ACLs."""
    for direction, place, _, sentence in _changed(both):
        yield Exposure(*place, ExposureKind.NETWORK, direction, sentence)
    yield from _acl_entries(both)


def on_the_internet(world: World, subnets: Collection[Place]) -> frozenset[Place]:
    """Those of the subnets that have a direct route to the internet. Reads their stacks, if need be."""
    ways = _ways(world, (), {stack for stack, _ in subnets})
    return frozenset(way.start for way in ways if way.through == INTERNET and way.start in subnets)


def direct(both: Sides) -> Iterator[tuple[Place, Place, str]]:
    """Direct routes to the internet that come: the resource that makes one, whose it is, and the sentence."""
    for direction, place, way, sentence in _changed(both):
        if direction is Direction.WIDENED and way.through == INTERNET:
            yield place, way.start, sentence


def _changed(both: Sides) -> Iterator[tuple[Direction, Place, Way, str]]:
    if not any(True for _ in both.differing({ROUTE, ASSOCIATION})):
        return
    with_subnets = _subnets(both.before).keys() | _subnets(both.after).keys()
    before, after = _ways(both.before, with_subnets), _ways(both.after, with_subnets)
    for direction, _, world in both.both_ways():
        old, new = (before, after) if direction is Direction.WIDENED else (after, before)
        for way in sorted(new.keys() - old.keys()):
            gateway, makers = new[way]
            place = next((one for one in makers if one in both.touched), makers[0])
            who = f"{world.name(way.start, place[0])} {'gets' if direction is Direction.WIDENED else 'loses'}"
            if way.through == INTERNET:
                what = f"a direct route to the internet ({way.destination} through {gateway})"
            else:
                what = f"a route to {way.destination} through {gateway}"
            yield direction, place, way, f"{who} {what}"


def _subnets(world: World, stacks: Collection[str] = ()) -> dict[str, list[tuple[Place, Place]]]:
    """Route table -> its subnets, each with the resource that associates them."""
    subnets: dict[str, list[tuple[Place, Place]]] = {}
    for stack, resource in world.of({ASSOCIATION}, stacks):
        place = world.known_as((stack, resource.id))
        properties = world.properties(place, resource)
        subnet = _place(world, properties.get("SubnetId"))
        subnets.setdefault(world.text(properties.get("RouteTableId")), []).append((subnet, place))
    return subnets


def _ways(
    world: World, with_subnets: Collection[str], stacks: Collection[str] = ()
) -> dict[Way, tuple[str, list[Place]]]:
    """Each way -> its gateway in words, and the resources that make it.

    A table none of whose subnets is in sight stands for them; one whose subnets moved away leads nobody anywhere.
    """
    subnets = _subnets(world, stacks)
    ways: dict[Way, tuple[str, list[Place]]] = {}
    for stack, resource in world.of({ROUTE}, stacks):
        place = world.known_as((stack, resource.id))
        properties = world.properties(place, resource)
        key = next((key for key in TARGETS if key in properties), "")
        through = INTERNET if _is_internet_gateway(world, key, properties.get(key)) else key
        words = world.words(properties.get(key, "nothing"), stack)
        table = properties.get("RouteTableId")
        text = world.text(table)
        alone = [] if text in with_subnets else [(_place(world, table), place)]
        for start, by in subnets.get(text, alone):
            ways.setdefault(Way(start, _destination(world, properties), through), (words, []))[1].extend((by, place))
    return ways


def _is_internet_gateway(world: World, key: str, value: Any) -> bool:
    if key != "GatewayId":
        return False
    target = next(targets(value), None)
    resource = world.resource(target.place) if target else None
    if resource is not None:
        return resource.type == "AWS::EC2::InternetGateway"
    return not world.text(value).startswith(("vgw-", "vpce-", "local"))


def _destination(world: World, properties: Mapping[str, Any]) -> str:
    keys = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    return next((world.text(properties[key]) for key in keys if key in properties), "nowhere")


def _place(world: World, value: Any) -> Place:
    target = next(targets(value), None)
    return target.place if target else ("", world.text(value))


def _acl_entries(both: Sides) -> Iterator[Exposure]:
    """Each entry by itself: an allowing one that comes, or a denying one that goes, widens."""
    for place, old, new in both.differing({ACL_ENTRY}):
        was = _entry(both.before, place, both.before.properties(place, old)) if old else None
        now = _entry(both.after, place, both.after.properties(place, new)) if new else None
        if was == now:
            continue
        for entry, comes in ((was, False), (now, True)):
            if entry is not None:
                allows, words = entry
                direction = Direction.WIDENED if allows is comes else Direction.NARROWED
                verb = ("now" if comes else "no longer") + (" allows" if allows else " denies")
                yield Exposure(*place, ExposureKind.NETWORK, direction, words.replace("VERB", verb))


def _entry(world: World, place: Place, properties: Mapping[str, Any]) -> tuple[bool, str]:
    ports = properties.get("PortRange")
    ports = ports if isinstance(ports, Mapping) else {}
    opened = services.services(properties.get("Protocol", "-1"), ports.get("From"), ports.get("To"))
    cidr = world.text(properties.get("CidrBlock", properties.get("Ipv6CidrBlock", "")))
    block = addresses.block(cidr)
    way = "to" if str(properties.get("Egress", "false")).lower() == "true" else "from"
    acl = world.words(properties.get("NetworkAclId", place[1]), place[0])
    where = addresses.words(block) if block else cidr
    number = properties.get("RuleNumber", "?")
    return properties.get("RuleAction") == "allow", f"{acl} VERB {services.words(opened)} {way} {where} (rule {number})"
