"""Blocking work as a stream of events: it runs in a thread, reports progress, and stops when nobody listens."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

from kit.contract import Progress

T = TypeVar("T")
Report = Callable[[str, float], None]
"""Called by the work with a stage and the fraction done; raises Abandoned once nobody listens."""


class Abandoned(BaseException):
    """Nobody waits for this work. Not an Exception: work that catches everything must not catch this."""


class Work(Generic[T]):
    """Runs `work(report)` in a thread.

    Iterate `events()` to the end, then take `value`. If the iteration is closed or cancelled, the next report inside
    the thread raises Abandoned, and the iteration ends only when the thread has: what the work uses may then go.
    """

    def __init__(self, work: Callable[[Report], T], every: float = 0.01) -> None:
        self._work = work
        self._every = every
        self._abandoned = threading.Event()
        self._last: tuple[str, float] = ("", -1.0)

    async def events(self) -> AsyncGenerator[Progress, None]:
        """Progress, at most one event for each `every` of a stage. Raises what the work raises."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Progress | None] = asyncio.Queue()

        def report(stage: str, fraction: float) -> None:
            if self._abandoned.is_set():
                raise Abandoned
            if self._worth_telling(stage, fraction):
                loop.call_soon_threadsafe(queue.put_nowait, Progress(stage, fraction))

        running = asyncio.ensure_future(asyncio.to_thread(self._run, report))
        running.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            self.value = running.result()
        finally:
            self._abandoned.set()
            if not running.done():
                await _ended(running)

    def _run(self, report: Report) -> T:
        try:
            return self._work(report)
        except Abandoned as abandoned:
            # A BaseException would stop the event loop that collects it.
            raise asyncio.CancelledError from abandoned

    def _worth_telling(self, stage: str, fraction: float) -> bool:
        last_stage, last_fraction = self._last
        # A stage that begins anew goes back: whoever waits has to hear that it is not silent.
        if stage == last_stage and fraction < 1.0 and 0.0 <= fraction - last_fraction < self._every:
            return False
        self._last = (stage, fraction)
        return True


async def _ended(running: "asyncio.Future[T]") -> None:
    """Wait for the thread, even while this task is being cancelled over and over."""
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError:
            continue
    if not running.cancelled():
        running.exception()  # seen, so that asyncio does not complain of it
