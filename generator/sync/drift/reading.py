"""What CloudFormation says of drift, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from generator.sync.health.verdict import Unreadable


class ResourceDriftStatus(StrEnum):
    """A StackResourceDriftStatus of the CloudFormation API."""

    IN_SYNC = "IN_SYNC"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    NOT_CHECKED = "NOT_CHECKED"
    UNKNOWN = "UNKNOWN"
    UNSUPPORTED = "UNSUPPORTED"


@dataclass(frozen=True)
class Difference:
    """One property that is not as the template has it."""

    path: str
    """A JSON pointer into the properties, such as `/RedrivePolicy/maxReceiveCount`."""
    kind: str
    """`ADD`, `REMOVE` or `NOT_EQUAL`, seen from the template."""
    expected: str
    actual: str


@dataclass(frozen=True)
class CheckedResource:
    """One resource of a stack, looked at or not."""

    logical_id: str
    type: str
    physical_id: str
    status: ResourceDriftStatus
    differences: tuple[Difference, ...] = ()
    declared: int = 0
    """Properties that the template sets and CloudFormation compared."""
    reason: str = ""
    """Why its status is unknown."""


@dataclass(frozen=True)
class StackDriftReading:
    """One stack's detection."""

    at: datetime
    resources: tuple[CheckedResource, ...]
    """All of the stack's resources, those of types that CloudFormation cannot check included."""


DriftReading = StackDriftReading | Unreadable | None
"""None where there is no such stack."""


class DriftReader(Protocol):
    """Has CloudFormation look. Nothing of AWS's is raised."""

    def read_drift(self, names: Mapping[str, str]) -> Mapping[str, DriftReading]:
        """Detect drift of stacks, side by side; `names` and the answer go by their names in the manifest, the values
        are CloudFormation's names."""
