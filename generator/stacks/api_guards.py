"""What watches over the service, as parts of the stack `api`: how many tasks there are, when a deployment goes back."""

from typing import Final

from troposphere import GetAtt, Ref, Sub, Template
from troposphere.applicationautoscaling import (
    PredefinedMetricSpecification,
    ScalableTarget,
    ScalingPolicy,
    TargetTrackingScalingPolicyConfiguration,
)
from troposphere.cloudwatch import Alarm, MetricDimension
from troposphere.ecs import Cluster, Service

from generator.model.environment import Environment, Scaling
from generator.parts.wiring import wired, wired_text

OUT_S: Final = 60
IN_S: Final = 300
"""Seconds between two steps: more tasks at once, fewer with hesitation."""


def scale(template: Template, scaling: Scaling, cluster: Cluster, service: Service) -> None:
    """Keep CPU and requests of a task at their targets; the measure that asks for more tasks wins."""
    target = template.add_resource(
        ScalableTarget(
            "ApiScalableTarget",
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId=Sub("service/${Cluster}/${Service}", Cluster=Ref(cluster), Service=GetAtt(service, "Name")),
            MinCapacity=scaling.minimum,
            MaxCapacity=scaling.maximum,
        )
    )
    cpu = PredefinedMetricSpecification(PredefinedMetricType="ECSServiceAverageCPUUtilization")
    requests = PredefinedMetricSpecification(
        PredefinedMetricType="ALBRequestCountPerTarget",
        ResourceLabel=wired_text(template, "${AlbFullName}/${ApiTargetGroupFullName}"),
    )
    for title, metric, value in (
        ("Cpu", cpu, scaling.cpu_percent),
        ("Requests", requests, scaling.requests_per_task),
    ):
        template.add_resource(
            ScalingPolicy(
                f"ApiScalesBy{title}",
                PolicyName=f"api-{title.lower()}",
                PolicyType="TargetTrackingScaling",
                ScalingTargetId=Ref(target),
                TargetTrackingScalingPolicyConfiguration=TargetTrackingScalingPolicyConfiguration(
                    PredefinedMetricSpecification=metric,
                    TargetValue=value,
                    ScaleOutCooldown=OUT_S,
                    ScaleInCooldown=IN_S,
                ),
            )
        )


def deployment_alarm(template: Template, environment: Environment, errors: int) -> Alarm:
    """What ECS looks at while it deploys. It stands here, not in `observability`, because the service names it."""
    return template.add_resource(
        Alarm(
            "DeploymentErrors",
            AlarmName=f"{environment.prefix}-DeploymentErrors",
            AlarmDescription="The API answers 5xx: a deployment that is under way goes back. "
            f"Runbook: {environment.alarms.runbooks}/alarms.md#deploymenterrors",
            Namespace="AWS/ApplicationELB",
            MetricName="HTTPCode_Target_5XX_Count",
            Dimensions=[
                MetricDimension(Name="TargetGroup", Value=wired(template, "ApiTargetGroupFullName")),
                MetricDimension(Name="LoadBalancer", Value=wired(template, "AlbFullName")),
            ],
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            Threshold=errors,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            TreatMissingData="notBreaching",
        )
    )
