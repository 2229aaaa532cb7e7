"""CloudFormation as `sync.ports.Stacks`."""

import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from generator.aws.errors import AwsRefused, aws, error_code, no_such_stack, nothing_to_change
from generator.sync.ports import (
    ChangeSet,
    ChangeSetKind,
    LiveStack,
    ResourceChange,
    StackEvent,
    StackRequest,
)

_INLINE_LIMIT = 51_200
"""Bytes of a template body in a call (CloudFormation quotas, read 2026-11)."""
_POLL_SECONDS = 0.3


class CloudFormation:
    """Implements Stacks over a boto3 client."""

    def __init__(self, client: Any, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep

    def describe(self, name: str) -> LiveStack | None:
        with aws(f"describing stack {name}"):
            try:
                found = self._client.describe_stacks(StackName=name)["Stacks"]
            except ClientError as error:
                if no_such_stack(error):
                    return None
                raise
        # A deleted stack can still be found by its id.
        return _live(found[0]) if found and found[0]["StackStatus"] != "DELETE_COMPLETE" else None

    def create_change_set(self, request: StackRequest, kind: ChangeSetKind) -> ChangeSet:
        size = len(request.template.encode())
        if size > _INLINE_LIMIT:
            raise AwsRefused(
                f"creating a change set for {request.name}",
                "TemplateTooLong",
                f"the template has {size} bytes, CloudFormation takes {_INLINE_LIMIT} in a call; split the stack",
            )
        with aws(f"creating a change set for {request.name}"):
            identifier = self._client.create_change_set(
                StackName=request.name,
                ChangeSetName=f"ecgctl-{uuid4().hex[:12]}",
                ChangeSetType=kind.value,
                TemplateBody=request.template,
                Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in sorted(request.parameters.items())],
                Tags=[{"Key": key, "Value": value} for key, value in sorted(request.tags.items())],
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )["Id"]
            return self._computed(request.name, identifier, kind)

    def _computed(self, stack: str, identifier: str, kind: ChangeSetKind) -> ChangeSet:
        changes: list[ResourceChange] = []
        while True:
            found = self._client.describe_change_set(ChangeSetName=identifier, StackName=stack)
            if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                break
            self._sleep(_POLL_SECONDS)
        reason = found.get("StatusReason", "")
        empty = found["Status"] == "FAILED" and nothing_to_change(reason)
        if found["Status"] == "FAILED" and not empty:
            self._client.delete_change_set(ChangeSetName=identifier, StackName=stack)
            raise AwsRefused(f"computing the change set of {stack}", "ChangeSetFailed", reason)
        while True:
            changes += [_change(change["ResourceChange"]) for change in found.get("Changes", ())]
            if not found.get("NextToken"):
                return ChangeSet(identifier, stack, kind, tuple(changes), empty)
            found = self._client.describe_change_set(
                ChangeSetName=identifier, StackName=stack, NextToken=found["NextToken"]
            )

    def execute(self, change_set: ChangeSet, token: str) -> None:
        with aws(f"executing the change set of {change_set.stack}"):
            self._client.execute_change_set(
                ChangeSetName=change_set.id, StackName=change_set.stack, ClientRequestToken=token
            )

    def discard(self, change_set: ChangeSet) -> None:
        with aws(f"deleting an empty change set of {change_set.stack}"):
            self._client.delete_change_set(ChangeSetName=change_set.id, StackName=change_set.stack)

    def delete(self, stack: LiveStack) -> None:
        with aws(f"deleting stack {stack.name}"):
            self._client.delete_stack(StackName=stack.id)

    def events(self, stack: str, token: str) -> Sequence[StackEvent]:
        found: list[StackEvent] = []
        with aws(f"reading the events of {stack}"):
            try:
                for page in self._client.get_paginator("describe_stack_events").paginate(StackName=stack):
                    events = page["StackEvents"]
                    own = [event for event in events if event.get("ClientRequestToken") == token]
                    found += [_event(event) for event in own]
                    # Newest first: where another operation's events begin, ours have ended.
                    if found and len(own) < len(events):
                        break
            except ClientError as error:
                if error_code(error) != "ValidationError":
                    raise
        return found[::-1]


def _live(stack: dict[str, Any]) -> LiveStack:
    return LiveStack(
        name=stack["StackName"],
        id=stack["StackId"],
        status=stack["StackStatus"],
        reason=stack.get("StackStatusReason", ""),
        outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())},
    )


def _change(change: dict[str, Any]) -> ResourceChange:
    return ResourceChange(
        change["LogicalResourceId"], change["ResourceType"], change["Action"], change.get("Replacement", "")
    )


def _event(event: dict[str, Any]) -> StackEvent:
    return StackEvent(
        id=event["EventId"],
        time=event["Timestamp"],
        logical_id=event["LogicalResourceId"],
        type=event["ResourceType"],
        status=event["ResourceStatus"],
        reason=event.get("ResourceStatusReason", ""),
    )
