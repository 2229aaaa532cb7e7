"""A world in memory for sync: stacks that behave as CloudFormation documents it, stores, and a clock that never waits.

Sources: the CloudFormation user guide's stack status codes, and the API reference of ExecuteChangeSet, RollbackStack,
ContinueUpdateRollback and DeleteStack (2026-11). An operation moves on by one resource with each look at its stack.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from threading import RLock
from typing import Any

import yaml

from generator.model.manifest import Artifact, ArtifactKind, Manifest
from generator.sync.errors import AddressMismatch, CallRefused, Overtaken
from generator.sync.health.reading import LiveTemplate, StackReading
from generator.sync.lease import Stored, WriteConflict
from generator.sync.ports import (
    ChangeSet,
    ChangeSetKind,
    LiveStack,
    ResourceChange,
    StackEvent,
    StackRequest,
    StackResource,
)
from generator.sync.suspension import Suspension

_NOW = datetime(2026, 11, 23, tzinfo=UTC)
STACK = "AWS::CloudFormation::Stack"


class FakeClock:
    """Seconds pass only when someone sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def utc(self) -> datetime:
        return _NOW + timedelta(seconds=self.now)


@dataclass(frozen=True)
class Thing:
    """A resource of a stack. Of its properties, `Name` can only be set by creation."""

    type: str
    properties: Mapping[str, Any]
    physical_id: str
    status: str = "CREATE_COMPLETE"
    retain: bool = False


@dataclass
class Held:
    """Everything about one stack."""

    live: LiveStack
    template: str = ""
    things: dict[str, Thing] = field(default_factory=dict)
    events: list[tuple[str, StackEvent]] = field(default_factory=list)
    operation: Iterator[None] | None = None
    before: "dict[str, Thing] | None" = None
    """What a failed update goes back to."""
    known: tuple[LiveStack, int] | None = None
    """What descriptions still show, and how many more of them."""
    tokens: set[str] = field(default_factory=set)
    complete_once: bool = False

    @property
    def status(self) -> str:
        return self.live.status


@cache
def parsed(template: str) -> dict[str, Any]:
    return yaml.safe_load(template)


