"""Work that goes on one step behind: while a frame is looked at, the decoder is already at the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from kit.video import Frame

MOST_WAITING = 4
"""Frames that wait to be looked at: each is held in the decoder's memory."""


class Behind:
    """Calls `work` with the frames that are `put`, in that order, in a thread of its own.

    What it raises is raised by a later `put`, or at the end.
    """

    def __init__(self, work: Callable[[Frame], None]) -> None:
        self._work = work
        self._waiting: deque[Future[None]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="behind")

    def put(self, frame: Frame) -> None:
        """Take on one more; waits where too many do."""
        while len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._work, frame))

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the rest; where something was raised in between, leave it."""
        self._thread.shutdown(wait=True, cancel_futures=error is not None)
        if error is None:
            for one in self._waiting:
                one.result()
