"""A canary's trial: what was seen of it, and whether that is enough. Pure.

Time counts while the canary answers, not by the calendar: a box that was down meanwhile has seen nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconciler.desired import CanaryRule, Desired

FEW = 20
"""Below so many requests a rate says little: up to then the errors that this many may have are forgiven."""


@dataclass(frozen=True)
class Tally:
    """What came of the canary's share, as `kit.canary` counts."""

    requests: int = 0
    errors: int = 0
    mismatches: int = 0
    busy: int = 0
    last: str = ""

    @property
    def bad(self) -> int:
        """Requests that speak against it."""
        return self.errors + self.mismatches

    @property
    def error_rate(self) -> float:
        """Their share."""
        return self.bad / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Counted:
    """What one replica of a stable ingress tells: `trial` is the one that it counted last, if any."""

    replica: str
    splitting: bool
    trial: str | None
    tally: Tally


class Outcome(StrEnum):
    """How a trial stands."""

    PROVING = "proving"
    """The new version stands aside and answers its golden cases."""
    TRYING = "trying"
    PASSED = "passed"
    """Enough was seen; the new version is taking over."""
    PROMOTED = "promoted"
    REVERTED = "reverted"
    WITHDRAWN = "withdrawn"
    """Git asked for something else meanwhile."""


OVER = frozenset({Outcome.PROMOTED, Outcome.REVERTED, Outcome.WITHDRAWN})


@dataclass(frozen=True)
class Trial:
    """One generation's trial; kept on disk, since it outlives agents and Rays."""

    target: Desired
    began: str
    """ISO 8601 UTC."""
    rules: Mapping[str, CanaryRule] = field(default_factory=dict)
    """The apps that are tried."""
    seen_s: float = 0.0
    outcome: Outcome = Outcome.PROVING
    tallies: Mapping[str, Mapping[str, Tally]] = field(default_factory=dict)
    """By app, and by the replica that counted: each counts from its own start."""

    @property
    def name(self) -> str:
        """Tells it from an earlier one of the same generation."""
        return f"{self.target.generation[:12]} {self.began}"

    def of(self, app: str) -> Tally:
        """All replicas' counts of an app together."""
        return _sum(self.tallies.get(app, {}).values())

    def with_count(self, app: str, counted: Counted) -> "Trial":
        """With what a replica has told; unchanged where it tells of another trial."""
        if counted.trial != self.name:
            return self
        return replace(
            self, tallies={**self.tallies, app: {**self.tallies.get(app, {}), counted.replica: counted.tally}}
        )


def objection(app: str, rule: CanaryRule, tally: Tally, at_the_end: bool) -> str:
    """What speaks against the canary, in words; empty if nothing does. `at_the_end`: its time is over."""
    of = tally.requests if at_the_end else max(tally.requests, FEW)
    if tally.bad <= rule.max_error_rate * of:
        return ""
    kinds = [f"{tally.errors} failed where the last good version did not"] if tally.errors else []
    kinds += [f"{tally.mismatches} had another result"] if tally.mismatches else []
    return (
        f"{app}: of {tally.requests} requests to the canary {' and '.join(kinds)} ({tally.error_rate:.1%}, allowed are"
        f" {rule.max_error_rate:.1%}); the last one: {tally.last}"
    )


def enough(rule: CanaryRule, seen_s: float) -> bool:
    """Is its time over?"""
    return seen_s >= rule.minutes * 60


def _sum(tallies: Iterable[Tally]) -> Tally:
    whole = Tally()
    for one in tallies:
        whole = Tally(
            whole.requests + one.requests,
            whole.errors + one.errors,
            whole.mismatches + one.mismatches,
            whole.busy + one.busy,
            one.last or whole.last,
        )
    return whole
