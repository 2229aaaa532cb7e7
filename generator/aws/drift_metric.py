"""What a look for drift found, as a metric that alarms watch."""

from typing import Any

from generator.aws.errors import aws
from generator.model import names
from generator.sync.drift.verdict import EnvironmentDrift


def tell_drift(client: Any, prefix: str, found: EnvironmentDrift) -> None:
    """Count the resources with drift that no rule covers; nothing where no stack could be read. Raises AwsRefused.

    A look that saw only a part, and there no drift, is no look: its metric would call an alarm off.
    """
    drifted = sum(len(stack.reverts) for stack in found.stacks)
    if not drifted and found.unread:
        return
    with aws(f"telling CloudWatch of {names.DRIFTED_RESOURCES}"):
        client.put_metric_data(
            Namespace=names.metrics(prefix),
            MetricData=[
                {
                    "MetricName": names.DRIFTED_RESOURCES,
                    "Timestamp": found.at,
                    "Value": float(drifted),
                    "Unit": "Count",
                }
            ],
        )
