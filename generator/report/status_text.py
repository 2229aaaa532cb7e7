"""An environment's status for a terminal: `argocd app get` above, `kubectl get` below. Pure."""

from collections.abc import Iterator
from datetime import datetime

from click import style

from generator.report.columns import Cell, age, table
from generator.sync.health import Health, HealthStatus, Payload, Queue, Unreadable
from generator.sync.ledger import Deployment
from generator.sync.status import EnvironmentStatus, StackStatus, SyncStatus, ThingStatus

_HEALTH = {
    HealthStatus.HEALTHY: "green",
    HealthStatus.SUSPENDED: "cyan",
    HealthStatus.PROGRESSING: "blue",
    HealthStatus.MISSING: "yellow",
    HealthStatus.DEGRADED: "red",
    HealthStatus.UNKNOWN: "magenta",
}
_SYNC = {
    SyncStatus.SYNCED: "green",
    SyncStatus.OUT_OF_SYNC: "yellow",
    SyncStatus.MISSING: "yellow",
    SyncStatus.UNKNOWN: "magenta",
}
_MESSAGE = 100
"""Characters of a message in the narrow form; `-o wide` cuts nothing."""


def status_text(status: EnvironmentStatus, *, wide: bool = False) -> str:
    """A header, a table of stacks, then what runs on them; `wide` adds every resource and every difference."""
    return "\n".join(_lines(status, wide))


def _lines(status: EnvironmentStatus, wide: bool) -> Iterator[str]:
    yield from _header(status)
    yield ""
    yield from table(
        ("STACK", "WAVE", "SYNC", "HEALTH", "DRIFT", "STATUS", "AGE", "MESSAGE"),
        [
            (
                stack.name,
                "-" if stack.wave is None else str(stack.wave),
                _sync(stack.sync),
                _health(stack.health),
                _drift(stack, status.at),
                stack.status or "-",
                _age(stack.changed, status.at),
                _short(stack.message, wide),
            )
            for stack in status.stacks
        ],
    )
    if status.apps:
        yield ""
        yield from table(
            ("SERVE APP", "SYNC", "HEALTH", "STATUS", "VERSION", "MESSAGE"),
            [
                (
                    app.name,
                    _sync(app.sync),
                    _health(app.health),
                    app.status or "-",
                    app.version[:12] or "-",
                    _short(app.health.reason, wide),
                )
                for app in status.apps
            ],
        )
    if status.box:
        yield ""
        yield from _box(status, wide)
    if status.queues:
        yield ""
        yield from table(
            ("QUEUE", "HEALTH", "WAITING", "RUNNING", "DEAD", "OLDEST", "MESSAGE"),
            [_queue(one, wide) for one in status.queues],
        )
    if wide:
        yield from _details(status)


def _header(status: EnvironmentStatus) -> Iterator[str]:
    health = status.health
    yield style(f"{status.environment}", bold=True) + f"  {status.region}"
    parts = [(stack.name, stack.sync) for stack in status.stacks] + [(app.name, app.sync) for app in status.apps]
    parts += [("box", status.box.sync)] if status.box else []
    behind = [name for name, sync in parts if sync is not SyncStatus.SYNCED]
    named = f"  {', '.join(behind)}" if 0 < len(behind) < len(parts) else ""
    yield f"sync      {style(status.sync, fg=_SYNC[status.sync])}{named}"
    reason = "" if health.healthy else f"  {_short(health.reason, wide=False)}"
    yield f"health    {style(health.status, fg=_HEALTH[health.status])}{reason}"
    if status.deployed:
        yield f"revision  {_revision(status.deployed, status.at)}"
    yield f"observed  {status.at:%Y-%m-%d %H:%M:%S} UTC"
    for note in status.notes:
        yield style(f"note      {note}", fg="yellow")


def _revision(deployed: Deployment, at: datetime) -> str:
    commit = deployed.commit[:12] or "of no known commit"
    ended = deployed.ended or deployed.began
    return f"{commit}  {deployed.result} {age(at - ended)} ago, by {deployed.who}"


def _box(status: EnvironmentStatus, wide: bool) -> list[str]:
    box = status.box
    assert box is not None  # noqa: S101  asked by the caller
    report = box.report or {}
    generation = report.get("generation") or {}
    device = report.get("device") or {}
    told = report.get("updated_at")
    row = (
        "box",
        _sync(box.sync),
        _health(box.health),
        str(generation.get("applied") or "-")[:12],
        str(device.get("name") or device.get("kind") or "-"),
        _age(datetime.fromisoformat(told) if told else None, status.at),
        _short(box.health.reason, wide),
    )
    return table(("GPU BOX", "SYNC", "HEALTH", "GENERATION", "DEVICE", "REPORTED", "MESSAGE"), [row])


def _queue(one: ThingStatus, wide: bool) -> tuple[Cell | str, ...]:
    reading: Payload = {} if one.reading is None or isinstance(one.reading, Unreadable) else one.reading
    queue, dead, oldest = reading.get("queue") or {}, reading.get("dead_letters") or {}, reading.get("oldest_s")
    return (
        one.thing.logical_id,
        _health(one.health),
        str(queue.get("ApproximateNumberOfMessages", "-")),
        str(queue.get("ApproximateNumberOfMessagesNotVisible", "-")),
        str(dead.get("ApproximateNumberOfMessages", "-")),
        "-" if oldest is None else f"{oldest:.0f}s",
        _short(one.health.reason, wide),
    )


def _details(status: EnvironmentStatus) -> Iterator[str]:
    rows = [
        (stack.name, one.thing.logical_id, type(one.thing).__name__, _health(one.health), one.health.reason)
        for stack in status.stacks
        for one in stack.things
        if not isinstance(one.thing, Queue)
    ]
    if rows:
        yield ""
        yield from table(("STACK", "RESOURCE", "KIND", "HEALTH", "MESSAGE"), rows)
    differing = [(stack.name, line) for stack in status.stacks for line in stack.differences]
    if status.box:
        differing += [("GPU box", line) for line in status.box.differences]
    if differing:
        yield ""
        yield from table(("STACK", "DIFFERENCE"), differing)


def _health(health: Health) -> Cell:
    return Cell(health.status, _HEALTH[health.status])


def _sync(sync: SyncStatus) -> Cell:
    return Cell(sync, _SYNC[sync])


def _drift(stack: StackStatus, at: datetime) -> Cell:
    """What the last look found, and how long ago that was."""
    word = {"IN_SYNC": "none", "DRIFTED": "drifted", "UNKNOWN": "not known"}.get(stack.drift, stack.drift.lower())
    if not word:
        return Cell("-")
    return Cell(f"{word} ({_age(stack.drift_looked_at, at)})", "yellow" if word == "drifted" else None)


def _age(moment: datetime | None, at: datetime) -> str:
    return age(at - moment) if moment else "-"


def _short(text: str, wide: bool) -> str:
    line = " ".join(text.split())
    return line if wide or len(line) <= _MESSAGE else f"{line[: _MESSAGE - 1]}…"
