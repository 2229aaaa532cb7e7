"""The price book: what AWS charges, since when we know, and how much use we count with. `prices.yaml` is its text."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml


@dataclass(frozen=True)
class Rate:
    """One price in USD."""

    usd: float
    per: str
    """The unit, such as `GB-month`."""
    source: str
    """Where it is from, when that was written, and how it was looked up."""


@dataclass(frozen=True)
class PriceBook:
    """Prices of one region and the usage profile."""

    region: str
    hours: float
    """Hours that a month has."""
    rates: Mapping[str, Rate]
    instances: Mapping[str, Rate]
    """EC2 instance type -> price an hour."""
    usage_of_types: Mapping[str, Mapping[str, float]]
    usage_of_resources: Mapping[str, Mapping[str, float]]
    """`stack.LogicalId` -> what it uses instead of what its type uses."""
    videos_a_day: float
    """What the usage profile is for."""
    growing: frozenset[str]
    """Resource types whose use grows with the videos."""
    purchases: Mapping[str, Rate]
    """Other ways to pay for an instance, as shares of its on-demand price."""
    free_types: frozenset[str]
    free_families: tuple[str, ...]
    """Starts of type names that are free altogether, such as `AWS::IAM::`."""

    def is_free(self, kind: str) -> bool:
        """Whether a resource type is known to have no charge of its own."""
        return kind in self.free_types or kind.startswith(self.free_families)

    def usage(self, stack: str, resource: str, kind: str) -> Mapping[str, float]:
        """What a resource is assumed to use in a month."""
        return {**self.usage_of_types.get(kind, {}), **self.usage_of_resources.get(f"{stack}.{resource}", {})}

    def for_videos(self, a_day: float) -> "PriceBook":
        """The book with the use of so many videos a day: what grows with them, in proportion."""
        factor = a_day / self.videos_a_day

        def grown(use: Mapping[str, float]) -> Mapping[str, float]:
            return {name: amount * factor for name, amount in use.items()}

        types = {kind: grown(use) if kind in self.growing else use for kind, use in self.usage_of_types.items()}
        # Each of these few is of a type that grows, or says 0.
        resources = {name: grown(use) for name, use in self.usage_of_resources.items()}
        return replace(self, videos_a_day=a_day, usage_of_types=types, usage_of_resources=resources)


@cache
def price_book() -> PriceBook:
    """The packaged price book, read once."""
    text = Path(__file__).with_name("prices.yaml").read_text(encoding="utf-8")
    return parse_price_book(text)


def parse_price_book(text: str) -> PriceBook:
    """Read a price book. Raises KeyError where a price names a source that is not listed: the file is ours."""
    data: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    sources = {
        name: f"{source['where']}, {source['date']} ({source['checked']})" for name, source in data["sources"].items()
    }
    usage = data["usage"]
    families: list[str] = []
    types: list[str] = []
    for name in data["free"]:
        (families if name.endswith("*") else types).append(name.removesuffix("*"))
    return PriceBook(
        region=data["region"],
        hours=float(data["hours"]),
        rates=MappingProxyType(
            {name: Rate(rate["usd"], rate["per"], sources[rate["source"]]) for name, rate in data["rates"].items()}
        ),
        instances=MappingProxyType(
            {
                kind: Rate(usd, "hour", sources[source])
                for source, prices in data["instances"].items()
                for kind, usd in prices.items()
            }
        ),
        usage_of_types=MappingProxyType(usage["types"]),
        usage_of_resources=MappingProxyType(usage["resources"]),
        videos_a_day=float(usage["videos_a_day"]),
        growing=frozenset(usage["grows"]),
        purchases=MappingProxyType(
            {
                name: Rate(way["share"], "on-demand price", sources[way["source"]])
                for name, way in data["purchases"].items()
            }
        ),
        free_types=frozenset(types),
        free_families=tuple(families),
    )
