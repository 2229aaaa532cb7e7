"""What a look for drift found, as alarms see it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from generator.aws.drift_metric import tell_drift
from generator.sync.drift.reading import Difference
from generator.sync.drift.verdict import Coverage, EnvironmentDrift, Finding, ResourceDrift, StackDrift

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
DRIFTED = StackDrift(
    "api",
    tuple(
        ResourceDrift(
            "api", name, "AWS::ECS::Service", name, (Finding(Difference("/DesiredCount", "NOT_EQUAL", "2", "3")),)
        )
        for name in ("One", "Two")
    ),
    Coverage(),
)
CLEAN, UNREAD = StackDrift("data", (), Coverage()), StackDrift("cdn", (), Coverage(), "refused")


class CloudWatch:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def put_metric_data(self, **call: Any) -> None:
        self.told.append(call)


def _told(*stacks: StackDrift) -> list[dict[str, Any]]:
    client = CloudWatch()
    tell_drift(client, "ecg-prod", EnvironmentDrift("prod", AT, stacks))
    return client.told


@pytest.mark.parametrize(("stacks", "count"), [((CLEAN,), 0.0), ((CLEAN, DRIFTED), 2.0), ((UNREAD, DRIFTED), 2.0)])
def test_the_metric_counts_resources_with_drift_that_no_rule_covers(
    stacks: tuple[StackDrift, ...], count: float
) -> None:
    datum = {"MetricName": "DriftedResources", "Timestamp": AT, "Value": count, "Unit": "Count"}
    assert _told(*stacks) == [{"Namespace": "ecg-prod", "MetricData": [datum]}]


def test_a_look_that_saw_a_part_and_no_drift_there_tells_nothing() -> None:
    """0 would call off the alarm on drift, and the one on nobody looking."""
    assert _told(CLEAN, UNREAD) == []
