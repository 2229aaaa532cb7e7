"""Videos that arrive: a Poisson process, even or with a day's peaks."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from enum import StrEnum

from tools.scaling.plant import FRAME_RATE, ServiceTimes, Video

HOUR = 3600.0
DAY_SHAPE = (1, 1, 1, 1, 1, 2, 4, 8, 20, 28, 24, 16, 10, 16, 20, 16, 12, 8, 6, 5, 4, 3, 2, 2)
"""Weight of each hour: a day of two surgeries. Made up, no data stand behind it; its peak is 3.2 times its mean."""


class Profile(StrEnum):
    """How arrivals lie over the day."""

    EVEN = "even"
    DAY = "day"

    def rate(self, mean: float, at: float) -> float:
        """Arrivals a second, `at` seconds after midnight, where the day's mean is `mean` a second."""
        if self is Profile.EVEN:
            return mean
        return mean * DAY_SHAPE[int(at / HOUR) % 24] * 24 / sum(DAY_SHAPE)

    @property
    def peak(self) -> float:
        """The busiest hour's rate over the mean."""
        return 1.0 if self is Profile.EVEN else max(DAY_SHAPE) * 24 / sum(DAY_SHAPE)


def videos(
    an_hour: float,
    hours: float,
    service: ServiceTimes,
    *,
    profile: Profile = Profile.EVEN,
    duration: float = 30.0,
    duration_cv: float = 0.5,
    transfer: float = 0.0,
    seed: int = 1,
) -> Iterator[Video]:
    """In the order of arrival, by thinning (Lewis and Shedler, 1979).

    Durations are log-normal with mean `duration` seconds; each video takes, a frame, what one of the measured ones
    took. `transfer` seconds of download and upload come on top of the reading.
    """
    draw = random.Random(seed)  # noqa: S311 traffic, no secret
    mean = an_hour / HOUR
    spread = math.log(1 + duration_cv**2)
    now = 0.0
    while True:
        now += draw.expovariate(mean * profile.peak)
        if now >= hours * HOUR:
            return
        if draw.random() * mean * profile.peak > profile.rate(mean, now):
            continue
        long = draw.lognormvariate(math.log(duration) - spread / 2, math.sqrt(spread))
        read = draw.choice(service.read_per_frame) * long * FRAME_RATE
        yield Video(now, read + transfer, service.write, max(1, round(service.windows_per_s * long)))
