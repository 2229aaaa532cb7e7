"""Deployments in virtual time: CloudFormation as slow as the plan expects it to be, and the engine as it is."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest, parse
from generator.model.wiring import Wire, waves
from generator.plan.facts import ResourceChange
from generator.plan.plan import plan
from generator.plan.reading import read_pair
from generator.plan.rollout_durations import durations
from generator.plan.rollout_stack import stack_time
from generator.sync.apply import apply
from generator.sync.pace import Pace
from generator.sync.parameters import resolve
from generator.sync.ports import ChangeSet, ChangeSetKind, LiveStack, StackEvent, StackRequest, StackResource
from generator.sync.run import Target
from tests.generator.sync.virtual_clock import VirtualClock

_START = datetime(2026, 11, 23, tzinfo=UTC)
_STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Times:
    """Seconds."""

    stacks: Mapping[str, float]
    """From asking for a stack's change set to its end, by the stack's name in the manifest."""
    artifacts: Mapping[str, float]
    change_set: float = 10.0
    """Of a stack's seconds, those that computing its change set takes."""
    call: float = 0.1
    """Every answer takes that long."""


class SimulatedStacks:
    """Implements Stacks: every stack is created, and that takes its time."""

    def __init__(self, manifest: Manifest, times: Times, clock: VirtualClock) -> None:
        self._names = {manifest.stack_id(stack.name): stack.name for stack in manifest.stacks}
        self._outputs: dict[str, dict[str, str]] = {name: {} for name in self._names.values()}
        wires = [value for stack in manifest.stacks for value in stack.parameters.values() if isinstance(value, Wire)]
        for wire in [*wires, *(artifact.store for artifact in manifest.artifacts)]:
            self._outputs[wire.stack][wire.output] = f"{wire.stack}.{wire.output}"
        self._times, self._clock = times, clock
        self._requests: dict[str, StackRequest] = {}
        self._running: dict[str, tuple[str, float, float]] = {}
        """Stack -> token, when it began, when it ends."""
        self.calls: list[float] = []
        """When each call was made."""

    def describe(self, name: str) -> LiveStack | None:
        self._call()
        if name not in self._running:
            return LiveStack(name, name, "REVIEW_IN_PROGRESS") if name in self._requests else None
        _, _, end = self._running[name]
        if self._clock.monotonic() < end:
            return LiveStack(name, name, "CREATE_IN_PROGRESS")
        request = self._requests[name]
        return LiveStack(
            name, name, "CREATE_COMPLETE", "", self._outputs[self._names[name]], request.parameters, request.tags
        )

    def template(self, stack: LiveStack) -> str:
        self._call()
        return self._requests[stack.name].template

    def resources(self, stack: LiveStack) -> Sequence[StackResource]:
        return ()

    def leftovers(self, stack: LiveStack) -> Sequence[str]:
        return ()

    def create_change_set(self, request: StackRequest, kind: ChangeSetKind) -> ChangeSet:
        assert kind is ChangeSetKind.CREATE, request.name
        self._call()
        self._requests[request.name] = request
        self._clock.sleep(self._times.change_set)
        return ChangeSet(request.name, request.name, kind, (), False)

    def execute(self, change_set: ChangeSet, token: str) -> None:
        self._call()
        now = self._clock.monotonic()
        seconds = self._times.stacks[self._names[change_set.stack]] - self._times.change_set
        self._running[change_set.stack] = (token, now, now + seconds)

    def discard(self, stack: str, change_set: str) -> None:
        raise AssertionError(f"nothing is discarded where all goes well: {change_set}")

    def delete(self, stack: LiveStack, token: str) -> None:
        raise AssertionError(stack)

    def continue_rollback(self, stack: LiveStack, token: str, skip: Sequence[str]) -> None:
        raise AssertionError(stack)

    def roll_back(self, stack: LiveStack, token: str) -> None:
        raise AssertionError(stack)

    def protect(self, stack: LiveStack) -> None:
        raise AssertionError(stack)

    def events(self, stack: str, token: str) -> Sequence[StackEvent]:
        self._call()
        _, begun, end = self._running[stack]
        told = [(begun, "CREATE_IN_PROGRESS")]
        if self._clock.monotonic() >= end:
            told.append((end, "CREATE_COMPLETE"))
        return [
            StackEvent(f"{stack}/{status}", _START + timedelta(seconds=at), stack, _STACK, status)
            for at, status in told
        ]

    def history(self, stack: LiveStack) -> Sequence[StackEvent]:
        return ()

    def _call(self) -> None:
        self.calls.append(self._clock.monotonic())
        self._clock.sleep(self._times.call)


class SimulatedArtifacts:
    """Implements Artifacts: nothing is there yet, and publishing takes its time."""

    def __init__(self, times: Times, clock: VirtualClock) -> None:
        self._times, self._clock = times, clock

    def publish(self, artifact: Artifact, store: str) -> bool:
        self._clock.sleep(self._times.artifacts[artifact.name])
        return True

    def show_site(self, site: Artifact, store: str, distribution: str) -> bool:
        return True

    def point_box(self, manifest: Manifest, serve_config: str, store: str) -> str:
        return "generation"


@dataclass(frozen=True)
class Environment:
    """Something to deploy, and how long its parts take."""

    manifest: Manifest
    files: Mapping[str, str]
    times: Times


