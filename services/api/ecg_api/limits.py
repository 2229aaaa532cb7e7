"""How often one owner may ask: a token bucket each, in a bounded table. Pure but for the clock that it is given.

Each task of the service counts for itself, so the service as a whole allows as many times more as it has tasks. It is
there against one client that runs away, not against a crowd.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from ecg_api.jobs import Owner

MOST = 10_000
"""Owners that are remembered; beyond them whoever has not asked for the longest time begins anew."""


class RateLimit:
    """Allows `per_s` requests a second to each owner in the long run, and `burst` at once; `clock` is monotonic."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float], most: int = MOST) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[Owner, tuple[float, float]] = OrderedDict()

    def take(self, owner: Owner) -> float:
        """Count a request of `owner`; return 0, or the seconds after which the next one will be allowed."""
        now = self._clock()
        left, at = self._buckets.pop(owner, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        wait = 0.0 if left >= 1 else (1 - left) / self._per_s
        self._buckets[owner] = (left - 1 if wait == 0 else left, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait
