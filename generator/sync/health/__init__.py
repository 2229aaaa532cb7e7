"""Is what runs well? Live payloads in, Argo CD's health states out; pure, one module per kind.

template + physical ids -> things       what of a stack can be well or unwell: which services, target groups, boxes ...
things -> (a HealthReader reads) -> readings       plain data as boto3 returns it, None, or why it cannot be read
thing + reading         -> judge        the one place that knows which kind is judged by which module:
                             stack, ecs_service, target_group, instance, distribution, serve_box, queue
healths                 -> worst        states: the order, and the rule for many
"""

from generator.sync.health.states import Health, HealthStatus, Payload, worst
from generator.sync.health.things import (
    Box,
    Distribution,
    Instance,
    Queue,
    Service,
    TargetGroup,
    Thing,
    box_of,
    things_of,
)
from generator.sync.health.verdict import HealthReader, Reading, Unreadable, judge

__all__ = [
    "Box",
    "Distribution",
    "Health",
    "HealthReader",
    "HealthStatus",
    "Instance",
    "Payload",
    "Queue",
    "Reading",
    "Service",
    "TargetGroup",
    "Thing",
    "Unreadable",
    "box_of",
    "judge",
    "things_of",
    "worst",
]
