"""What to do next: pure, one action at a time.

which generation?   the desired one; the last good one where the desired one has failed
on the box?         no -> Fetch
Ray?                down -> StartRay; started with other ports or resources -> StopRay (and start it next)
told?               no -> Apply
healthy?            yes -> Accept;  failed or too late -> Reject;  else Wait
"""

from dataclasses import dataclass

from reconciler.desired import Desired, Head
from reconciler.snapshot import AppStatus, Ray, Snapshot


@dataclass(frozen=True)
class Wait:
    """Nothing to do but to look again, `soon` if something is on its way."""

    why: str
    soon: bool = False


@dataclass(frozen=True)
class Fetch:
    """Bring what this generation needs onto the box."""

    target: Desired


@dataclass(frozen=True)
class StartRay:
    """Start the head node."""

    head: Head


@dataclass(frozen=True)
class StopRay:
    """Stop it, to start it anew."""

    why: str


@dataclass(frozen=True)
class Apply:
    """Tell Serve this generation's configuration."""

    target: Desired


@dataclass(frozen=True)
class Accept:
    """What was applied is healthy: from now on it is the last good one."""

    target: Desired


@dataclass(frozen=True)
class Reject:
    """This generation does not become healthy: back to the last good one."""

    generation: str
    message: str


Action = Wait | Fetch | StartRay | StopRay | Apply | Accept | Reject


def target_of(snapshot: Snapshot) -> Desired | None:
    """The generation that the box should run now."""
    desired, memory = snapshot.desired, snapshot.memory
    if desired is None:
        return memory.good
    failed = memory.failed is not None and memory.failed.generation == desired.generation
    out_of_reach = snapshot.fetch_error is not None and not _on_the_box(snapshot, desired)
    if failed or out_of_reach:
        # With nothing to go back to, Serve keeps what it can of the failed one.
        return memory.good or desired
    return desired


def decide(snapshot: Snapshot) -> Action:
    """The next action towards the target."""
    desired, target = snapshot.desired, target_of(snapshot)
    if target is None:
        return Wait("nothing is desired yet")
    for needed in (desired, target):
        if needed and not _on_the_box(snapshot, needed):
            if snapshot.now >= snapshot.fetch_again_at:
                return Fetch(needed)
            if needed is target:
                return Wait("its packages could not be fetched; trying again soon")
    if reason := snapshot.unreadable.get(target.generation):
        return _reject_once(snapshot, target, reason)
    head = snapshot.heads[target.generation]
    match snapshot.ray:
        case Ray.DOWN:
            return StartRay(head)
        case Ray.STARTING:
            return Wait("Ray is starting", soon=True)
        case Ray.UP:
            return _with_ray(snapshot, target, head)


def _on_the_box(snapshot: Snapshot, one: Desired) -> bool:
    return one.generation in snapshot.heads or one.generation in snapshot.unreadable


def _reject_once(snapshot: Snapshot, target: Desired, reason: str) -> Action:
    failed = snapshot.memory.failed
    if failed is not None and failed.generation == target.generation:
        return Wait("failed, and there is no good generation to go back to")
    return Reject(target.generation, reason)


def _with_ray(snapshot: Snapshot, target: Desired, head: Head) -> Action:
    memory = snapshot.memory
    if memory.started_with != head:
        # Ray ignores a change of these while it runs, and says nothing.
        return StopRay(f"Ray runs with {memory.started_with} and needs {head}")
    if memory.applied != target.generation:
        return Apply(target)
    if memory.failed is not None and memory.failed.generation == target.generation:
        return Wait("failed, and there is no good generation to go back to")
    return _judge(snapshot, target)


def _judge(snapshot: Snapshot, target: Desired) -> Action:
    """Is what was applied healthy, on its way, or lost?"""
    accepted = snapshot.memory.good is not None and snapshot.memory.good.generation == target.generation
    apps = {name: app for name, app in (snapshot.apps or {}).items() if name in snapshot.wanted_apps}
    all_run = apps.keys() == snapshot.wanted_apps and all(app.status is AppStatus.RUNNING for app in apps.values())
    if all_run and snapshot.http_ready:
        return Wait("healthy") if accepted else Accept(target)
    if accepted:
        # It was healthy once, so its code is not to blame: Serve replaces replicas by itself.
        return Wait("unhealthy; Serve is repairing it")
    failures = [f"{name}: {app.message}" for name, app in apps.items() if app.status is AppStatus.DEPLOY_FAILED]
    if failures:
        return Reject(target.generation, "\n".join(failures))
    if snapshot.now - snapshot.memory.applied_at > snapshot.deadline_s:
        states = ", ".join(f"{name} {app.status}: {app.message}" for name, app in apps.items()) or "no app appeared"
        return Reject(target.generation, f"not healthy within {snapshot.deadline_s:g} s ({states})")
    return Wait("becoming healthy", soon=True)
