"""Our monthly bill beside the specification's own (COST in `docs/specification.md`'s source), line by line.

The specification's figures are quoted; ours are recomputed from the templates, so an edit of an environment shows.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from generator.plan.cost_charges import Charge, Kind
from generator.plan.cost_pricers import price
from generator.plan.cost_prices import PriceBook, price_book
from generator.plan.tree import Tree

_TOLERANCE = 0.005
"""A line may be this share off before it counts as off: less is rounding."""


class Standing(StrEnum):
    """How a line of the specification stands beside ours."""

    AGREES = "agrees"
    OFF = "off"
    MISSING = "missing"
    """The specification has no line for what it asks for."""
    BY_USE = "by use"
    """Both are guesses of how much is used."""
    BEYOND = "beyond"
    """Nothing that the specification asks for."""
    TOTAL = "total"


@dataclass(frozen=True)
class SpecificationRow:
    """One line of the table that `ecgctl cost` prints, in USD a month."""

    item: str
    specified: tuple[float, float] | None
    """The specification's figure, as lowest and highest; None where it has none."""
    ours: float
    standing: Standing
    why: str = ""

    @property
    def off(self) -> bool:
        """Whether the specification's line is wrong or lacking."""
        return self.standing in (Standing.OFF, Standing.MISSING)


@dataclass(frozen=True)
class _Line:
    item: str
    specified: tuple[float, float] | None
    types: tuple[str, ...]
    kinds: tuple[Kind, ...]
    by_use: bool
    why: str


_LINES = (
    _Line(
        "EC2 g4dn.xlarge, all day",
        (380.16, 380.16),
        ("AWS::EC2::Instance",),
        (Kind.INSTANCE,),
        False,
        "380.16 is 0.528 for 720 h; the list has 0.526, and a month has 730 h",
    ),
    _Line(
        "ECS Fargate, 0.5 vCPU and 1 GB, 2 tasks",
        (21.90, 21.90),
        ("AWS::ECS::Service",),
        (Kind.FARGATE,),
        False,
        "21.90 is 0.0150 a task and hour; 0.5 x 0.04048 + 1 x 0.004445 is 0.0247",
    ),
    _Line(
        "Application load balancer, hours",
        (20.44, 20.44),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer",),
        (Kind.BALANCER,),
        False,
        "20.44 is 0.028 an hour; the list has 0.0225, and capacity by use on top",
    ),
    _Line(
        "NAT gateways, hours",
        (64.26, 64.26),
        ("AWS::EC2::NatGateway",),
        (Kind.NAT,),
        False,
        "64.26 is 714 h; a month has 730 h",
    ),
    _Line("Elastic IPs of the NAT gateways", (7.30, 7.30), ("AWS::EC2::EIP",), (Kind.ADDRESS,), False, ""),
    _Line(
        "Public IPv4 of the load balancer",
        None,
        ("AWS::ElasticLoadBalancingV2::LoadBalancer",),
        (Kind.BALANCER_ADDRESS,),
        False,
        "charged since 2024-02-01, one address a subnet",
    ),
    _Line(
        "Root volume of the GPU box, gp3",
        None,
        ("AWS::EC2::Instance",),
        (Kind.VOLUME,),
        False,
        "GPU-3 asks for 50 GB; no line pays for them",
    ),
    _Line(
        "CloudFront",
        (1.00, 1.00),
        ("AWS::CloudFront::Distribution", "AWS::CloudFront::Function"),
        (Kind.TRANSFER, Kind.REQUESTS),
        True,
        "the first 1,024 GB a month are free",
    ),
    _Line("S3", (1.00, 5.00), ("AWS::S3::Bucket",), (Kind.STORAGE, Kind.REQUESTS), True, ""),
    _Line("CloudWatch Logs, 7 days", (1.00, 1.00), ("AWS::Logs::LogGroup",), (Kind.LOGS,), True, ""),
    _Line(
        "Traffic through NAT and load balancer",
        None,
        ("AWS::EC2::NatGateway", "AWS::ElasticLoadBalancingV2::LoadBalancer"),
        (Kind.NAT_DATA, Kind.CAPACITY),
        True,
        "the specification counts none",
    ),
)

_FIXED_TOTAL = (496.0, 500.0)


def spec_comparison(tree: Tree, book: PriceBook | None = None) -> tuple[SpecificationRow, ...]:
    """The specification's lines beside ours, what it forgot, its fixed total recomputed, and what goes beyond it."""
    charges, _ = price(tree, book or price_book())
    kind_of = {
        (template.stack, resource.id): resource.type
        for template in tree.templates.values()
        for resource in template.resources.values()
    }
    sums = {line.item: _sum(charges, line, kind_of) for line in _LINES}
    rows = [_row(line, sums[line.item]) for line in _LINES]
    fixed = math.fsum(sums[line.item] for line in _LINES if not line.by_use)
    everything = math.fsum(charge.monthly for charge in charges)
    own = math.fsum(line.specified[0] for line in _LINES if line.specified)
    highest = math.fsum(line.specified[1] for line in _LINES if line.specified)
    return (
        *rows,
        SpecificationRow(
            "Fixed total of what the specification asks for",
            _FIXED_TOTAL,
            fixed,
            Standing.TOTAL if _within(_FIXED_TOTAL, fixed) else Standing.OFF,
            f"its own lines, use included, add up to {own:.2f} to {highest:.2f}",
        ),
        SpecificationRow(
            "Beyond the specification (queues, table, images, alarms, dashboard)",
            None,
            everything - math.fsum(sums.values()),
            Standing.BEYOND,
        ),
        SpecificationRow("Everything, use included", None, everything, Standing.TOTAL),
    )


def _sum(charges: Iterable[Charge], line: _Line, kind_of: Mapping[tuple[str, str], str]) -> float:
    return math.fsum(
        charge.monthly
        for charge in charges
        if charge.kind in line.kinds and kind_of[charge.stack, charge.resource] in line.types
    )


def _row(line: _Line, ours: float) -> SpecificationRow:
    if line.by_use:
        standing = Standing.BY_USE
    elif line.specified is None:
        standing = Standing.MISSING if ours else Standing.AGREES
    else:
        standing = Standing.AGREES if _within(line.specified, ours) else Standing.OFF
    return SpecificationRow(line.item, line.specified, ours, standing, "" if standing is Standing.AGREES else line.why)


def _within(specified: tuple[float, float], ours: float) -> bool:
    low, high = specified
    return low * (1 - _TOLERANCE) <= ours <= high * (1 + _TOLERANCE)
