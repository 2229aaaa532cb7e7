"""What AWS keeps of what happened: events of stacks, lines of logs."""

from dataclasses import dataclass
from datetime import datetime

from generator.sync.ports import StackEvent


@dataclass(frozen=True)
class StackMoment:
    """An event, and the stack (by its name in the manifest) that it is of."""

    stack: str
    event: StackEvent


@dataclass(frozen=True)
class LogLine:
    """One line that a program wrote."""

    id: str
    """Unique in its log group."""
    time: datetime
    stream: str
    text: str
