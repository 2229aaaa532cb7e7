"""What an environment is doing: the rim around `sync.status` and `sync.gates`, with real clients. Writes nothing."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from threading import Event
from typing import Any

from generator.aws.cloudformation import CloudFormation
from generator.aws.errors import AwsRefused, aws
from generator.aws.ledger import S3Ledger
from generator.aws.live import LiveReader
from generator.aws.live_stacks import LiveStacks
from generator.aws.session import Clients
from generator.aws.suspension import S3Suspension
from generator.aws.traces import LogGroup, StackHistory
from generator.checkout import STATE
from generator.deployment import Desired, SystemClock, WrongAccount, committed
from generator.live_plan import compared
from generator.local.connection import Connection
from generator.model import names
from generator.model.environment import UNRESOLVED
from generator.model.manifest import ArtifactKind, UnknownStack
from generator.publish.site import POINTER
from generator.state_bucket import NoStateBucket, state_bucket
from generator.sync.gates import Gate, GateFact, Patience, WaveGates
from generator.sync.health import Box, Reading, Thing, Unreadable
from generator.sync.health.reading import LiveTemplate, StackReading
from generator.sync.ledger import Deployment, Ledger, LedgerStore
from generator.sync.live_tree import LiveEnvironment, LiveTree, live_tree
from generator.sync.status import EnvironmentStatus, box_to_read, status_of, things_to_read
from generator.sync.suspension import SuspensionStore, standing
from generator.sync.traces import LogLine, StackMoment

_FOLLOW_EVERY_S = 2.0
_LATE = timedelta(seconds=30)
"""CloudWatch may take in a line after younger ones of another stream."""
_BOOTSTRAP = "bootstrap"
"""Applied by an administrator, not from templates_out/; so it is no stray."""


class LogSource(StrEnum):
    """Whose log."""

    API = "api"
    MODEL_SERVER = "model-server"


class Observer:
    """Looks at one environment."""

    def __init__(
        self,
        desired: Desired,
        clients: Clients,
        ledger: LedgerStore | None = None,
        suspensions: SuspensionStore | None = None,
    ) -> None:
        """`ledger`: where deployments are recorded; None: the revision is not shown."""
        self.manifest, self._files = desired.manifest, desired.files
        self._ledger = Ledger(ledger, desired.manifest.name) if ledger else None
        self._suspensions = suspensions
        self._clients = clients
        self._cloudformation = clients.make("cloudformation")
        self._stacks = LiveStacks(self._cloudformation)
        self._reader = LiveReader(clients.make)

    @staticmethod
    def of(desired: Desired, clients: Clients) -> "Observer":
        """With ledger and suspension from the state bucket, where the environment has one. Raises CallRefused."""
        try:
            bucket = state_bucket(desired.manifest, CloudFormation(clients.make("cloudformation")))
        except NoStateBucket:
            return Observer(desired, clients)
        s3 = clients.make("s3")
        return Observer(desired, clients, S3Ledger(s3, bucket), S3Suspension(s3, bucket, desired.manifest.name))

    def status(self) -> EnvironmentStatus:
        """Read everything side by side, and judge it."""
        manifest, files = self.manifest, self._files
        suspended = standing(self._suspensions) if self._suspensions else None
        live = self._stacks_now()
        readings = self._reader.read(things_to_read(manifest, files, live.stacks))
        tree = live_tree(manifest, files, _with_box(live, readings))
        deployments = self.deployments(1)
        return status_of(
            manifest,
            files,
            live.stacks,
            readings,
            datetime.now(UTC),
            compared(manifest, files, tree),
            strays=live.strays,
            deployed=deployments[0] if deployments else None,
            notes=[*([suspended.words] if suspended else []), *live.notes],
        )

    def deployments(self, limit: int) -> tuple[Deployment, ...]:
        """The last ones that the ledger knows, newest first; none where the environment has no ledger yet."""
        return self._ledger.history(limit) if self._ledger else ()

    def tree(self) -> LiveTree:
        """What is live in the shape of `templates_out/<env>`, without how well it is."""
        live = self._stacks_now()
        readings = self._reader.read(box_to_read(self.manifest, self._files, live.stacks))
        return live_tree(self.manifest, self._files, _with_box(live, readings))

    def _stacks_now(self) -> LiveEnvironment:
        wanted = [self.manifest.stack_id(stack.name) for stack in self.manifest.stacks]
        named = self._stacks.named(self.manifest.stack_id(""))
        notes = []
        if isinstance(named, Unreadable):
            notes.append(f"stacks that Git dropped cannot be found: {named.reason}")
            named = []
        others = [name for name in named if name not in {*wanted, self.manifest.stack_id(_BOOTSTRAP)}]
        live = self._stacks.read_stacks([*wanted, *others])
        strays = [name for name in others if self._ours(live[name])]
        for name in others:
            if isinstance(reading := live[name], Unreadable):
                notes.append(f"whether Git dropped stack {name} is not known: {reading.reason}")
        return LiveEnvironment(live, strays, sites=self._sites(live), notes=notes)

    def _sites(self, live: Mapping[str, StackReading]) -> Mapping[str, Reading]:
        found: dict[str, Reading] = {}
        for site in self.manifest.artifacts:
            store = live.get(self.manifest.stack_id(site.store.stack))
            bucket = store.outputs.get(site.store.output) if isinstance(store, LiveTemplate) else None
            if site.kind is ArtifactKind.SITE and bucket:
                found[site.name] = self._reader.document(bucket, POINTER)
        return found

    def _ours(self, reading: StackReading) -> bool:
        """Made by an apply of this environment; another may have a name that begins like this one's."""
        return isinstance(reading, LiveTemplate) and self.manifest.tags.items() <= reading.tags.items()

    def events(self, stack: str | None, limit: int) -> Sequence[StackMoment]:
        """The last events, oldest first, of one stack or of all. Raises UnknownStack, AwsRefused."""
        known = [each.name for each in self.manifest.stacks]
        if stack is not None and stack not in known:
            raise UnknownStack(stack, known)
        chosen = {name: self.manifest.stack_id(name) for name in known if stack in (None, name)}
        return StackHistory(self._cloudformation).recent(chosen, limit)

    def log_group(self, source: LogSource) -> str:
        """Name of the log group of a source."""
        prefix = self.manifest.prefix
        match source:
            case LogSource.API:
                return names.log_group(prefix, "ecs", "api")
            case LogSource.MODEL_SERVER:
                return names.log_group(prefix, "ec2", "model-server")

    def lines(self, source: LogSource, since: timedelta) -> Iterator[LogLine]:
        """A log's lines of the last while, oldest first. Raises AwsRefused."""
        return LogGroup(self._clients.make("logs"), self.log_group(source)).lines(datetime.now(UTC) - since)

    def follow(
        self, source: LogSource, since: timedelta, sleep: Callable[[float], None] = time.sleep
    ) -> Iterator[LogLine]:
        """The same, and then what comes, until the caller stops. Raises AwsRefused."""
        group = LogGroup(self._clients.make("logs"), self.log_group(source))
        start = datetime.now(UTC) - since
        seen: Mapping[str, datetime] = {}
        while True:
            fresh = [line for line in group.lines(start) if line.id not in seen]
            yield from fresh
            newest = max((line.time for line in fresh), default=start)
            start = max(start, newest - _LATE)
            kept = {**seen, **{line.id: line.time for line in fresh}}
            seen = {id_: moment for id_, moment in kept.items() if moment >= start}
            sleep(_FOLLOW_EVERY_S)

    def box_errors(self) -> Sequence[Mapping[str, Any]]:
        """The last errors that the box itself reported, newest first, each `{"at", "message"}`; empty where none is.

        For whoever finds the box's log empty. Raises AwsRefused.
        """
        return tuple(self.box_report().get("errors", ()))

    def box_report(self) -> Mapping[str, Any]:
        """The box's last report (`reconciler/report.py`); empty where there is none. Raises AwsRefused."""
        stacks = [self.manifest.stack_id(stack.name) for stack in self.manifest.stacks]
        box = box_to_read(self.manifest, self._files, self._stacks.read_stacks(stacks))
        for reading in self._reader.read(box).values():
            if isinstance(reading, Unreadable):
                raise AwsRefused("reading the box's report", "Unreadable", reading.reason)
            report: Mapping[str, Any] = (reading or {}).get("report") or {}
            return report
        return {}


