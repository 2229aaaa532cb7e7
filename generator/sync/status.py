"""How an environment is: each stack's sync and health, what Serve runs, the box, the queues. Pure.

sync     what is live against what Git wants: the template's text and the values of the parameters (comparison)
health   the worst of the stack and of what it holds (sync/health)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from generator.model.manifest import ArtifactKind, Manifest, StackManifest
from generator.model.yaml_source import InvalidYaml
from generator.model.yaml_source import read as read_yaml
from generator.sync.comparison import compare
from generator.sync.health import (
    Box,
    Health,
    HealthStatus,
    Queue,
    Reading,
    Thing,
    Unreadable,
    box_of,
    judge,
    things_of,
    worst,
)
from generator.sync.health.reading import LiveTemplate, StackReading
from generator.sync.health.serve_box import agent, app
from generator.sync.health.stack import stack as judge_stack
from generator.sync.ledger import Deployment

_SHELLS = {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"}
"""Statuses of stacks that hold nothing."""


class SyncStatus(StrEnum):
    """Live against desired state; best first, as `worst_sync` ranks them."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    MISSING = "Missing"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class ThingStatus:
    """One thing of a stack."""

    thing: Thing
    health: Health
    reading: Reading


@dataclass(frozen=True)
class StackStatus:
    """One stack."""

    name: str
    wave: int | None
    """None where Git does not want the stack."""
    sync: SyncStatus
    health: Health
    status: str
    """CloudFormation's word; empty where there is no stack."""
    changed: datetime | None
    """When it was last updated, or created."""
    differences: tuple[str, ...] = ()
    things: tuple[ThingStatus, ...] = ()
    drift: str = ""
    """CloudFormation's word from the last time that somebody had it look, such as `DRIFTED`; empty: nobody has."""
    drift_looked_at: datetime | None = None

    @property
    def message(self) -> str:
        """What people have to know first."""
        if self.health.healthy and self.differences:
            more = f" (and {len(self.differences) - 1} more)" if len(self.differences) > 1 else ""
            return self.differences[0] + more
        return self.health.reason


@dataclass(frozen=True)
class AppStatus:
    """One Serve application."""

    name: str
    sync: SyncStatus
    health: Health
    status: str
    """Ray Serve's word; empty where it does not run."""
    version: str
    """Address of the package that runs."""


@dataclass(frozen=True)
class BoxStatus:
    """The agent on the GPU box."""

    sync: SyncStatus
    health: Health
    report: Mapping[str, Any] | None
    """`box.json` as it was read."""


@dataclass(frozen=True)
class EnvironmentStatus:
    """An environment at one moment."""

    environment: str
    region: str
    at: datetime
    stacks: tuple[StackStatus, ...]
    apps: tuple[AppStatus, ...] = ()
    box: BoxStatus | None = None
    queues: tuple[ThingStatus, ...] = ()
    deployed: Deployment | None = None
    """The last deployment that the ledger knows."""
    notes: tuple[str, ...] = ()
    """What else people should see, such as a suspension."""

    @property
    def sync(self) -> SyncStatus:
        """Of the whole."""
        parts = [*(stack.sync for stack in self.stacks), *(app.sync for app in self.apps)]
        return worst_sync([*parts, self.box.sync] if self.box else parts)

    @property
    def health(self) -> Health:
        """Of the whole, saying which part it is."""
        parts = [(stack.name, stack.health) for stack in self.stacks] + [(app.name, app.health) for app in self.apps]
        parts += [("box", self.box.health)] if self.box else []
        return worst(_of(name, health) for name, health in parts)

    @property
    def good(self) -> bool:
        """Synced and Healthy: what exit code 0 means."""
        return self.sync is SyncStatus.SYNCED and self.health.healthy


