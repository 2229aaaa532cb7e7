"""What so many videos a day cost a month: boxes that keep the waiting time, each way to pay for them, and all else.

A setting is an instance type with so many readers on it. Boxes are sized by the simulation; everything else is what the
templates of an environment cost with the use of so many videos.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from generator.plan.cost_charges import Kind
from generator.plan.cost_pricers import price
from generator.plan.cost_prices import PriceBook
from generator.plan.tree import Tree
from tools.scaling.plant import Outage, Plant, ServiceTimes, Video
from tools.scaling.sizing import SHARE, size

CORES: Mapping[str, int] = {"g4dn.xlarge": 4, "g4dn.2xlarge": 8, "g5.xlarge": 4}
"""vCPUs of the types that are compared: the specification's, the next larger, and the next newer."""
_BOX_STACK = "model-server"


@dataclass(frozen=True)
class Setting:
    """A box, how many of them, and how long 95 of 100 videos wait then at most."""

    kind: str
    readers: int
    boxes: int
    wait: float


@dataclass(frozen=True)
class Bill:
    """A month in USD."""

    videos_a_day: float
    setting: Setting
    boxes: Mapping[str, float]
    """By the way to pay: `on demand` and those of the price book."""
    rest: float
    """All that is no box."""


def settings(
    plant: Plant,
    service: ServiceTimes,
    videos: Sequence[Video],
    peak: float,
    target: float,
    at_least: int = 1,
    outages: Sequence[Outage] = (),
) -> Iterator[Setting]:
    """The fewest boxes of each type that keep the target, with the declared readers and with one a core.

    `peak`: arrivals a second in the busiest hour. Raises TooMany.
    """
    for kind, cores in CORES.items():
        for readers in sorted({plant.readers, cores}):
            one = replace(plant, readers=readers, cores=float(cores))
            found = size(one, service, videos, peak, target, outages)
            yield Setting(kind, readers, max(found.plant.boxes, at_least), found.outcome.wait_at(SHARE))


def bill(setting: Setting, tree: Tree, book: PriceBook, videos_a_day: float) -> Bill:
    """What a setting costs in an environment whose templates are `tree`."""
    hourly, disk = book.instances[setting.kind].usd, _disk(tree, book)
    shares = {"on demand": 1.0, **{name: way.usd for name, way in book.purchases.items()}}
    return Bill(
        videos_a_day,
        setting,
        {name: setting.boxes * (hourly * share * book.hours + disk) for name, share in shares.items()},
        rest(tree, book.for_videos(videos_a_day), setting.boxes),
    )


def rest(tree: Tree, book: PriceBook, boxes: int) -> float:
    """Everything but the boxes; with the load balancer that several boxes need, where the templates have none."""
    charges, _ = price(tree, book)
    ours = [one for one in charges if not (one.stack == _BOX_STACK and one.kind in (Kind.INSTANCE, Kind.VOLUME))]
    has_balancer = any(one.stack == _BOX_STACK and one.kind is Kind.BALANCER for one in ours)
    balancer = 0.0 if boxes < 2 or has_balancer else book.rates["alb.hour"].usd * book.hours
    return math.fsum(one.monthly for one in ours) + balancer


def unpriced(tree: Tree, book: PriceBook) -> tuple[str, ...]:
    """What of an environment has no known price, and so is in no bill."""
    return tuple(str(one) for one in price(tree, book)[1])


def _disk(tree: Tree, book: PriceBook) -> float:
    """A box's volumes, as the templates have them."""
    ours = [one for one in price(tree, book)[0] if one.stack == _BOX_STACK]
    count = next((re.match(r"(\d+) x ", one.item) for one in ours if one.kind is Kind.INSTANCE), None)
    return math.fsum(one.monthly for one in ours if one.kind is Kind.VOLUME) / (int(count[1]) if count else 1)


def cheapest(bills: Sequence[Bill]) -> Bill:
    """By the price on demand: the other ways are shares of it, the same for all types."""
    return min(bills, key=lambda one: (one.boxes["on demand"], one.setting.readers))
