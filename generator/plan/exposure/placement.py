"""Where machines stand: the security groups that they join and leave, and subnets on the internet."""

from collections.abc import Iterator, Mapping
from typing import Final

from generator.plan.exposure import routes
from generator.plan.exposure.sides import Sides
from generator.plan.exposure.world import Place, World, each, get, targets
from generator.plan.facts import Direction, Exposure, ExposureKind
from generator.plan.tree import Resource

_TASKS: Final = ("NetworkConfiguration", "AwsvpcConfiguration")

GROUPS: Final = {
    "AWS::EC2::Instance": (("SecurityGroupIds",), ("SecurityGroups",)),
    "AWS::EC2::LaunchTemplate": (("LaunchTemplateData", "SecurityGroupIds"),),
    "AWS::EC2::NetworkInterface": (("GroupSet",),),
    "AWS::ECS::Service": ((*_TASKS, "SecurityGroups"),),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (("SecurityGroups",),),
    "AWS::Lambda::Function": (("VpcConfig", "SecurityGroupIds"),),
    "AWS::RDS::DBInstance": (("VPCSecurityGroups",),),
    "AWS::RDS::DBCluster": (("VpcSecurityGroupIds",),),
    "AWS::EFS::MountTarget": (("SecurityGroups",),),
    "AWS::ElastiCache::ReplicationGroup": (("SecurityGroupIds",),),
}
"""Where a resource names its security groups."""

SUBNETS: Final = {
    "AWS::EC2::Instance": (("SubnetId",),),
    "AWS::EC2::NetworkInterface": (("SubnetId",),),
    "AWS::ECS::Service": ((*_TASKS, "Subnets"),),
    "AWS::RDS::DBSubnetGroup": (("SubnetIds",),),
    "AWS::AutoScaling::AutoScalingGroup": (("VPCZoneIdentifier",),),
}
"""Where a resource names its subnets; load balancers and NAT gateways belong in public ones."""


def found(both: Sides) -> Iterator[Exposure]:
    """Groups joined and left, and moves in and out of subnets on the internet."""
    for place, old, new in both.differing(GROUPS):
        if old is None or new is None:
            continue
        before, after = _named(both.before, place, old, GROUPS), _named(both.after, place, new, GROUPS)
        for direction, _, world in both.both_ways():
            widened = direction is Direction.WIDENED
            here, there = (before, after) if widened else (after, before)
            for group in sorted(there - here):
                verb = "now also lets in and out what {} does" if widened else "no longer lets in and out what {} does"
                sentence = f"{place[1]} {verb.format(_words(world, group, place[0]))}"
                yield Exposure(*place, ExposureKind.NETWORK, direction, sentence)
    yield from moved(both)


def moved(both: Sides) -> Iterator[Exposure]:
    """Resources that stay and whose subnets get, or lose, a direct route by the resource's own move."""
    for place, old, new in both.differing(SUBNETS):
        if old is None or new is None:
            continue
        before, after = _named(both.before, place, old, SUBNETS), _named(both.after, place, new, SUBNETS)
        if before == after:
            continue
        public_before = routes.on_the_internet(both.before, before)
        public_after = routes.on_the_internet(both.after, after)
        for direction, _, world in both.both_ways():
            widened = direction is Direction.WIDENED
            gained = public_after - public_before if widened else public_before - public_after
            if gained and not (public_before if widened else public_after):
                verb = "moves into" if widened else "leaves"
                where = ", ".join(_words(world, subnet, place[0]) for subnet in sorted(gained))
                sentence = f"{place[1]} {verb} {where}: a direct route to the internet"
                yield Exposure(*place, ExposureKind.NETWORK, direction, sentence)


def _named(
    world: World, place: Place, resource: Resource, paths: Mapping[str, tuple[tuple[str, ...], ...]]
) -> frozenset[Place]:
    """The resources that a resource names below any of its type's paths."""
    properties = world.properties(place, resource)
    named = set()
    for path in paths[resource.type]:
        for value in each(get(properties, *path)):
            target = next(targets(value), None)
            named.add(target.place if target else ("", world.text(value)))
    return frozenset(named)


def _words(world: World, place: Place, seen_from: str) -> str:
    return world.name(place, seen_from) if place[0] else place[1]
