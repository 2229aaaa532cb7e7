"""CloudFormation as `sync.ports.Stacks`."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from generator.aws.errors import AwsRefused, aws, error_code, no_such_stack, nothing_to_change
from generator.aws.templates import S3Templates
from generator.sync.errors import Overtaken
from generator.sync.ports import (
    ChangeSet,
    ChangeSetKind,
    LiveStack,
    ResourceChange,
    StackEvent,
    StackRequest,
    StackResource,
)

_INLINE_LIMIT = 51_200
_LIMIT = 1_000_000
"""Bytes of a template in a call, and in S3 (CloudFormation quotas, read 2026-11; its "1 MB" is decimal)."""
_POLL_SECONDS, _SLOWER, _SLOWEST_SECONDS = 0.3, 1.5, 2.0
"""How soon to look again, first; each time longer than before; and at most. All stacks under way share the calls."""
_PREFIX = "ecgctl-"
"""Of the names of our change sets; others' are left alone."""
_NOT_EXECUTED = ("AVAILABLE", "UNAVAILABLE", "OBSOLETE")
_DISCARD_ATTEMPTS = 20


class CloudFormation:
    """Implements Stacks over a boto3 client."""

    def __init__(
        self,
        client: Any,
        sleep: Callable[[float], None] = time.sleep,
        role_arn: str = "",
        large: S3Templates | None = None,
    ) -> None:
        """`role_arn` is the service role that CloudFormation works as; empty: it works with the caller's rights.
        `large` is where templates go that are too long for a call; None: they are refused."""
        self._client = client
        self._sleep = sleep
        self._role: Mapping[str, str] = {"RoleARN": role_arn} if role_arn else {}
        self._large = large

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

    def template(self, stack: LiveStack) -> str:
        with aws(f"reading the template of {stack.name}"):
            body = self._client.get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
        # botocore parses a JSON template; ours are YAML, so such a stack is not as Git wants it anyway.
        return body if isinstance(body, str) else json.dumps(body)

    def resources(self, stack: LiveStack) -> Sequence[StackResource]:
        with aws(f"listing the resources of {stack.name}"):
            pages = self._client.get_paginator("list_stack_resources").paginate(StackName=stack.id)
            return [_resource(one) for page in pages for one in page["StackResourceSummaries"]]

    def leftovers(self, stack: LiveStack) -> Sequence[str]:
        with aws(f"listing the change sets of {stack.name}"):
            pages = self._client.get_paginator("list_change_sets").paginate(StackName=stack.name)
            return [
                one["ChangeSetId"]
                for page in pages
                for one in page["Summaries"]
                if one["ChangeSetName"].startswith(_PREFIX) and one.get("ExecutionStatus") in _NOT_EXECUTED
            ]

    def create_change_set(self, request: StackRequest, kind: ChangeSetKind) -> ChangeSet:
        desired = self._desired(request)
        name = f"{_PREFIX}{uuid4().hex[:12]}"
        with aws(f"creating a change set for {request.name}"):
            try:
                identifier = self._client.create_change_set(
                    StackName=request.name,
                    ChangeSetName=name,
                    ChangeSetType=kind.value,
                    **desired,
                    Tags=[{"Key": key, "Value": value} for key, value in sorted(request.tags.items())],
                    Capabilities=["CAPABILITY_NAMED_IAM"],
                    **self._role,
                )["Id"]
            except ClientError as error:
                # The name is ours alone: the first answer was lost, and the client has asked again.
                if error_code(error) != "AlreadyExistsException" or name not in str(error):
                    raise
                identifier = name
            return self._computed(request.name, identifier, kind)

    def _desired(self, request: StackRequest) -> dict[str, Any]:
        """Template and parameters of a change set. Raises AwsRefused, AlteredTemplate."""
        if request.reverting:
            kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in sorted(request.parameters)]
            return {"UsePreviousTemplate": True, "Parameters": kept, "DeploymentMode": "REVERT_DRIFT"}
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in sorted(request.parameters.items())]
        return {**self._template(request), "Parameters": given}

    def _template(self, request: StackRequest) -> Mapping[str, str]:
        """The template as an argument: as it is, or where it was uploaded to. Raises AwsRefused, AlteredTemplate."""
        size = len(request.template.encode())
        if size <= _INLINE_LIMIT:
            return {"TemplateBody": request.template}
        if size <= _LIMIT and self._large is not None:
            return {"TemplateURL": self._large.put(request.template)}
        if size > _LIMIT:
            why = f"CloudFormation takes {_LIMIT:,} at most; split the stack"
        else:
            why = f"over {_INLINE_LIMIT:,} it has to go through a state bucket, and there is none: ecgctl bootstrap"
        raise AwsRefused(
            f"creating a change set for {request.name}", "TemplateTooLong", f"the template has {size:,} bytes; {why}"
        )

    def _computed(self, stack: str, identifier: str, kind: ChangeSetKind) -> ChangeSet:
        changes: list[ResourceChange] = []
        asked = {"ChangeSetName": identifier, "StackName": stack, "IncludePropertyValues": True}
        pause = _POLL_SECONDS
        while True:
            found = self._client.describe_change_set(**asked)
            if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                break
            self._sleep(pause)
            pause = min(pause * _SLOWER, _SLOWEST_SECONDS)
        identifier = found["ChangeSetId"]
        reason = found.get("StatusReason", "")
        empty = found["Status"] == "FAILED" and nothing_to_change(reason)
        if found["Status"] == "FAILED" and not empty:
            self._client.delete_change_set(ChangeSetName=identifier, StackName=stack)
            raise AwsRefused(f"computing the change set of {stack}", "ChangeSetFailed", reason)
        while True:
            changes += [_change(change["ResourceChange"]) for change in found.get("Changes", ())]
            if not found.get("NextToken"):
                return ChangeSet(identifier, stack, kind, tuple(changes), empty)
            found = self._client.describe_change_set(**asked, NextToken=found["NextToken"])

    def execute(self, change_set: ChangeSet, token: str) -> None:
        with aws(f"executing the change set of {change_set.stack}"):
            self._client.execute_change_set(
                ChangeSetName=change_set.id,
                StackName=change_set.stack,
                ClientRequestToken=token,
                RetainExceptOnCreate=True,
            )

    def discard(self, stack: str, change_set: str) -> None:
        for attempt in range(_DISCARD_ATTEMPTS):
            try:
                with aws(f"deleting a change set of {stack}"):
                    self._client.delete_change_set(ChangeSetName=change_set, StackName=stack)
                return
            except Overtaken:
                # Either it is gone, or it is still being computed: then it can be deleted in a moment.
                if attempt + 1 == _DISCARD_ATTEMPTS or not self._exists(stack, change_set):
                    return
                self._sleep(_POLL_SECONDS)

    def _exists(self, stack: str, change_set: str) -> bool:
        try:
            with aws(f"reading a change set of {stack}"):
                found = self._client.describe_change_set(ChangeSetName=change_set, StackName=stack)
        except Overtaken:
            return False
        return bool(found["ExecutionStatus"] in _NOT_EXECUTED)

    def delete(self, stack: LiveStack, token: str) -> None:
        with aws(f"deleting stack {stack.name}"):
            self._client.delete_stack(StackName=stack.id, ClientRequestToken=token, **self._role)

    def continue_rollback(self, stack: LiveStack, token: str, skip: Sequence[str]) -> None:
        with aws(f"continuing the rollback of {stack.name}"):
            self._client.continue_update_rollback(
                StackName=stack.id,
                ClientRequestToken=token,
                **({"ResourcesToSkip": list(skip)} if skip else {}),
                **self._role,
            )

    def roll_back(self, stack: LiveStack, token: str) -> None:
        with aws(f"rolling back {stack.name}"):
            self._client.rollback_stack(
                StackName=stack.id, ClientRequestToken=token, RetainExceptOnCreate=True, **self._role
            )

    def protect(self, stack: LiveStack) -> None:
        with aws(f"protecting stack {stack.name} from deletion"):
            self._client.update_termination_protection(StackName=stack.name, EnableTerminationProtection=True)

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

    def history(self, stack: LiveStack) -> Sequence[StackEvent]:
        with aws(f"reading the history of {stack.name}"):
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack.id)
            return [
                _event(event)
                for page in pages
                for event in page["StackEvents"]
                if event.get("PhysicalResourceId") == stack.id
            ][::-1]


