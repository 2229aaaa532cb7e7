"""Apply a manifest: waves in order, the stacks of a wave side by side."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

from generator.errors import EcgError
from generator.model.manifest import Manifest, StackManifest
from generator.sync.errors import StackFailed, StackNotReady, WaveFailed
from generator.sync.parameters import require_resolved, resolve
from generator.sync.ports import (
    Artifacts,
    ChangeSet,
    ChangeSetKind,
    Clock,
    LiveStack,
    StackRequest,
    Stacks,
)
from generator.sync.progress import (
    Action,
    ArtifactPublished,
    BoxPointed,
    Fact,
    Report,
    ResourceMoved,
    StackFinished,
    StackGaveUp,
    StackStarted,
    WaveStarted,
)

POLL_SECONDS = 0.5
"""CloudFormation's DescribeStacks is throttled at a few calls a second per account; stacks of a wave share them."""
SIDE_BY_SIDE = 6


@dataclass(frozen=True)
class Target:
    """The world that an apply acts on."""

    stacks: Stacks
    artifacts: Artifacts
    clock: Clock
    resolutions: Mapping[str, str] = field(default_factory=dict)
    """Values that this target supplies for parameters that read `unresolved`."""


@dataclass(frozen=True)
class Outcome:
    """What an apply did, by stack, and the outputs that the stacks have now."""

    actions: Mapping[str, Action]
    outputs: Mapping[str, Mapping[str, str]]

    @property
    def changed(self) -> bool:
        """Anything at all was created or updated."""
        return any(action is not Action.UNCHANGED for action in self.actions.values())


def apply(manifest: Manifest, files: Mapping[str, str], target: Target, report: Report) -> Outcome:
    """Make the target equal to a manifest.

    `files` are the texts below `templates_out/<env>`, by path. Stacks of a wave that did not fail are left as they
    became; waves after a failed one are not started. Raises Unresolved before anything is touched, WaveFailed with
    every failure of the wave.
    """
    require_resolved(manifest, target.resolutions)
    report = _one_at_a_time(report)
    actions: dict[str, Action] = {}
    outputs: dict[str, Mapping[str, str]] = {}
    published: set[str] = set()
    for number, wave in enumerate(manifest.waves):
        report(WaveStarted(number, tuple(stack.name for stack in wave)))
        errors: dict[str, EcgError] = {}
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            running = {
                stack.name: pool.submit(_apply_stack, manifest, stack, files, outputs, target, report) for stack in wave
            }
            for name, future in running.items():
                try:
                    actions[name], outputs[name] = future.result()
                except EcgError as error:
                    errors[name] = error
        if errors:
            raise WaveFailed(number, errors)
        for artifact in manifest.artifacts:
            if artifact.name not in published and artifact.store.stack in outputs:
                store = outputs[artifact.store.stack][artifact.store.output]
                fresh = target.artifacts.publish(artifact, store)
                published.add(artifact.name)
                report(ArtifactPublished(artifact.name, artifact.address, fresh))
    packages = next(artifact.store for artifact in manifest.artifacts if artifact.name == "agent")
    store = outputs[packages.stack][packages.output]
    report(BoxPointed(target.artifacts.point_box(manifest, files[manifest.serve.config], store)))
    return Outcome(actions, outputs)


def _one_at_a_time(report: Report) -> Report:
    """Stacks report from threads of their own; who listens need not know."""
    lock = Lock()

    def locked(fact: Fact) -> None:
        with lock:
            report(fact)

    return locked


def _apply_stack(
    manifest: Manifest,
    stack: StackManifest,
    files: Mapping[str, str],
    outputs: Mapping[str, Mapping[str, str]],
    target: Target,
    report: Report,
) -> tuple[Action, Mapping[str, str]]:
    started = target.clock.monotonic()
    name = manifest.stack_id(stack.name)
    request = StackRequest(
        name=name,
        template=files[stack.template],
        parameters=resolve(stack, outputs, target.resolutions),
        tags={"Project": manifest.project, "Environment": manifest.name, "ManagedBy": "ecgctl"},
    )
    live = _ready(target, name)
    kind = ChangeSetKind.UPDATE if live else ChangeSetKind.CREATE
    change_set = target.stacks.create_change_set(request, kind)
    action = Action.UPDATED if live else Action.CREATED
    if change_set.empty:
        target.stacks.discard(change_set)
        action = Action.UNCHANGED
    else:
        report(StackStarted(stack.name, len(change_set.changes)))
        try:
            _execute(target, stack.name, change_set, report)
        except StackFailed as error:
            report(StackGaveUp(stack.name, error.stack.status, target.clock.monotonic() - started))
            raise
    report(StackFinished(stack.name, action, target.clock.monotonic() - started))
    after = target.stacks.describe(name)
    return action, after.outputs if after else {}


def _ready(target: Target, name: str) -> LiveStack | None:
    """The stack, once a change set can start from its state; None where it has to be created."""
    live = _settled(target, name)
    if live is None or live.status == "REVIEW_IN_PROGRESS":
        return None
    if live.status == "ROLLBACK_COMPLETE":
        # Its creation failed: nothing runs in it, and CloudFormation accepts nothing but its deletion.
        target.stacks.delete(live)
        live = _settled(target, name)
        if live is None:
            return None
    if live.status.endswith(("_FAILED", "DELETE_COMPLETE")):
        raise StackNotReady(live)
    return live


def _settled(target: Target, name: str) -> LiveStack | None:
    """Wait until no operation runs on a stack, whoever started it."""
    while (live := target.stacks.describe(name)) is not None and live.in_progress:
        target.clock.sleep(POLL_SECONDS)
    return live


def _execute(target: Target, stack: str, change_set: ChangeSet, report: Report) -> None:
    token = f"ecgctl-{sha256(change_set.id.encode()).hexdigest()[:32]}"
    target.stacks.execute(change_set, token)
    seen: set[str] = set()
    # Followed by the operation's own events: DescribeStacks may still show the old state just after execute.
    while True:
        events = target.stacks.events(change_set.stack, token)
        for event in events:
            if event.id not in seen:
                seen.add(event.id)
                report(ResourceMoved(stack, event))
        if any(event.ends(change_set.stack) for event in events):
            break
        target.clock.sleep(POLL_SECONDS)
    live = _settled(target, change_set.stack)
    if live is None or live.failed:
        last = live or LiveStack(change_set.stack, "", "DELETE_COMPLETE")
        raise StackFailed(last, [event for event in events if event.failed])
