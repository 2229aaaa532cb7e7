"""Alarms on what no service of AWS measures: drift, which `ecgctl drift` tells, and GPUs, which the box's agent tells.

Each is paid for as a custom metric once somebody tells it. The names stand in `generator.model.names`.
"""

from collections.abc import Iterator
from typing import Any

from troposphere import Template

from generator.model import names
from generator.model.environment import Environment
from generator.parts.alarms import above, alarm, below

MINUTE, HOUR = 60, 3600
BUSY_MINUTES = 30
"""A GPU that is full for so long is too small, and not just at work."""
IDLE_PERCENT = 1


def own_metrics(template: Template, environment: Environment) -> None:
    """The alarms that the environment asks for."""
    settings, namespace = environment.alarms, names.metrics(environment.prefix)
    if settings.drift_hours is not None:
        drifted = namespace, names.DRIFTED_RESOURCES
        alarm(
            template,
            environment,
            "Drifted",
            "Somebody changed by hand what Git declares",
            drifted,
            {},
            # What the last look found stands until the next one.
            **{**above(0, "Maximum", HOUR), "TreatMissingData": "ignore"},
        )
        alarm(
            template,
            environment,
            "DriftUnseen",
            f"Nobody has looked for drift for {settings.drift_hours} hours",
            drifted,
            {},
            **below(1, "SampleCount", HOUR, settings.drift_hours),
        )
    gpu = namespace, names.GPU_UTILIZATION
    if settings.gpu_busy_percent is not None:
        alarm(
            template,
            environment,
            "GpuBusy",
            "The GPUs are full: jobs are going to wait",
            gpu,
            {},
            **above(settings.gpu_busy_percent, "Average", 5 * MINUTE, BUSY_MINUTES // 5),
        )
    if settings.gpu_idle_hours is not None:
        alarm(
            template,
            environment,
            "GpuIdle",
            f"No GPU has done anything for {settings.gpu_idle_hours} hours, or no box says so",
            gpu,
            {},
            **below(IDLE_PERCENT, "Maximum", HOUR, settings.gpu_idle_hours),
        )


def own_graphs(environment: Environment) -> Iterator[tuple[str, str, str, list[Any]]]:
    """Title, region, statistic and metrics of what the alarms watch, for the dashboard."""
    settings, namespace = environment.alarms, names.metrics(environment.prefix)
    if settings.gpu_busy_percent is not None or settings.gpu_idle_hours is not None:
        yield "GPUs", environment.region, "Average", [[namespace, names.GPU_UTILIZATION]]
    if settings.drift_hours is not None:
        yield "Drift", environment.region, "Maximum", [[namespace, names.DRIFTED_RESOURCES]]
