"""Sync and health of a whole environment, judged from readings in memory."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from generator.sync.health import HealthStatus, Reading, Thing, Unreadable
from generator.sync.health.reading import LiveTemplate, StackReading
from generator.sync.status import EnvironmentStatus, SyncStatus, things_to_read, worst_sync
from tests.generator.sync.observed import API, FILES, MANIFEST, STORAGE, TAGS, box_report, live, pointer
from tests.generator.sync.observed import status as judged

S = SyncStatus


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
        (API.replace("DesiredCount: 2", "DesiredCount: 3"), "ApiService.DesiredCount: live 3, Git 2"),
        (API + "  Extra: {Type: 'AWS::SNS::Topic'}\n", "Git drops Extra (AWS::SNS::Topic)"),
        (
            API.replace("!Ref Cluster", "main").replace("  Cluster: {", "  Other: {"),
            "Git drops Other (AWS::ECS::Cluster)",
        ),
        (API + "Outputs: {Extra: {Value: x}}\n", "output Extra differs"),
    ],
)
def test_a_stack_with_another_template_is_out_of_sync_and_says_where(template: str, difference: str) -> None:
    stack = of(judged(changed("api", template=template)), "api")
    assert (stack.sync, stack.differences[-1]) == (S.OUT_OF_SYNC, difference)


@pytest.mark.parametrize(
    "template",
    [
        "# a comment\n" + API,
        API.replace("Description: api", "Description: other"),
        API.replace("\n", "\r\n"),
        API.replace("!Ref Cluster", '!Sub "${Cluster}"'),
        API.replace("  ImageId: {Type: String}", "  ImageId: {Type: String, Description: an AMI}"),
        API.replace("  ApiService:\n", "  ApiService:\n    DependsOn: Task\n"),
    ],
    ids=["comment", "description", "line ends", "spelling", "a parameter's description", "order"],
)
def test_what_cloudformation_makes_an_empty_change_set_of_is_synced(template: str) -> None:
    """No apply could make the texts equal."""
    assert judged(changed("api", template=template)).good


def test_a_template_that_nobody_can_read_is_unknown_and_the_rest_is_still_judged() -> None:
    status = judged(changed("api", template="{]"))
    assert (of(status, "api").sync, of(status, "storage").sync) == (S.UNKNOWN, S.SYNCED)
    assert of(status, "api").message.startswith("its live template cannot be read: stacks/api.yaml:1: ")
    assert of(judged(changed("api", template="Resources: {A: {}}")), "api").sync is S.UNKNOWN


def test_where_no_plan_can_be_made_nothing_is_known_and_the_rest_is_still_shown() -> None:
    """CloudFormation itself would not have taken this one."""
    status = judged(changed("api", template=API.replace("!Ref Cluster", "!Ref Nothing")))
    assert {row.sync for row in status.stacks} == {S.UNKNOWN}
    assert "Ref of 'Nothing', which is neither a parameter nor a resource" in of(status, "api").message
    assert status.health.healthy


def test_a_literal_that_differs_names_both_values_and_where_it_is_used() -> None:
    given = [
        {"ParameterKey": "ImageTag", "ParameterValue": "src-0"},
        {"ParameterKey": "BucketName", "ParameterValue": "the-bucket"},
        {"ParameterKey": "ImageId", "ParameterValue": "ami-1"},
    ]
    stack = of(judged(described("api", Parameters=given)), "api")
    used = "Task.ContainerDefinitions[0].Image: live src-0, Git src-1"
    assert stack.differences == ("image api: live src-0, Git src-1", used)
    assert stack.message == "image api: live src-0, Git src-1 (and 1 more)"


def test_a_parameter_that_git_leaves_to_its_default_and_somebody_set_is_a_difference() -> None:
    given = [*live()["ecg-dev-api"].description["Parameters"][:3]]
    moved = [*given, {"ParameterKey": "ApiTargetGroupArn", "ParameterValue": "arn:other"}]
    stack = of(judged(described("api", Parameters=moved)), "api")
    assert stack.differences == ("ApiService.LoadBalancers[0].TargetGroupArn: live arn:other, Git arn:group",)


def test_a_wire_is_compared_with_the_output_as_it_is_now() -> None:
    moved = described("storage", Outputs=[{"OutputKey": "BucketName", "OutputValue": "another"}])
    difference = "Task.Family: live the-bucket, Git !GetAtt storage.Outputs.BucketName"
    assert of(judged(moved), "api").differences == (difference,)
    assert of(judged(described("storage", Outputs=[])), "api").differences == (difference,)


def test_what_only_follows_from_another_stack_is_not_a_stacks_own_difference() -> None:
    """Another queue is another bucket name for api; api itself is as Git wants it."""
    renamed = {**FILES, "stacks/storage.yaml": STORAGE.replace("Properties:", "Properties:\n      FifoQueue: true")}
    status = judged(files=renamed)
    assert (of(status, "storage").sync, of(status, "api").sync) == (S.OUT_OF_SYNC, S.SYNCED)


def test_a_property_that_only_refers_to_what_changes_is_no_difference() -> None:
    """Another family is another task definition, which the service refers to in the same words; it has its own, too."""
    api = API.replace("DesiredCount: 2", "DesiredCount: 3").replace("Name: api,", "Name: other,")
    found = of(judged(files={**FILES, "stacks/api.yaml": api}), "api").differences
    assert found == (
        "ApiService.DesiredCount: live 2, Git 3",
        "Task.ContainerDefinitions[0].Name: live api, Git other",
    )


def test_a_stack_without_the_environments_tags_is_out_of_sync() -> None:
    """CloudFormation hands a stack's tags on: the next apply changes every resource."""
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items() if key != "ManagedBy"]
    stack = of(judged(described("api", Tags=[*tags, {"Key": "Team", "Value": "ours too"}])), "api")
    assert stack.differences == ("the stack lacks the tags ManagedBy=ecgctl, which go on to its resources",)


