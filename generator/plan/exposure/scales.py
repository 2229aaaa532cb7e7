"""Scales: one aspect of a resource on which it stands higher (closed, guarded) or lower (open, unguarded)."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.plan.exposure.sides import Sides
from generator.plan.exposure.world import Place, each, get, is_true
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


@dataclass(frozen=True)
class Move:
    """A resource that changes its level, or comes or goes below the expected one."""

    place: Place
    scale: Scale
    was: Level | None
    now: Level | None
    name: str

    @property
    def direction(self) -> Direction:
        """Down is widened, up is narrowed."""
        if self.was is None or self.now is None:
            return Direction.WIDENED if self.was is None else Direction.NARROWED
        return Direction.WIDENED if self.now.rank < self.was.rank else Direction.NARROWED

    @property
    def sentence(self) -> str:
        """`JobsTable now cannot be restored to a point in time; so far it can be restored to a point in time`."""
        match self.was, self.now:
            case None, Level() as now:
                return f"{self.name}, which is new, {now.phrase}"
            case Level() as was, None:
                return f"{self.name}, which {was.phrase}, goes"
            case Level() as was, Level() as now:
                return f"{self.name} now {now.phrase}; so far it {was.phrase}"
        return self.name


def found(both: Sides, scales: Collection[Scale]) -> Iterator[Exposure]:
    """Resources that go down a scale, widened, or up, narrowed."""
    for move in moves(both, scales):
        yield Exposure(*move.place, move.scale.kind, move.direction, move.sentence)


def moves(both: Sides, scales: Collection[Scale]) -> Iterator[Move]:
    """Every change of a level."""
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
            if was is not None and now is not None:
                news = was.rank != now.rank
            else:
                alone = was if new is None else now if old is None else None
                news = alone is not None and scale.expected is not None and alone.rank < scale.expected
            if news:
                yield Move(place, scale, was, now, name)


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
