"""The least boxes whose 95th percentile of the wait keeps a target: by simulation, and by the closed form beside it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tools.scaling.plant import Outage, Plant, ServiceTimes, Video
from tools.scaling.simulation import Outcome, Simulation
from tools.scaling.theory import Queue

SHARE = 0.95
_MOST_BOXES = 200


class TooMany(ValueError):
    """No number of boxes that we try keeps the target."""

    def __init__(self, target: float) -> None:
        super().__init__(
            f"{_MOST_BOXES} boxes do not bring the 95th percentile of the wait under {target:g} s. Next: a longer "
            "--target-s, or more --tasks and --slots, if these keep videos from idle readers"
        )


@dataclass(frozen=True)
class Sizing:
    """What a rate needs. `theory`: the closed form's wait at these boxes; `theory_boxes`: its own answer."""

    plant: Plant
    outcome: Outcome
    utilisation: float
    theory: float
    theory_boxes: int


def held(plant: Plant, service: ServiceTimes, videos: Sequence[Video]) -> list[float]:
    """Seconds for which a video holds its reader, in a box whose readers all work: no waiting but for its batch."""
    return [
        (one.read + one.write) * plant.stretch + plant.batch_wait + service.batch + service.window * one.windows
        for one in videos
    ]


def queue(plant: Plant, seconds: Sequence[float], rate: float) -> Queue:
    """The closed form of this plant: one queue before all its readers, or before the API's slots if these are less."""
    mean = statistics.fmean(seconds)
    servers = min(plant.boxes * plant.readers, plant.tasks * plant.slots)
    return Queue(rate, servers, mean, statistics.pstdev(seconds) / mean)


def of_boxes(plant: Plant, boxes: int) -> Plant:
    """So many boxes; and where `plant.tasks` is 0, API tasks for twice as many jobs as there are readers."""
    return replace(plant, boxes=boxes, tasks=plant.tasks or math.ceil(2 * boxes * plant.readers / plant.slots))


def least_boxes(plant: Plant, seconds: Sequence[float], rate: float, target: float) -> int:
    """By the closed form, at a steady `rate` a second. Raises TooMany."""
    for boxes in range(1, _MOST_BOXES):
        if queue(of_boxes(plant, boxes), seconds, rate).wait_at(SHARE) <= target:
            return boxes
    raise TooMany(target)


def size(
    plant: Plant,
    service: ServiceTimes,
    videos: Sequence[Video],
    rate: float,
    target: float,
    outages: Sequence[Outage] = (),
) -> Sizing:
    """By simulation, one box after the other; `rate` is that of the busiest hour, a second. Raises TooMany."""
    seconds = held(plant, service, videos)
    closed = least_boxes(plant, seconds, rate, target)
    # Fewer than the mean load needs cannot do, and would only take long to say so.
    mean_load = sum(seconds) / max(videos[-1].arrives - videos[0].arrives, 1.0)
    least = max(max((one.box + 1 for one in outages), default=1), math.ceil(mean_load / plant.readers))
    for boxes in range(least, _MOST_BOXES):
        tried = of_boxes(plant, boxes)
        outcome = Simulation(tried, service, videos, outages).run()
        if not outcome.failed and outcome.wait_at(SHARE) <= target:
            used = outcome.busy / (outcome.span * boxes * plant.readers)
            return Sizing(tried, outcome, used, queue(tried, seconds, rate).wait_at(SHARE), closed)
    raise TooMany(target)
