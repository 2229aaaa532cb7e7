"""What is live as a tree of the `templates_out/<env>` shape: each rule of sync/live_tree.py."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from generator.model.manifest import Artifact, ArtifactKind, Manifest, parse
from generator.model.wiring import Wire
from generator.model.yaml_source import read
from generator.plan.facts import Action, Plan
from generator.sync.health import Unreadable
from generator.sync.health.reading import LiveTemplate
from generator.sync.live_tree import BOX, NOT_THERE, LiveEnvironment, LiveTree, LiveUnknown, live_tree
from generator.sync.states import STEPS, Step
from tests.generator.deployed import OWN, Deployed, deployed, looked_at
from tests.generator.plan.trees import files

STORE = """Resources: {Bucket: {Type: AWS::S3::Bucket}}
Outputs: {BucketName: {Value: !Ref Bucket}}
"""
API = """Parameters:
  BucketName: {Type: String}
  ImageTag: {Type: String}
  Ami: {Type: String}
  Secret: {Type: String, NoEcho: true}
  Count: {Type: Number, Default: 3}
  Loud: {Type: String, Default: true}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "${BucketName}${ImageTag}${Ami}${Count}${Loud}"}}
"""
GIVEN: dict[str, Any] = {
    "BucketName": {"stack": "store", "output": "BucketName"},
    "ImageTag": "src-1",
    "Ami": "unresolved",
    "Secret": "s3cret",
}
ARTIFACTS = (
    Artifact("api", ArtifactKind.IMAGE, "services/api", "src-1", Wire("store", "Repository")),
    Artifact("agent", ArtifactKind.PACKAGE, "services/agent", "a.zip", Wire("store", "BucketName")),
)
GIT = files({"store": STORE, "api": API}, {"api": GIVEN}, artifacts=ARTIFACTS)
STORE_NAME = "test-dev-store"


def world() -> Deployed:
    made = deployed(GIT)
    told = {**made.stack("api").parameters, "Secret": "****", "Count": "3", "Loud": "true"}
    made.describe("api", Parameters=[{"ParameterKey": key, "ParameterValue": told[key]} for key in told])
    return made


def tree(of: Deployed, git: dict[str, str] = GIT) -> LiveTree:
    return looked_at(of, git)[0]


def manifest(of: Deployed, git: dict[str, str] = GIT) -> Manifest:
    return parse(tree(of, git).files["manifest.yaml"], "live")


def parameters(of: Deployed, git: dict[str, str] = GIT) -> dict[str, Wire | str]:
    return dict(next(one for one in manifest(of, git).stacks if one.name == "api").parameters)


def plan(of: Deployed, git: dict[str, str] = GIT) -> Plan:
    return looked_at(of, git)[1]


def addresses(of: Deployed) -> dict[str, str]:
    return {one.name: one.address for one in manifest(of).artifacts}


def test_what_was_just_deployed_is_gits_own_tree() -> None:
    live = tree(world())
    assert parse(live.files["manifest.yaml"], "") == parse(GIT["manifest.yaml"], "")
    assert {path: text for path, text in live.files.items() if path != "manifest.yaml"} == {
        path: text for path, text in GIT.items() if path != "manifest.yaml"
    }
    assert (live.notes, live.unknown) == ((), {})


def test_nothing_live_is_no_tree_at_all() -> None:
    nothing = live_tree(parse(GIT["manifest.yaml"], ""), GIT, LiveEnvironment(dict.fromkeys(world().stacks)))
    assert nothing == LiveTree({})


def test_a_live_value_is_written_as_git_writes_it_where_that_gives_the_same() -> None:
    assert parameters(world()) == {**GIVEN, "BucketName": Wire("store", "BucketName")}


def test_any_other_live_value_is_written_as_it_is() -> None:
    made = world()
    for name, value in {"BucketName": "mine", "ImageTag": "src-0", "Count": "4", "Loud": ""}.items():
        made.set("api", name, value)
    assert parameters(made) == {
        **GIVEN,
        "BucketName": "mine",
        "ImageTag": "src-0",
        "Count": "4",
        "Loud": "",
    }


def test_another_wire_that_gives_the_same_is_no_difference() -> None:
    """What counts is the value that a stack gets."""
    two = STORE.replace("{BucketName:", "{Name: {Value: !Ref Bucket}, BucketName:")
    rewired = {**GIVEN, "BucketName": {"stack": "store", "output": "Name"}}
    before = files({"store": two, "api": API}, {"api": GIVEN}, artifacts=ARTIFACTS)
    after = files({"store": two, "api": API}, {"api": rewired}, artifacts=ARTIFACTS)
    made = deployed(before)
    same = [{"OutputKey": name, "OutputValue": "the bucket"} for name in ("Name", "BucketName")]
    made.describe("store", Outputs=same)
    made.set("api", "BucketName", "the bucket")
    assert plan(made, after).empty


def test_of_the_accounts_own_value_and_of_a_hidden_one_nothing_is_told() -> None:
    made = world()
    assert made.stack("api").parameters["Ami"] == OWN
    made.set("api", "Ami", "ami-2")
    assert plan(made).empty


def test_a_wire_from_a_stack_that_nobody_may_read_is_taken_as_it_is() -> None:
    made = world()
    made.put("store", Unreadable("AccessDenied: no"))
    live = tree(made)
    assert live.unknown == {"store": "AccessDenied: no"}
    assert parameters(made)["BucketName"] == Wire("store", "BucketName")


def test_a_plan_is_refused_while_anything_is_unknown_and_every_cause_is_told() -> None:
    made = world()
    made.put("api", Unreadable("AccessDenied: no"))
    made.edit("store", lambda text: text.replace("{Bucket:", "{Bucket: ["))
    made.box = Unreadable("NoSuchBucket: no")
    with pytest.raises(LiveUnknown) as raised:
        tree(made).require_known()
    assert set(raised.value.unknown) == {"api", "store", BOX}
    for said in ("api: AccessDenied", "store: its live template cannot be read: stacks/store.yaml:", BOX):
        assert said in str(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("status", sorted(STEPS))
def test_a_stack_counts_as_there_where_an_apply_would_update_or_adopt_it(status: str) -> None:
    """And not where it creates it, anew or at all."""
    made = world()
    made.describe("api", StackStatus=status)
    there = "api" in {one.name for one in manifest(made).stacks}
    anew = {Step.CREATE, Step.DELETE_SHELL, Step.RETRY_DELETE}
    on_the_way = {"CREATE_FAILED", "DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"}
    assert there == (STEPS[status] not in anew and status not in on_the_way) == (status not in NOT_THERE)


def test_a_stack_without_a_template_is_not_there() -> None:
    made = world()
    made.put("api", replace(made.stack("api"), template=""))
    assert [(one.name, one.action) for one in plan(made).stacks] == [("store", None), ("api", Action.CREATE)]


def test_what_moves_and_what_is_half_made_is_told_in_a_note() -> None:
    made = world()
    made.describe("api", StackStatus="UPDATE_IN_PROGRESS")
    made.describe("store", StackStatus="DELETE_FAILED")
    assert tree(made).notes == (
        "stack store is DELETE_FAILED: it counts as not there",
        "stack api is UPDATE_IN_PROGRESS: look again when that is over",
    )


def test_an_output_of_another_template_feeds_nothing() -> None:
    """While a stack is being updated, DescribeStacks still tells the outputs of before."""
    made = world()
    made.edit("store", lambda text: text.partition("Outputs")[0])
    assert parameters(made)["BucketName"] == "store's BucketName"


def test_a_stack_that_git_dropped_is_removed_last() -> None:
    made = world()
    tags = made.stack("store").description["Tags"]
    made.put("old", LiveTemplate({"StackStatus": "CREATE_COMPLETE", "Tags": tags}, STORE, {}))
    found = plan(made)
    assert [(one.stack, one.resource, one.action) for one in found.changes] == [("old", "Bucket", Action.DELETE)]
    assert [(one.name, one.wave) for one in found.stacks] == [("store", 0), ("api", 1), ("old", 2)]
    assert found.verdict.data_at_risk == ("old.Bucket",)


def test_a_stack_that_may_be_pruned_is_still_there() -> None:
    made = world()
    tags = made.stack("store").description["Tags"]
    made.put("old", LiveTemplate({"StackStatus": "CREATE_COMPLETE", "Tags": tags}, STORE, {}))
    named = replace(parse(GIT["manifest.yaml"], ""), prune=("stack:old",))
    git = {**GIT, "manifest.yaml": yaml.safe_dump(named.to_data())}
    assert {one.kind for one in plan(made).deployability} >= {"not-pruned"}
    assert "not-pruned" not in {one.kind for one in plan(made, git).deployability}
    assert {one.stack for one in plan(made, git).changes} == {"old"}


def test_a_dropped_stack_that_cannot_be_read_leaves_no_plan() -> None:
    made = world()
    tags = made.stack("store").description["Tags"]
    made.put("old", LiveTemplate({"StackStatus": "CREATE_COMPLETE", "Tags": tags}, "{]", {}))
    with pytest.raises(LiveUnknown, match="old: its live template cannot be read"):
        tree(made).require_known()


def test_a_live_template_in_json_is_compared_by_its_meaning() -> None:
    made = world()
    for name in ("store", "api"):
        data = read(made.stack(name).template, "").data
        made.put(name, replace(made.stack(name), template=json.dumps(data, indent=1, ensure_ascii=False)))
    assert plan(made).empty


def test_the_image_that_is_live_is_the_one_that_its_stack_was_told() -> None:
    made = world()
    made.set("api", "ImageTag", "src-0")
    assert addresses(made) == {"api": "src-0", "agent": "a.zip"}
    made.put("api", None)
    assert addresses(made) == {"agent": "a.zip"}


def test_an_image_may_stand_in_a_template() -> None:
    literal = API.replace("  ImageTag: {Type: String}\n", "").replace("${ImageTag}", "src-1")
    given = {name: value for name, value in GIVEN.items() if name != "ImageTag"}
    git = files({"store": STORE, "api": literal}, {"api": given}, artifacts=ARTIFACTS)
    made = deployed(git)
    assert plan(made, git).empty
    made.edit("api", lambda text: text.replace("src-1", "src-0"))
    assert [(one.name, one.before, one.after) for one in plan(made, git).artifacts] == [("api", None, "src-1")]


def test_packages_are_those_of_the_pointer() -> None:
    made = world()
    desired = {
        "agent": {"key": "k", "sha256": "b"},
        "serve": made.box["desired"]["serve"],  # type: ignore[index]
        "packages": [{"name": "old", "key": "k", "sha256": "c"}],
    }
    made.box = {"report": None, "desired": desired, "config": None}
    assert addresses(made) == {"api": "src-1", "agent": "b.zip", "old": "c.zip"}


def test_without_a_pointer_everything_on_the_box_is_new_and_a_note_says_why() -> None:
    made = world()
    made.box = {"report": None, "desired": None, "config": None}
    live, found, _ = looked_at(made, GIT)
    assert live.notes == ("nothing tells the GPU box what to run yet (no desired.json)",)
    assert [(one.name, one.before) for one in found.artifacts] == [("agent", None)]
    assert live.files["serve.yaml"] == ""


def test_a_configuration_that_the_box_was_told_and_that_is_gone_is_told_in_a_note() -> None:
    made = world()
    desired = {"agent": {"sha256": "a"}, "serve": {"sha256": "d" * 64}, "packages": []}
    made.box = {"report": None, "desired": desired, "config": None}
    [note] = tree(made).notes
    assert note.startswith(f"the Serve configuration {'d' * 12} that the GPU box was told to run is not in its bucket")