def worst_sync(parts: Iterable[SyncStatus]) -> SyncStatus:
    """Of many. What is missing in part is out of sync; only what is missing altogether is Missing."""
    found = set(parts)
    if SyncStatus.UNKNOWN in found:
        return SyncStatus.UNKNOWN
    if found == {SyncStatus.MISSING}:
        return SyncStatus.MISSING
    return SyncStatus.OUT_OF_SYNC if found - {SyncStatus.SYNCED} else SyncStatus.SYNCED


def things_to_read(manifest: Manifest, files: Mapping[str, str], live: Mapping[str, StackReading]) -> tuple[Thing, ...]:
    """Everything whose health status shows, from what is live now.

    `files`: texts below `templates_out/<env>`, by path. `live`: readings by CloudFormation's names.
    """
    found: list[Thing] = []
    for stack in manifest.stacks:
        found += _things(stack.name, live.get(manifest.stack_id(stack.name)))
    box = box_of(manifest, _serve(manifest, files), _outputs(manifest, live))
    return (*found, box) if box else tuple(found)


def status_of(
    manifest: Manifest,
    files: Mapping[str, str],
    live: Mapping[str, StackReading],
    readings: Mapping[Thing, Reading],
    at: datetime,
    *,
    strays: Sequence[str] = (),
    deployed: Deployment | None = None,
    notes: Sequence[str] = (),
) -> EnvironmentStatus:
    """Judge what was read at `at` (aware).

    `live` and `strays` go by CloudFormation's names; strays are stacks of this environment that Git does not want.
    """
    outputs = _outputs(manifest, live)
    judged = {thing: ThingStatus(thing, judge(thing, read, at), read) for thing, read in readings.items()}
    stacks = [
        _stack(stack, files[stack.template], live.get(manifest.stack_id(stack.name)), outputs, judged)
        for stack in manifest.stacks
    ]
    stacks += [_stray(name, live.get(name)) for name in strays]
    box = next((one for thing, one in judged.items() if isinstance(thing, Box)), None)
    reading = box.reading if box else None
    return EnvironmentStatus(
        environment=manifest.name,
        region=manifest.region,
        at=at,
        stacks=tuple(stacks),
        apps=_apps(_serve(manifest, files), reading, at),
        box=_box(manifest, reading, at),
        queues=tuple(one for thing, one in judged.items() if isinstance(thing, Queue)),
        deployed=deployed,
        notes=tuple(notes),
    )


def _serve(manifest: Manifest, files: Mapping[str, str]) -> Any:
    config = manifest.serve.config
    return read_yaml(files[config], config).data


def _outputs(manifest: Manifest, live: Mapping[str, StackReading]) -> dict[str, Mapping[str, str]]:
    found = {}
    for stack in manifest.stacks:
        reading = live.get(manifest.stack_id(stack.name))
        if isinstance(reading, LiveTemplate):
            found[stack.name] = reading.outputs
    return found


def _things(stack: str, reading: StackReading) -> tuple[Thing, ...]:
    """By the live template, so that nothing is called missing that was never deployed."""
    if not isinstance(reading, LiveTemplate):
        return ()
    try:
        template = read_yaml(reading.template, stack).data
    except InvalidYaml:
        return ()
    return things_of(stack, template, reading.resources, reading.parameters)


def _stack(
    stack: StackManifest,
    text: str,
    reading: StackReading,
    outputs: Mapping[str, Mapping[str, str]],
    judged: Mapping[Thing, ThingStatus],
) -> StackStatus:
    if isinstance(reading, Unreadable):
        health = Health(HealthStatus.UNKNOWN, reading.reason)
        return StackStatus(stack.name, stack.wave, SyncStatus.UNKNOWN, health, "", None)
    own = judge_stack(reading.description if reading else None)
    if reading is None or reading.description.get("StackStatus") in _SHELLS:
        status, changed = _facts(reading)
        return StackStatus(stack.name, stack.wave, SyncStatus.MISSING, own, status, changed)
    things = tuple(one for thing, one in judged.items() if thing.stack == stack.name)
    # Jobs that were given up are the jobs' trouble, but whoever looks at the stack wants to see it there.
    health = worst([own, *(_of(one.thing.logical_id, one.health) for one in things)])
    if health.healthy and not health.reason and things:
        health = replace(health, reason=things[0].health.reason)
    differences = compare(stack, text, reading, outputs)
    sync = SyncStatus.OUT_OF_SYNC if differences else SyncStatus.SYNCED
    facts = _facts(reading)
    return StackStatus(stack.name, stack.wave, sync, health, *facts, differences, things, *_drift(reading))


