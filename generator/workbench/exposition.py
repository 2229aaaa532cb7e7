"""Prometheus' text format, as far as we need it: histograms of one deployment's batches. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_LINE = re.compile(r"^(?P<name>[A-Za-z_:][\w:]*)\{(?P<labels>[^}]*)\}\s+(?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_REQUESTS, _UNITS = "ray_ecg_batch_requests", "ray_ecg_batch_units"


@dataclass(frozen=True)
class Batches:
    """Batches that a model was given: how many, of how many requests and units in all, and how large they were."""

    count: int = 0
    requests: float = 0.0
    units: float = 0.0
    by_requests: Mapping[str, int] = field(default_factory=dict)
    """Requests in a batch, as the histogram's buckets have it (`1`, `2`, `3-4`) -> batches."""

    def since(self, before: "Batches") -> "Batches":
        """What came between two looks."""
        buckets = {name: count - before.by_requests.get(name, 0) for name, count in self.by_requests.items()}
        return Batches(
            self.count - before.count,
            self.requests - before.requests,
            self.units - before.units,
            {name: count for name, count in buckets.items() if count},
        )


def batches(text: str, application: str) -> Batches | None:
    """What an application's batchers told so far; None where it has none."""
    totals = dict.fromkeys((f"{_REQUESTS}_count", f"{_REQUESTS}_sum", f"{_UNITS}_sum"), 0.0)
    cumulated: dict[float, float] = {}
    seen = False
    for name, labels, value in _samples(text):
        if labels.get("application") != application:
            continue
        if name in totals:
            totals[name], seen = totals[name] + value, True
        elif name == f"{_REQUESTS}_bucket":
            edge = float(labels["le"])
            cumulated[edge] = cumulated.get(edge, 0.0) + value
    if not seen:
        return None
    return Batches(
        int(totals[f"{_REQUESTS}_count"]),
        totals[f"{_REQUESTS}_sum"],
        totals[f"{_UNITS}_sum"],
        dict(_buckets(cumulated)),
    )


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in text.splitlines():
        if found := _LINE.match(line):
            yield found["name"], dict(_LABEL.findall(found["labels"])), float(found["value"])


def _buckets(cumulated: Mapping[float, float]) -> Iterator[tuple[str, int]]:
    before_edge, before = 0, 0.0
    for edge in sorted(cumulated):
        inside = int(cumulated[edge] - before)
        if inside:
            yield _range(before_edge + 1, edge), inside
        before = cumulated[edge]
        before_edge = int(edge) if edge != float("inf") else before_edge


def _range(low: int, edge: float) -> str:
    if edge == float("inf"):
        return f"{low} or more"
    return str(low) if int(edge) == low else f"{low}-{int(edge)}"
