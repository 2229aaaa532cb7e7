"""A thing and what was read of it -> its health."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, assert_never

from generator.sync.health.distribution import distribution
from generator.sync.health.ecs_service import service
from generator.sync.health.instance import instance
from generator.sync.health.queue import queue
from generator.sync.health.serve_box import agent, app
from generator.sync.health.states import Health, Payload, unknown, worst
from generator.sync.health.target_group import target_group
from generator.sync.health.things import Box, Distribution, Instance, Queue, Service, TargetGroup, Thing


@dataclass(frozen=True)
class Unreadable:
    """AWS did not say; `reason` is why."""

    reason: str


Reading = Payload | Unreadable | None
"""What AWS says of a thing; None where there is no such thing."""


class HealthReader(Protocol):
    """Asks AWS about things."""

    def read(self, things: Sequence[Thing]) -> Mapping[Thing, Reading]:
        """One reading for each thing, in the shape that the judge of its kind documents. Raises nothing of AWS's."""


def judge(thing: Thing, reading: Reading, now: datetime) -> Health:
    """Judge a reading taken at `now` (aware)."""
    if isinstance(reading, Unreadable):
        return unknown(reading.reason)
    match thing:
        case Service():
            return service(reading, thing.task_definition)
        case TargetGroup():
            return target_group(reading)
        case Instance():
            return instance(reading)
        case Distribution():
            return distribution(reading)
        case Queue():
            return queue(reading)
        case Box():
            apps = (app(reading, name, now) for name in thing.apps)
            return worst([agent(reading, now), *apps])
    assert_never(thing)