@dataclass
class InMemoryStacks:
    """Templates are `{Resources: {...}, Outputs: {...}}`; an output's value is its text, or a parameter by `Ref`,
    with or without `Value` around it.

    Resources of type Bucket hold data; `destroyed` names those that went with a stack that had been complete.
    """

    failing: Mapping[str, str] = field(default_factory=dict)
    """Logical ids that fail to be created and updated, with the reason."""
    not_rolling_back: set[str] = field(default_factory=set)
    """Logical ids that cannot go back either: their stack ends in UPDATE_ROLLBACK_FAILED."""
    undeletable: set[str] = field(default_factory=set)
    stale_reads: int = 0
    """How many descriptions after a change of state still show the former one."""
    polls_in_progress: int = 1
    held: dict[str, Held] = field(default_factory=dict)
    change_sets: dict[str, tuple[StackRequest, ChangeSet]] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    destroyed: list[str] = field(default_factory=list)
    made: int = 0
    lock: RLock = field(default_factory=RLock)

    # --- for tests ---------------------------------------------------------------------------------------------------

    @property
    def live(self) -> dict[str, LiveStack]:
        return {name: held.live for name, held in self.held.items()}

    @property
    def deployed(self) -> dict[str, tuple[str, dict[str, str]]]:
        return {name: (held.template, dict(held.live.parameters)) for name, held in self.held.items()}

    def reading(self, name: str) -> StackReading:
        """A stack as `ecgctl status` reads it; time does not pass by looking."""
        held = self.held.get(name)
        if held is None:
            return None
        live = held.live
        description = {
            "StackStatus": live.status,
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in live.outputs.items()],
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in live.parameters.items()],
            "Tags": [{"Key": key, "Value": value} for key, value in live.tags.items()],
        }
        return LiveTemplate(description, held.template, {key: one.physical_id for key, one in held.things.items()})

    def strand(self, name: str, status: str, **changes: Any) -> Held:
        """Put a stack, new or not, into a state in which nothing runs."""
        held = self.held.get(name) or Held(LiveStack(name, self._fresh("stack"), status))
        held.live = replace(held.live, status=status, **changes)
        self.held[name] = held
        return held

    def tamper(self, name: str, resource: str, **properties: Any) -> None:
        """Change a resource behind CloudFormation's back; without properties: delete it."""
        things = self.held[name].things
        if properties:
            things[resource] = replace(things[resource], properties={**things[resource].properties, **properties})
        else:
            del things[resource]

    def start(self, name: str, steps: Iterator[None]) -> None:
        """Let an operation of someone else run."""
        self.held[name].operation = steps

    def finish(self) -> None:
        """Let everything that runs come to its end."""
        for name in list(self.held):
            while name in self.held and self.held[name].operation is not None:
                self._tick(name)

    # --- the port ----------------------------------------------------------------------------------------------------

    def describe(self, name: str) -> LiveStack | None:
        with self.lock:
            self._tick(name)
            held = self.held.get(name)
            if held is None:
                return None
            if held.known is not None:
                shown, more = held.known
                held.known = (shown, more - 1) if more > 1 else None
                return shown
            return held.live

    def template(self, stack: LiveStack) -> str:
        return self.held[stack.name].template

    def resources(self, stack: LiveStack) -> Sequence[StackResource]:
        things = self.held[stack.name].things
        return [StackResource(name, one.type, one.status, one.physical_id) for name, one in things.items()]

    def leftovers(self, stack: LiveStack) -> Sequence[str]:
        with self.lock:
            return [identifier for identifier, (_, one) in self.change_sets.items() if one.stack == stack.name]

    def create_change_set(self, request: StackRequest, kind: ChangeSetKind) -> ChangeSet:
        with self.lock:
            self.log.append(("create_change_set", request.name))
            held = self.held.get(request.name)
            shell = held is None or held.status == "REVIEW_IN_PROGRESS"
            if (kind is ChangeSetKind.CREATE) != shell:
                raise CallRefused(f"ValidationError: {request.name} cannot be {kind}d from {held and held.status}")
            if held is None:
                held = self.strand(request.name, "REVIEW_IN_PROGRESS")
                self._event(held, "", request.name, "REVIEW_IN_PROGRESS", type_=STACK)
            elif not shell and held.status not in _UPDATABLE:
                raise CallRefused(f"ValidationError: {request.name} is in {held.status} state and can not be updated")
            changes = tuple(_changes(held.things, parsed(request.template)["Resources"]))
            same = (held.template, dict(held.live.parameters)) == (request.template, dict(request.parameters))
            # Only a drift-aware change set looks at the resources themselves.
            nothing = not changes if request.reverting else same
            found = ChangeSet(self._fresh("cs"), request.name, kind, changes, not shell and nothing)
            self.change_sets[found.id] = (request, found)
            return found

    def execute(self, change_set: ChangeSet, token: str) -> None:
        with self.lock:
            held = self.held.get(change_set.stack)
            if held is not None and token in held.tokens:
                return
            self.log.append(("execute", change_set.stack))
            if held is None or change_set.id not in self.change_sets:
                raise Overtaken(f"ChangeSetNotFound: {change_set.id}")
            if held.operation is not None:
                raise CallRefused(f"ValidationError: {change_set.stack} is in {held.status} state")
            assert not change_set.empty, "CloudFormation refuses to execute an empty change set"
            request, _ = self.change_sets[change_set.id]
            self.change_sets = {key: one for key, one in self.change_sets.items() if one[1].stack != change_set.stack}
            held.tokens.add(token)
            held.operation = self._executing(held, request, change_set, token)
            next(held.operation)

    def discard(self, stack: str, change_set: str) -> None:
        with self.lock:
            self.log.append(("discard", stack))
            self.change_sets.pop(change_set, None)

    def delete(self, stack: LiveStack, token: str) -> None:
        with self.lock:
            self.log.append(("delete", stack.name))
            held = self.held.get(stack.name)
            if held is not None and held.live.id == stack.id and held.operation is None:
                held.operation = self._deleting(held, token)
                next(held.operation)

    def continue_rollback(self, stack: LiveStack, token: str, skip: Sequence[str]) -> None:
        with self.lock:
            self.log.append(("continue_rollback", stack.name))
            held = self.held[stack.name]
            if held.status != "UPDATE_ROLLBACK_FAILED":
                raise CallRefused(f"ValidationError: {stack.name} is in {held.status} state")
            held.operation = self._rolling_back(held, token, frozenset(skip))
            next(held.operation)

    def roll_back(self, stack: LiveStack, token: str) -> None:
        with self.lock:
            self.log.append(("roll_back", stack.name))
            held = self.held[stack.name]
            match held.status:
                case "CREATE_FAILED":
                    held.operation = self._deleting(held, token)
                case "UPDATE_FAILED":
                    held.operation = self._rolling_back(held, token, frozenset())
                case _:
                    raise CallRefused(f"ValidationError: {stack.name} is in {held.status} state")
            next(held.operation)

    def protect(self, stack: LiveStack) -> None:
        with self.lock:
            self.log.append(("protect", stack.name))
            held = self.held[stack.name]
            held.live = replace(held.live, protected=True)

    def events(self, stack: str, token: str) -> Sequence[StackEvent]:
        with self.lock:
            self._tick(stack)
            held = self.held.get(stack)
            return [event for mark, event in held.events if mark == token] if held else []

    def history(self, stack: LiveStack) -> Sequence[StackEvent]:
        return [event for _, event in self.held[stack.name].events if event.type == STACK]

    # --- operations, one step at a time ------------------------------------------------------------------------------

    def _executing(self, held: Held, request: StackRequest, change_set: ChangeSet, token: str) -> Iterator[None]:
        verb, before = change_set.kind.value, dict(held.things)
        held.before = before
        held.live = replace(held.live, tags=dict(request.tags))
        self._become(held, f"{verb}_IN_PROGRESS", token)
        for _ in range(self.polls_in_progress):
            yield
        wanted = parsed(request.template)["Resources"]
        for name, resource in wanted.items():
            old = before.get(name)
            fresh = _thing(resource)
            if old is not None and (old.type, old.properties) == (fresh.type, fresh.properties):
                continue
            word = "UPDATE" if old else "CREATE"
            self._event(held, token, name, f"{word}_IN_PROGRESS", type_=fresh.type)
            yield
            if name in self.failing:
                self._event(held, token, name, f"{word}_FAILED", self.failing[name], fresh.type)
                for other in list(wanted)[list(wanted).index(name) + 1 :]:
                    self._event(held, token, other, f"{word}_FAILED", "Resource creation cancelled")
                yield from self._undoing(held, verb, token, f"The following resource(s) failed: [{name}]")
                return
            replaced = old is None or old.properties.get("Name") != fresh.properties.get("Name")
            held.things[name] = replace(fresh, physical_id=self._fresh(name) if replaced else old.physical_id)
            self._event(held, token, name, f"{word}_COMPLETE", type_=fresh.type)
        gone = {name: old for name, old in before.items() if held.things.get(name) != old and name not in wanted}
        gone |= {n: old for n, old in before.items() if n in wanted and held.things[n].physical_id != old.physical_id}
        if verb == "UPDATE":
            self._become(held, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", token)
            yield
            for name, old in gone.items():
                self._destroy(held, name, old)
                if name not in wanted:
                    del held.things[name]
        held.template = request.template
        outputs = {
            name: _output(value, request.parameters)
            for name, value in parsed(request.template).get("Outputs", {}).items()
        }
        held.live = replace(
            held.live, outputs=outputs, parameters=dict(request.parameters), change_set=change_set.id, reason=""
        )
        held.complete_once = True
        self._become(held, f"{verb}_COMPLETE", token)

    def _undoing(self, held: Held, verb: str, token: str, reason: str) -> Iterator[None]:
        held.live = replace(held.live, reason=reason)
        if verb == "UPDATE":
            yield from self._rolling_back(held, token, frozenset())
            return
        self._become(held, "ROLLBACK_IN_PROGRESS", token)
        yield
        # ExecuteChangeSet(RetainExceptOnCreate): what the failed creation made goes, whatever its policy.
        held.things = {name: replace(one, status="DELETE_COMPLETE") for name, one in held.things.items()}
        self._become(held, "ROLLBACK_COMPLETE", token)

    def _rolling_back(self, held: Held, token: str, skip: frozenset[str]) -> Iterator[None]:
        self._become(held, "UPDATE_ROLLBACK_IN_PROGRESS", token)
        yield
        before = held.before or {}
        kept = self.not_rolling_back & held.things.keys() - skip
        if kept:
            held.things |= {name: replace(held.things[name], status="UPDATE_FAILED") for name in kept}
            self._become(held, "UPDATE_ROLLBACK_FAILED", token)
            return
        held.things = {**before, **{name: held.things[name] for name in skip & held.things.keys()}}
        self._become(held, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", token)
        yield
        self._become(held, "UPDATE_ROLLBACK_COMPLETE", token)

    def _deleting(self, held: Held, token: str) -> Iterator[None]:
        self._become(held, "DELETE_IN_PROGRESS", token)
        yield
        stays = self.undeletable & held.things.keys()
        for name, one in list(held.things.items()):
            if name not in stays:
                self._destroy(held, name, one)
                del held.things[name]
        if stays:
            held.things |= {name: replace(held.things[name], status="DELETE_FAILED") for name in stays}
            self._become(held, "DELETE_FAILED", token)
            return
        del self.held[held.live.name]

    def _destroy(self, held: Held, name: str, one: Thing) -> None:
        if one.type == "Bucket" and held.complete_once and not one.retain and one.status != "DELETE_COMPLETE":
            self.destroyed.append(f"{held.live.name}.{name}")

    def _become(self, held: Held, status: str, token: str) -> None:
        if self.stale_reads:
            held.known = (held.live, self.stale_reads)
        held.live = replace(held.live, status=status)
        self._event(held, token, held.live.name, status, type_=STACK)

    def _tick(self, name: str) -> None:
        held = self.held.get(name)
        if held is not None and held.operation is not None:
            try:
                next(held.operation)
            except StopIteration:
                held.operation = None

    def _event(self, held: Held, token: str, name: str, status: str, reason: str = "", type_: str = "T") -> None:
        identifier = f"{held.live.id}/{len(held.events)}"
        held.events.append((token, StackEvent(identifier, _NOW, name, type_, status, reason)))

    def _fresh(self, kind: str) -> str:
        self.made += 1
        return f"{kind}-{self.made}"


_UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}


def _output(value: Any, parameters: Mapping[str, str]) -> str:
    """An output as tests write it: its text, or a parameter by `Ref`; CloudFormation has either under `Value`."""
    match value:
        case {"Value": inner}:
            return _output(inner, parameters)
        case {"Ref": name}:
            return parameters[name]
        case _:
            return str(value)


def _thing(resource: Mapping[str, Any]) -> Thing:
    kept = resource.get("DeletionPolicy") == "Retain"
    return Thing(resource["Type"], resource.get("Properties", {}), "", retain=kept)


def _changes(things: Mapping[str, Thing], wanted: Mapping[str, Any]) -> Iterator[ResourceChange]:
    for name, resource in wanted.items():
        old, new = things.get(name), _thing(resource)
        if old is None:
            yield ResourceChange(name, new.type, "Add", "")
        elif old.properties != new.properties:
            changed = [key for key in new.properties if new.properties[key] != old.properties.get(key)]
            recreating = tuple(key for key in changed if key == "Name")
            yield ResourceChange(name, new.type, "Modify", str(bool(recreating)), "", recreating)
    for name in things.keys() - wanted.keys():
        yield ResourceChange(name, things[name].type, "Remove", "", "Delete")


@dataclass
class InMemoryArtifacts:
    """Keeps addresses per store."""

    stored: dict[str, set[str]] = field(default_factory=dict)
    mismatched: frozenset[str] = frozenset()
    log: list[str] = field(default_factory=list)
    pointed: str = ""
    live: dict[str, str] = field(default_factory=dict)
    """Addresses of the releases that are shown, by site."""
    told: dict[str, Any] | None = None
    """What the GPU box reads: `{"desired": desired.json, "config": the text that it names}`."""

    def publish(self, artifact: Artifact, store: str) -> bool:
        self.log.append(artifact.name)
        if artifact.name in self.mismatched:
            raise AddressMismatch(artifact.name, artifact.source, artifact.address, "src-other")
        fresh = artifact.address not in self.stored.setdefault(store, set())
        self.stored[store].add(artifact.address)
        return fresh

    def show_site(self, site: Artifact, store: str, distribution: str) -> bool:
        self.log.append(f"live {site.name}")
        fresh = self.live.get(site.name) != site.address
        self.live[site.name] = site.address
        return fresh

    def point_box(self, manifest: Manifest, serve_config: str, store: str) -> str:
        self.log.append("box")
        self.pointed = f"generation of {manifest.serve.sha256}"
        named = [(one.name, one.address) for one in manifest.artifacts if one.kind is ArtifactKind.PACKAGE]
        packages = {name: {"name": name, "sha256": address.removesuffix(".zip")} for name, address in named}
        desired: dict[str, Any] = {"agent": packages.pop("agent"), "packages": list(packages.values())}
        desired["serve"] = {"key": "config", "sha256": hashlib.sha256(serve_config.encode()).hexdigest()}
        self.told = {"desired": desired, "config": serve_config}
        return self.pointed


class InMemoryLease:
    """A LeaseStore; versions are numbers."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._lock = RLock()
        self.stored: Stored | None = None
        self.writes: list[str] = []

    def read(self) -> Stored | None:
        return self.stored

    def write(self, text: str, replacing: str | None) -> str:
        with self._lock:
            if (self.stored.version if self.stored else None) != replacing:
                raise WriteConflict
            self.writes.append(text)
            self.stored = Stored(text, f"v{len(self.writes)}")
            return self.stored.version

    def now(self) -> datetime:
        return self._clock.utc()


class InMemoryLedger:
    """A LedgerStore."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.texts: dict[str, str] = {}

    def add(self, key: str, text: str) -> None:
        assert self.texts.setdefault(key, text) == text or "deployed/" not in key
        if "deployed/" in key:
            assert hashlib.sha256(text.encode()).hexdigest() in key

    def read(self, key: str) -> str | None:
        return self.texts.get(key)

    def keys(self, prefix: str) -> Sequence[str]:
        return sorted(key for key in self.texts if key.startswith(prefix))

    def now(self) -> datetime:
        # A millisecond a look: records of one apply keep their order while nobody sleeps.
        self._clock.now += 0.001
        return self._clock.utc()


class InMemorySuspension:
    """A SuspensionStore."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.written: Suspension | None = None

    def read(self) -> Suspension | None:
        return self.written

    def write(self, suspension: Suspension) -> None:
        self.written = suspension

    def now(self) -> datetime:
        return self._clock.utc()
