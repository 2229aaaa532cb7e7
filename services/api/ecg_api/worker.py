"""The worker: takes jobs from the queue and has the model server analyse them.

    receive -> claim -> analyse (progress, kept hidden, watched) -> store the result -> done -> drop the message

What makes at-least-once delivery exactly-once in effect:

- A delivery must claim the job (a conditional write); the claim's token guards every later write, so of two
  workers at most one gets through.
- The result is written only if there is none, then the job becomes done. A worker that dies between the two
  leaves a result that its successor finds and keeps; where there is no successor, since it was the last attempt,
  the sweep does.
- A message is deleted only once its job is final, or replaced by a fresh message that was sent before. So
  whoever dies at whatever point leaves a final job or a message, and any message can take the job up when its
  claim has ended. A worker that lost its claim touches neither.
- That the model server is away counts for nothing: the job goes back to queued under a fresh message, whose
  count of deliveries starts anew, and the circuit stops further receiving.
"""

from __future__ import annotations

import contextlib
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol, TypeVar, assert_never

import anyio
from anyio.abc import TaskGroup

from ecg_api import jobs
from ecg_api.attempt import (
    Analyser,
    Attempts,
    Broken,
    Lost,
    Outcome,
    Rejected,
    Stored,
    Untried,
    WorkerTiming,
    lease_end,
)
from ecg_api.circuit import Circuit, backoff_s
from ecg_api.errors import (
    ApiError,
    ChangeRefused,
    StoreUnavailable,
)
from ecg_api.jobs import Change, Claim, Failure, Job, JobState, Owner
from ecg_api.logs import job_context
from ecg_api.metrics import ATTEMPTS, WAITS, ended
from ecg_api.objects import ObjectInfo
from ecg_api.queue import Delivery
from ecg_api.tracing import attempt

log = logging.getLogger(__name__)

T = TypeVar("T")


class JobStore(Protocol):
    """What the worker needs of the jobs table."""

    async def get(self, owner: Owner, job_id: str) -> Job | None: ...
    async def apply(self, owner: Owner, job_id: str, change: Change, now: datetime) -> Job: ...


class WorkQueue(Protocol):
    """What the worker needs of the queue."""

    async def send(self, owner: Owner, job_id: str, delay_s: float = 0) -> None: ...
    async def receive(self, limit: int, wait_s: int, visibility_s: int) -> tuple[Delivery, ...]: ...
    async def delete(self, delivery: Delivery) -> None: ...
    async def hide(self, delivery: Delivery, seconds: float) -> None: ...
    async def max_receives(self) -> int | None: ...


class ResultStore(Protocol):
    """What the worker needs of the bucket."""

    @property
    def bucket(self) -> str: ...
    async def put_once(self, key: str, body: bytes, content_type: str) -> bool: ...
    async def info(self, key: str) -> ObjectInfo | None: ...
    async def remove_all(self, prefix: str) -> int: ...


