"""Waiting at c readers in closed form: M/G/c with the Lee-Longton correction.

M/M/c: A. K. Erlang, 1917 (L. Kleinrock, Queueing Systems 1, 1975, section 3.5). For other service times its mean wait
times (1 + cv^2) / 2: A. M. Lee and P. A. Longton, 1959; exact for c = 1 (Pollaczek-Khinchine) and for exponential
times. The tail of the wait of those who wait, exponential: W. Whitt, Approximations for the GI/G/m queue, 1993.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Queue:
    """Arrivals `rate` a second, `servers`, service times of `mean` seconds with coefficient of variation `cv`."""

    rate: float
    servers: int
    mean: float
    cv: float = 1.0

    @property
    def load(self) -> float:
        """Servers that are busy on average, in Erlang."""
        return self.rate * self.mean

    @property
    def utilisation(self) -> float:
        """Share of its time that a server is busy; from 1 on the queue grows for ever."""
        return self.load / self.servers

    @property
    def waiting(self) -> float:
        """Probability of having to wait (Erlang C), 1 without steady state."""
        if self.utilisation >= 1:
            return 1.0
        blocked = 1.0  # Erlang B by its recursion, which does not overflow
        for servers in range(1, self.servers + 1):
            blocked = self.load * blocked / (servers + self.load * blocked)
        return blocked / (1 - self.utilisation * (1 - blocked))

    @property
    def mean_wait(self) -> float:
        """Seconds, of all who come."""
        if self.utilisation >= 1:
            return math.inf
        return (1 + self.cv**2) / 2 * self.waiting * self.mean / (self.servers - self.load)

    def wait_at(self, share: float) -> float:
        """Seconds that this share of those who come do not exceed."""
        if self.utilisation >= 1:
            return math.inf
        if self.waiting <= 1 - share:
            return 0.0
        return self.mean_wait / self.waiting * math.log(self.waiting / (1 - share))
