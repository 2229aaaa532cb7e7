"""Scales: one aspect of a resource on which it stands higher (closed, guarded) or lower (open, unguarded)."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.plan.exposure.sides import Sides
from generator.plan.exposure.world import each, get, is_true
from generator.plan.facts import Direction, Exposure, ExposureKind

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Level:
    """Where a resource stands; higher is safer. `phrase` goes after its name: `is not encrypted`."""

    rank: int
    phrase: str


@dataclass(frozen=True)
class Scale:
    """How to read a level off a resource's properties, which are resolved."""

    types: tuple[str, ...]
    kind: ExposureKind
    level: Callable[[Properties], Level | None]
    """None where the aspect does not apply."""
    expected: int | None = None
    """The rank below which a new resource counts as opened; None where a new one is no news."""


def found(both: Sides, scales: Collection[Scale]) -> Iterator[Exposure]:
    """Resources that go down a scale, widened, or up, narrowed."""
    by_type: dict[str, list[Scale]] = {}
    for scale in scales:
        for type_ in scale.types:
            by_type.setdefault(type_, []).append(scale)
    for place, old, new in both.differing(by_type):
        some = new if new is not None else old
        if some is None or (old is not None and new is not None and old.type != new.type):
            continue
        name = (both.after if new is not None else both.before).name(place, place[0])
        for scale in by_type[some.type]:
            was = scale.level(both.before.properties(place, old)) if old is not None else None
            now = scale.level(both.after.properties(place, new)) if new is not None else None
            if was is not None and now is not None and was.rank != now.rank:
                direction = Direction.WIDENED if now.rank < was.rank else Direction.NARROWED
                yield Exposure(*place, scale.kind, direction, f"{name} now {now.phrase}; so far it {was.phrase}")
            elif scale.expected is not None and old is None and now is not None and now.rank < scale.expected:
                yield Exposure(*place, scale.kind, Direction.WIDENED, f"{name}, which is new, {now.phrase}")
            elif scale.expected is not None and new is None and was is not None and was.rank < scale.expected:
                yield Exposure(*place, scale.kind, Direction.NARROWED, f"{name}, which {was.phrase}, goes")


def flag(safe: str, unsafe: str, *path: str, default: bool = False) -> Callable[[Properties], Level]:
    """1 where the property below `path` is true, else 0; `default` where it is not given."""

    def level(properties: Properties) -> Level:
        value = get(properties, *path)
        return Level(1, safe) if (default if value is None else is_true(value)) else Level(0, unsafe)

    return level


def opening(unsafe: str, safe: str, *path: str, default: bool = False) -> Callable[[Properties], Level]:
    """0 where the property below `path` is true, else 1; `default` where it is not given."""

    def level(properties: Properties) -> Level:
        value = get(properties, *path)
        return Level(0, unsafe) if (default if value is None else is_true(value)) else Level(1, safe)

    return level


def present(safe: str, unsafe: str, *path: str) -> Callable[[Properties], Level]:
    """1 where there is anything below `path`, else 0."""

    def level(properties: Properties) -> Level:
        value = get(properties, *path)
        return Level(1, safe) if value not in (None, "", (), {}) else Level(0, unsafe)

    return level


def attribute(properties: Properties, key: str) -> Any:
    """The value of a load balancer's attribute."""
    for item in each(properties.get("LoadBalancerAttributes")):
        if get(item, "Key") == key:
            return get(item, "Value")
    return None