def _live(stack: dict[str, Any]) -> LiveStack:
    return LiveStack(
        name=stack["StackName"],
        id=stack["StackId"],
        status=stack["StackStatus"],
        reason=stack.get("StackStatusReason", ""),
        outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())},
        parameters={one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", ())},
        tags={tag["Key"]: tag["Value"] for tag in stack.get("Tags", ())},
        change_set=stack.get("ChangeSetId", ""),
        protected=bool(stack.get("EnableTerminationProtection", False)),
    )


def _change(change: dict[str, Any]) -> ResourceChange:
    details = change.get("Details")
    recreating = _recreating(details or [])
    return ResourceChange(
        logical_id=change["LogicalResourceId"],
        type=change["ResourceType"],
        action=change["Action"],
        replacement=change.get("Replacement", ""),
        policy=change.get("PolicyAction", ""),
        recreating=_properties(recreating) if details else None,
        follows=_followed(recreating),
    )


def _recreating(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Details of properties that may force a new resource, but for those whose value is told and stays."""

    def may(target: dict[str, Any]) -> bool:
        before, after = target.get("BeforeValue"), target.get("AfterValue")
        stays = before is not None and before == after
        return target.get("RequiresRecreation") in ("Always", "Conditionally") and not stays

    return [detail for detail in details if may(detail.get("Target", {}))]


def _properties(details: list[dict[str, Any]]) -> tuple[str, ...]:
    targets = (detail["Target"] for detail in details)
    return tuple(dict.fromkeys(str(target.get("Name") or target.get("Attribute")) for target in targets))


def _followed(details: list[dict[str, Any]]) -> tuple[str, ...]:
    """The resources whose attributes all of these take, once they are known; none where one has a reason of its own."""
    causes = [str(one.get("CausingEntity", "")) if one.get("Evaluation") == "Dynamic" else "" for one in details]
    return tuple(dict.fromkeys(cause.partition(".")[0] for cause in causes)) if all(causes) else ()


def _resource(one: dict[str, Any]) -> StackResource:
    return StackResource(
        logical_id=one["LogicalResourceId"],
        type=one["ResourceType"],
        status=one["ResourceStatus"],
        physical_id=one.get("PhysicalResourceId", ""),
        reason=one.get("ResourceStatusReason", ""),
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
