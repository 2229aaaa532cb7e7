"""An apply as a live tree: waves, their stacks, and what moves inside a stack that is being changed."""

import time
from collections import defaultdict
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from generator.report.apply_lines import line
from generator.report.plan_words import minutes
from generator.sync.gates import GatePassed, ThingMoved, ThingStalled
from generator.sync.progress import (
    Action,
    ArtifactPublished,
    BoxPointed,
    Fact,
    GoingBack,
    ImageScanned,
    Noted,
    ResourceMoved,
    ScanAwaited,
    SiteShown,
    StackBegun,
    StackFinished,
    StackGaveUp,
    StackPruned,
    StackRepaired,
    StackStarted,
    Waiting,
    WaveStarted,
)
from generator.sync.proof import HealthAnswered, ProofOmitted, SampleLeft, SampleMoved, SampleRead

_BEFORE = -1
"""Stands for a wave where none has started."""
_STYLE = {Action.CREATED: "green", Action.UPDATED: "yellow", Action.UNCHANGED: "dim"}


@dataclass
class _Row:
    started: float | None = None
    state: str = "waiting"
    style: str = ""
    seconds: float | None = None
    expected: float | None = None
    """Seconds, as the plan has it."""
    total: int = 0
    ready: set[str] = field(default_factory=set)
    moving: str = ""


class ApplyTree:
    """A renderable that grows with each fact. Give `add` to apply, and the object itself to `rich.live.Live`."""

    def __init__(self) -> None:
        self._rows: defaultdict[str, _Row] = defaultdict(_Row)
        self._waves: list[tuple[int, tuple[str, ...]]] = []
        self._notes: dict[int, list[str]] = {}
        self._waits = ""
        """What everything waits for right now."""
        self._spinner = Spinner("dots")

    def add(self, fact: Fact) -> None:
        """Take in one fact."""
        match fact:
            case WaveStarted(number, stacks):
                self._waits = ""
                self._waves.append((number, stacks))
                for stack in stacks:
                    # After going back, the stacks are there for the second time.
                    if self._rows[stack].seconds is not None:
                        self._rows[stack] = _Row()
            case StackBegun(stack):
                row = self._rows[stack]
                row.state, row.started = "computing change set", time.monotonic()
            case StackStarted(stack, changes, expected):
                row = self._rows[stack]
                row.state, row.total, row.expected = "changing", changes, expected
            case ResourceMoved(stack, event):
                row = self._rows[stack]
                if event.status.endswith("_COMPLETE"):
                    row.ready.add(event.logical_id)
                else:
                    row.moving = f"{event.logical_id} {event.status}"
            case StackFinished(stack, action, seconds):
                row = self._rows[stack]
                row.state, row.style, row.seconds, row.moving = action.value, _STYLE[action], seconds, ""
            case StackGaveUp(stack, status, seconds):
                row = self._rows[stack]
                row.state, row.style, row.seconds = status, "bold red", seconds
            case ArtifactPublished(name, address, fresh):
                self._note(f"artifact {name} {'published' if fresh else 'is there already'} ({address[:16]}…)")
            case StackRepaired(stack, repair, status):
                self._rows[stack].moving = f"{repair} {status}"
            case BoxPointed(generation):
                self._note(f"GPU box told to follow {generation[:12]}")
            case SiteShown(name, address):
                self._note(f"{name} live ({address})")
            case Waiting(holder, until):
                self._waits = f"waiting for {holder}, who holds the lease until {until:%H:%M:%S} UTC"
            case ThingMoved(thing, health) | ThingStalled(thing, health):
                self._waits = f"{thing.label}: {health.status}" + (f": {health.reason}" if health.reason else "")
            case GoingBack(to, why):
                self._waits = ""
                self._note(f"going back to {to}: {why.splitlines()[0]}")
            case GatePassed(place, checked, seconds):
                self._waits = ""
                self._note(f"{place} is healthy: {checked} checked in {seconds:.1f} s")
            case StackPruned(stack, seconds, kept):
                self._note(f"{stack}, which Git dropped, is gone after {seconds:.1f} s")
                for one in kept:
                    self._note(f"  kept: {one}")
            case Noted(text):
                self._waits = ""
                self._note(text)
            case SampleMoved() | ScanAwaited():
                self._waits = line(fact).strip()
            case ImageScanned() | HealthAnswered() | SampleRead() | SampleLeft() | ProofOmitted():
                self._waits = ""
                self._note(line(fact).strip())

    def _note(self, text: str) -> None:
        self._notes.setdefault(self._waves[-1][0] if self._waves else _BEFORE, []).append(text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now = time.monotonic()
        for note in self._notes.get(_BEFORE, ()):
            yield Text(f"    {note}", style="dim")
        for number, stacks in self._waves:
            yield Text(f"wave {number}", style="bold")
            table = Table.grid(padding=(0, 2))
            for stack in stacks:
                row = self._rows[stack]
                done = row.seconds is not None
                mark = Text("✓" if row.style != "bold red" else "✗", style=row.style) if done else self._spinner
                count = f"{min(len(row.ready), row.total)}/{row.total}" if row.total and not done else ""
                seconds = now - row.started if row.seconds is None and row.started is not None else row.seconds
                about = f" of about {minutes(row.expected / 60)}" if row.expected and not done else ""
                table.add_row(
                    "",
                    mark if done or row.started is not None else "",
                    stack,
                    Text(row.state, style=row.style),
                    count,
                    "" if seconds is None else f"{seconds:.1f} s{about}",
                    Text(row.moving, "dim"),
                )
            yield table
            for note in self._notes.get(number, ()):
                yield Text(f"    {note}", style="dim")
        if self._waits:
            yield Text(f"    {self._waits}", style="yellow")
