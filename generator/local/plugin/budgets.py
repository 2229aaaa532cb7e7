"""AWS::Budgets::Budget."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id

from .in_process import client
from .resources import Made, Properties, ResourceType


def _budget(properties: Properties, name: str) -> dict[str, Any]:
    budget = dict(properties["Budget"])
    limit = budget.get("BudgetLimit")
    # The template has numbers where the API takes text (Amount), and text where it takes numbers (Threshold).
    if limit:
        budget["BudgetLimit"] = {"Amount": str(limit["Amount"]), "Unit": limit["Unit"]}
    budget["BudgetName"] = name
    return budget


def _notifications(properties: Properties) -> list[dict[str, Any]]:
    return [
        {
            "Notification": each["Notification"] | {"Threshold": float(each["Notification"]["Threshold"])},
            "Subscribers": list(each["Subscribers"]),
        }
        for each in properties.get("NotificationsWithSubscribers", ())
    ]


def _create(logical_id: str, properties: Properties, stack: str) -> Made:
    name = properties["Budget"].get("BudgetName") or f"{stack}-{logical_id}"
    client("budgets").create_budget(
        AccountId=get_account_id(),
        Budget=_budget(properties, name),
        NotificationsWithSubscribers=_notifications(properties),
    )
    return name, {}


def _update(name: str, old: Properties, new: Properties, stack: str) -> Made:
    if new["Budget"].get("BudgetName", name) != name:
        return _create("", new, stack)
    budgets, account = client("budgets"), get_account_id()
    budgets.update_budget(AccountId=account, NewBudget=_budget(new, name))
    if old.get("NotificationsWithSubscribers") != new.get("NotificationsWithSubscribers"):
        for each in _notifications(old):
            budgets.delete_notification(AccountId=account, BudgetName=name, Notification=each["Notification"])
        for each in _notifications(new):
            budgets.create_notification(AccountId=account, BudgetName=name, **each)
    return name, {}


def _delete(name: str, _: Properties) -> None:
    client("budgets").delete_budget(AccountId=get_account_id(), BudgetName=name)


TYPES = (ResourceType("AWS::Budgets::Budget", _create, _update, _delete),)
