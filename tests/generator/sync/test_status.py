"""Sync and health of a whole environment, judged from readings in memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from generator.sync.health import HealthStatus, Reading, Thing, Unreadable
from generator.sync.health.reading import LiveTemplate, StackReading
from generator.sync.status import EnvironmentStatus, SyncStatus, status_of, things_to_read, worst_sync
from tests.generator.sync.observed import API, FILES, MANIFEST, NOW, box_report, live, pointer, readings

S = SyncStatus


def judged(
    stacks: Mapping[str, StackReading] | None = None,
    read: Mapping[str, Reading] | None = None,
    strays: tuple[str, ...] = (),
    files: Mapping[str, str] = FILES,
) -> EnvironmentStatus:
    found = {**live(), **(stacks or {})}
    things = things_to_read(MANIFEST, files, found)
    return status_of(MANIFEST, files, found, readings(things, read or {}), NOW, strays=strays)


def of(status: EnvironmentStatus, name: str) -> Any:
    return next(stack for stack in status.stacks if stack.name == name)


def changed(name: str, **fields: Any) -> dict[str, StackReading]:
    return {f"ecg-dev-{name}": replace(live()[f"ecg-dev-{name}"], **fields)}


def described(name: str, **fields: Any) -> dict[str, StackReading]:
    stack = live()[f"ecg-dev-{name}"]
    return {f"ecg-dev-{name}": replace(stack, description={**stack.description, **fields})}


def test_an_environment_that_is_as_git_wants_it_and_works_is_good() -> None:
    status = judged()
    assert (status.sync, status.health.status, status.good) == (S.SYNCED, HealthStatus.HEALTHY, True)


def test_everything_of_a_live_environment_is_asked_for() -> None:
    labels = [thing.label for thing in things_to_read(MANIFEST, FILES, live())]
    assert labels == ["storage/Jobs", "api/ApiService", "api/ApiTargetGroupArn", "serve/box"]


def test_an_environment_that_was_never_applied_is_missing() -> None:
    nothing = dict.fromkeys(live())
    status = judged(nothing)
    assert things_to_read(MANIFEST, FILES, nothing) == ()
    assert {stack.sync for stack in status.stacks} == {S.MISSING}
    assert (status.sync, status.health.status) == (S.MISSING, HealthStatus.MISSING)


def test_a_line_end_that_cloudformation_dropped_is_no_difference() -> None:
    assert of(judged(changed("api", template=API.rstrip())), "api").sync is S.SYNCED


@pytest.mark.parametrize(
    ("template", "difference"),
    [
        (API.replace("DesiredCount: 2", "DesiredCount: 3"), "template: differs in Resources.ApiService"),
        (API + "  Extra: {Type: 'AWS::SNS::Topic'}\n", "template: Git drops Resources.Extra"),
        (API.replace("  Cluster: {Type: 'AWS::ECS::Cluster'}\n", ""), "template: Git adds Resources.Cluster"),
        (API.replace("Description: api", "Description: other"), "template: Description differs"),
        ("# a comment\n" + API, "template: only the spelling differs"),
        ("{]", "template: the texts differ"),
    ],
)
def test_a_stack_with_another_template_is_out_of_sync_and_says_where(template: str, difference: str) -> None:
    stack = of(judged(changed("api", template=template)), "api")
    assert (stack.sync, stack.differences[-1]) == (S.OUT_OF_SYNC, difference)


def test_a_literal_that_differs_names_both_values() -> None:
    given = [
        {"ParameterKey": "ImageTag", "ParameterValue": "src-0"},
        {"ParameterKey": "BucketName", "ParameterValue": "the-bucket"},
        {"ParameterKey": "ImageId", "ParameterValue": "ami-1"},
    ]
    stack = of(judged(described("api", Parameters=given)), "api")
    assert stack.differences == ("ImageTag: live src-0, Git src-1",)
    assert stack.message == stack.differences[0]


def test_a_wire_is_compared_with_the_output_as_it_is_now() -> None:
    moved = described("storage", Outputs=[{"OutputKey": "BucketName", "OutputValue": "another"}])
    assert of(judged(moved), "api").differences == ("BucketName: live the-bucket, Git another",)


def test_a_wire_to_an_output_that_is_gone_is_a_difference() -> None:
    assert (
        "BucketName: wired from storage.BucketName, which is not there"
        in of(judged(described("storage", Outputs=[])), "api").differences
    )


def test_a_hidden_parameter_cannot_differ() -> None:
    given = [{"ParameterKey": name, "ParameterValue": "****"} for name in ("ImageTag", "BucketName", "ImageId")]
    assert of(judged(described("api", Parameters=given)), "api").sync is S.SYNCED


def test_a_value_that_git_leaves_unresolved_is_the_targets_own() -> None:
    """ImageId reads `unresolved`; the live stack has ami-1."""
    assert of(judged(), "api").sync is S.SYNCED


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_a_shell_counts_as_missing(status: str) -> None:
    assert of(judged(described("api", StackStatus=status)), "api").sync is S.MISSING


def test_a_rolled_back_update_is_healthy_and_out_of_sync_until_git_takes_it_back() -> None:
    rolled = described("api", StackStatus="UPDATE_ROLLBACK_COMPLETE")
    wanted = {**FILES, "stacks/api.yaml": API.replace("DesiredCount: 2", "DesiredCount: 3")}
    stack = of(judged(rolled, files=wanted), "api")
    assert (stack.sync, stack.health.status) == (S.OUT_OF_SYNC, HealthStatus.HEALTHY)
    assert judged(rolled).good


def test_a_stack_is_as_well_as_the_worst_of_what_it_holds() -> None:
    status = judged(read={"api/ApiTargetGroupArn": {"TargetHealthDescriptions": []}})
    assert of(status, "api").health.status is HealthStatus.PROGRESSING
    assert of(status, "api").message == "ApiTargetGroupArn: no target is registered"
    assert status.health.reason == "api: ApiTargetGroupArn: no target is registered"
    assert not status.good


def test_a_stack_that_may_not_be_read_is_unknown_in_both() -> None:
    status = judged({"ecg-dev-api": Unreadable("AccessDenied: no")})
    stack = of(status, "api")
    assert (stack.sync, stack.health.status, stack.message) == (S.UNKNOWN, HealthStatus.UNKNOWN, "AccessDenied: no")
    assert status.sync is S.UNKNOWN


def test_a_stack_that_git_dropped_is_shown_by_its_whole_name() -> None:
    stray = LiveTemplate({"StackStatus": "CREATE_COMPLETE"}, "", {})
    status = judged({"ecg-dev-old": stray}, strays=("ecg-dev-old",))
    assert of(status, "ecg-dev-old").message == "Git does not want this stack"
    assert status.sync is S.OUT_OF_SYNC


def app(status: EnvironmentStatus, name: str = "ecg_rhythm") -> Any:
    return next(each for each in status.apps if each.name == name)


def box(**fields: Any) -> dict[str, Reading]:
    return {"serve/box": {"report": box_report(**fields), "desired": pointer()}}


def test_an_app_is_synced_when_the_box_runs_the_package_that_git_names() -> None:
    assert app(judged()).sync is S.SYNCED
    older = box(apps={"ecg_rhythm": {"status": "RUNNING", "message": "", "version": "old.zip"}})
    assert app(judged(read=older)).sync is S.OUT_OF_SYNC
    assert app(judged(read=box(apps={}))).sync is S.MISSING


def test_an_app_that_git_dropped_and_the_box_still_runs_is_out_of_sync() -> None:
    running = {"status": "RUNNING", "message": "", "version": "new.zip"}
    status = judged(read=box(apps={"ecg_rhythm": running, "old": running}))
    assert (app(status).sync, app(status, "old").sync) == (S.SYNCED, S.OUT_OF_SYNC)


def test_what_a_silent_box_runs_is_unknown() -> None:
    silent = app(judged(read=box(updated_at="2026-11-23T10:00:00Z")))
    assert (silent.sync, silent.health.status) == (S.UNKNOWN, HealthStatus.UNKNOWN)


@pytest.mark.parametrize(
    ("desired", "sync"),
    [
        (pointer(), S.SYNCED),
        (None, S.MISSING),
        ({**pointer(), "serve": {"key": "k", "sha256": "0"}}, S.OUT_OF_SYNC),
        ({**pointer(), "packages": []}, S.OUT_OF_SYNC),
        ({**pointer(), "agent": {"key": "k", "sha256": "0"}}, S.OUT_OF_SYNC),
    ],
)
def test_the_box_is_synced_when_its_pointer_names_what_git_names(desired: Any, sync: SyncStatus) -> None:
    status = judged(read={"serve/box": {"report": box_report(), "desired": desired}})
    assert status.box is not None
    assert status.box.sync is sync


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([], S.SYNCED),
        ([S.SYNCED], S.SYNCED),
        ([S.SYNCED, S.OUT_OF_SYNC], S.OUT_OF_SYNC),
        ([S.SYNCED, S.MISSING], S.OUT_OF_SYNC),
        ([S.MISSING, S.MISSING], S.MISSING),
        ([S.MISSING, S.UNKNOWN], S.UNKNOWN),
    ],
)
def test_what_is_missing_in_part_is_out_of_sync(parts: list[SyncStatus], whole: SyncStatus) -> None:
    assert worst_sync(parts) is whole


def test_every_thing_that_was_read_belongs_to_a_row() -> None:
    status = judged()
    shown: set[Thing] = {one.thing for stack in status.stacks for one in stack.things}
    assert shown == {t for t in things_to_read(MANIFEST, FILES, live()) if t.label != "serve/box"}
    assert status.at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
