"""What an apply tells about itself while it runs: a closed set of facts."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from generator.sync.ports import StackEvent


class Action(StrEnum):
    """What happened to a stack."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class WaveStarted:
    """All stacks of a wave are being applied, side by side."""

    number: int
    stacks: tuple[str, ...]


@dataclass(frozen=True)
class StackStarted:
    """A change set with this many resource changes is being executed."""

    stack: str
    changes: int


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
    """A stack is not as Git wants it; apply raises the reason when the wave is over."""

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
class BoxPointed:
    """The GPU box is told to follow this generation."""

    generation: str


Fact = WaveStarted | StackStarted | ResourceMoved | StackFinished | StackGaveUp | ArtifactPublished | BoxPointed
Report = Callable[[Fact], None]
