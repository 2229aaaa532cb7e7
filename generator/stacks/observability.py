"""Alarms, the topic that they call, and a dashboard. Log groups stand with what writes them.

All metrics but `own_metrics` are free ones that AWS keeps anyway; Container Insights would add a count of running
tasks, for money.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from troposphere import Ref, Template
from troposphere.cloudwatch import Dashboard
from troposphere.sns import Subscription, Topic, TopicPolicy

from generator.model import names
from generator.model.environment import Environment
from generator.parts import alarms
from generator.parts.model_server import dimension
from generator.parts.policies import document, published_by, tls_only_topic
from generator.parts.tags import tagged
from generator.parts.wiring import give_out, wired, wired_text
from generator.stacks.budget import budget
from generator.stacks.own_metrics import own_graphs, own_metrics
from generator.stacks.visitor import NAMESPACE, visitor

MINUTE = 60


def observability(environment: Environment) -> Template:
    """What somebody should be woken for, and what they then look at."""
    template = Template(Description=f"{environment.prefix}: alarms and dashboard")
    topic = _topic(template, environment)
    _alarms(template, environment)
    own_metrics(template, environment)
    if environment.alarms.visit_minutes is not None:
        visitor(template, environment, environment.alarms.visit_minutes)
    if environment.alarms.monthly_budget is not None:
        budget(template, environment, environment.alarms.monthly_budget)
    template.add_resource(
        Dashboard(
            "Dashboard",
            DashboardName=environment.prefix,
            DashboardBody=wired_text(template, json.dumps(_dashboard(environment), indent=1)),
        )
    )
    give_out(template, AlarmTopicArn=Ref(topic))
    return tagged(template, environment)


def _topic(template: Template, environment: Environment) -> Topic:
    """What alarms call, and who may: a policy of one's own takes the place of the one by which the account's may."""
    topic = template.add_resource(
        Topic(
            # Not encrypted but with a key of our own: alarms may not use the AWS-managed key of SNS.
            "AlarmTopic",
            TopicName=f"{environment.prefix}-alarms",
            Subscription=[Subscription(Protocol="email", Endpoint=email) for email in environment.alarms.emails],
        )
    )
    callers = ["CloudWatch", *(["Budgets"] if environment.alarms.monthly_budget is not None else [])]
    template.add_resource(
        TopicPolicy(
            "AlarmTopicPolicy",
            Topics=[Ref(topic)],
            PolicyDocument=document(
                tls_only_topic(Ref(topic)), *(published_by(caller, Ref(topic)) for caller in callers)
            ),
        )
    )
    return topic


def _alarms(template: Template, environment: Environment) -> None:
    balancer = {"LoadBalancer": wired(template, "AlbFullName")}
    targets = {"TargetGroup": wired(template, "ApiTargetGroupFullName"), **balancer}
    box_name, box_output = dimension(environment)
    box = {box_name: wired(template, box_output)}
    jobs = {"QueueName": wired(template, "JobsQueueName")}
    dead_letters = {"QueueName": wired(template, "JobsDeadLetterQueueName")}
    errors, elb = environment.alarms.server_errors, "AWS/ApplicationELB"

    alarm = partial(alarms.alarm, template, environment)

    # Counts of errors are missing while there is none, which is good news; a count of hosts missing is bad news.
    alarm(
        "ApiServerErrors",
        "The API answers 5xx",
        (elb, "HTTPCode_Target_5XX_Count"),
        targets,
        **alarms.above(errors - 1, "Sum", 5 * MINUTE),
    )
    alarm(
        "AlbServerErrors",
        "The load balancer answers 5xx itself: no target, or none in time",
        (elb, "HTTPCode_ELB_5XX_Count"),
        balancer,
        **alarms.above(errors - 1, "Sum", 5 * MINUTE),
    )
    alarm(
        "UnhealthyTargets",
        "A task fails GET /health",
        (elb, "UnHealthyHostCount"),
        targets,
        **alarms.above(0, "Maximum", MINUTE, periods=3),
    )
    alarm(
        "TooFewTasks",
        "Fewer healthy tasks than the service should have",
        (elb, "HealthyHostCount"),
        targets,
        **alarms.below(environment.api.desired_count, "Minimum", MINUTE, 10),  # half of them may deploy for a while
    )
    if environment.alarms.latency_ms is not None:
        alarm(
            "ApiSlow",
            "One answer of the API in a hundred takes too long",
            (elb, "TargetResponseTime"),
            targets,
            ExtendedStatistic="p99",
            ComparisonOperator="GreaterThanThreshold",
            Threshold=environment.alarms.latency_ms / 1000,
            Period=5 * MINUTE,
            EvaluationPeriods=2,
            TreatMissingData="notBreaching",  # nobody asks at night
        )
    alarm(
        "JobsWaitTooLong",
        "The oldest job has waited too long: the model server is down, or too small",
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        jobs,
        **alarms.above(environment.alarms.queue_age, "Maximum", 5 * MINUTE),
    )
    alarm(
        "DeadLetters",
        "A job failed as often as it may",
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        dead_letters,
        **alarms.above(0, "Maximum", 5 * MINUTE),
    )
    alarm(
        "ModelServerStatus",
        "The GPU box fails EC2's status checks",
        ("AWS/EC2", "StatusCheckFailed"),
        box,
        **alarms.above(0, "Maximum", 5 * MINUTE, periods=2),
    )


def _dashboard(environment: Environment) -> dict[str, Any]:
    """Rows of two graphs, from the visitor to the box. `${X}` are the stack's parameters."""
    balancer = ["LoadBalancer", "${AlbFullName}"]
    targets = ["TargetGroup", "${ApiTargetGroupFullName}", *balancer]
    service = ["ClusterName", "${ClusterName}", "ServiceName", "${ApiServiceName}"]
    distribution = ["Region", "Global", "DistributionId", "${DistributionId}"]
    elb = "AWS/ApplicationELB"
    box_name, box_output = dimension(environment)
    graphs = [
        # CloudFront reports to us-east-1 wherever its visitors are.
        ("Visitors", "us-east-1", "Sum", [["AWS/CloudFront", "Requests", *distribution]]),
        (
            "Errors",
            environment.region,
            "Sum",
            [
                [elb, "HTTPCode_Target_5XX_Count", *targets],
                [elb, "HTTPCode_ELB_5XX_Count", *balancer],
                [elb, "HTTPCode_Target_4XX_Count", *targets],
            ],
        ),
        ("API latency", environment.region, "p99", [[elb, "TargetResponseTime", *targets]]),
        (
            "API tasks",
            environment.region,
            "Average",
            [
                ["AWS/ECS", "CPUUtilization", *service],
                ["AWS/ECS", "MemoryUtilization", *service],
                [elb, "HealthyHostCount", *targets],
            ],
        ),
        (
            "Jobs",
            environment.region,
            "Maximum",
            [
                ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${JobsQueueName}"],
                ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "${JobsQueueName}"],
                ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${JobsDeadLetterQueueName}"],
            ],
        ),
        (
            "Model server",
            environment.region,
            "Average",
            [["AWS/EC2", "CPUUtilization", box_name, f"${{{box_output}}}"]],
        ),
        *own_graphs(environment),
        *_visits(environment),
    ]
    return {
        "widgets": [
            {
                "type": "metric",
                "x": 12 * (index % 2),
                "y": 6 * (index // 2),
                "width": 12,
                "height": 6,
                "properties": {
                    "title": title,
                    "region": region,
                    "stat": statistic,
                    "period": 5 * MINUTE,
                    "metrics": metrics,
                },
            }
            for index, (title, region, statistic, metrics) in enumerate(graphs)
        ]
    }


def _visits(environment: Environment) -> Iterator[tuple[str, str, str, list[Any]]]:
    """What visitors find, and how long it takes them."""
    if environment.alarms.visit_minutes is not None:
        name = ["CanaryName", names.visitor(environment.prefix)]
        metrics = [[NAMESPACE, metric, *name] for metric in ("SuccessPercent", "Duration")]
        yield "Visits", environment.region, "Average", metrics
