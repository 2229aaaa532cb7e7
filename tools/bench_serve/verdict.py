"""What was measured -> medians, ratios to the limit, and the targets, met or missed. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tools.bench_serve.client import Overload
from tools.bench_serve.contenders import (
    BEHIND_HAPROXY,
    LIMIT,
    LITSERVE,
    OURS,
    WINDOW_A_CALL,
    Contender,
    LoadName,
)
from tools.bench_serve.measured import Measured


@dataclass(frozen=True)
class Row:
    """One contender under one load: medians over the rounds. None where there are no requests, or no limit."""

    contender: str
    load: str
    windows_per_s: float
    of_limit: float | None
    """The median of each round's own ratio: both sides of it were measured within minutes."""
    by_cpu: float | None
    """The same of processor time a window, the client's included: what is left if nothing waits, whoever else works."""
    p50_ms: float | None
    p99_ms: float | None
    server_cpu_us: float
    client_cpu_us: float | None
    broken: int
    others: float


@dataclass(frozen=True)
class Target:
    """A sentence of the requirement. `seen` and `met` are None where it could not be measured."""

    text: str
    wanted: str
    seen: float | None
    met: bool | None


@dataclass(frozen=True)
class Overloaded:
    """An open loop at `asked_per_s` requests a second."""

    contender: str
    asked_per_s: float
    seen: Overload

    @property
    def p99_ms(self) -> float | None:
        """From the first try to the answer, the waiting that the server asked for included."""
        latencies = sorted(self.seen.latencies_s)
        return 1000 * latencies[int(len(latencies) * 0.99)] if latencies else None


def rows(measured: Sequence[Measured], contenders: Sequence[Contender]) -> list[Row]:
    """One network's, in the order of `contenders`; whoever was not measured has no row."""
    found = []
    for load in LoadName:
        for who in contenders:
            ours = [one for one in measured if (one.contender, one.load) == (who.name, load)]
            if ours:
                found.append(_row(who.name, load, ours, measured))
    return found


def _row(name: str, load: str, ours: Sequence[Measured], everything: Sequence[Measured]) -> Row:
    limits = {one.round: one for one in everything if (one.contender, one.load) == (LIMIT.name, load)}
    pairs = [(one, limits[one.round]) for one in ours if one.round in limits]
    ratios = [one.windows_per_s / limit.windows_per_s for one, limit in pairs]
    by_cpu = [limit.server_cpu_us / (one.server_cpu_us + (one.client_cpu_us or 0.0)) for one, limit in pairs]

    def middle(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return median(known) if known else None

    return Row(
        name,
        load,
        median(one.windows_per_s for one in ours),
        median(ratios) if ratios else None,
        median(by_cpu) if by_cpu else None,
        middle([one.p50_ms for one in ours]),
        middle([one.p99_ms for one in ours]),
        median(one.server_cpu_us for one in ours),
        middle([one.client_cpu_us for one in ours]),
        sum(one.broken for one in ours),
        median(one.others for one in ours),
    )


def targets(measured: Sequence[Measured], overloads: Sequence[Overloaded]) -> list[Target]:
    """One network's. Ratios between two contenders are medians of each round's own ratio, too."""
    found = []
    for who in (OURS, BEHIND_HAPROXY):
        if not any(one.contender == who.name for one in measured):
            continue
        video = {one.name: _ratio(measured, LoadName.VIDEO, who, one) for one in _COMPARED}
        small = _ratio(measured, LoadName.SMALL, who, LIMIT)
        found += [
            _at_least(f"{who.name}: 16 videos at once, of the limit", video[LIMIT.name], 0.85),
            _at_least(f"{who.name}: 16 videos, times {WINDOW_A_CALL.name}", video[WINDOW_A_CALL.name], 1.5),
            _above(f"{who.name}: 16 videos, times {LITSERVE.name}", video[LITSERVE.name], 1.0),
            _at_least(f"{who.name}: 64 small requests at once, of the limit", small, 0.6),
        ]
        found += [
            Target(f"{who.name}: lost at twice its capacity", "0", one.seen.lost, one.seen.lost == 0)
            for one in overloads
            if one.contender == who.name
        ]
    return found


_COMPARED = (LIMIT, WINDOW_A_CALL, LITSERVE)


def _ratio(measured: Sequence[Measured], load: LoadName, ours: Contender, other: Contender) -> float | None:
    def by_round(who: Contender) -> Mapping[int, float]:
        return {one.round: one.windows_per_s for one in measured if (one.contender, one.load) == (who.name, load)}

    mine, theirs = by_round(ours), by_round(other)
    ratios = [mine[number] / theirs[number] for number in mine.keys() & theirs.keys()]
    return median(ratios) if ratios else None


def _at_least(text: str, seen: float | None, wanted: float) -> Target:
    return Target(text, f">= {wanted:g}", seen, None if seen is None else seen >= wanted)


def _above(text: str, seen: float | None, wanted: float) -> Target:
    return Target(text, f"> {wanted:g}", seen, None if seen is None else seen > wanted)
