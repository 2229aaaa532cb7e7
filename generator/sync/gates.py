"""Health gates: a stack is done when what it deployed works, not when CloudFormation is done.

    things of the stack -> poll -> all healthy: go on
                                        -> one is Degraded for longer than the grace period: stop at once
                                        -> deadline: stop, and say of each thing whether it moves or has stalled

What is Suspended was stopped on purpose and does not hold anything up. Queues do not either: a fix for jobs that fail
must be deployable while they fail.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import assert_never

from generator.model.manifest import Manifest
from generator.model.yaml_source import read as read_yaml
from generator.sync.errors import ApplyFailed, Interrupted, NotWorking
from generator.sync.health import (
    Box,
    Distribution,
    Health,
    HealthReader,
    HealthStatus,
    Instance,
    Queue,
    Reading,
    Service,
    TargetGroup,
    Thing,
    Unreadable,
    box_of,
    judge,
    things_of,
)
from generator.sync.health.ecs_service import stops, told
from generator.sync.health.reading import LiveTemplate, StackReader
from generator.sync.ports import Clock

_PASSED = {HealthStatus.HEALTHY, HealthStatus.SUSPENDED}


@dataclass(frozen=True)
class Patience:
    """How long a gate waits, in seconds."""

    deadline: float = 1200.0
    """A first GPU box takes longest: packages of several GB, then Ray and the models."""
    grace: float = 90.0
    """Degraded for so long is failed: one failed task, or a target's first failed checks, may mend themselves."""
    stalled: float = 300.0
    """Nothing has moved for so long: still waited for, and said."""
    poll: float = 5.0


@dataclass(frozen=True)
class ThingMoved:
    """A thing's health, or the reason for it, is another than before."""

    thing: Thing
    health: Health


@dataclass(frozen=True)
class ThingStalled:
    """A thing that is waited for has not moved for a while."""

    thing: Thing
    health: Health
    seconds: float


@dataclass(frozen=True)
class GatePassed:
    """Everything is healthy."""

    place: str
    checked: int
    seconds: float


GateFact = ThingMoved | ThingStalled | GatePassed


@dataclass(frozen=True)
class Failure:
    """A thing that a gate gave up on."""

    thing: Thing
    health: Health
    unchanged: float
    """Seconds for which nothing about it has moved."""
    stalled: bool
    stop_reasons: tuple[str, ...] = ()
    """Of tasks that stopped while the gate waited; ECS forgets them."""


class GateFailed(NotWorking):
    """What was deployed does not work, or not in time."""

    def __init__(self, environment: str, place: str, seconds: float, failures: Sequence[Failure]) -> None:
        self.environment, self.place, self.seconds, self.failures = environment, place, seconds, tuple(failures)
        lines = [f"{place} is not healthy after {seconds:.0f} s"]
        for failure in failures:
            lines.append(f"  {failure.thing.label} {failure.health.status}: {failure.health.reason}")
            if failure.stalled:
                lines.append(f"    stalled: nothing about it has moved for {failure.unchanged:.0f} s")
            lines += [
                f"    a task stopped: {reason}"
                for reason in failure.stop_reasons
                if reason not in failure.health.reason
            ]
        commands = dict.fromkeys(next_command(environment, failure.thing) for failure in failures)
        super().__init__("\n".join([*lines, *(f"  next: {command}" for command in commands)]))


class GateBlind(ApplyFailed):
    """What was just deployed cannot be read, so nobody can say that it works."""

    def __init__(self, environment: str, stack: str, reason: str) -> None:
        self.stack, self.reason = stack, reason
        super().__init__(f"stack {stack} cannot be checked: {reason}\n  next: ecgctl status {environment}, apply again")


def next_command(environment: str, thing: Thing) -> str:
    """What shows most about a thing that is not healthy."""
    match thing:
        case Service() | TargetGroup():
            return f"ecgctl logs {environment} api --since 15m"
        case Instance() | Box():
            return f"ecgctl logs {environment} model-server --since 15m"
        case Distribution():
            return f"ecgctl events {environment} {thing.stack}"
        case Queue():
            return f"ecgctl status {environment} -o wide"
    assert_never(thing)


@dataclass
class _Watch:
    """What a gate remembers of one thing between polls."""

    health: Health | None = None
    moved: float = 0.0
    degraded: float | None = None
    stalled: bool = False
    stops: dict[str, int] = field(default_factory=dict)

    def see(self, health: Health, now: float) -> bool:
        """Take in a verdict; whether it is another than before."""
        if health.status is not HealthStatus.DEGRADED:
            self.degraded = None
        elif self.degraded is None:
            self.degraded = now
        if health == self.health:
            return False
        self.health, self.moved, self.stalled = health, now, False
        return True


