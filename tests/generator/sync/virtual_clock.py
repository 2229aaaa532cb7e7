"""A clock that jumps, so that an hour passes in seconds, and always the same hour.

The engine runs on it as it is, threads and all. Whoever waits sleeps on the clock, and the clock jumps to the earliest
sleeper as soon as no thread has anything else to do.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from itertools import count
from threading import Event, RLock, local
from typing import Any


class VirtualClock:
    """A Clock, and the maker of the threads that sleep on it.

    It knows of the threads of `threads`, and of the one that made them while these are at work: it jumps only when all
    of them sleep or wait for each other. Any other thread's sleep ends at once if none of them is awake.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._awake = 0
        self._sleepers: list[tuple[float, int, Event, bool]] = []
        self._numbers = count()
        self._known = local()
        self.lock = RLock()

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        woken, known = Event(), self.known
        with self.lock:
            heapq.heappush(self._sleepers, (self._now + seconds, next(self._numbers), woken, known))
            if known:
                self._awake -= 1
            self._jump()
        woken.wait()

    def threads(self, most: int) -> Executor:
        return _Threads(self, most)

    @property
    def known(self) -> bool:
        """The calling thread is one of those that hold time up."""
        return getattr(self._known, "known", False)

    def wake(self) -> None:
        """A thread has something to do: time stands still."""
        with self.lock:
            self._awake += 1

    def rest(self) -> None:
        """A thread has nothing to do, until `wake`."""
        with self.lock:
            self._awake -= 1
            self._jump()

    def mark(self, known: bool) -> None:
        self._known.known = known

    def _jump(self) -> None:
        while self._awake == 0 and self._sleepers:
            self._now = max(self._now, self._sleepers[0][0])
            while self._sleepers and self._sleepers[0][0] <= self._now:
                _, _, woken, known = heapq.heappop(self._sleepers)
                self._awake += known
                woken.set()
                if not known:
                    return


class _Threads(ThreadPoolExecutor):
    def __init__(self, clock: VirtualClock, most: int) -> None:
        super().__init__(most)
        self._clock, self._most, self._tasks = clock, most, 0
        self._clock.wake()  # whoever makes the threads
        self._open = True

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        with self._clock.lock:
            # Of more tasks than threads, those that wait for a thread do not hold time up.
            if self._tasks < self._most:
                self._clock.wake()
            self._tasks += 1
        future = super().submit(self._run, work, *given, **named)
        future.result = partial(self._result, future.result)  # type: ignore[method-assign]
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if self._open:
            self._open = False
            self._clock.rest()
        super().shutdown(wait, cancel_futures=cancel_futures)

    def _result(self, result: Callable[[float | None], Any], timeout: float | None = None) -> Any:
        """While the maker waits for a task it holds nothing up."""
        self._clock.rest()
        try:
            return result(timeout)
        finally:
            self._clock.wake()

    def _run(self, work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        self._clock.mark(known=True)
        try:
            return work(*given, **named)
        finally:
            with self._clock.lock:
                self._tasks -= 1
                if self._tasks < self._most:
                    self._clock.rest()
