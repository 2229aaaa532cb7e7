"""Resources that are there to log another: with the last of them gone, nobody is told any longer."""

from collections.abc import Iterator
from typing import Final

from generator.plan.exposure.sides import Sides
from generator.plan.exposure.world import Place, World, targets
from generator.plan.facts import Exposure, ExposureKind

WATCHERS: Final = {
    "AWS::EC2::FlowLog": ("ResourceId", "the traffic of {}"),
    "AWS::CloudTrail::Trail": ("TrailName", "the calls that trail {} records"),
    "AWS::WAFv2::LoggingConfiguration": ("ResourceArn", "the requests that {} judges"),
    "AWS::Route53Resolver::ResolverQueryLoggingConfigAssociation": ("ResourceId", "the look-ups of {}"),
}
"""Their types, the property that says what they log, and what of it."""


def found(both: Sides) -> Iterator[Exposure]:
    """What is no longer logged by a resource of its own, and what now is."""
    if not any(True for _ in both.differing(WATCHERS)):
        return
    for direction, old, new in both.both_ways():
        had, has = _watched(old), _watched(new)
        verb = "is no longer" if direction is direction.WIDENED else "is now"
        for key in sorted(had.keys() - has.keys()):
            place, about, words = had[key]
            if about is None or (both.before.resource(about) and both.after.resource(about)):
                yield Exposure(*place, ExposureKind.LOGGING, direction, f"{words} {verb} logged")


def _watched(world: World) -> dict[str, tuple[Place, Place | None, str]]:
    """What is logged -> by which resource, about which resource of ours, in words."""
    watched: dict[str, tuple[Place, Place | None, str]] = {}
    for stack, resource in world.of(WATCHERS):
        key, words = WATCHERS[resource.type]
        value = world.value(stack, resource.properties.get(key, resource.id))
        about = next((target.place for target in targets(value)), None)
        place = world.known_as((stack, resource.id))
        watched[f"{resource.type} {world.text(value)}"] = (place, about, words.format(world.words(value, stack)))
    return watched
