"""When to leave the model server alone: a circuit breaker over time, without I/O.

Closed: work flows. Open: nobody asks until `wait_s` is over; then one probe decides. Each opening in a row
waits twice as long as the one before, with full jitter (AWS Architecture Blog, "Exponential backoff and
jitter", 2015), so that the tasks of the service do not come back in step.
"""

from __future__ import annotations

import random
from collections.abc import Callable

BASE_S = 1.0
CEILING_S = 30.0
LONGEST_WISH_S = 300.0
"""A `Retry-After` beyond this is cut: the box may be replaced by a healthy one meanwhile."""


def backoff_s(failures: int, draw: Callable[[float, float], float] = random.uniform) -> float:
    """Return the pause after `failures` (1 or more) in a row: between half and all of 1, 2, 4 ... 30 s."""
    ceiling = min(CEILING_S, BASE_S * 2.0 ** min(failures - 1, 16))
    return draw(ceiling / 2, ceiling)


class Circuit:
    """Remembers failures of the model server; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float], draw: Callable[[float, float], float] = random.uniform) -> None:
        self._clock = clock
        self._draw = draw
        self._failures = 0
        self._until: float | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether the model server is to be left alone until a probe succeeds."""
        return self._until is not None

    @property
    def wait_s(self) -> float:
        """Return the seconds until the next probe may be made; 0 if it may be made now."""
        return 0.0 if self._until is None else max(0.0, self._until - self._clock())

    def open(self, retry_after_s: float | None = None) -> float:
        """Note a failure and return the pause in seconds; the server's own wish prolongs it."""
        self._failures += 1
        pause = backoff_s(self._failures, self._draw)
        if retry_after_s is not None:
            pause = max(pause, min(retry_after_s, LONGEST_WISH_S))
        self._until = self._clock() + pause
        return pause

    def half_close(self) -> None:
        """Let work flow again after a successful probe; only a success forgets the failures."""
        self._until = None

    def close(self) -> None:
        """Note a success."""
        self._failures = 0
        self._until = None
