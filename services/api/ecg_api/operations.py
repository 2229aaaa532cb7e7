"""How the environment does, for the page and for operators: the reports of others, with their age. No I/O here.

A report that is old says what was, not what is: it is handed out and called stale, and what would be concluded from
it is `unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import anyio

from ecg_api.errors import Code, Refused, StoreUnavailable
from ecg_api.queue import Depth

BOX_STALE_AFTER = timedelta(minutes=3)
"""The box reports every minute though nothing changes; three missed ones are silence (`sync/health/serve_box.py`)."""

STATUS_STALE_AFTER = timedelta(hours=2)
"""`drift` writes a status every hour; past two, the schedule does not run."""


class Reports(Protocol):
    """What is needed of the reports."""

    async def box(self) -> dict[str, Any] | None: ...
    async def status(self) -> dict[str, Any] | None: ...


class Measurable(Protocol):
    """A queue that says how full it is."""

    async def depth(self) -> Depth: ...


class AppState(StrEnum):
    """How a Serve app does."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DEPLOYING = "deploying"
    UNKNOWN = "unknown"


_STATES: Mapping[str, AppState] = {
    "RUNNING": AppState.HEALTHY,
    "NOT_STARTED": AppState.DEPLOYING,
    "DEPLOYING": AppState.DEPLOYING,
    "DELETING": AppState.DEPLOYING,
    "DEPLOY_FAILED": AppState.DEGRADED,
    "UNHEALTHY": AppState.DEGRADED,
}
"""Ray Serve's ApplicationStatus."""


@dataclass(frozen=True, slots=True)
class App:
    """A Serve app as the box last reported it; `canary` is the box's own account of a trial."""

    name: str
    route_prefix: str | None
    version: str | None
    state: AppState
    reason: str | None
    canary: Mapping[str, Any] | None
    default: bool


@dataclass(frozen=True, slots=True)
class Apps:
    """The apps, and when the box reported them; None where it never did."""

    apps: tuple[App, ...]
    as_of: datetime | None
    stale: bool


@dataclass(frozen=True, slots=True)
class QueueNumbers:
    """How many jobs wait, are worked on, and were given up; `dead_letters` need an operator."""

    waiting: int
    in_flight: int
    dead_letters: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the operations page shows; None what could not be learnt."""

    environment: str
    as_of: datetime
    status: Mapping[str, Any] | None
    status_stale: bool
    box: Mapping[str, Any] | None
    box_stale: bool
    queue: QueueNumbers | None
    monthly_cost_usd: float | None


class Operations:
    """Answers about `environment`; `default_app` analyses where nobody chose another."""

    def __init__(
        self,
        reports: Reports,
        queue: Measurable,
        dead_letters: Measurable,
        environment: str,
        default_app: str,
        now: Callable[[], datetime],
    ) -> None:
        self._reports = reports
        self._queue = queue
        self._dead_letters = dead_letters
        self._environment = environment
        self._default_app = default_app
        self._now = now

    async def apps(self) -> Apps:
        """Return the Serve apps. Raises StoreUnavailable."""
        report = await self._reports.box()
        as_of = _moment(report, "updated_at")
        stale = self._is_stale(as_of, BOX_STALE_AFTER)
        found = (report or {}).get("apps") or {}
        return Apps(tuple(self._app(name, told, as_of, stale) for name, told in sorted(found.items())), as_of, stale)

    async def check_app(self, name: str | None) -> None:
        """Return if `name` is an app that can be asked for; None is the default one.

        Raises:
            Refused: `unknown_app`.
            StoreUnavailable: the box's report cannot be read.
        """
        if name is None or name == self._default_app:
            return
        if name not in {app.name for app in (await self.apps()).apps}:
            raise Refused(Code.UNKNOWN_APP, "The box reports no app with this name.")

    async def overview(self) -> Overview:
        """Return all there is to see. A source that does not answer leaves its part out."""
        found: dict[str, Any] = {}

        async def learn(part: str, ask: Callable[[], Any]) -> None:
            try:
                found[part] = await ask()
            except StoreUnavailable:
                found[part] = None

        async with anyio.create_task_group() as group:
            group.start_soon(learn, "box", self._reports.box)
            group.start_soon(learn, "status", self._reports.status)
            group.start_soon(learn, "queue", self._queue.depth)
            group.start_soon(learn, "dead", self._dead_letters.depth)
        box, status, queue, dead = (found[part] for part in ("box", "status", "queue", "dead"))
        cost = (status or {}).get("monthly_cost_usd")
        return Overview(
            environment=self._environment,
            as_of=self._now(),
            status=status,
            status_stale=self._is_stale(_moment(status, "at"), STATUS_STALE_AFTER),
            box=box,
            box_stale=self._is_stale(_moment(box, "updated_at"), BOX_STALE_AFTER),
            queue=QueueNumbers(queue.waiting, queue.in_flight, dead.waiting) if queue and dead else None,
            monthly_cost_usd=float(cost) if isinstance(cost, int | float) else None,
        )

    def _is_stale(self, as_of: datetime | None, after: timedelta) -> bool:
        return as_of is None or self._now() - as_of > after

    def _app(self, name: str, told: Mapping[str, Any], as_of: datetime | None, stale: bool) -> App:
        state = AppState.UNKNOWN if stale else _STATES.get(str(told.get("status")), AppState.UNKNOWN)
        return App(
            name=name,
            route_prefix=told.get("route"),
            version=told.get("version"),
            state=state,
            reason=_reason(told, state, as_of, stale),
            canary=told.get("canary"),
            default=name == self._default_app,
        )


def _reason(told: Mapping[str, Any], state: AppState, as_of: datetime | None, stale: bool) -> str | None:
    if state is AppState.HEALTHY:
        return None
    if stale:
        return f"The box has not reported since {as_of:%Y-%m-%d %H:%M} UTC." if as_of else "The box has not reported."
    # A traceback's last line is the one that says what happened.
    lines = str(told.get("message") or "").strip().splitlines()
    return f"{told.get('status')}: {lines[-1]}" if lines else str(told.get("status"))


def _moment(report: Mapping[str, Any] | None, name: str) -> datetime | None:
    """Return when a report was made; None where it does not say, or not in a way that can be read."""
    try:
        return datetime.fromisoformat(str((report or {}).get(name))).astimezone(UTC)
    except ValueError:
        return None
