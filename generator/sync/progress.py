"""What an apply tells about itself while it runs: a closed set of facts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Lock

from generator.sync.gates import GatePassed, ThingMoved, ThingStalled
from generator.sync.ports import StackEvent
from generator.sync.proof import HealthAnswered, ProofOmitted, SampleLeft, SampleMoved, SampleRead


class Action(StrEnum):
    """What happened to a stack."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class WaveStarted:
    """The first stack of a wave begins; the others follow as what they need is done."""

    number: int
    stacks: tuple[str, ...]


@dataclass(frozen=True)
class StackBegun:
    """All that a stack needs is done: its change set is computed, unless it is there already."""

    stack: str


@dataclass(frozen=True)
class StackStarted:
    """A change set with this many resource changes is being executed."""

    stack: str
    changes: int
    expected: float | None = None
    """Seconds that the plan expects it to take; None where nobody planned."""


@dataclass(frozen=True)
class ResourceMoved:
    """A resource reached another status."""

    stack: str
    event: StackEvent


@dataclass(frozen=True)
class StackFinished:
    """A stack is as Git wants it."""

    stack: str
    action: Action
    seconds: float


@dataclass(frozen=True)
class StackGaveUp:
    """A stack is not as Git wants it; apply raises the reason when what runs is over."""

    stack: str
    status: str
    seconds: float


@dataclass(frozen=True)
class ArtifactPublished:
    """An artifact is where its manifest says; `fresh` where this run put it there."""

    name: str
    address: str
    fresh: bool


@dataclass(frozen=True)
class ScanAwaited:
    """The registry has not told yet what it finds in an image."""

    name: str


@dataclass(frozen=True)
class ImageScanned:
    """The registry's scan found nothing that stops the image."""

    name: str
    counts: Mapping[str, int]
    """Severity -> findings."""
    blocks: str
    """The severity that would have stopped it."""


@dataclass(frozen=True)
class BoxPointed:
    """The GPU box is told to follow this generation."""

    generation: str


@dataclass(frozen=True)
class SiteShown:
    """Another release of the page is live."""

    name: str
    address: str


@dataclass(frozen=True)
class Waiting:
    """Another apply holds the lease; it is waited for until its lease ends, or until it shows that it is alive."""

    holder: str
    until: datetime


class Repair(StrEnum):
    """What an apply does about the leavings of another operation."""

    ADOPTED = "waits for an operation that is running already"
    DISCARDED = "deleted a change set that nobody executed"
    SHELL_DELETED = "deletes what a failed creation left"
    CONTINUED = "continues a rollback that failed"
    ROLLED_BACK = "takes back a failed operation"
    OVERTAKEN = "starts again: someone else has changed the stack"


@dataclass(frozen=True)
class StackRepaired:
    """A stack was found in a state (a StackStatus, or empty) that needs more than a change set."""

    stack: str
    repair: Repair
    status: str


@dataclass(frozen=True)
class GoingBack:
    """What was deployed does not work; the last deployment that did is applied again."""

    to: str
    """Its commit, or its id in the ledger."""
    why: str


@dataclass(frozen=True)
class StackPruned:
    """A stack that Git dropped is gone."""

    stack: str
    seconds: float
    kept: tuple[str, ...]
    """What it leaves behind: its templates retain it."""


@dataclass(frozen=True)
class Noted:
    """Something that people should know, and that changes nothing."""

    text: str


Fact = (
    WaveStarted
    | StackBegun
    | StackStarted
    | ResourceMoved
    | StackFinished
    | StackGaveUp
    | ArtifactPublished
    | ScanAwaited
    | ImageScanned
    | BoxPointed
    | SiteShown
    | Waiting
    | StackRepaired
    | ThingMoved
    | ThingStalled
    | GatePassed
    | HealthAnswered
    | SampleMoved
    | SampleRead
    | SampleLeft
    | ProofOmitted
    | GoingBack
    | StackPruned
    | Noted
)
Report = Callable[[Fact], None]


def one_at_a_time(report: Report) -> Report:
    """For facts from several threads; who listens need not know."""
    lock = Lock()

    def locked(fact: Fact) -> None:
        with lock:
            report(fact)

    return locked
