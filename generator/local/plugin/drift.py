"""Drift as AWS has it: more types that can be looked at, and change sets that take drift back.

MiniStack detects drift of some types and knows no `DeploymentMode`. AWS's REVERT_DRIFT compares three states: what the
last deployment left, what is there, what is asked for (CloudFormation user guide, "Using drift-aware change sets", read
2026-11). Here, executing such a change set first writes what is there into the stack's record; MiniStack's own update
then sees the difference, and a failed one goes back to what was there, as on AWS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import now_iso
from ministack.services.cloudformation import _stacks, changesets, drift, handlers, stacks

from .readers import READERS

_DRIFTED = "_drifted"
"""Of a change set's record: logical id -> what is there; None where it is gone."""


def _drifted(stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """MiniStack's finding for each resource of a stack that is not as its template has it."""
    found = {}
    for name, record in stack.get("_resources", {}).items():
        if drift.supports_drift(record.get("ResourceType", "")):
            one = drift.detect_resource_drift(stack, name, record, now_iso())
            if one["StackResourceDriftStatus"] in ("MODIFIED", "DELETED"):
                found[name] = one
    return found


def _change(name: str, record: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the change set, as AWS words it."""
    kind = record["ResourceType"]
    if found["StackResourceDriftStatus"] == "DELETED":
        return {"ResourceChange": {"Action": "Add", "LogicalResourceId": name, "ResourceType": kind}}
    changed = dict.fromkeys(one["PropertyPath"].split("/")[1] for one in found["PropertyDifferences"])
    details = [
        {
            "Target": {
                "Attribute": "Properties",
                "Name": each,
                "RequiresRecreation": stacks._property_recreation(kind, each),
            },
            "Evaluation": "Static",
            "ChangeSource": "NoModification",
        }
        for each in changed
    ]
    return {
        "ResourceChange": {
            "Action": "Modify",
            "LogicalResourceId": name,
            "PhysicalResourceId": record["PhysicalResourceId"],
            "ResourceType": kind,
            "Replacement": stacks._replacement(details, False),
            "Scope": ["Properties"],
            "Details": details,
        }
    }


def _change_set(params: dict[str, Any]) -> dict[str, Any]:
    """The one that a call names; empty where there is none."""
    stack = handlers._resolve_stack(handlers._p(params, "StackName"))
    name = stack["StackName"] if stack else ""
    return changesets._find_change_set(handlers._p(params, "ChangeSetName"), name)[1] or {}


def _created(params: dict[str, Any]) -> Any:
    """CreateChangeSet: with REVERT_DRIFT, what drifted is in it as well."""
    answer = changesets._create_change_set(params)
    if answer[0] != 200 or handlers._p(params, "DeploymentMode") != "REVERT_DRIFT":
        return answer
    change_set = _change_set(params)
    stack = _stacks[change_set["StackName"]]
    found = _drifted(stack)
    told = {one["ResourceChange"]["LogicalResourceId"] for one in change_set["Changes"]}
    change_set["Changes"] += [
        _change(name, stack["_resources"][name], one) for name, one in found.items() if name not in told
    ]
    change_set[_DRIFTED] = {
        name: json.loads(one["ActualProperties"]) if "ActualProperties" in one else None for name, one in found.items()
    }
    if change_set["Changes"] and change_set["Status"] == "FAILED":
        change_set |= {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE", "StatusReason": ""}
    return answer


def _executed(params: dict[str, Any]) -> Any:
    """ExecuteChangeSet: what is there becomes the state that the update starts from."""
    change_set = _change_set(params)
    if change_set.get("ExecutionStatus") == "AVAILABLE":
        resources = _stacks[change_set["StackName"]]["_resources"]
        for name, actual in change_set.pop(_DRIFTED, {}).items():
            if actual is None:
                del resources[name]
            else:
                _, compared = drift._DRIFT_READERS[resources[name]["ResourceType"]]
                kept = {key: value for key, value in resources[name]["Properties"].items() if key not in compared}
                resources[name]["Properties"] = kept | actual
    return changesets._execute_change_set(params)


def install() -> None:
    """Put drift in place."""
    drift._DRIFT_READERS |= READERS
    handlers._ACTION_HANDLERS |= {"CreateChangeSet": _created, "ExecuteChangeSet": _executed}
