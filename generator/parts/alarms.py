"""An alarm that calls the topic of the stack `observability`, and names its runbook."""

from collections.abc import Mapping
from typing import Any

from troposphere import Ref, Template
from troposphere.cloudwatch import Alarm, MetricDimension

from generator.model.environment import Environment


def alarm(
    template: Template,
    environment: Environment,
    title: str,
    why: str,
    metric: tuple[str, str],
    of: Mapping[str, Any],
    **condition: Any,
) -> None:
    """Add one on a metric (namespace, name) with dimensions `of`; its runbook is the heading with its title."""
    namespace, name = metric
    template.add_resource(
        Alarm(
            title,
            AlarmName=f"{environment.prefix}-{title}",
            AlarmDescription=f"{why}. Runbook: {environment.alarms.runbooks}/alarms.md#{title.lower()}",
            Namespace=namespace,
            MetricName=name,
            Dimensions=[MetricDimension(Name=key, Value=value) for key, value in of.items()],
            AlarmActions=[Ref("AlarmTopic")],
            OKActions=[Ref("AlarmTopic")],
            **condition,
        )
    )


def above(threshold: float, statistic: str, period: int, periods: int = 1) -> dict[str, Any]:
    """More than `threshold`, for `periods` of `period` seconds; nothing measured is good news."""
    return {
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": threshold,
        "Statistic": statistic,
        "Period": period,
        "EvaluationPeriods": periods,
        "TreatMissingData": "notBreaching",
    }


def below(threshold: float, statistic: str, period: int, periods: int) -> dict[str, Any]:
    """Less than `threshold`, for `periods` of `period` seconds; nothing measured is bad news."""
    return {
        **above(threshold, statistic, period, periods),
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "breaching",
    }