def test_a_hidden_parameter_cannot_differ() -> None:
    given = [{"ParameterKey": name, "ParameterValue": "****"} for name in ("ImageTag", "BucketName", "ImageId")]
    assert of(judged(described("api", Parameters=given)), "api").sync is S.SYNCED


def test_a_value_that_git_leaves_unresolved_is_the_targets_own() -> None:
    """ImageId reads `unresolved`; the live stack has ami-1."""
    assert of(judged(), "api").sync is S.SYNCED


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_a_shell_counts_as_missing(status: str) -> None:
    assert of(judged(described("api", StackStatus=status)), "api").sync is S.MISSING


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED", "DELETE_IN_PROGRESS"])
def test_a_stack_that_never_was_complete_or_is_no_longer_is_out_of_sync_whatever_its_template(status: str) -> None:
    stack = of(judged(described("api", StackStatus=status)), "api")
    assert (stack.sync, stack.differences) == (S.OUT_OF_SYNC, (f"it is {status}: it has to be made anew",))


@pytest.mark.parametrize("status", ["UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED"])
def test_what_a_stack_runs_whose_update_failed_for_good_is_not_what_its_template_says(status: str) -> None:
    stack = of(judged(described("api", StackStatus=status)), "api")
    assert (stack.sync, stack.differences) == (S.OUT_OF_SYNC, (f"it is {status}: an apply settles that first",))


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


def box(desired: Any = None, config: str | None = FILES["serve.yaml"], **fields: Any) -> dict[str, Reading]:
    return {"serve/box": {"report": box_report(**fields), "desired": desired or pointer(), "config": config}}


def test_an_app_is_synced_when_the_box_was_told_what_git_says() -> None:
    assert app(judged()).sync is S.SYNCED
    older = FILES["serve.yaml"].replace("new.zip", "old.zip")
    told = {**pointer(), "serve": {"key": "k", "sha256": "01d"}}
    assert app(judged(read=box(told, older))).sync is S.OUT_OF_SYNC
    assert app(judged(read=box(told, "applications: []"))).sync is S.MISSING
    dropped = app(judged(read=box(told, older.replace("ecg_rhythm", "old"))), "old")
    assert (dropped.sync, dropped.health.status) == (S.OUT_OF_SYNC, HealthStatus.MISSING)


def test_what_an_app_runs_is_its_health() -> None:
    """As with a Kubernetes deployment: once it was told, it is Synced, and Progressing until it runs that."""
    running = {"status": "RUNNING", "message": "", "version": "old.zip"}
    late = app(judged(read=box(apps={"ecg_rhythm": running})))
    assert (late.sync, late.health.status) == (S.SYNCED, HealthStatus.PROGRESSING)
    assert late.health.reason == "runs old.zip, was told new.zip"
    gone = app(judged(read=box(apps={"ecg_rhythm": running, "old": running})), "old")
    assert (gone.sync, gone.health.reason) == (S.SYNCED, "runs old.zip, was told to stop it")
    absent = app(judged(read=box(apps={})))
    assert (absent.sync, absent.health.status) == (S.SYNCED, HealthStatus.MISSING)


def test_an_app_that_the_box_rolled_back_is_degraded() -> None:
    conditions = [{**one, "status": str(one["type"] == "Degraded")} for one in box_report()["conditions"]]
    running = {"status": "RUNNING", "message": "", "version": "old.zip"}
    rolled = app(judged(read=box(apps={"ecg_rhythm": running}, conditions=conditions)))
    assert (rolled.sync, rolled.health.status) == (S.SYNCED, HealthStatus.DEGRADED)


def test_what_a_silent_box_runs_is_unknown_and_what_it_was_told_is_not() -> None:
    silent = app(judged(read=box(updated_at="2026-11-23T10:00:00Z")))
    assert (silent.sync, silent.health.status) == (S.SYNCED, HealthStatus.UNKNOWN)


@pytest.mark.parametrize(
    ("desired", "sync"),
    [
        (pointer(), S.SYNCED),
        (None, S.MISSING),
        ({**pointer(), "serve": {"key": "k", "sha256": "0"}}, S.OUT_OF_SYNC),
        ({**pointer(), "packages": []}, S.OUT_OF_SYNC),
        (
            {**pointer(), "packages": [*pointer()["packages"], {"name": "old", "key": "k", "sha256": "0"}]},
            S.OUT_OF_SYNC,
        ),
        ({**pointer(), "agent": {"key": "k", "sha256": "0"}}, S.OUT_OF_SYNC),
        ({"generation": "9f", "serve": 3}, S.UNKNOWN),
        ({**pointer(), "packages": [{"sha256": "0"}]}, S.UNKNOWN),
    ],
)
def test_the_box_is_synced_when_its_pointer_names_what_git_names(desired: Any, sync: SyncStatus) -> None:
    status = judged(read={"serve/box": {"report": box_report(), "desired": desired, "config": None}})
    assert status.box is not None
    assert status.box.sync is sync


def test_a_serve_configuration_that_differs_in_its_comments_says_the_same() -> None:
    told = {**pointer(), "serve": {"key": "k", "sha256": "01d"}}
    assert judged(read=box(told, "# why\n" + FILES["serve.yaml"])).good


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
