"""What a rule is: an id, a sentence, and where the change breaks it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from generator.plan.exposure.permissions import Policies, policies
from generator.plan.exposure.sides import Sides
from generator.plan.exposure.world import Place
from generator.plan.facts import Exposure, ResourceChange, Severity


@dataclass(frozen=True)
class Case:
    """What the rules look at."""

    both: Sides
    changes: tuple[ResourceChange, ...]
    exposures: tuple[Exposure, ...]

    @cached_property
    def policies(self) -> Policies:
        """The IAM grants on both sides."""
        return policies(self.both)


@dataclass(frozen=True)
class Breach:
    """One place where the change breaks a rule."""

    place: Place
    sentence: str
    severity: Severity | None = None
    """Where it differs from the rule's own."""


@dataclass(frozen=True)
class Rule:
    """A rule over (before, after, verdict). `docs/policy.md` says why there is such a rule."""

    id: str
    sentence: str
    severity: Severity
    """At most."""
    breaches: Callable[[Case], Iterator[Breach]]