@dataclass(frozen=True)
class Gate:
    """Waits for things to be healthy."""

    environment: str
    reader: HealthReader
    clock: Clock
    patience: Patience = Patience()
    report: Callable[[GateFact], None] = lambda _: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    given_up: Event | None = None
    """Set where nobody needs the verdict any longer."""

    def await_healthy(self, place: str, things: Sequence[Thing]) -> Mapping[Thing, Health]:
        """Return the healths once all things are healthy or suspended. `place` says what is waited for: `stack api`.

        Raises GateFailed, Interrupted.
        """
        begun = self.clock.monotonic()
        watches = {thing: _Watch(moved=begun) for thing in things}
        while True:
            readings = self.reader.read(list(things))
            now = self.clock.monotonic()
            healths = {thing: judge(thing, readings[thing], self.now()) for thing in things}
            for thing, health in healths.items():
                self._look(watches[thing], thing, health, readings[thing], now)
            if all(health.status in _PASSED for health in healths.values()):
                self.report(GatePassed(place, len(things), now - begun))
                return healths
            failed = any(w.degraded is not None and now - w.degraded >= self.patience.grace for w in watches.values())
            if failed or now - begun >= self.patience.deadline:
                waiting = [thing for thing in things if healths[thing].status not in _PASSED]
                raise GateFailed(
                    self.environment, place, now - begun, [self._failure(t, watches[t], now) for t in waiting]
                )
            if self.given_up is not None and self.given_up.is_set():
                raise Interrupted(place)
            self.clock.sleep(self.patience.poll)

    def _look(self, watch: _Watch, thing: Thing, health: Health, reading: Reading, now: float) -> None:
        if isinstance(thing, Service) and reading is not None and not isinstance(reading, Unreadable):
            for reason, count in stops(reading["stopped"], thing.task_definition).items():
                watch.stops[reason] = max(count, watch.stops.get(reason, 0))
        if watch.see(health, now):
            self.report(ThingMoved(thing, health))
        elif health.status not in _PASSED and not watch.stalled and now - watch.moved >= self.patience.stalled:
            watch.stalled = True
            self.report(ThingStalled(thing, health, now - watch.moved))

    def _failure(self, thing: Thing, watch: _Watch, now: float) -> Failure:
        assert watch.health is not None  # noqa: S101  every thing was judged before
        unchanged = now - watch.moved
        stalled = unchanged >= self.patience.stalled
        return Failure(thing, watch.health, unchanged, stalled, tuple(told(watch.stops)))


@dataclass(frozen=True)
class WaveGates:
    """The gates of one apply: call it for stacks that are deployed, and `box` when the GPU box was told what to run."""

    manifest: Manifest
    files: Mapping[str, str]
    """Texts below `templates_out/<env>`, by path."""
    stacks: StackReader
    gate: Gate
    suspended: list[Thing] = field(default_factory=list)
    """What the waves so far hold that was stopped on purpose."""

    def __call__(self, _number: int, stacks: Sequence[str], _outputs: Mapping[str, Mapping[str, str]]) -> None:
        """Wait for what stacks hold. Raises GateFailed, GateBlind."""
        chosen = [stack for stack in self.manifest.stacks if stack.name in stacks]
        live = self.stacks.read_stacks([self.manifest.stack_id(stack.name) for stack in chosen])
        found: list[Thing] = []
        for stack in chosen:
            reading = live[self.manifest.stack_id(stack.name)]
            if not isinstance(reading, LiveTemplate):
                raise GateBlind(self.manifest.name, stack.name, reading.reason if reading else "it does not exist")
            template = read_yaml(self.files[stack.template], stack.template).data
            found += things_of(stack.name, template, reading.resources, reading.parameters)
        if blocking := [thing for thing in found if not isinstance(thing, Queue)]:
            healths = self.gate.await_healthy(f"stack {', '.join(stacks)}", blocking)
            self.suspended.extend(thing for thing in blocking if healths[thing].status is HealthStatus.SUSPENDED)

    def box(self, outputs: Mapping[str, Mapping[str, str]]) -> None:
        """Wait until the GPU box runs what it was told to; one that was stopped will when it starts.

        Raises GateFailed.
        """
        if any(isinstance(thing, Instance) for thing in self.suspended):
            return
        config = self.manifest.serve.config
        thing = box_of(self.manifest, read_yaml(self.files[config], config).data, outputs)
        if thing is not None:
            self.gate.await_healthy("the GPU box", [thing])
