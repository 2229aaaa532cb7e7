"""What nobody would come back to: found and settled now and then. Every task of the service sweeps; twice does no harm.

created, uploading for a day          failed, `upload_abandoned`; the parts of its upload are thrown away
analysing past the end of its claim   its worker died at the message's last delivery: done if its result was
                                      stored by then, else queued again, or failed with `attempts_exhausted`
                                      where it was tried often enough
queued while the queue is empty       its message is lost: sent again
a dead letter of a job that is done,  nobody has to look at it: dropped
deleted or erased
objects without a job                 removed, where no job of theirs was made for a day
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import anyio

from ecg_api import ids, jobs
from ecg_api.errors import ApiError, ChangeRefused, Code
from ecg_api.jobs import Change, Failure, Job, JobState, Owner
from ecg_api.metrics import ended
from ecg_api.objects import ObjectInfo
from ecg_api.queue import Delivery, Depth

log = logging.getLogger(__name__)

MOST_REMOVED = 100
"""Folders without a job that one sweep removes at most: a fault of ours must not empty the bucket overnight."""

LETTERS_HIDDEN_S = 30
"""Those that stay come back after so long. An operator's `jobs retry` that misses one meanwhile leaves it to us."""


class JobStore(Protocol):
    """What is needed of the jobs table."""

    async def get(self, owner: Owner, job_id: str) -> Job | None: ...
    async def apply(self, owner: Owner, job_id: str, change: Change, now: datetime) -> Job: ...
    def unfinished(self) -> AsyncIterator[Job]: ...


class JobQueue(Protocol):
    """What is needed of the queue."""

    async def send(self, owner: Owner, job_id: str, delay_s: float = 0) -> None: ...
    async def depth(self) -> Depth: ...


class DeadLetterQueue(Protocol):
    """What is needed of the dead-letter queue."""

    async def receive(self, limit: int, wait_s: int, visibility_s: int) -> tuple[Delivery, ...]: ...
    async def delete(self, delivery: Delivery) -> None: ...


class ObjectStore(Protocol):
    """What is needed of the bucket."""

    async def abort_multipart(self, key: str, upload_id: str) -> None: ...
    async def info(self, key: str) -> ObjectInfo | None: ...
    async def remove_all(self, prefix: str) -> int: ...
    def folders(self) -> AsyncIterator[tuple[str, datetime]]: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long something is left alone before it is taken for abandoned, and how often that is looked at."""

    upload: timedelta = timedelta(days=1)
    claim: timedelta = timedelta(minutes=30)
    queued: timedelta = timedelta(minutes=30)
    folder: timedelta = timedelta(days=1)
    every_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Swept:
    """How many of each were settled."""

    uploads: int = 0
    claims: int = 0
    messages: int = 0
    letters: int = 0
    folders: int = 0


class Sweeper:
    """Settles what is left; `max_attempts` is the worker's."""

    def __init__(
        self,
        table: JobStore,
        queue: JobQueue,
        dead_letters: DeadLetterQueue,
        objects: ObjectStore,
        now: Callable[[], datetime],
        *,
        max_attempts: int = jobs.MAX_ATTEMPTS,
        patience: Patience | None = None,
    ) -> None:
        self._table = table
        self._queue = queue
        self._dead_letters = dead_letters
        self._objects = objects
        self._now = now
        self._max_attempts = max_attempts
        self._patience = patience or Patience()

    async def run(self, stopping: anyio.Event, draw: Callable[[float, float], float]) -> None:
        """Sweep now and then until `stopping`; `draw` spreads the tasks' sweeps over the hour."""
        every_s = self._patience.every_s
        while True:
            with anyio.move_on_after(draw(every_s / 2, every_s * 1.5)):
                await stopping.wait()
            if stopping.is_set():
                return
            try:
                await self.sweep()
            except Exception as error:
                known = isinstance(error, ApiError)
                log.warning("sweep failed", extra={"reason": str(error)}, exc_info=None if known else error)

    async def sweep(self) -> Swept:
        """Look at everything once. Raises StoreUnavailable where a store does not answer; the next sweep goes on."""
        depth = await self._queue.depth()
        queue_is_empty = depth == Depth(0, 0)
        uploads = claims = messages = 0
        async for job in self._table.unfinished():
            match job.state:
                case JobState.CREATED | JobState.UPLOADING:
                    uploads += await self._settle_upload(job)
                case JobState.ANALYSING:
                    claims += await self._settle_claim(job)
                case JobState.QUEUED if queue_is_empty and self._is_old(job.updated_at, self._patience.queued):
                    await self._queue.send(job.owner, job.id)
                    messages += 1
        swept = Swept(uploads, claims, messages, await self._drop_letters(), await self._settle_folders())
        if swept != Swept():
            log.warning("swept", extra={name: getattr(swept, name) for name in Swept.__slots__})
        return swept

    async def _settle_upload(self, job: Job) -> bool:
        if not self._is_old(job.created_at, self._patience.upload):
            return False
        error = Failure(Code.UPLOAD_ABANDONED, "The upload was never completed.")
        if not await self._apply(job, jobs.upload_abandoned(error)):
            return False
        if job.upload_id is not None:
            await self._objects.abort_multipart(job.key, job.upload_id)
        await self._objects.remove_all(job.prefix)
        return True

    async def _settle_claim(self, job: Job) -> bool:
        ended_s = int((self._now() - self._patience.claim).timestamp())
        if job.claim is None or job.claim.until >= ended_s:
            return False
        if await self._objects.info(job.result_place) is not None:
            return await self._apply(job, jobs.left_with_result(ended_s, job.result_place))
        if job.attempts >= self._max_attempts:
            return await self._apply(job, jobs.left_for_good(ended_s, jobs.exhausted(job)))
        # Message before state, as everywhere: a message too many is put off, one too few is lost work.
        await self._queue.send(job.owner, job.id)
        return await self._apply(job, jobs.left_behind(ended_s))

    async def _drop_letters(self) -> int:
        dropped = 0
        while letters := await self._dead_letters.receive(10, 0, LETTERS_HIDDEN_S):
            for letter in letters:
                job = await self._table.get(letter.owner, letter.job_id)
                if job is None or job.state in (JobState.DONE, JobState.DELETED):
                    await self._dead_letters.delete(letter)
                    dropped += 1
        return dropped

    async def _settle_folders(self) -> int:
        removed = 0
        async for prefix, newest in self._objects.folders():
            owner, job_id = prefix.split("/")[1:3]
            if not ids.is_id(job_id) or not self._is_old(newest, self._patience.folder):
                continue
            job = await self._table.get(Owner(owner), job_id)
            if job is None or job.state is JobState.DELETED:
                log.warning("objects without a job", extra={"job_id": job_id})
                await self._objects.remove_all(prefix)
                removed += 1
                if removed == MOST_REMOVED:
                    break
        return removed

    async def _apply(self, job: Job, change: Change) -> bool:
        try:
            await self._table.apply(job.owner, job.id, change, self._now())
        except ChangeRefused:
            return False  # somebody came back to it after all
        log.info("settled", extra={"job_id": job.id, "state": change.to, **_measured(change)})
        return True

    def _is_old(self, at: datetime, after: timedelta) -> bool:
        return self._now() - at > after


def _measured(change: Change) -> dict[str, object]:
    match change.to, change.values.get("error"):
        case JobState.DONE, _:
            return ended("done")
        case JobState.FAILED, Failure(code):
            return ended(code)
    return {}
