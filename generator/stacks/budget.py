"""A monthly budget that calls the alarms' topic, a part of the stack `observability`."""

from typing import Final

import awacs.sns as sns
from awacs.aws import Allow, Condition, Principal, Statement, StringEquals
from troposphere import AccountId, Ref, Template
from troposphere.budgets import (
    Budget,
    BudgetData,
    Notification,
    NotificationWithSubscribers,
    Spend,
    Subscriber,
)
from troposphere.sns import TopicPolicy

from generator.model.environment import Environment
from generator.parts.policies import document, tls_only_topic

CALLS: Final = (("FORECASTED", 100), ("ACTUAL", 80), ("ACTUAL", 100))
"""What is compared with the budget, and the percentage of it at which somebody is told."""


def budget(template: Template, environment: Environment, usd: int) -> None:
    """The budget, and leave for AWS Budgets to publish to the topic."""
    topic = Ref("AlarmTopic")
    template.add_resource(
        TopicPolicy(
            "AlarmTopicPolicy",
            Topics=[topic],
            PolicyDocument=document(
                tls_only_topic(topic),
                # A policy of one's own takes the place of the one by which the account's alarms may publish.
                *(
                    Statement(
                        Sid=sid,
                        Effect=Allow,
                        Principal=Principal("Service", f"{sid.lower()}.amazonaws.com"),
                        Action=[sns.Publish],
                        Resource=[topic],
                        Condition=Condition(StringEquals("aws:SourceAccount", AccountId)),
                    )
                    for sid in ("CloudWatch", "Budgets")
                ),
            ),
        )
    )
    template.add_resource(
        Budget(
            "MonthlyBudget",
            Budget=BudgetData(
                BudgetName=f"{environment.prefix}-monthly",
                BudgetType="COST",
                TimeUnit="MONTHLY",
                BudgetLimit=Spend(Amount=usd, Unit="USD"),
                # The tag counts from the day on which it is made a cost allocation tag (docs/prod.md).
                CostFilters={"TagKeyValue": [f"user:Environment${environment.name}"]},
            ),
            NotificationsWithSubscribers=[
                NotificationWithSubscribers(
                    Notification=Notification(
                        NotificationType=kind,
                        ComparisonOperator="GREATER_THAN",
                        Threshold=percent,
                        ThresholdType="PERCENTAGE",
                    ),
                    Subscribers=[Subscriber(SubscriptionType="SNS", Address=topic)],
                )
                for kind, percent in CALLS
            ],
            DependsOn="AlarmTopicPolicy",
        )
    )
