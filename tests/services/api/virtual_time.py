"""Time that passes as soon as nobody has anything to do: days of waiting take as long as the work in them."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tests.services.api.fake_stores import FakeClock

T = TypeVar("T")


class _Skipping(selectors.SelectSelector):
    """Moves the clock where others would wait."""

    elapsed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(None if timeout is None else 0)
        if not ready and timeout is not None:
            self.elapsed_s += max(timeout, 0.0)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose sleeps and deadlines take no time; it begins at 0 s."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.elapsed_s


class LoopClock(FakeClock):
    """The fakes' clock on the running loop's time."""

    def now(self) -> datetime:
        return self.time + timedelta(seconds=asyncio.get_running_loop().time())

    def monotonic(self) -> float:
        return self.time.timestamp() + asyncio.get_running_loop().time()


def run(story: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `story` in virtual time, in a thread of its own: an application takes signals in the main one only."""

    def whole() -> T:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(story())

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(whole).result()
