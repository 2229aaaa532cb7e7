"""The offline plan against CloudFormation's own verdict, and against what was approved."""

from dataclasses import replace

import pytest

from generator.sync.errors import NotApproved, SurpriseInChangeSet
from generator.sync.ports import ChangeSet, ChangeSetKind, ResourceChange
from generator.sync.verify import Approval, Verdict, surprises, verdict


def change(action: str, replacement: str = "", recreating: tuple[str, ...] | None = None) -> ResourceChange:
    return ResourceChange("Videos", "AWS::S3::Bucket", action, replacement, "", recreating)


def found(line: ResourceChange, *planned: str) -> list[str]:
    change_set = ChangeSet("cs", "ecg-dev-storage", ChangeSetKind.UPDATE, (line,), False)
    expected = {"storage": {"Videos": set(planned)}} if planned else {}
    return [one.found for one in surprises("storage", change_set, expected)]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (change("Add"), Verdict.CREATE),
        (change("Remove"), Verdict.DELETE),
        (change("Modify", "False"), Verdict.UPDATE),
        (change("Modify", "True"), Verdict.REPLACE),
        (change("Modify", "Conditional", ("BucketName",)), Verdict.MAY_REPLACE),
        (change("Modify", "Conditional", ()), Verdict.UPDATE),
        (change("Modify", "Conditional", None), Verdict.MAY_REPLACE),
        (change("Import"), Verdict.OTHER),
        (change("Dynamic"), Verdict.OTHER),
    ],
)
def test_a_line_of_a_change_set_means_the_gravest_thing_that_it_allows(line: ResourceChange, meant: Verdict) -> None:
    assert verdict(line) is meant


def test_a_replacement_that_the_plan_calls_an_update_is_a_surprise() -> None:
    assert found(change("Modify", "True"), "update") == ["replace"]


def test_a_deletion_of_which_the_plan_says_nothing_is_a_surprise() -> None:
    assert found(change("Remove")) == ["delete"]


def test_what_the_plan_announced_is_none() -> None:
    assert found(change("Modify", "True"), "update", "replace") == []
    assert found(change("Remove"), "delete") == []


def test_a_conditional_replacement_is_none_where_the_plan_knows_of_the_change_and_one_where_it_does_not() -> None:
    line = change("Modify", "Conditional", ("RetentionInDays",))
    assert found(line, "update") == found(line, "replace") == []
    assert found(line) == ["may replace"]
    assert found(line, "create") == ["may replace"]


SERVICE = ResourceChange("Service", "AWS::ECS::Service", "Modify", "False", "", ())
TARGET = ResourceChange("Target", "T", "Modify", "Conditional", "", ("ResourceId",), ("Service",))
POLICY = ResourceChange("Policy", "P", "Modify", "Conditional", "", ("TargetId",), ("Target",))


@pytest.mark.parametrize(
    ("service", "planned", "surprising"),
    [
        (SERVICE, {"Service": {"update"}}, []),
        (SERVICE, {}, ["Target", "Policy"]),
        (SERVICE, {"Service": {"update", "replace"}}, ["Target", "Policy"]),
        (replace(SERVICE, replacement="True"), {"Service": {"replace"}}, ["Target", "Policy"]),
        (replace(SERVICE, action="Dynamic"), {"Service": {"update"}}, ["Target", "Policy"]),
    ],
)
def test_what_only_takes_an_attribute_of_a_resource_that_is_updated_in_place_is_believed_to_stay(
    service: ResourceChange, planned: dict[str, set[str]], surprising: list[str]
) -> None:
    """As a service's scalable target is, whose ResourceId has the service's name, and as that target's policies are."""
    change_set = ChangeSet("cs", "ecg-prod-api", ChangeSetKind.UPDATE, (service, TARGET, POLICY), False)
    found = [one.change.logical_id for one in surprises("api", change_set, {"api": planned})]
    assert [name for name in found if name != "Service"] == surprising


def test_creations_and_updates_lose_nothing_and_never_are() -> None:
    assert found(change("Add")) == found(change("Modify", "False")) == []


def test_both_views_are_shown() -> None:
    line = ResourceChange("Videos", "AWS::S3::Bucket", "Modify", "True", "ReplaceAndDelete", ("BucketName",))
    change_set = ChangeSet("cs", "ecg-dev-storage", ChangeSetKind.UPDATE, (line,), False)
    text = str(SurpriseInChangeSet("storage", surprises("storage", change_set, {"storage": {"Videos": ["update"]}})))
    assert "plan:           update" in text
    assert "CloudFormation: replace because of BucketName [ReplaceAndDelete]" in text
    assert "`ecgctl plan ENV --live`" in text
    assert "`ecgctl diff ENV storage --live`" in text


def test_a_plan_that_was_approved_whole_passes() -> None:
    Approval(frozenset({"d1"}), "d1").require()


def test_several_merges_pass_if_each_effect_was_approved_by_one_of_them() -> None:
    Approval(frozenset({"e1", "e2"}), "d3", {"e1": "api: Service changes", "e2": "data: Jobs changes"}).require()


def test_an_effect_that_nobody_approved_is_named() -> None:
    with pytest.raises(NotApproved, match="not approved: data: Jobs is replaced") as caught:
        Approval(frozenset({"e1"}), "d3", {"e1": "api: Service changes", "e2": "data: Jobs is replaced"}).require()
    assert "Service" not in str(caught.value)


def test_another_digest_without_effects_is_refused() -> None:
    with pytest.raises(NotApproved, match="the plan is d2, approved is d1"):
        Approval(frozenset({"d1"}), "d2").require()
