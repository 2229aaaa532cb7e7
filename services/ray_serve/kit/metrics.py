"""What an app tells Prometheus (docs/serve-apps.md, "Metrics"). Ray exports it on each node, beside its own figures.

    Meter       what a request tells: how it ended, how long it waited, how long each stage took
    BatchMeter  what a batch tells
    measured    a request's events, passed on and metered: so every app is, and none has to do it

Ray prefixes the names with `ray_`, adds `_total` to a counter, and labels all with application, deployment and replica.
"""

import time
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from kit.contract import ErrorCode, Event, Failure, Progress, Result

REQUESTS = "ecg_requests"
STAGE_SECONDS = "ecg_stage_seconds"
QUEUE_SECONDS = "ecg_queue_wait_seconds"
BATCH_REQUESTS = "ecg_batch_requests"
BATCH_UNITS = "ecg_batch_units"
BATCH_SECONDS = "ecg_batch_wait_seconds"

DONE, ABANDONED = "done", "abandoned"
"""Outcomes beside the error codes: there was a result; the caller left before there was one."""

_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 180.0, 600.0]
_COUNTS = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
_UNITS = [1.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 16384.0]


class Meter(Protocol):
    """What a request tells. `kind` is the route: `analyze` or `golden`."""

    def ended(self, kind: str, outcome: str) -> None:
        """A request has ended: `done`, `abandoned`, or an error code."""

    def waited(self, kind: str, seconds: float) -> None:
        """Its first event came after so long: it waited for a free replica."""

    def stage(self, kind: str, stage: str, seconds: float) -> None:
        """One stage of it took so long."""


class BatchMeter(Protocol):
    """What a batch tells."""

    def batch(self, requests: int, units: int, waited_s: float) -> None:
        """A batch was cut; its first request had waited so long."""


class Silent:
    """`BatchMeter` where nobody counts."""

    def batch(self, requests: int, units: int, waited_s: float) -> None:
        """See `BatchMeter`."""


async def measured(
    events: AsyncIterator[Event], meter: Meter, kind: str, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[Event]:
    """The same events. A stage lasts from its first event to the first of the next one, or to the end."""
    watch = _Watch(meter, kind, clock)
    try:
        async for event in events:
            watch.saw(event)
            yield event
    finally:
        meter.ended(kind, watch.outcome)


class _Watch:
    """Looks at one request's events as they pass."""

    def __init__(self, meter: Meter, kind: str, clock: Callable[[], float]) -> None:
        self.outcome = ABANDONED
        self._meter, self._kind, self._clock = meter, kind, clock
        self._asked: float | None = clock()
        self._stage, self._since = "", 0.0

    def saw(self, event: Event) -> None:
        now = self._clock()
        stage = ""
        match event:
            case Progress(stage, _):
                pass
            case Result():
                self.outcome = DONE
            case Failure(code):
                self.outcome = str(code)
        if self._asked is not None and self.outcome != ErrorCode.BUSY:
            self._meter.waited(self._kind, now - self._asked)
        self._asked = None
        if stage != self._stage:
            if self._stage:
                self._meter.stage(self._kind, self._stage, now - self._since)
            self._stage, self._since = stage, now


class RayMeter:
    """`Meter` through Ray; made in a deployment's constructor, so that Ray knows whose figures they are."""

    def __init__(self) -> None:
        from ray.serve import metrics

        self._requests = metrics.Counter(REQUESTS, "Requests by how they ended.", ("kind", "outcome"))
        self._queue = metrics.Histogram(
            QUEUE_SECONDS, "Seconds from a request's arrival to its first event.", _SECONDS, ("kind",)
        )
        self._stages = metrics.Histogram(STAGE_SECONDS, "Seconds by stage.", _SECONDS, ("kind", "stage"))

    def ended(self, kind: str, outcome: str) -> None:
        """See `Meter`."""
        self._requests.inc(tags={"kind": kind, "outcome": outcome})

    def waited(self, kind: str, seconds: float) -> None:
        """See `Meter`."""
        self._queue.observe(max(seconds, 0.0), tags={"kind": kind})

    def stage(self, kind: str, stage: str, seconds: float) -> None:
        """See `Meter`."""
        self._stages.observe(max(seconds, 0.0), tags={"kind": kind, "stage": stage})


class RayBatchMeter:
    """`BatchMeter` through Ray."""

    def __init__(self) -> None:
        from ray.serve import metrics

        self._requests = metrics.Histogram(BATCH_REQUESTS, "Requests (videos) in a batch.", _COUNTS)
        self._units = metrics.Histogram(BATCH_UNITS, "Units (of the model's input) in a batch.", _UNITS)
        self._waited = metrics.Histogram(BATCH_SECONDS, "Seconds that a batch's first request waited.", _SECONDS)

    def batch(self, requests: int, units: int, waited_s: float) -> None:
        """See `BatchMeter`."""
        self._requests.observe(requests)
        self._units.observe(max(units, 0))
        self._waited.observe(max(waited_s, 0.0))
