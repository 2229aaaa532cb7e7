"""How an environment is: each stack's sync and health, what Serve runs, the box, the queues. Pure.

sync     what is live against what Git wants, as the plan between the two says it (`Differences`): all of it is Synced
         exactly when that plan is empty. Of the box that is what it was told to run
health   the worst of the stack and of what it holds (sync/health). Of the box that is what it does run
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from generator.model.manifest import Manifest, StackManifest
from generator.model.yaml_source import InvalidYaml
from generator.model.yaml_source import read as read_yaml
from generator.sync.health import (
    Box,
    Health,
    HealthStatus,
    Payload,
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
from generator.sync.live_tree import BOX, SHELLS, is_there


class SyncStatus(StrEnum):
    """Live against desired state; best first, as `worst_sync` ranks them."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    MISSING = "Missing"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Differences:
    """What the plan from what is live to what Git wants says, as far as a status shows it."""

    stacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the names in the manifest, one line each; a stack that is not here is as Git wants it."""
    apps: Mapping[str, SyncStatus] = field(default_factory=dict)
    """Serve apps that change; one that is not here is as Git wants it."""
    box: tuple[str, ...] = ()
    """Of everything that the GPU box was told, apps and packages included."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Stack, or live_tree.BOX -> why it cannot be compared."""


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
    differences: tuple[str, ...] = ()
    """Between what it was told and what Git wants."""


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
    return (*found, *box_to_read(manifest, files, live))


def box_to_read(manifest: Manifest, files: Mapping[str, str], live: Mapping[str, StackReading]) -> tuple[Box, ...]:
    """The GPU box alone; nothing where there is no bucket yet through which it is told anything."""
    box = box_of(manifest, _serve(manifest, files), _outputs(manifest, live))
    return (box,) if box else ()


def status_of(
    manifest: Manifest,
    files: Mapping[str, str],
    live: Mapping[str, StackReading],
    readings: Mapping[Thing, Reading],
    at: datetime,
    differences: Differences,
    *,
    strays: Sequence[str] = (),
    deployed: Deployment | None = None,
    notes: Sequence[str] = (),
) -> EnvironmentStatus:
    """Judge what was read at `at` (aware).

    `live` and `strays` go by CloudFormation's names; strays are stacks of this environment that Git does not want.
    """
    judged = {thing: ThingStatus(thing, judge(thing, read, at), read) for thing, read in readings.items()}
    stacks = [_stack(stack, live.get(manifest.stack_id(stack.name)), differences, judged) for stack in manifest.stacks]
    stacks += [_stray(name, live.get(name)) for name in strays]
    box = next((one for thing, one in judged.items() if isinstance(thing, Box)), None)
    reading = box.reading if box else None
    return EnvironmentStatus(
        environment=manifest.name,
        region=manifest.region,
        at=at,
        stacks=tuple(stacks),
        apps=_apps(_serve(manifest, files), reading, at, differences),
        box=_box(reading, at, differences),
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
    stack: StackManifest, reading: StackReading, found: Differences, judged: Mapping[Thing, ThingStatus]
) -> StackStatus:
    if isinstance(reading, Unreadable):
        health = Health(HealthStatus.UNKNOWN, reading.reason)
        return StackStatus(stack.name, stack.wave, SyncStatus.UNKNOWN, health, "", None)
    own = judge_stack(reading.description if reading else None)
    if reading is None or reading.status in SHELLS:
        status, changed = _facts(reading)
        return StackStatus(stack.name, stack.wave, SyncStatus.MISSING, own, status, changed)
    things = tuple(one for thing, one in judged.items() if thing.stack == stack.name)
    # Jobs that were given up are the jobs' trouble, but whoever looks at the stack wants to see it there.
    health = worst([own, *(_of(one.thing.logical_id, one.health) for one in things)])
    if health.healthy and not health.reason and things:
        health = replace(health, reason=things[0].health.reason)
    differences = found.stacks.get(stack.name, ())
    sync = SyncStatus.OUT_OF_SYNC if differences else SyncStatus.SYNCED
    if not is_there(reading):
        sync, differences = SyncStatus.OUT_OF_SYNC, (f"it is {reading.status}: it has to be made anew",)
    elif stack.name in found.unknown:
        sync, differences = SyncStatus.UNKNOWN, (found.unknown[stack.name],)
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
    return reading.status, told.get("LastUpdatedTime") or told.get("CreationTime")


def _drift(reading: LiveTemplate) -> tuple[str, datetime | None]:
    told = reading.description.get("DriftInformation") or {}
    word = told.get("StackDriftStatus", "")
    return ("", None) if word == "NOT_CHECKED" else (word, told.get("LastCheckTimestamp"))


def _apps(config: Any, reading: Reading, at: datetime, found: Differences) -> tuple[AppStatus, ...]:
    """Apps that Git wants, those that the box was told of, and those that it still runs."""
    applications = (config or {}).get("applications") or ()
    wanted = {each["name"]: (each.get("args") or {}).get("version") for each in applications}
    payload = None if isinstance(reading, Unreadable) else reading
    running: Mapping[str, Any] = ((payload or {}).get("report") or {}).get("apps", {})
    rows = []
    for name in dict.fromkeys([*wanted, *found.apps, *running]):
        runs = running.get(name, {})
        version = str(runs.get("version", ""))
        sync = SyncStatus.UNKNOWN if BOX in found.unknown else found.apps.get(name, SyncStatus.SYNCED)
        if isinstance(reading, Unreadable):
            health = Health(HealthStatus.UNKNOWN, reading.reason)
        else:
            health = app(payload, name, at)
            if health.healthy and sync is SyncStatus.SYNCED and version != wanted.get(name):
                orders = f"was told {str(wanted[name])[:12]}" if name in wanted else "was told to stop it"
                health = _overtaken(payload, at, f"runs {version[:12]}, {orders}")
        rows.append(AppStatus(name, sync, health, str(runs.get("status", "")), version))
    return tuple(rows)


def _overtaken(payload: Payload | None, at: datetime, reason: str) -> Health:
    """Of an app that runs well, but not what it was told: on its way there, unless the box has given up."""
    gave_up = agent(payload, at).status is HealthStatus.DEGRADED
    return Health(HealthStatus.DEGRADED if gave_up else HealthStatus.PROGRESSING, reason)


def _box(reading: Reading, at: datetime, found: Differences) -> BoxStatus:
    """The pointer that the box follows, and what the box says."""
    if isinstance(reading, Unreadable):
        return BoxStatus(SyncStatus.UNKNOWN, Health(HealthStatus.UNKNOWN, reading.reason), None)
    health, report = agent(reading, at), reading["report"] if reading else None
    if not reading or reading["desired"] is None:
        return BoxStatus(SyncStatus.MISSING, health, report)
    if BOX in found.unknown:
        return BoxStatus(SyncStatus.UNKNOWN, health, report, (found.unknown[BOX],))
    sync = SyncStatus.OUT_OF_SYNC if found.box else SyncStatus.SYNCED
    return BoxStatus(sync, health, report, found.box)


def _of(name: str, health: Health) -> Health:
    return replace(health, reason=f"{name}: {health.reason}") if not health.healthy else health
