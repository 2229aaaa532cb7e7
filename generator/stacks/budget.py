"""A monthly budget that calls the alarms' topic, a part of the stack `observability`."""

from typing import Final

from troposphere import Ref, Template
from troposphere.budgets import (
    Budget,
    BudgetData,
    Notification,
    NotificationWithSubscribers,
    Spend,
    Subscriber,
)

from generator.model.environment import Environment

CALLS: Final = (("FORECASTED", 100), ("ACTUAL", 80), ("ACTUAL", 100))
"""What is compared with the budget, and the percentage of it at which somebody is told."""


def budget(template: Template, environment: Environment, usd: int) -> None:
    """The budget, and whom it calls."""
    topic = Ref("AlarmTopic")
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
