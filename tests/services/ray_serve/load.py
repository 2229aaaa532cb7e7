"""A steady stream of jobs through the API's own worker, and what became of them while something went wrong.

Everything between the queue and Ray Serve is the API's: `Worker` with its attempts, backoff and circuit breaker, and
`ModelServer` over httpx. Only queue, table and bucket are the API tests' own, in memory.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import anyio
import httpx

from ecg_api.analysis import ModelServer, OnProgress
from ecg_api.circuit import Circuit
from ecg_api.errors import AnalysisBroken, AnalysisRejected, AnalysisUnavailable
from ecg_api.jobs import FINAL, Job, JobState, Owner
from ecg_api.queue import Delivery
from ecg_api.worker import Worker
from tests.services.api.fake_stores import InMemoryObjects, InMemoryQueue, InMemoryTable

LOCAL = Owner("local")
RATE = 8.0
"""Jobs a second."""
MAX_RECEIVES = 5
"""As the deployed queue has it (generator/stacks/data.py)."""


class RealClock:
    """The queue's and the worker's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class Queue(InMemoryQueue):
    """The API tests' queue, polled less often: here time is real."""

    async def receive(self, limit: int, wait_s: int, visibility_s: int) -> tuple[Delivery, ...]:
        found = await super().receive(limit, 0, visibility_s)
        if not found:
            await anyio.sleep(0.02)
        return found


@dataclass
class Row:
    """One line of the table."""

    fault: str
    sent: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    """Requests that Ray Serve did not answer with a result, by reason."""
    jobs: int = 0
    lost: int = 0
    """Jobs that did not become done, for all that the API tried."""
    gap_s: float = 0.0
    """Longest time between two results."""

    @property
    def failed(self) -> int:
        return self.failures.total()


ROWS: list[Row] = []


class Counting:
    """The API's client of the model server, with its requests counted."""

    def __init__(self, inner: ModelServer) -> None:
        self._inner = inner
        self.row = Row("")
        self.results: list[float] = []

    async def healthy(self) -> bool:
        return await self._inner.healthy()

    async def analyse(
        self, job_id: str, bucket: str, key: str, on_progress: OnProgress, app: str | None = None
    ) -> dict[str, Any]:
        row = self.row
        row.sent += 1
        try:
            result = await self._inner.analyse(job_id, bucket, key, on_progress, app)
        except (AnalysisUnavailable, AnalysisBroken) as error:
            row.failures[error.reason] += 1
            raise
        except AnalysisRejected as error:
            row.failures[error.code] += 1
            raise
        self.results.append(time.monotonic())
        return result


class Stream:
    """Jobs at a steady rate while `during` is open; runs in a thread of its own."""

    def __init__(self, url: str, app: str) -> None:
        self._url, self._app = url, app
        self._flowing = False
        self._made = 0
        self._ended: anyio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clock = RealClock()
        self._table = InMemoryTable()
        self._queue = Queue(self._clock, max_receives=MAX_RECEIVES)  # type: ignore[arg-type]
        self._analyser: Counting | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        assert self._loop
        assert self._ended
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(60)

    @contextmanager
    def during(self, fault: str) -> Iterator[Row]:
        """Jobs come in; at the end none comes any more, and those that came are waited for."""
        assert self._analyser
        row = self._analyser.row = Row(fault)
        began, first = time.monotonic(), self._made
        self._flowing = True
        try:
            time.sleep(2)
            yield row
            time.sleep(2)
        finally:
            self._flowing = False
            end = time.monotonic() + 90
            while time.monotonic() < end and self._open(first):
                time.sleep(0.2)
            jobs = self._jobs(first)
            row.jobs, row.lost = len(jobs), sum(job.state is not JobState.DONE for job in jobs)
            times = [began, *(one for one in self._analyser.results if one > began)]
            row.gap_s = max((later - earlier for earlier, later in pairwise(times)), default=0.0)
            ROWS.append(row)

    def results(self) -> int:
        """So many so far."""
        assert self._analyser
        return len(self._analyser.results)

    def _jobs(self, first: int) -> list[Job]:
        return [self._table.jobs[LOCAL, f"job-{number}"] for number in range(first, self._made)]

    def _open(self, first: int) -> bool:
        return any(job.state not in FINAL for job in self._jobs(first))

    async def _run(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), anyio.Event()
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(base_url=self._url, trust_env=False, limits=limits) as client:
            self._analyser = Counting(ModelServer(client, self._app, deadline_s=120, silence_s=30))
            stopping = anyio.Event()
            worker = Worker(
                self._table,
                self._queue,
                InMemoryObjects(),
                self._analyser,
                circuit=Circuit(self._clock.monotonic),
                stopping=stopping,
                now=self._clock.now,
                clock=self._clock.monotonic,
                concurrency=16,
            )
            self._ready.set()
            async with anyio.create_task_group() as group:
                group.start_soon(worker.run)
                group.start_soon(self._make)
                await self._ended.wait()
                stopping.set()
                group.cancel_scope.cancel()

    async def _make(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + 1 / RATE, time.monotonic() - 1)
            await anyio.sleep(max(0.0, due - time.monotonic()))
            if self._flowing:
                await self._one()

    async def _one(self) -> None:
        now = self._clock.now()
        job_id = f"job-{self._made}"
        key = f"videos/local/{job_id}/source.mp4"
        self._table.jobs[LOCAL, job_id] = Job(
            LOCAL, job_id, JobState.QUEUED, "", 1, "video/mp4", key, created_at=now, updated_at=now
        )
        self._made += 1
        await self._queue.send(LOCAL, job_id)


def table() -> list[str]:
    """The rows, for people."""
    width = max(len(row.fault) for row in ROWS)
    lines = [f"{'fault':{width}} {'requests':>9} {'failed at Serve':>16} {'jobs':>5} {'lost':>5} {'longest gap':>12}"]
    for row in ROWS:
        why = ", ".join(f"{count} {reason}" for reason, count in row.failures.most_common(3))
        figures = f"{row.sent:9} {row.failed:16} {row.jobs:5} {row.lost:5} {row.gap_s:10.1f} s"
        lines.append(f"{row.fault:{width}} {figures}  {why}".rstrip())
    return lines