def environment(files: Mapping[str, str]) -> Environment:
    """A tree, and what the plan expects its first deployment to take."""
    before, after = read_pair({}, files)
    table = durations()
    changes: dict[str, list[ResourceChange]] = {}
    for change in plan(before, after).changes:
        changes.setdefault(change.stack, []).append(change)
    manifest = parse(files["manifest.yaml"], "manifest.yaml")
    kinds = {
        ArtifactKind.IMAGE: table.image,
        ArtifactKind.PACKAGE: table.package,
        ArtifactKind.SITE: table.package,
    }
    times = Times(
        {name: 60 * stack_time(name, group, before, after, table).total for name, group in changes.items()},
        {artifact.name: 60 * kinds[artifact.kind] for artifact in manifest.artifacts},
    )
    return Environment(manifest, files, times)


def generated(stacks: int, seed: int) -> Environment:
    """Stacks that are wired at random, each a chain of one to four resources of random types.

    One in ten needs nothing, the others one to three that came before them.
    """
    chosen, table = random.Random(seed), durations()
    kinds = sorted(table.types)
    needs: dict[str, list[str]] = {}
    seconds: dict[str, float] = {}
    for name in (f"s{number:03}" for number in range(stacks)):
        few = 0 if chosen.random() < 0.1 else chosen.randint(1, 3)
        needs[name] = chosen.sample(sorted(needs), min(few, len(needs)))
        chain = chosen.sample(kinds, chosen.randint(1, 4))
        seconds[name] = 60 * (table.stack + sum(table.minutes(kind, "create") for kind in chain))
    number = waves(needs)
    made = [
        StackManifest(name, number[name], "template", "", {f"{one}Out": Wire(one, f"{one}Out") for one in needs[name]})
        for name in sorted(needs, key=lambda name: (number[name], name))
    ]
    agent = Artifact("agent", ArtifactKind.PACKAGE, "services", "agent.zip", Wire("s000", "Bucket"))
    manifest = Manifest("generated", "bench", "us-east-1", "", tuple(made), (agent,), ServeManifest("serve", ""))
    return Environment(manifest, {"template": "", "serve": ""}, Times(seconds, {"agent": 60 * table.package}))


def longest_chain(manifest: Manifest, stacks: Mapping[str, float], artifacts: Mapping[str, float]) -> float:
    """Seconds of the longest chain of operations that need each other: nobody could be faster.

    A stack needs those whose outputs feed it, and the publication of an artifact whose address it names; that needs the
    stack which keeps it. Artifacts that are not given take no time.
    """
    ends: dict[str, float] = {}
    for stack in (stack for wave in manifest.waves for stack in wave):
        named = [one for one in manifest.artifacts if one.address in stack.parameters.values()]
        waits = [ends[need] for need in stack.needs] + [
            ends[one.store.stack] + artifacts.get(one.name, 0.0) for one in named
        ]
        ends[stack.name] = max(waits, default=0.0) + stacks[stack.name]
    published = [ends[one.store.stack] + artifacts.get(one.name, 0.0) for one in manifest.artifacts]
    return max([*ends.values(), *published])


def wave_by_wave(environment: Environment) -> float:
    """Seconds if each wave waited for the one before, and for the artifacts that it keeps."""
    times = environment.times
    return sum(
        max(times.stacks[stack.name] for stack in wave)
        + sum(
            times.artifacts[one.name]
            for one in environment.manifest.artifacts
            if one.store.stack in {stack.name for stack in wave}
        )
        for wave in environment.manifest.waves
    )


@dataclass(frozen=True)
class Deployed:
    """What a deployment took."""

    seconds: float
    calls: int
    """Of CloudFormation, in all."""
    busiest: float
    """Calls a second in the busiest ten seconds."""

    @staticmethod
    def of(clock: VirtualClock, stacks: SimulatedStacks) -> Deployed:
        tens = Counter(int(when // 10) for when in stacks.calls)
        return Deployed(clock.monotonic(), len(stacks.calls), max(tens.values()) / 10)


RESOLUTIONS = {"ModelServerImageId": "ami-1", "VideoPublicKeyPem": "a key"}


def deploy(environment: Environment) -> Deployed:
    """Apply it, from nothing, with the real engine."""
    clock = VirtualClock()
    stacks = SimulatedStacks(environment.manifest, environment.times, clock)
    artifacts = SimulatedArtifacts(environment.times, clock)
    target = Target(stacks, artifacts, clock, RESOLUTIONS, threads=clock.threads)
    apply(environment.manifest, environment.files, target, lambda _: None)
    return Deployed.of(clock, stacks)


def deploy_plainly(environment: Environment) -> Deployed:
    """The loop that people write first: one stack after the other, each waited for as often as the engine looks."""
    clock = VirtualClock()
    manifest = environment.manifest
    stacks = SimulatedStacks(manifest, environment.times, clock)
    artifacts = SimulatedArtifacts(environment.times, clock)
    outputs: dict[str, Mapping[str, str]] = {}
    for stack in (stack for wave in manifest.waves for stack in wave):
        parameters = resolve(stack, outputs, RESOLUTIONS)
        request = StackRequest(manifest.stack_id(stack.name), environment.files[stack.template], parameters, {})
        stacks.execute(stacks.create_change_set(request, ChangeSetKind.CREATE), "")
        since = clock.monotonic()
        while (live := stacks.describe(request.name)) is None or live.in_progress:
            clock.sleep(Pace().pause(clock.monotonic() - since))
        outputs[stack.name] = live.outputs
        for artifact in manifest.artifacts:
            if artifact.store.stack == stack.name:
                artifacts.publish(artifact, live.outputs[artifact.store.output])
    return Deployed.of(clock, stacks)
