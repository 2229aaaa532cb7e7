"""Each fact of an apply as one line of text, or as one JSON object."""

import dataclasses
import json
from datetime import datetime
from typing import assert_never

from generator.sync.gates import GatePassed, ThingMoved, ThingStalled
from generator.sync.progress import (
    ArtifactPublished,
    BoxPointed,
    Fact,
    GoingBack,
    ResourceMoved,
    StackBegun,
    StackFinished,
    StackGaveUp,
    StackRepaired,
    StackStarted,
    Waiting,
    WaveStarted,
)


def line(fact: Fact) -> str:
    """A fact as a line for a log."""
    match fact:
        case WaveStarted(number, stacks):
            return f"wave {number}: {', '.join(stacks)}"
        case StackBegun(stack):
            return f"  {stack}: begins"
        case StackStarted(stack, changes):
            return f"  {stack}: {changes} {'change' if changes == 1 else 'changes'}"
        case ResourceMoved(stack, event):
            return f"  {stack}: {event.logical_id} {event.status}" + (f" ({event.reason})" if event.failed else "")
        case StackFinished(stack, action, seconds):
            return f"  {stack}: {action} in {seconds:.1f} s"
        case StackGaveUp(stack, status, seconds):
            return f"  {stack}: {status} after {seconds:.1f} s"
        case ArtifactPublished(name, address, fresh):
            return f"  {name}: {'published' if fresh else 'is there already'} ({address})"
        case BoxPointed(generation):
            return f"  GPU box: told to follow {generation[:12]}"
        case Waiting(holder, until):
            return f"waiting for {holder}, who holds the lease until {until:%H:%M:%S} UTC"
        case StackRepaired(stack, repair, status):
            return f"  {stack}: {repair}" + (f" ({status})" if status else "")
        case ThingMoved(thing, health):
            return f"  {thing.label}: {health.status}" + (f": {health.reason}" if health.reason else "")
        case ThingStalled(thing, health, seconds):
            return f"  {thing.label}: {health.status}, nothing has moved for {seconds:.0f} s: {health.reason}"
        case GatePassed(place, checked, seconds):
            return f"  {place} is healthy: {checked} checked in {seconds:.1f} s"
        case GoingBack(to, why):
            return f"going back to {to}: {why.splitlines()[0]}"
    assert_never(fact)


def json_line(fact: Fact) -> str:
    """A fact as one JSON object, named by its kind."""
    return json.dumps({"fact": type(fact).__name__, **dataclasses.asdict(fact)}, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
