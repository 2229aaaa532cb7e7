"""CloudFront: which origin is read at which path, by whom, over which protocol and with which methods."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from generator.plan.exposure.services import listed
from generator.plan.exposure.sides import Sides
from generator.plan.exposure.world import Place, World, each, get
from generator.plan.facts import Direction, Exposure, ExposureKind
from generator.plan.tree import Resource

DISTRIBUTION: Final = "AWS::CloudFront::Distribution"

PROTOCOLS: Final = ("allow-all", "redirect-to-https", "https-only")
"""Viewer protocol policies from open to closed."""

ORIGIN_PROTOCOLS: Final = ("http-only", "match-viewer", "https-only")


@dataclass(frozen=True)
class Behaviour:
    """What CloudFront does at one path pattern."""

    origin: str
    signed: bool
    """Only with a link or cookie signed by a trusted key."""
    protocol: int
    """Index into PROTOCOLS."""
    methods: frozenset[str]


def found(both: Sides) -> Iterator[Exposure]:
    """What paths of distributions open and close."""
    for place, old, new in both.differing({DISTRIBUTION}):
        before, after = _behaviours(both.before, place, old), _behaviours(both.after, place, new)
        for direction, _, _ in both.both_ways():
            widened = direction is Direction.WIDENED
            here, there = (before, after) if widened else (after, before)
            for path in sorted(there.keys() | here.keys()):
                for kind, sentence in _said(widened, place[1], path, here.get(path), there.get(path)):
                    yield Exposure(*place, kind, direction, sentence)
        if old is not None and new is not None:
            yield from _origins(both, place, old, new)


def unsigned(both: Sides) -> Iterator[tuple[Place, str]]:
    """Distributions, each with a path that asked for a signed link and no longer does."""
    for place, old, new in both.differing({DISTRIBUTION}):
        before, after = _behaviours(both.before, place, old), _behaviours(both.after, place, new)
        for path in sorted(before.keys() & after.keys()):
            if before[path].signed and not after[path].signed:
                yield place, path


def _said(
    widened: bool, name: str, path: str, old: Behaviour | None, new: Behaviour | None
) -> Iterator[tuple[ExposureKind, str]]:
    """What `new` lets viewers do that `old` does not; of the narrowing way, what they no longer can."""
    now, where = ("now" if widened else "no longer"), f"{path} of {name}"
    if new is None:
        return
    if old is None or old.origin != new.origin or (old.signed and not new.signed):
        can = "can now" if widened else "can no longer"
        if new.signed:
            sentence = f"holders of signed links {can} read {new.origin} at {where}"
            yield ExposureKind.PERMISSION, sentence
        else:
            without = " without a signed link" if old and old.signed else ""
            yield ExposureKind.PUBLIC, f"anyone {can} read {new.origin} at {where}{without}"
    if new.protocol < (old.protocol if old else 1):
        how = "plain HTTP" if new.protocol == 0 else "HTTP, sent on to HTTPS"
        yield ExposureKind.NETWORK, f"{where} {now} answers {how} (viewer protocol {PROTOCOLS[new.protocol]})"
    if old is not None and (more := new.methods - old.methods):
        yield ExposureKind.NETWORK, f"{where} {now} takes {listed(sorted(more))}"


def _behaviours(world: World, place: Place, resource: Resource | None) -> dict[str, Behaviour]:
    if resource is None:
        return {}
    config = world.properties(place, resource).get("DistributionConfig")
    found_: dict[str, Behaviour] = {}
    if (default := get(config, "DefaultCacheBehavior")) is not None:
        found_["the default path"] = _behaviour(world, default)
    for item in each(get(config, "CacheBehaviors")):
        found_[world.text(get(item, "PathPattern"))] = _behaviour(world, item)
    return found_


def _behaviour(world: World, item: Any) -> Behaviour:
    protocol = get(item, "ViewerProtocolPolicy")
    return Behaviour(
        origin=world.text(get(item, "TargetOriginId")),
        signed=any(True for key in ("TrustedKeyGroups", "TrustedSigners") for _ in each(get(item, key))),
        protocol=PROTOCOLS.index(protocol) if protocol in PROTOCOLS else 0,
        methods=frozenset(world.text(method) for method in each(get(item, "AllowedMethods")))
        or frozenset(("GET", "HEAD")),
    )


def _origins(both: Sides, place: Place, old: Resource, new: Resource) -> Iterator[Exposure]:
    """Origins read without CloudFront's own signature, or over plain HTTP."""
    before, after = (
        {
            world.text(get(origin, "Id")): origin
            for origin in each(get(world.properties(place, one).get("DistributionConfig"), "Origins"))
        }
        for world, one in ((both.before, old), (both.after, new))
    )
    for origin in sorted(before.keys() & after.keys()):
        for direction, here, there in (
            (Direction.WIDENED, before[origin], after[origin]),
            (Direction.NARROWED, after[origin], before[origin]),
        ):
            now = "now" if direction is Direction.WIDENED else "no longer"
            was, is_ = (_protocol(one) for one in (here, there))
            if is_ < was:
                how = ORIGIN_PROTOCOLS[is_]
                sentence = f"{place[1]} {now} reads origin {origin} over plain HTTP ({how})"
                yield Exposure(*place, ExposureKind.ENCRYPTION, direction, sentence)
            if get(here, "OriginAccessControlId") and not get(there, "OriginAccessControlId"):
                sentence = f"{place[1]} {now} reads origin {origin} unsigned (no origin access control)"
                yield Exposure(*place, ExposureKind.PUBLIC, direction, sentence)


def _protocol(origin: Any) -> int:
    given = get(origin, "CustomOriginConfig", "OriginProtocolPolicy")
    return ORIGIN_PROTOCOLS.index(given) if given in ORIGIN_PROTOCOLS else len(ORIGIN_PROTOCOLS)
