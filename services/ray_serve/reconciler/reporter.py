"""Tells what the box is: keeps what was noted of errors, and writes `box.json` when it changes and every minute."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kit import logs
from reconciler.report import Facts, box_json, conditions, since, stamp
from reconciler.settings import Settings
from reconciler.snapshot import Snapshot
from reconciler.store import Bucket, FetchError

_LOG = logs.logger("reconciler")
_EVERY_S = 60.0


@dataclass(frozen=True)
class Clock:
    """`monotonic` for waiting, `wall` for telling."""

    monotonic: Callable[[], float]
    wall: Callable[[], datetime]

    @property
    def stamp(self) -> str:
        """The moment, ISO 8601 UTC."""
        return stamp(self.wall())


class Reporter:
    """One box's reports."""

    def __init__(
        self,
        settings: Settings,
        bucket: Bucket,
        clock: Clock,
        device: Callable[[], Mapping[str, Any] | None],
        python: str,
    ) -> None:
        self._settings, self._bucket, self._clock = settings, bucket, clock
        self._device, self._python = device, python
        self._known_device: Mapping[str, Any] | None = None
        self._trouble: str | None = None
        self._errors: deque[Mapping[str, str]] = deque(maxlen=10)
        self._moments: dict[str, tuple[bool, str]] = {}
        self._reported: Mapping[str, Any] | None = None
        self._reported_at = 0.0

    @property
    def ready(self) -> bool:
        """Whether all apps served when the box was last judged."""
        return self._moments.get("Ready", (False, ""))[0]

    def new_turn(self) -> None:
        """What was in the way before may be gone."""
        self._trouble = None

    def in_trouble(self, what: str) -> None:
        """This keeps the turn from going on."""
        if self._trouble is None:
            self._trouble = what
        self.note(what)

    def note(self, what: str) -> None:
        """Something went wrong; the same thing again is told once."""
        if not self._errors or self._errors[0]["message"] != what[:4000]:
            _LOG.error(what)
            self._errors.appendleft({"at": self._clock.stamp, "message": what[:4000]})

    def write(self, snapshot: Snapshot, ray_version: str | None) -> None:
        """Report, if there is something new or the last one is old."""
        if snapshot.http_ready and self._known_device is None:
            # Not before: asking loads torch, and a box that is coming up has better use for its processors.
            self._known_device = self._device()
        facts = Facts(
            agent=self._settings.agent,
            python=self._python,
            ray=ray_version,
            device=self._known_device,
            errors=tuple(self._errors),
            trouble=self._trouble,
            now=self._clock.wall(),
        )
        judged = conditions(snapshot, facts)
        self._moments = since(judged, self._moments, self._clock.wall())
        report = box_json(snapshot, facts, judged, self._moments)
        fresh = self._clock.monotonic() - self._reported_at < _EVERY_S
        if report == self._reported and fresh:
            return
        content = json.dumps({**report, "updated_at": self._clock.stamp}, indent=1, ensure_ascii=False)
        try:
            self._bucket.put(self._settings.observed_key, content.encode())
        except FetchError as error:
            self.note(str(error))
            return
        self._reported, self._reported_at = report, self._clock.monotonic()
