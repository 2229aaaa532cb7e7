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
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    change_set: str = ""
    """Id of the change set that was executed last; empty where AWS does not say."""
    protected: bool = False
    """Termination protection is on."""

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
    reverting: bool = False
    """Keep the template and the parameters that the stack runs with, and bring its resources back to them."""


@dataclass(frozen=True)
class ResourceChange:
    """One line of a change set, in CloudFormation's words."""

    logical_id: str
    type: str
    action: str
    """`Add`, `Modify`, `Remove`, `Import` or `Dynamic`."""
    replacement: str
    """`True`, `False`, `Conditional`, or empty."""
    policy: str = ""
    """What becomes of the old one: `Delete`, `Retain`, `Snapshot`, `ReplaceAndDelete`, ..., or empty."""
    recreating: tuple[str, ...] | None = None
    """Properties that change and may force a new resource; None where the change set has no details."""
    follows: tuple[str, ...] = ()
    """Where each of these only takes what another resource of the change set will give: those resources; else none."""


@dataclass(frozen=True)
class StackResource:
    """A resource as its stack lists it."""

    logical_id: str
    type: str
    status: str
    """A ResourceStatus of the CloudFormation API, such as `DELETE_SKIPPED`."""
    physical_id: str = ""
    reason: str = ""


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
    """CloudFormation. Every method may raise CallRefused."""

    def describe(self, name: str) -> LiveStack | None:
        """The stack, or None where there is none. May be seconds behind a change that was just started."""

    def template(self, stack: LiveStack) -> str:
        """The template that the stack runs, as it was submitted; empty where it has none yet."""

    def resources(self, stack: LiveStack) -> Sequence[StackResource]:
        """What the stack holds, retained and failed resources included."""

    def leftovers(self, stack: LiveStack) -> Sequence[str]:
        """Ids of our own change sets that nobody executed."""

    def create_change_set(self, request: StackRequest, kind: ChangeSetKind) -> ChangeSet:
        """Compute a change set and wait until it is computed."""

    def execute(self, change_set: ChangeSet, token: str) -> None:
        """Start it; what it created goes again if it fails. `token` (ClientRequestToken) marks its events and makes a
        repeated call harmless. Raises Overtaken where the change set is gone or was executed already."""

    def discard(self, stack: str, change_set: str) -> None:
        """Delete a change set that will not be executed; one that is gone already is no mistake."""

    def delete(self, stack: LiveStack, token: str) -> None:
        """Start deleting a stack; what its template retains stays."""

    def continue_rollback(self, stack: LiveStack, token: str, skip: Sequence[str]) -> None:
        """Go on with a rollback that failed, leaving the resources `skip` as they are."""

    def roll_back(self, stack: LiveStack, token: str) -> None:
        """Take back an operation that failed and was told to keep what it had made."""

    def protect(self, stack: LiveStack) -> None:
        """Turn the stack's termination protection on."""

    def events(self, stack: str, token: str) -> Sequence[StackEvent]:
        """Events of the operation that `token` marks, oldest first."""

    def history(self, stack: LiveStack) -> Sequence[StackEvent]:
        """Events of the stack itself (not of its resources) as far back as AWS keeps them, oldest first."""


class Artifacts(Protocol):
    """Where images, packages and the page's releases are kept, which release is live, and what the GPU box follows."""

    def publish(self, artifact: Artifact, store: str) -> bool:
        """Publish unless it is there; True where it had to be. Raises AddressMismatch where the source has changed."""

    def show_site(self, site: Artifact, store: str, distribution: str) -> bool:
        """Put the published release of a site live; True where another one was."""

    def point_box(self, manifest: Manifest, serve_config: str, store: str) -> str:
        """Write the Serve configuration and then `desired.json`, which names it; returns the generation."""


class Clock(Protocol):
    """Time, so that tests need not wait for it."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
