"""Each fact of an apply as one line of text, or as one JSON object."""

import dataclasses
import json
from datetime import datetime
from typing import assert_never

from generator.report.plan_words import minutes
from generator.sync.gates import GatePassed, ThingMoved, ThingStalled
from generator.sync.progress import (
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
from generator.sync.scan import counted


def line(fact: Fact) -> str:
    """A fact as a line for a log."""
    match fact:
        case WaveStarted(number, stacks):
            return f"wave {number}: {', '.join(stacks)}"
        case StackBegun(stack):
            return f"  {stack}: begins"
        case StackStarted(stack, changes, expected):
            about = f", about {minutes(expected / 60)}" if expected else ""
            return f"  {stack}: {changes} {'change' if changes == 1 else 'changes'}{about}"
        case ResourceMoved(stack, event):
            return f"  {stack}: {event.logical_id} {event.status}" + (f" ({event.reason})" if event.failed else "")
        case StackFinished(stack, action, seconds):
            return f"  {stack}: {action} in {seconds:.1f} s"
        case StackGaveUp(stack, status, seconds):
            return f"  {stack}: {status} after {seconds:.1f} s"
        case ArtifactPublished(name, address, fresh):
            return f"  {name}: {'published' if fresh else 'is there already'} ({address})"
        case ScanAwaited(name):
            return f"  {name}: waiting for its registry's scan"
        case ImageScanned(name, counts, blocks):
            return f"  {name}: scanned, nothing as severe as {blocks} ({counted(counts)})"
        case BoxPointed(generation):
            return f"  GPU box: told to follow {generation[:12]}"
        case SiteShown(name, address):
            return f"  {name}: live ({address})"
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
        case HealthAnswered(url, seconds):
            return f"  {url}/api/health is healthy after {seconds:.1f} s"
        case SampleMoved(video, state, stage):
            return f"  sample {video}: {state}" + (f", {stage}" if stage else "")
        case SampleRead(beats, rate, seconds):
            return f"  proved: the sample was read in {seconds:.1f} s, {beats} beats at {rate:.1f} bpm, as the truth is"
        case SampleLeft(url, why):
            return f"  the sample's video stays: {why}; to delete it: curl -X DELETE {url}"
        case ProofOmitted(things):
            return f"  not proved: suspended {'is' if len(things) == 1 else 'are'} {', '.join(things)}"
        case GoingBack(to, why):
            return f"going back to {to}: {why.splitlines()[0]}"
        case StackPruned(stack, seconds, kept):
            return f"  {stack}: removed in {seconds:.1f} s" + "".join(f"\n    kept: {one}" for one in kept)
        case Noted(text):
            return f"note: {text}"
    assert_never(fact)


def json_line(fact: Fact) -> str:
    """A fact as one JSON object, named by its kind."""
    return json.dumps({"fact": type(fact).__name__, **dataclasses.asdict(fact)}, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
