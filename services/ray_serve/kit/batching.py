"""Requests put together, counted in units and bounded in memory. No Ray here.

For `ecg_rhythm` a request is a whole video and a unit is one beat's window. Per-request cost dominates small requests,
so all of a video's units travel as one request, and videos share a batch up to the policy's limit. A video with more
units than that goes alone, through the model in slices.

Ray's own `serve.batch` is not used: it cuts batches while the model is still busy with the one before, sends a request
that did not fit to the end of the queue, and does not run in Ray's local testing mode. Here the batch is cut when the
model is free, in the order of arrival.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from kit.metrics import BatchMeter, Silent

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Array = npt.NDArray[np.float32]

_KB, _MB = 1024, 1024 * 1024


class BatchPolicy(BaseModel):
    """`batching` in a deployment's user_config, as rendered from `Batching` in generator/serve_apps.py."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_size: int = Field(default=256, ge=1)
    wait_ms: float = Field(default=5.0, ge=0)
    max_mb: float | None = Field(default=None, gt=0)
    """Memory that one batch may take, in MiB; None for no such limit."""
    unit_kb: float | None = Field(default=None, gt=0)
    """What one unit takes where it cannot be measured (on a CPU), in KiB."""

    @classmethod
    def of(cls, user_config: Mapping[str, Any]) -> "BatchPolicy":
        """Raises pydantic's ValidationError; Ray then reports it, and the old configuration stays."""
        return cls.model_validate(user_config.get("batching", {}))

    def most_units(self, measured_bytes: float | None = None) -> int:
        """Units that may go through the model at once: what the count and the memory both allow, 1 at least.

        `measured_bytes` is what one unit takes, as `kit.warmup` measured it on CUDA; it wins over `unit_kb`.
        """
        unit = measured_bytes or (self.unit_kb or 0.0) * _KB
        if self.max_mb is None or not unit:
            return self.max_size
        return max(1, min(self.max_size, int(self.max_mb * _MB / unit)))


@dataclass(slots=True)
class _Waiting(Generic[Item, Answer]):
    """One caller's request."""

    item: Item
    units: int
    since: float
    answer: "asyncio.Future[Answer]"


class Batcher(Generic[Item, Answer]):
    """Calls `run(items)` for several callers at once; `await batcher(item)` gives one caller its own answer.

    Make it in the deployment's constructor and call `configure` from its `reconfigure`. One batch runs at a time; the
    next one gathers meanwhile.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        size: Callable[[Item], int],
        *,
        unit_bytes: float | None = None,
        meter: BatchMeter | None = None,
    ) -> None:
        self._run = run
        self._size = size
        self._unit_bytes = unit_bytes
        self._meter = meter or Silent()
        self._policy = BatchPolicy()
        self._queue: deque[_Waiting[Item, Answer]] = deque()
        self._arrived = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self.seen: Counter[tuple[int, int]] = Counter()
        """How often a batch had (requests, units)."""

    @property
    def most_units(self) -> int:
        """Units that may go through the model at once, now."""
        return self._policy.most_units(self._unit_bytes)

    def configure(self, policy: BatchPolicy) -> None:
        """Takes effect with the next batch; nothing restarts."""
        self._policy = policy

    async def __call__(self, item: Item) -> Answer:
        """One caller's answer. Raises what `run` raised, for every caller of that batch."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting[Item, Answer](item, max(1, self._size(item)), time.monotonic(), loop.create_future())
        self._queue.append(waiting)
        self._arrived.set()
        if self._worker is None or self._worker.done():
            # In a context of its own: a batch belongs to no single job.
            self._worker = loop.create_task(self._work(), context=Context())
        return await waiting.answer

    async def _work(self) -> None:
        """Batch after batch, until nobody waits."""
        while self._queue:
            await self._company()
            if batch := self._cut():
                await self._answer(batch)

    async def _company(self) -> None:
        """Wait until a full batch is there, or the first has waited as long as the policy says."""
        until = self._queue[0].since + self._policy.wait_ms / 1000
        while sum(one.units for one in self._queue) < self.most_units and (left := until - time.monotonic()) > 0:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                return

    def _cut(self) -> list[_Waiting[Item, Answer]]:
        """As many as fit, in order, the first in any case. Who does not wait any more is left out."""
        batch: list[_Waiting[Item, Answer]] = []
        units = 0
        while self._queue:
            first = self._queue[0]
            if not first.answer.done():
                if batch and units + first.units > self.most_units:
                    break
                batch.append(first)
                units += first.units
            self._queue.popleft()
        return batch

    async def _answer(self, batch: Sequence[_Waiting[Item, Answer]]) -> None:
        items, units = [one.item for one in batch], sum(self._size(one.item) for one in batch)
        self.seen[len(batch), units] += 1
        try:
            self._meter.batch(len(batch), units, time.monotonic() - batch[0].since)
            answers = await self._run(items)
            if len(answers) != len(items):
                raise RuntimeError(f"the batch had {len(items)} requests and was given {len(answers)} answers")
        except asyncio.CancelledError:
            for one in batch:
                one.answer.cancel()
            raise
        except Exception as error:
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, answer in zip(batch, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answer)


def in_slices(run: Callable[..., Array], most: int, *arrays: Array) -> Array:
    """`run` over arrays that are equally long, at most `most` rows at a time: memory is bounded whatever comes."""
    rows = len(arrays[0])
    parts = [run(*(array[start : start + most] for array in arrays)) for start in range(0, max(rows, 1), most)]
    return np.concatenate(parts)


def apart(rows: Array, sizes: Sequence[int]) -> list[Array]:
    """Give each request its own rows back; `sizes` are in the order in which they were put together."""
    return np.split(rows, np.cumsum(sizes)[:-1])
