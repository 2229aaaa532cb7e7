"""What drifted in an environment, what of it is ignored, and how much was looked at. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from generator.model.manifest import Manifest
from generator.sync.drift.ignoring import DELETED, IgnoreRule, rule_for
from generator.sync.drift.reading import CheckedResource, Difference, DriftReading, ResourceDriftStatus
from generator.sync.health.verdict import Unreadable

_COMPARED = {ResourceDriftStatus.IN_SYNC, ResourceDriftStatus.MODIFIED, ResourceDriftStatus.DELETED}


@dataclass(frozen=True)
class Finding:
    """One difference between a template and what is there."""

    difference: Difference
    """Of a resource that is gone: with the path `deleted`."""
    ignored: IgnoreRule | None = None
    expired: IgnoreRule | None = None
    """A rule that was about it until its day came."""


@dataclass(frozen=True)
class ResourceDrift:
    """One resource that is not as its template has it."""

    stack: str
    logical_id: str
    type: str
    physical_id: str
    findings: tuple[Finding, ...]

    @property
    def deleted(self) -> bool:
        """It is gone."""
        return any(one.difference.path == DELETED for one in self.findings)

    @property
    def ignored(self) -> tuple[Finding, ...]:
        """What a rule covers."""
        return tuple(one for one in self.findings if one.ignored)

    @property
    def counts(self) -> tuple[Finding, ...]:
        """What no rule covers."""
        return tuple(one for one in self.findings if not one.ignored)


@dataclass(frozen=True)
class Coverage:
    """How much of a stack, or of several, a detection has seen."""

    resources: int = 0
    compared: int = 0
    declared: int = 0
    """Properties that were compared."""
    unchecked: Mapping[str, int] | None = None
    """Type -> how many resources of it CloudFormation did not, or could not, look at."""

    def plus(self, other: "Coverage") -> "Coverage":
        """Of both."""
        unchecked = Counter(self.unchecked or {}) + Counter(other.unchecked or {})
        return Coverage(
            self.resources + other.resources,
            self.compared + other.compared,
            self.declared + other.declared,
            dict(sorted(unchecked.items())),
        )


@dataclass(frozen=True)
class StackDrift:
    """One stack."""

    name: str
    drifted: tuple[ResourceDrift, ...]
    coverage: Coverage
    unread: str = ""
    """Why its drift is not known; empty where it is."""

    @property
    def reverts(self) -> tuple[ResourceDrift, ...]:
        """Resources with drift that no rule covers."""
        return tuple(one for one in self.drifted if one.counts)


@dataclass(frozen=True)
class EnvironmentDrift:
    """An environment at one moment."""

    environment: str
    at: datetime
    stacks: tuple[StackDrift, ...]
    unused: tuple[IgnoreRule, ...] = ()
    """Rules that were about nothing: the drift is gone, or the rule is misspelt."""

    @property
    def drifted(self) -> bool:
        """Something differs that no rule covers."""
        return any(stack.reverts for stack in self.stacks)

    @property
    def unread(self) -> tuple[StackDrift, ...]:
        """Stacks of which nothing is known: they may have drifted."""
        return tuple(stack for stack in self.stacks if stack.unread)

    @property
    def clean(self) -> bool:
        """Everything was looked at that can be, and nothing differs: what exit code 0 means."""
        return not self.drifted and not self.unread

    @property
    def coverage(self) -> Coverage:
        """Of the whole."""
        total = Coverage()
        for stack in self.stacks:
            total = total.plus(stack.coverage)
        return total


def judge(
    manifest: Manifest, readings: Mapping[str, DriftReading], rules: Sequence[IgnoreRule], at: datetime
) -> EnvironmentDrift:
    """Put the readings of an environment's stacks and its rules together. `readings` go by names in the manifest."""
    stacks = tuple(_stack(stack.name, readings.get(stack.name), rules, at) for stack in manifest.stacks)
    used = {
        rule
        for stack in stacks
        for resource in stack.drifted
        for finding in resource.findings
        for rule in (finding.ignored, finding.expired)
    }
    return EnvironmentDrift(manifest.name, at, stacks, tuple(rule for rule in rules if rule not in used))


def _stack(name: str, reading: DriftReading, rules: Sequence[IgnoreRule], at: datetime) -> StackDrift:
    if reading is None:
        return StackDrift(name, (), Coverage(), "there is no such stack; ecgctl apply makes it")
    if isinstance(reading, Unreadable):
        return StackDrift(name, (), Coverage(), reading.reason)
    found = [_resource(name, one, rules, at) for one in reading.resources]
    compared = [one for one in reading.resources if one.status in _COMPARED]
    coverage = Coverage(
        len(reading.resources),
        len(compared),
        sum(one.declared for one in compared),
        dict(sorted(Counter(one.type for one in reading.resources if one.status not in _COMPARED).items())),
    )
    return StackDrift(name, tuple(one for one in found if one.findings), coverage)


def _resource(stack: str, one: CheckedResource, rules: Sequence[IgnoreRule], at: datetime) -> ResourceDrift:
    differences = one.differences
    if one.status is ResourceDriftStatus.DELETED:
        differences = (Difference(DELETED, "REMOVE", one.physical_id, "nothing"),)
    findings = tuple(
        Finding(each, *rule_for(rules, at.date(), stack, one.logical_id, each.path)) for each in differences
    )
    return ResourceDrift(stack, one.logical_id, one.type, one.physical_id, findings)
