"""How often a stack is looked at while something is waited for: young operations soon, old ones seldom.

    pause = a tenth of what was waited so far, between 0.2 and 2 s; longer where many wait, who share ten calls a second

A tenth: whatever an operation takes, its end is seen at most a tenth later. Ten calls: DescribeStacks is throttled at
about that rate in an account (see `generator/aws/live_stacks.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

SOON_SECONDS, LATE_SECONDS = 0.2, 2.0
SHARE = 0.1
CALLS_PER_SECOND = 10.0


class Pace:
    """Shared by all who wait in one run."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Be counted among those who wait."""
        with self._lock:
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def pause(self, waited: float) -> float:
        """Seconds until the next look, for someone who has waited for so many."""
        return max(min(max(waited * SHARE, SOON_SECONDS), LATE_SECONDS), self._waiting / CALLS_PER_SECOND)