class Worker:
    """Analyses jobs, `concurrency` at a time, until `stopping` is set.

    Args:
        table, queue, objects, analyser: the rim.
        circuit: shared by everything that asks this model server.
        stopping: set when the process is to end; work under way is handed back.
        now: the time in UTC.
        clock: monotonic seconds, for the throttling of progress.
        backoff: seconds to wait after so many failures in a row.
        max_attempts: attempts after which a job has failed, unless the queue's own limit is known.
    """

    def __init__(
        self,
        table: JobStore,
        queue: WorkQueue,
        objects: ResultStore,
        analyser: Analyser,
        *,
        circuit: Circuit,
        stopping: anyio.Event,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        concurrency: int = 2,
        max_attempts: int = jobs.MAX_ATTEMPTS,
        timing: WorkerTiming | None = None,
        backoff: Callable[[int], float] = backoff_s,
    ) -> None:
        self._table = table
        self._queue = queue
        self._objects = objects
        self._analyser = analyser
        self._circuit = circuit
        self._stopping = stopping
        self._now = now
        self._clock = clock
        self._concurrency = concurrency
        self._max_attempts = max_attempts
        self._timing = timing or WorkerTiming()
        self._backoff = backoff
        self._attempts = Attempts(
            table,
            queue,
            analyser,
            bucket=objects.bucket,
            stopping=stopping,
            now=now,
            clock=clock,
            timing=self._timing,
        )

    async def run(self) -> None:
        """Work until stopped, then let what is under way hand itself back, and return."""
        log.info("worker starts")
        slots = anyio.Semaphore(self._concurrency)
        async with anyio.create_task_group() as group:
            await self._learn_limit()
            failures = 0
            while not self._stopping.is_set():
                try:
                    if self._circuit.is_open:
                        await self._probe()
                    else:
                        await self._take(group, slots)
                    failures = 0
                except Exception as error:
                    # The loop outlives everything: a worker that is gone is a service that looks healthy.
                    failures += 1
                    log.warning("receiving failed", extra={"reason": str(error)}, exc_info=_trace(error))
                    await self._pause(self._backoff(failures))
        log.info("worker stopped")

    async def handle(self, delivery: Delivery) -> None:
        """Do what one delivery asks for. Never raises for what the rim does; then the message comes again."""
        with job_context(delivery.job_id):
            try:
                await self._handle(delivery)
            except Exception as error:
                # Left in the queue, it is delivered again once its visibility runs out.
                log.warning("delivery is left", extra={"reason": str(error)}, exc_info=_trace(error))

    async def _learn_limit(self) -> None:
        try:
            self._max_attempts = await self._queue.max_receives() or self._max_attempts
        except StoreUnavailable as error:
            log.warning("the queue's limit is not known", extra={"reason": str(error)})

    async def _take(self, group: TaskGroup, slots: anyio.Semaphore) -> None:
        await slots.acquire()
        taken = 1
        try:
            if self._stopping.is_set():
                return
            while taken < self._concurrency and slots.value > 0:
                slots.acquire_nowait()
                taken += 1
            found = await self._queue.receive(min(taken, 10), self._timing.poll_s, self._timing.visibility_s)
            for delivery in found:
                group.start_soon(self._handle_in_slot, delivery, slots)
                taken -= 1
        finally:
            for _ in range(taken):
                slots.release()

    async def _handle_in_slot(self, delivery: Delivery, slots: anyio.Semaphore) -> None:
        try:
            await self.handle(delivery)
        finally:
            slots.release()

    async def _probe(self) -> None:
        await self._pause(self._circuit.wait_s)
        if self._stopping.is_set():
            return
        if await self._analyser.healthy():
            self._circuit.half_close()
        else:
            pause = self._circuit.open()
            log.info("the model server is away", extra={"retry_in_s": round(pause, 1)})

    async def _pause(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await self._stopping.wait()

    async def _handle(self, delivery: Delivery) -> None:
        claim = Claim(uuid.uuid4().hex, delivery.message_id, lease_end(self._now(), self._timing))
        try:
            job = await self._insist(delivery, lambda: self._claim(delivery, claim))
        except ChangeRefused as refused:
            await self._settle_refused(delivery, refused.current)
            return
        began = self._clock()
        outcome: Outcome
        if self._stopping.is_set():
            outcome = Untried("the process stops", blames=False)
        elif self._circuit.is_open:
            outcome = Untried("the circuit is open", self._circuit.wait_s, blames=False)
        else:
            with attempt(job.id, job.attempts) as span:
                outcome = await self._attempts.make(job, claim, delivery)
                span.set_attribute("ecg.outcome", type(outcome).__name__.lower())
            took = {"analysis_s": round(self._clock() - began, 3), "outcome": type(outcome).__name__.lower()}
            log.info("attempt ends", extra={**took, "app": job.app or "default", "metrics": ATTEMPTS})
        await self._insist(delivery, lambda: self._settle(job, claim, delivery, outcome))

    async def _insist(self, delivery: Delivery, step: Callable[[], Awaitable[T]]) -> T:
        """Repeat `step` while a store is away, holding the message: being received again would count.

        Steps are written so that repeating one which happened after all does no harm.
        """
        failures = 0
        while True:
            try:
                return await step()
            except StoreUnavailable as error:
                if self._stopping.is_set():
                    raise
                failures += 1
                log.warning("a store is away", extra={"reason": str(error)})
                with contextlib.suppress(StoreUnavailable):
                    await self._queue.hide(delivery, self._timing.visibility_s)
                await self._pause(self._backoff(failures))

    async def _claim(self, delivery: Delivery, claim: Claim) -> Job:
        owner, job_id = delivery.owner, delivery.job_id
        current = await self._table.get(owner, job_id)
        if current is not None and current.claim == claim:
            return current  # written by an earlier try, whose answer was lost
        if current is not None and current.state is JobState.UPLOADING:
            # The message is sent before the job becomes queued, and only for a verified upload: finish that.
            with contextlib.suppress(ChangeRefused):
                await self._table.apply(owner, job_id, jobs.queued(), self._now())
        now = self._now()
        job = await self._table.apply(owner, job_id, jobs.claimed(claim, int(now.timestamp())), now)
        line: dict[str, object] = {"attempt": job.attempts}
        if current is not None and current.state is JobState.QUEUED:
            line |= {"waited_s": round((now - current.updated_at).total_seconds(), 3), "metrics": WAITS}
        log.info("analysis starts", extra=line)
        return job

    async def _settle_refused(self, delivery: Delivery, current: Job | None) -> None:
        match current.state if current else None:
            case JobState.DELETED:
                await self._objects.remove_all(jobs.object_prefix(delivery.owner, delivery.job_id))
                await self._queue.delete(delivery)
            case None | JobState.DONE | JobState.FAILED:
                log.info("nothing left to do")
                await self._queue.delete(delivery)
            case JobState.ANALYSING:
                # Claimed under another message. This one may yet be the only one left, should that worker die.
                log.info("a duplicate is put off")
                await self._queue.hide(delivery, self._timing.duplicate_s)
            case _:
                log.error("a message for a job that is not to be analysed")

    async def _settle(self, job: Job, claim: Claim, delivery: Delivery, outcome: Outcome) -> None:
        """Turn the outcome into the job's next state; lost claims end in `_step_aside`."""
        try:
            match outcome:
                case Stored(document):
                    self._circuit.close()
                    await self._store(job, claim, document)
                    await self._queue.delete(delivery)
                case Rejected(error):
                    self._circuit.close()
                    await self._fail(job, claim, error)
                    await self._queue.delete(delivery)
                case Broken(reason):
                    await self._count(job, claim, delivery, reason)
                case Untried(reason, retry_after_s, blames):
                    pause = self._circuit.open(retry_after_s) if blames else retry_after_s or 0.0
                    log.info("handed back", extra={"reason": reason, "retry_in_s": round(pause, 1)})
                    await self._apply(job, jobs.handed_back(claim.token))
                    await self._requeue(delivery, pause)
                case Lost():
                    await self._step_aside(job, delivery)
                case _:
                    assert_never(outcome)
        except ChangeRefused:
            await self._step_aside(job, delivery)

    async def _store(self, job: Job, claim: Claim, document: dict[str, Any]) -> None:
        body = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        if not await self._objects.put_once(job.result_place, body, "application/json"):
            log.info("an earlier attempt's result stands")
        await self._apply(job, jobs.done(claim.token, job.result_place))
        log.info("analysis ends", extra=ended("done"))

    async def _fail(self, job: Job, claim: Claim, error: Failure) -> JobState:
        """End the job with `error`, or as done where an earlier attempt died after it had stored the result."""
        if await self._objects.info(job.result_place) is not None:
            log.info("an earlier attempt's result stands", extra={"reason": error.code})
            change, code = jobs.done(claim.token, job.result_place), "done"
        else:
            change, code = jobs.failed(claim.token, error), error.code
        await self._apply(job, change)
        log.info("analysis ends", extra=ended(code))
        return change.to

    async def _count(self, job: Job, claim: Claim, delivery: Delivery, reason: str) -> None:
        limit = self._max_attempts
        if job.attempts < limit and delivery.receive_count < limit:
            pause = self._backoff(job.attempts)
            log.warning("attempt failed", extra={"reason": reason, "retry_in_s": round(pause, 1)})
            await self._apply(job, jobs.to_be_retried(claim.token))
            await self._queue.hide(delivery, pause)
            return
        log.error("attempts exhausted", extra={"reason": reason, "attempt": job.attempts})
        state = await self._fail(job, claim, jobs.exhausted(job))
        if state is JobState.DONE or delivery.receive_count < limit:
            await self._queue.delete(delivery)
        # Otherwise it is left: SQS moves it to the dead-letter queue, where an operator sees it.

    async def _step_aside(self, job: Job, delivery: Delivery) -> None:
        current = await self._table.get(job.owner, job.id)
        if current is None or current.state is JobState.DELETED:
            removed = await self._objects.remove_all(job.prefix)
            log.info("deleted meanwhile", extra={"objects_removed": removed})
            await self._queue.delete(delivery)
            return
        if current.state is JobState.DONE:
            # For good, so no delivery of it has anything left to do: this one may be the last there is.
            await self._queue.delete(delivery)
            return
        # Another delivery of the same message has the job; deleting it could take it from under that one.
        log.info("another delivery has the job")

    async def _requeue(self, delivery: Delivery, delay_s: float) -> None:
        """Replace the message by a fresh one: what did not happen must not bring it nearer to being dropped."""
        await self._queue.send(delivery.owner, delivery.job_id, delay_s)
        await self._queue.delete(delivery)

    async def _apply(self, job: Job, change: Change) -> None:
        await self._table.apply(job.owner, job.id, change, self._now())


def _trace(error: Exception) -> Exception | None:
    """Return the error for the log's trace if nobody foresaw it."""
    return None if isinstance(error, ApiError) else error
