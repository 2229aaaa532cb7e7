"""One attempt at analysing a claimed job, up to its outcome; nothing here decides what becomes of the job.

the analysis itself, its progress written to the job  |
every heartbeat: keep the message hidden, still ours?  |-> whichever ends first gives the outcome
the process is asked to stop                           |
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import anyio

from ecg_api import jobs
from ecg_api.analysis import OnProgress
from ecg_api.errors import (
    AnalysisBroken,
    AnalysisRejected,
    AnalysisUnavailable,
    ChangeRefused,
    StoreUnavailable,
)
from ecg_api.jobs import Change, Claim, Failure, Job, Owner, Progress
from ecg_api.queue import Delivery

log = logging.getLogger(__name__)


class JobWriter(Protocol):
    """What an attempt needs of the jobs table."""

    async def apply(self, owner: Owner, job_id: str, change: Change, now: datetime) -> Job: ...


class MessageHider(Protocol):
    """What an attempt needs of the queue."""

    async def hide(self, delivery: Delivery, seconds: float) -> None: ...


class Analyser(Protocol):
    """What an attempt needs of the model server."""

    async def healthy(self) -> bool: ...
    async def analyse(
        self, job_id: str, bucket: str, key: str, on_progress: OnProgress, app: str | None = None
    ) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class WorkerTiming:
    """How the worker spends its time, in seconds.

    `poll_s` is short, since a stop has to wait for the poll under way; `visibility_s` is renewed every
    `heartbeat_s`, so a dead worker's job is taken up again after at most `visibility_s`. A duplicate message is put
    off by `duplicate_s`: a few times that is longer than any analysis, so it does not become a dead letter.
    """

    poll_s: int = 5
    visibility_s: int = 120
    heartbeat_s: float = 30.0
    duplicate_s: int = 900
    progress_every_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Stored:
    """The reader's result document."""

    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """The reader's final word."""

    error: Failure


@dataclass(frozen=True, slots=True)
class Broken:
    """An attempt that counts; `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Untried:
    """An attempt that does not count: the model server or a store is away (`blames`), or we are stopping."""

    reason: str
    retry_after_s: float | None = None
    blames: bool = True


@dataclass(frozen=True, slots=True)
class Lost:
    """The job was deleted, or another delivery has it."""


Outcome = Stored | Rejected | Broken | Untried | Lost


class Attempts:
    """Makes attempts for one worker; the arguments are the worker's own."""

    def __init__(
        self,
        table: JobWriter,
        queue: MessageHider,
        analyser: Analyser,
        *,
        bucket: str,
        stopping: anyio.Event,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        timing: WorkerTiming,
    ) -> None:
        self._table = table
        self._queue = queue
        self._analyser = analyser
        self._bucket = bucket
        self._stopping = stopping
        self._now = now
        self._clock = clock
        self._timing = timing

    async def make(self, job: Job, claim: Claim, delivery: Delivery) -> Outcome:
        """Analyse, keep the message hidden, and give up when the claim is lost or the process stops."""
        outcomes: list[Outcome] = []
        async with anyio.create_task_group() as group:

            async def first(watcher: Callable[[], Any]) -> None:
                outcomes.append(await watcher())
                group.cancel_scope.cancel()

            async def until_stopped() -> Outcome:
                await self._stopping.wait()
                return Untried("the process stops", blames=False)

            async def while_ours() -> Outcome:
                return await self._keep(job, claim, delivery)

            async def analysis() -> Outcome:
                return await self._analyse(job, claim)

            for watcher in (until_stopped, while_ours, analysis):
                group.start_soon(first, watcher)
        return next((outcome for outcome in outcomes if isinstance(outcome, Stored | Rejected)), outcomes[0])

    async def _keep(self, job: Job, claim: Claim, delivery: Delivery) -> Outcome:
        while True:
            await anyio.sleep(self._timing.heartbeat_s)
            try:
                await self._queue.hide(delivery, self._timing.visibility_s)
                until = lease_end(self._now(), self._timing)
                await self._apply(job, jobs.renewed(replace(claim, until=until)))
            except StoreUnavailable as error:
                log.warning("heartbeat failed", extra={"reason": str(error)})
            except ChangeRefused:
                return Lost()

    async def _analyse(self, job: Job, claim: Claim) -> Outcome:
        written_at, stage = -math.inf, ""

        async def on_progress(progress: Progress) -> None:
            nonlocal written_at, stage
            moment = self._clock()
            if progress.stage == stage and moment - written_at < self._timing.progress_every_s:
                return
            written_at, stage = moment, progress.stage
            change = jobs.progressed(claim.token, progress)
            try:
                await self._apply(job, change)
            except StoreUnavailable as error:
                log.warning("progress is not written", extra={"reason": str(error)})

        try:
            document = await self._analyser.analyse(job.id, self._bucket, job.key, on_progress, job.app)
        except ChangeRefused:
            return Lost()
        except AnalysisRejected as error:
            return Rejected(Failure(error.code, error.message))
        except AnalysisUnavailable as error:
            return Untried(error.reason, error.retry_after_s)
        except AnalysisBroken as error:
            return Broken(error.reason)
        except Exception as error:
            log.exception("the analysis' client failed")
            return Broken(f"unexpected {type(error).__name__}")
        return Stored(document)

    async def _apply(self, job: Job, change: Change) -> None:
        await self._table.apply(job.owner, job.id, change, self._now())


def lease_end(now: datetime, timing: WorkerTiming) -> int:
    """Return when a claim made or renewed now ends, in epoch seconds: when the message's visibility does, too."""
    return math.ceil(now.timestamp()) + timing.visibility_s