def _stray(name: str, reading: StackReading) -> StackStatus:
    if not isinstance(reading, LiveTemplate):
        reason = reading.reason if reading else "it was just deleted"
        return StackStatus(name, None, SyncStatus.UNKNOWN, Health(HealthStatus.UNKNOWN, reason), "", None)
    health = judge_stack(reading.description)
    return StackStatus(name, None, SyncStatus.OUT_OF_SYNC, health, *_facts(reading), ("Git does not want this stack",))


def _facts(reading: LiveTemplate | None) -> tuple[str, datetime | None]:
    if reading is None:
        return "", None
    told = reading.description
    return told.get("StackStatus", ""), told.get("LastUpdatedTime") or told.get("CreationTime")


def _drift(reading: LiveTemplate) -> tuple[str, datetime | None]:
    told = reading.description.get("DriftInformation") or {}
    word = told.get("StackDriftStatus", "")
    return ("", None) if word == "NOT_CHECKED" else (word, told.get("LastCheckTimestamp"))


def _apps(config: Any, reading: Reading, at: datetime) -> tuple[AppStatus, ...]:
    wanted = {each["name"]: each["args"]["version"] for each in (config or {}).get("applications") or ()}
    payload = None if isinstance(reading, Unreadable) else reading
    report = (payload or {}).get("report")
    running: Mapping[str, Any] = (report or {}).get("apps", {})
    found = []
    for name in dict.fromkeys([*wanted, *running]):
        told = running.get(name, {})
        version = str(told.get("version", ""))
        if isinstance(reading, Unreadable):
            sync, health = SyncStatus.UNKNOWN, Health(HealthStatus.UNKNOWN, reading.reason)
        else:
            health = app(payload, name, at)
            # What a silent box runs now is not known; what it said last is shown all the same.
            known = health.status is not HealthStatus.UNKNOWN
            present = SyncStatus.SYNCED if version == wanted.get(name) else SyncStatus.OUT_OF_SYNC
            sync = SyncStatus.MISSING if not told else present if known else SyncStatus.UNKNOWN
        found.append(AppStatus(name, sync, health, str(told.get("status", "")), version))
    return tuple(found)


def _box(manifest: Manifest, reading: Reading, at: datetime) -> BoxStatus:
    """The pointer that the box follows against the manifest, and what the box says."""
    if isinstance(reading, Unreadable):
        return BoxStatus(SyncStatus.UNKNOWN, Health(HealthStatus.UNKNOWN, reading.reason), None)
    health = agent(reading, at)
    pointer = reading["desired"] if reading else None
    if pointer is None:
        return BoxStatus(SyncStatus.MISSING, health, reading["report"] if reading else None)
    named = [("serve", pointer.get("serve")), ("agent", pointer.get("agent"))]
    named += [(package.get("name"), package) for package in pointer.get("packages", ())]
    found = {name: (item or {}).get("sha256") for name, item in named}
    wanted = {
        one.name: one.address.removesuffix(".zip") for one in manifest.artifacts if one.kind is ArtifactKind.PACKAGE
    }
    sync = SyncStatus.SYNCED if found == {**wanted, "serve": manifest.serve.sha256} else SyncStatus.OUT_OF_SYNC
    return BoxStatus(sync, health, reading["report"] if reading else None)


def _of(name: str, health: Health) -> Health:
    return replace(health, reason=f"{name}: {health.reason}") if not health.healthy else health
