"""What sync needs of the world, as small Protocols, and the facts that come back through them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from generator.model.manifest import Artifact, Manifest


class ChangeSetKind(StrEnum):
    """CloudFormation's ChangeSetType: a stack that was never created wants CREATE."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"


@dataclass(frozen=True)
class LiveStack:
    """A stack as CloudFormation describes it."""

    name: str
    id: str
    status: str
    """A StackStatus of the CloudFormation API, such as `UPDATE_COMPLETE`."""
    reason: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_progress(self) -> bool:
        """An operation is running; REVIEW_IN_PROGRESS only means that a change set waits in an empty shell."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def failed(self) -> bool:
        """The last operation failed or was rolled back."""
        return "FAILED" in self.status or "ROLLBACK" in self.status


@dataclass(frozen=True)
class StackRequest:
    """A stack as it should become."""

    name: str
    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class ResourceChange:
    """One line of a change set, in CloudFormation's words."""

    logical_id: str
    type: str
    action: str
    replacement: str


@dataclass(frozen=True)
class ChangeSet:
    """A change set that CloudFormation has computed and not executed."""

    id: str
    stack: str
    kind: ChangeSetKind
    changes: tuple[ResourceChange, ...]
    empty: bool
    """Nothing to change: executing it would be refused."""


@dataclass(frozen=True)
class StackEvent:
    """One thing that happened to one resource."""

    id: str
    time: datetime
    logical_id: str
    type: str
    status: str
    reason: str = ""

    @property
    def failed(self) -> bool:
        """This resource failed by itself, rather than being cancelled because another one did."""
        return self.status.endswith("_FAILED") and "cancelled" not in self.reason.lower()

    def ends(self, stack: str) -> bool:
        """The operation on the stack of this name is over."""
        own = self.type == "AWS::CloudFormation::Stack" and self.logical_id == stack
        return own and not self.status.endswith("_IN_PROGRESS")


class Stacks(Protocol):
    """CloudFormation. Every method may raise AwsRefused."""

    def describe(self, name: str) -> LiveStack | None:
        """The stack, or None where there is none."""

    def create_change_set(self, request: StackRequest, kind: ChangeSetKind) -> ChangeSet:
        """Compute a change set and wait until it is computed."""

    def execute(self, change_set: ChangeSet, token: str) -> None:
        """Start it. `token` (ClientRequestToken) marks its events and makes a repeated call harmless."""

    def discard(self, change_set: ChangeSet) -> None:
        """Delete a change set that will not be executed."""

    def delete(self, stack: LiveStack) -> None:
        """Start deleting a stack."""

    def events(self, stack: str, token: str) -> Sequence[StackEvent]:
        """Events of the operation that `token` marks, oldest first."""


class Artifacts(Protocol):
    """Where images and packages are kept, and the state that the GPU box follows."""

    def publish(self, artifact: Artifact, store: str) -> bool:
        """Publish unless it is there; True where it had to be. Raises AddressMismatch where the source has changed."""

    def point_box(self, manifest: Manifest, serve_config: str, store: str) -> str:
        """Write the Serve configuration and then `desired.json`, which names it; returns the generation."""


class Clock(Protocol):
    """Time, so that tests need not wait for it."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
