"""CloudFormation's answers as sync's facts."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError

from generator.aws.cloudformation import CloudFormation
from generator.aws.errors import AwsRefused, aws
from generator.aws.templates import S3Templates
from generator.sync.errors import Overtaken
from generator.sync.ports import ChangeSet, ChangeSetKind, LiveStack, StackRequest
from tests.generator.aws.buckets import Bucket

REQUEST = StackRequest("ecg-dev-data", "Resources: {}\n", {"B": "2", "A": "1"}, {"Project": "ecg"})
LIVE = LiveStack("ecg-dev-data", "arn:stack", "UPDATE_COMPLETE")
CHANGE_SET = ChangeSet("arn:cs", "ecg-dev-data", ChangeSetKind.UPDATE, (), False)


def refusal(code: str, message: str = "", status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Call")


class Client:
    """A CloudFormation client whose answers are given: name of the call -> answer, error, or a list of both in turn."""

    def __init__(self, **answers: Any) -> None:
        self._answers = {name: list(one) if isinstance(one, list) else [one] for name, one in answers.items()}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append((name, arguments))
            answers = self._answers.get(name, [{}])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def get_paginator(self, name: str) -> Any:
        class Paginator:
            paginate = staticmethod(lambda **arguments: [getattr(self, name)(**arguments)])

        return Paginator


def cloudformation(**answers: Any) -> tuple[CloudFormation, Client]:
    client = Client(**answers)
    return CloudFormation(client, sleep=lambda _: None), client


def computed(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    lines = [{"ResourceChange": one} for one in changes]
    return {"ChangeSetId": "arn:cs", "Status": "CREATE_COMPLETE", "Changes": lines, **more}


def test_a_stack_that_does_not_exist_is_none() -> None:
    port, _ = cloudformation(describe_stacks=refusal("ValidationError", "Stack with id x does not exist"))
    assert port.describe("x") is None


def test_a_stack_brings_its_parameters_tags_and_last_change_set() -> None:
    found = {
        "StackName": "s",
        "StackId": "arn",
        "StackStatus": "UPDATE_COMPLETE",
        "Parameters": [{"ParameterKey": "A", "ParameterValue": "1"}],
        "Tags": [{"Key": "Project", "Value": "ecg"}],
        "ChangeSetId": "arn:cs",
    }
    port, _ = cloudformation(describe_stacks={"Stacks": [found]})
    live = port.describe("s")
    assert live is not None
    assert (live.parameters, live.tags, live.change_set) == ({"A": "1"}, {"Project": "ecg"}, "arn:cs")


def test_a_change_set_tells_the_properties_that_force_a_new_resource_but_for_those_that_stay() -> None:
    def detail(name: str, recreation: str, before: str | None, after: str | None) -> dict[str, Any]:
        values = {"BeforeValue": before, "AfterValue": after}
        target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
        return {"Target": target | {key: value for key, value in values.items() if value is not None}}

    change = {
        "LogicalResourceId": "Jobs",
        "ResourceType": "AWS::DynamoDB::Table",
        "Action": "Modify",
        "Replacement": "Conditional",
        "PolicyAction": "ReplaceAndDelete",
        "Details": [
            detail("TableName", "Always", "a", "a"),
            detail("KeySchema", "Conditionally", None, None),
            detail("BillingMode", "Never", "x", "y"),
        ],
    }
    port, client = cloudformation(create_change_set={"Id": "arn:cs"}, describe_change_set=computed(change))
    (line,) = port.create_change_set(REQUEST, ChangeSetKind.UPDATE).changes
    assert (line.recreating, line.policy) == (("KeySchema",), "ReplaceAndDelete")
    assert all(one["IncludePropertyValues"] for name, one in client.calls if name == "describe_change_set")


@pytest.mark.parametrize(
    ("causes", "follows"),
    [
        (("Service.Name", "Cluster.Arn", "Service.Arn"), ("Service", "Cluster")),
        (("Service.Name", None), ()),
        ((None,), ()),
    ],
)
def test_what_may_be_replaced_only_for_what_others_will_give_follows_those(
    causes: tuple[str | None, ...], follows: tuple[str, ...]
) -> None:
    target = {"Attribute": "Properties", "Name": "ResourceId", "RequiresRecreation": "Always"}
    details = [
        {"Target": target, "Evaluation": "Dynamic", "ChangeSource": "ResourceAttribute", "CausingEntity": cause}
        if cause
        else {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}
        for cause in causes
    ]
    change = {
        "Action": "Modify",
        "LogicalResourceId": "Target",
        "ResourceType": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Replacement": "Conditional",
        "Details": details,
    }
    port, _ = cloudformation(create_change_set={"Id": "arn:cs"}, describe_change_set=computed(change))
    (line,) = port.create_change_set(REQUEST, ChangeSetKind.UPDATE).changes
    assert (line.recreating, line.follows) == (("ResourceId",), follows)


def test_a_change_set_whose_creation_was_answered_too_late_is_found_by_its_name() -> None:
    client = Client(describe_change_set=computed())

    def creating(**arguments: Any) -> Any:
        raise refusal("AlreadyExistsException", f"ChangeSet {arguments['ChangeSetName']} already exists")

    client.create_change_set = creating  # type: ignore[method-assign]
    assert CloudFormation(client).create_change_set(REQUEST, ChangeSetKind.UPDATE).id == "arn:cs"


@pytest.mark.parametrize(
    "reason", ["The submitted information didn't contain changes.", "No updates are to be performed."]
)
def test_a_change_set_without_changes_is_empty_rather_than_failed(reason: str) -> None:
    failed = {"ChangeSetId": "arn:cs", "Status": "FAILED", "StatusReason": reason}
    port, _ = cloudformation(create_change_set={"Id": "arn:cs"}, describe_change_set=failed)
    assert port.create_change_set(REQUEST, ChangeSetKind.UPDATE).empty


def test_a_change_set_that_cannot_be_computed_is_deleted_and_its_reason_told() -> None:
    failed = {"ChangeSetId": "arn:cs", "Status": "FAILED", "StatusReason": "Template format error"}
    port, client = cloudformation(create_change_set={"Id": "arn:cs"}, describe_change_set=failed)
    with pytest.raises(AwsRefused, match="Template format error"):
        port.create_change_set(REQUEST, ChangeSetKind.UPDATE)
    assert client.calls[-1][0] == "delete_change_set"


def test_what_a_failed_operation_made_is_not_retained() -> None:
    port, client = cloudformation()
    port.execute(CHANGE_SET, "token")
    ((_, arguments),) = client.calls
    assert (arguments["ClientRequestToken"], arguments["RetainExceptOnCreate"]) == ("token", True)


@pytest.mark.parametrize("code", ["ChangeSetNotFound", "InvalidChangeSetStatus", "TokenAlreadyExistsException"])
def test_a_change_set_that_is_gone_or_was_executed_is_overtaken(code: str) -> None:
    port, _ = cloudformation(execute_change_set=refusal(code))
    with pytest.raises(Overtaken):
        port.execute(CHANGE_SET, "token")


def test_only_our_own_change_sets_that_nobody_executed_are_left_over() -> None:
    def one(name: str, execution: str) -> dict[str, str]:
        return {"ChangeSetId": f"arn:{name}", "ChangeSetName": name, "ExecutionStatus": execution}

    listed = [
        one("ecgctl-1", "AVAILABLE"),
        one("ecgctl-2", "EXECUTE_COMPLETE"),
        one("ecgctl-3", "UNAVAILABLE"),
        one("alices", "AVAILABLE"),
    ]
    port, _ = cloudformation(list_change_sets={"Summaries": listed})
    assert port.leftovers(LIVE) == ["arn:ecgctl-1", "arn:ecgctl-3"]


def test_a_change_set_that_is_still_being_computed_is_deleted_as_soon_as_it_can_be() -> None:
    port, client = cloudformation(
        delete_change_set=[refusal("InvalidChangeSetStatus"), refusal("InvalidChangeSetStatus"), {}],
        describe_change_set={"ExecutionStatus": "UNAVAILABLE"},
    )
    port.discard("ecg-dev-data", "arn:cs")
    assert [name for name, _ in client.calls].count("delete_change_set") == 3


def test_deleting_a_change_set_that_is_gone_is_no_mistake() -> None:
    gone = refusal("ChangeSetNotFound")
    port, _ = cloudformation(delete_change_set=gone, describe_change_set=gone)
    port.discard("ecg-dev-data", "arn:cs")


@pytest.mark.parametrize(
    ("error", "uncertain"),
    [
        (refusal("Throttling", status=400), False),
        (refusal("InternalFailure", status=500), True),
        (refusal("ServiceUnavailable", status=503), True),
        (ReadTimeoutError(endpoint_url="https://x"), True),
        (NoCredentialsError(), False),
    ],
)
def test_only_a_call_without_a_clear_answer_may_have_happened(error: Exception, uncertain: bool) -> None:
    with pytest.raises(AwsRefused) as caught, aws("executing"):
        raise error
    assert caught.value.uncertain is uncertain


def test_expired_credentials_say_how_to_go_on() -> None:
    with (
        pytest.raises(AwsRefused, match="sign in again, then apply again: it goes on where it stopped"),
        aws("reading"),
    ):
        raise refusal("ExpiredToken")


def test_every_change_is_made_as_the_service_role_where_there_is_one() -> None:
    client = Client(create_change_set={"Id": "arn:cs"}, describe_change_set=computed())
    port = CloudFormation(client, role_arn="arn:role")
    port.create_change_set(REQUEST, ChangeSetKind.UPDATE)
    port.delete(LIVE, "t")
    port.continue_rollback(LIVE, "t", ["Queue"])
    port.roll_back(LIVE, "t")
    changing = {name: given.get("RoleARN") for name, given in client.calls if name != "describe_change_set"}
    assert set(changing.values()) == {"arn:role"}
    assert len(changing) == 4


def large(size: int) -> StackRequest:
    return StackRequest("s", "x" * size, {}, {})


def test_a_template_over_the_limit_of_a_call_goes_by_its_url_and_a_smaller_one_inline() -> None:
    client = Client(create_change_set={"Id": "arn:cs"}, describe_change_set=computed())
    port = CloudFormation(client, large=S3Templates(Bucket(), "state"))
    for size in (51_200, 51_201):
        port.create_change_set(large(size), ChangeSetKind.CREATE)
    inline, uploaded = [given for name, given in client.calls if name == "create_change_set"]
    assert inline["TemplateBody"] == "x" * 51_200
    assert "TemplateURL" not in inline
    assert uploaded["TemplateURL"].startswith("https://s3.example/state/templates/")
    assert "TemplateBody" not in uploaded


@pytest.mark.parametrize(
    ("size", "templates", "why"),
    [
        (51_201, None, "there is none: ecgctl bootstrap"),
        (1_000_001, None, "1,000,000 at most; split the stack"),
        (1_000_001, "state", "1,000,000 at most; split the stack"),
    ],
    ids=["no bucket", "too large, no bucket", "too large for S3"],
)
def test_a_template_that_cannot_go_is_refused_before_anything_is_sent(
    size: int, templates: str | None, why: str
) -> None:
    client, bucket = Client(), Bucket()
    port = CloudFormation(client, large=S3Templates(bucket, templates) if templates else None)
    with pytest.raises(AwsRefused, match="TemplateTooLong") as caught:
        port.create_change_set(large(size), ChangeSetKind.CREATE)
    assert why in str(caught.value)
    assert (client.calls, bucket.objects) == ([], {})


def test_events_end_where_those_of_another_operation_begin() -> None:
    def event(token: str, number: int) -> dict[str, Any]:
        return {
            "EventId": f"{token}{number}",
            "Timestamp": None,
            "LogicalResourceId": "Queue",
            "ResourceType": "AWS::SQS::Queue",
            "ResourceStatus": "UPDATE_COMPLETE",
            "ClientRequestToken": token,
        }

    newest_first = [event("ours", 2), event("ours", 1), event("theirs", 9)]
    port, _ = cloudformation(describe_stack_events={"StackEvents": newest_first})
    assert [one.id for one in port.events("s", "ours")] == ["ours1", "ours2"]


def test_events_of_a_stack_that_is_gone_are_none() -> None:
    port, _ = cloudformation(describe_stack_events=refusal("ValidationError", "Stack [s] does not exist"))
    assert port.events("s", "token") == []