def _with_box(live: LiveEnvironment, readings: Mapping[Thing, Reading]) -> LiveEnvironment:
    return replace(live, box=next((one for thing, one in readings.items() if isinstance(thing, Box)), None))


def wave_gates(
    desired: Desired,
    clients: Clients,
    report: Callable[[GateFact], None] = lambda _: None,
    patience: Patience | None = None,
    given_up: Event | None = None,
) -> WaveGates:
    """The health gates of an apply: what `Options.after_wave` takes; its `box` waits for what the GPU box was told."""
    reader = LiveReader(clients.make)
    gate = Gate(desired.manifest.name, reader, SystemClock(), patience or Patience(), report, given_up=given_up)
    return WaveGates(desired.manifest, desired.files, LiveStacks(clients.make("cloudformation")), gate)


def observer(root: Path, environment: str, *, local: bool = False) -> Observer:
    """What `ecgctl status` looks with; `local`: at the embedded AWS that `ecgctl run` keeps up.

    Raises InvalidManifest, WrongAccount, NotRunning.
    """
    desired = committed(root, environment)
    wanted = desired.manifest.account
    surroundings = Connection.running(root / STATE).environment() if local else None
    clients = Clients(desired.manifest.region, surroundings)
    if not local and wanted != UNRESOLVED:
        with aws("asking whose credentials these are"):
            found = clients.make("sts").get_caller_identity()["Account"]
        if found != wanted:
            raise WrongAccount(wanted, found)
    return Observer.of(desired, clients)
