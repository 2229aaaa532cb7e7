"""What is measured, in CloudWatch's embedded metric format: a line of the log that is a metric, too.

A line carries its values as fields like any other and says `extra={"metrics": REQUESTS}`; the formatter writes down in
CloudWatch's words which of the fields those are. Nothing is sent or counted here: CloudWatch Logs finds the lines.
Format: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
(read in November 2026). CloudWatch keeps the number of samples beside each metric, so nothing counts requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Unit(StrEnum):
    """CloudWatch's units, as far as we use them."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"


@dataclass(frozen=True, slots=True)
class Metrics:
    """Which fields of a line are metrics, and by which of its other fields they are told apart."""

    units: Mapping[str, Unit]
    dimensions: tuple[str, ...] = ()

    def directive(self, namespace: str, at_s: float) -> dict[str, object]:
        """Return the `_aws` member of a line that was written at `at_s` (epoch seconds)."""
        metrics = [{"Name": name, "Unit": unit} for name, unit in self.units.items()]
        return {
            "Timestamp": int(at_s * 1000),
            "CloudWatchMetrics": [
                {"Namespace": namespace, "Dimensions": [list(self.dimensions)], "Metrics": metrics},
            ],
        }


REQUESTS = Metrics(
    MappingProxyType({"latency_ms": Unit.MILLISECONDS, "fault": Unit.COUNT}),
    ("method", "route"),
)
"""Each request: how long it took, and 1 where the answer was a 5xx, else 0. A stream of events is one long request."""

WAITS = Metrics(MappingProxyType({"waited_s": Unit.SECONDS}))
"""Each attempt: how long its job had waited for it in the queue."""

ATTEMPTS = Metrics(MappingProxyType({"analysis_s": Unit.SECONDS}), ("app", "outcome"))
"""Each attempt: how long the model server took, and what came of it."""

ENDS = Metrics(MappingProxyType({"ended": Unit.COUNT}), ("code",))
"""Each job that ended: `done`, or the code that it failed with."""


def ended(code: str) -> dict[str, object]:
    """Return the fields of a line that says that a job ended."""
    return {"code": code, "ended": 1, "metrics": ENDS}
