"""What apply does about each state of a stack."""

import re
from datetime import UTC, datetime
from pathlib import Path

import botocore.session
import pytest

from generator.sync.ports import LiveStack, StackEvent, StackResource
from generator.sync.states import STEPS, Step, never_complete, next_step, ours, retained, steady, stuck

STATUSES = botocore.session.get_session().get_service_model("cloudformation").shape_for("StackStatus").enum
RUNBOOK = (Path(__file__).resolve().parents[3] / "docs/runbooks/stacks.md").read_text(encoding="utf-8")
TAGS = {"Project": "ecg", "Environment": "dev", "ManagedBy": "ecgctl"}


def live(status: str, **tags: str) -> LiveStack:
    return LiveStack("ecg-dev-api", "arn", status, tags=tags)


def history(*statuses: str) -> list[StackEvent]:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return [StackEvent(str(n), at, "s", "AWS::CloudFormation::Stack", one) for n, one in enumerate(statuses)]


def test_every_state_that_aws_knows_is_in_the_table() -> None:
    assert set(STEPS) == set(STATUSES)


@pytest.mark.parametrize("status", STATUSES)
def test_every_state_is_in_the_runbook_with_the_command_that_handles_it(status: str) -> None:
    sections = re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)
    about = [section for section in sections if re.search(rf"^.*`{status}`", section.partition("\n")[0])]
    assert len(about) == 1
    assert "ecgctl " in about[0] or "aws cloudformation " in about[0]


@pytest.mark.parametrize("status", STATUSES)
def test_what_runs_is_waited_for_and_nothing_else_is(status: str) -> None:
    running = status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
    assert (next_step(live(status)) is Step.WAIT) == running


def test_a_stack_that_does_not_exist_is_created() -> None:
    assert next_step(None) is Step.CREATE


def test_a_state_that_aws_adds_later_is_waited_for_or_refused_but_never_acted_on() -> None:
    assert next_step(live("REFACTOR_IN_PROGRESS")) is Step.WAIT
    assert next_step(live("REFACTOR_FAILED")) is Step.REFUSE


@pytest.mark.parametrize("status", STATUSES)
def test_only_a_state_after_a_success_says_what_runs(status: str) -> None:
    assert steady(live(status)) == (status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"))


def test_a_stack_is_ours_if_it_bears_all_our_tags() -> None:
    assert ours(live("ROLLBACK_COMPLETE", **TAGS, Owner="someone"), TAGS)
    assert not ours(live("ROLLBACK_COMPLETE", **{**TAGS, "Environment": "prod"}), TAGS)
    assert not ours(live("ROLLBACK_COMPLETE"), TAGS)


def test_a_stack_that_failed_from_its_first_day_never_was_complete() -> None:
    assert never_complete(history("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_FAILED"))


def test_one_success_makes_a_stack_worth_keeping() -> None:
    assert not never_complete(history("CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_FAILED"))


def test_a_stack_whose_beginning_is_forgotten_counts_as_once_complete() -> None:
    assert not never_complete(history("DELETE_IN_PROGRESS", "DELETE_FAILED"))
    assert not never_complete([])


def test_what_a_deletion_would_leave_behind_and_what_a_rollback_can_skip_are_told_from_the_resources() -> None:
    resources = [
        StackResource("Videos", "AWS::S3::Bucket", "DELETE_SKIPPED"),
        StackResource("Queue", "AWS::SQS::Queue", "UPDATE_FAILED"),
        StackResource("Topic", "AWS::SNS::Topic", "UPDATE_COMPLETE"),
    ]
    assert [one.logical_id for one in retained(resources)] == ["Videos"]
    assert [one.logical_id for one in stuck(resources)] == ["Queue"]
