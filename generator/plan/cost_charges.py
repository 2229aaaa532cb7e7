"""What one resource costs a month: its charges, or that nobody knows.

A pricer is a function from a `Meter` (one resource with all that is needed to price it) to its charges; `cost_compute`,
`cost_network` and `cost_usage` hold them, `PRICERS` of `cost_pricers` says which type has which.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from generator.plan.cost_prices import PriceBook
from generator.plan.cost_values import Values, number
from generator.plan.tree import Ref, Resource, Template, references


class Kind(StrEnum):
    """What is charged for. A resource has at most one charge of a kind, so that before and after can be matched."""

    INSTANCE = "instance"
    VOLUME = "volume"
    MONITORING = "detailed monitoring"
    FARGATE = "Fargate"
    BALANCER = "load balancer"
    CAPACITY = "load balancer capacity"
    BALANCER_ADDRESS = "load balancer's addresses"
    ADDRESS = "public address"
    NAT = "NAT gateway"
    NAT_DATA = "NAT gateway's data"
    ENDPOINT = "interface endpoint"
    ENDPOINT_DATA = "interface endpoint's data"
    STORAGE = "storage"
    BACKUP = "backup"
    CAPACITY_UNITS = "provisioned capacity"
    REQUESTS = "requests"
    TRANSFER = "transfer"
    LOGS = "logs"
    ALARM = "alarm"
    DASHBOARD = "dashboard"
    KEY = "key"
    SECRET = "secret"  # noqa: S105 a kind of charge, no password
    FIREWALL = "firewall"
    ZONE = "hosted zone"
    CLIENT = "client of a user pool"


class Billing(StrEnum):
    """How the time of a resource is counted, and so what a short overlap costs."""

    SECOND = "second"
    HOUR = "hour"
    """Part of an hour is charged as a whole one."""
    USE = "use"
    """By use, or by the month: living twice for a while adds nothing worth a line."""


@dataclass(frozen=True)
class Charge:
    """One amount that one resource adds to the monthly bill."""

    stack: str
    resource: str
    kind: Kind
    item: str
    """In words, such as `g4dn.xlarge, on demand, 730 h`."""
    monthly: float
    assumption: str
    """Empty for a fixed charge: one that comes whatever the use."""
    source: str
    billing: Billing
    stays: bool
    """It goes on when nothing uses the resource any longer: storage and hours do, requests do not."""


@dataclass(frozen=True)
class Unpriced:
    """What the price book cannot tell."""

    stack: str
    resource: str
    why: str
    """The resource's type, or the part of it that has no price."""

    def __str__(self) -> str:
        return f"{self.stack}.{self.resource} ({self.why})"


Priced = Iterator[Charge | Unpriced]
Pricer = Callable[["Meter"], Priced]


@dataclass(frozen=True)
class Meter:
    """One resource, ready to be priced."""

    resource: Resource
    template: Template
    values: Values
    book: PriceBook

    def get(self, name: str, default: Any = None) -> Any:
        """A property as plain data, UNKNOWN where the tree does not tell; the default where it has none."""
        value = self.resource.properties.get(name)
        return default if value is None else self.values.resolve(self.template, value)

    @cached_property
    def usage(self) -> Mapping[str, float]:
        """What it is assumed to use in a month."""
        return self.book.usage(self.template.stack, self.resource.id, self.resource.type)

    @property
    def hours(self) -> float:
        """Hours a month."""
        return self.book.hours

    def number(self, name: str, default: float | None = None) -> float | None:
        """A property as a number; None where it is unknown."""
        return number(self.get(name), default)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """A property that is a mapping; empty where there is none."""
        value = self.get(name)
        return value if isinstance(value, Mapping) else {}

    def items(self, name: str) -> list[Any]:
        """A property that is a list; empty where there is none."""
        value = self.get(name)
        return value if isinstance(value, list) else []

    def related(self, value: Any, kind: str) -> "Meter | None":
        """The resource of a type, in the same template, that a canonical value refers to."""
        for reference in references(value):
            name = reference.name if isinstance(reference, Ref) else reference.resource
            found = self.template.resources.get(name)
            if found and found.type == kind:
                return Meter(found, self.template, self.values, self.book)
        return None

    def charge(
        self,
        kind: Kind,
        item: str,
        *amounts: tuple[str, float],
        assumption: str = "",
        billing: Billing = Billing.USE,
        stays: bool = True,
    ) -> Charge:
        """A charge that is the sum of `(rate, quantity)`. Raises KeyError for a rate that the book does not have."""
        rates = [(self.book.rates[name], quantity) for name, quantity in amounts]
        monthly = sum(rate.usd * quantity for rate, quantity in rates)
        return self.priced(kind, item, monthly, rates[0][0].source, assumption, billing, stays)

    def priced(
        self, kind: Kind, item: str, monthly: float, source: str, assumption: str, billing: Billing, stays: bool
    ) -> Charge:
        """A charge whose amount is known already."""
        if self.resource.condition:  # A condition that is decided is gone from the canonical form.
            assumption = f"{assumption}; " if assumption else ""
            assumption += f"counted as if condition {self.resource.condition} held"
        return Charge(self.template.stack, self.resource.id, kind, item, monthly, assumption, source, billing, stays)

    def unpriced(self, why: str) -> Unpriced:
        """That some of it, or all, has no price."""
        return Unpriced(self.template.stack, self.resource.id, why)
