"""Reading lazily, digests, and what a plan says as a whole."""

from dataclasses import replace

import pytest
import yaml
from click import unstyle

from generator.model.manifest import Artifact, ArtifactKind, parse
from generator.model.wiring import Wire
from generator.plan.digest import effect
from generator.plan.facts import Action, Cause, Severity
from generator.plan.plan import plan
from generator.plan.reading import InvalidTree, Templates, read, read_pair
from generator.plan.tree import Att, Ref, Text, Tree
from generator.report.plan_markdown import plan_markdown
from generator.report.plan_text import plan_text
from tests.generator.plan.trees import files

NET = """Resources: {Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}}
Outputs: {VpcId: {Value: !Ref Vpc}}
"""
GROUP = """Parameters: {VpcId: {Type: String}}
Resources: {Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: a, VpcId: !Ref VpcId}}}
"""
TOPIC = "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}}\n"
WIRED = {"sec": {"VpcId": {"stack": "net", "output": "VpcId"}}}


def test_no_files_are_the_environment_that_is_not_there_yet() -> None:
    assert read({}, "base") == Tree()


def test_a_stack_that_is_the_same_on_both_sides_is_not_parsed_until_it_is_looked_up() -> None:
    before = files({"net": NET, "sec": GROUP}, WIRED)
    after = files({"net": NET.replace("10.0.0.0/16", "10.1.0.0/16"), "sec": GROUP}, WIRED)
    _, tree = read_pair(before, after)
    assert list(tree.templates) == ["net"]
    assert isinstance(tree.templates, Templates)
    assert tree.templates["sec"].resources["Group"].properties["VpcId"] == Ref("VpcId")
    assert list(tree.templates) == ["net"]


def test_a_stack_whose_parameters_alone_differ_is_parsed() -> None:
    text = "Parameters: {P: {Type: String}}\n" + TOPIC.replace("one", "!Ref P")
    trees = read_pair(files({"a": text}, {"a": {"P": "x"}}), files({"a": text}, {"a": {"P": "y"}}))
    assert [tree.templates["a"].resources["Topic"].properties["DisplayName"] for tree in trees] == ["x", "y"]


def test_mistakes_of_both_trees_are_told_together() -> None:
    with pytest.raises(InvalidTree) as raised:
        read_pair(files({"a": "Resources: [\n"}), files({"a": "Resources: {\n"}), ("old", "new"))
    assert "old/stacks/a.yaml:2:" in str(raised.value)
    assert "new/stacks/a.yaml:2:" in str(raised.value)


def test_an_output_that_goes_while_an_unchanged_stack_is_wired_to_it_is_a_mistake() -> None:
    before = files({"net": NET, "sec": GROUP}, WIRED)
    after = files({"net": NET.replace("VpcId:", "Id:"), "sec": GROUP}, WIRED)
    with pytest.raises(InvalidTree, match="has no output 'VpcId'"):
        read_pair(before, after)


def test_a_wired_parameter_is_bound_to_its_output() -> None:
    tree = read(files({"net": NET, "sec": GROUP}, WIRED), "")
    assert tree.templates["sec"].bindings == {"VpcId": Att("net", "Outputs.VpcId")}


def test_a_hidden_parameters_value_is_compared_but_not_shown() -> None:
    text = "Parameters: {P: {Type: String, NoEcho: true}}\n" + TOPIC.replace("one", '!Sub "a${P}"')
    found = plan(*read_pair(files({"a": text}, {"a": {"P": "secret1"}}), files({"a": text}, {"a": {"P": "secret2"}})))
    assert len(found.changes) == 1
    assert "secret" not in repr(found.changes)


def test_adjacent_literals_are_one_piece() -> None:
    text = TOPIC.replace("one", '!Join ["", ["a", "b", !Ref "AWS::Region", "c"]]')
    topic = read(files({"a": text}), "").templates["a"].resources["Topic"]
    assert topic.properties["DisplayName"] == Text(("ab", Ref("AWS::Region"), "c"))


def test_the_first_deployment_creates_everything_and_can_be_taken_back() -> None:
    found = plan(*read_pair({}, files({"net": NET, "sec": GROUP}, WIRED)))
    assert {one.action for one in found.changes} == {Action.CREATE}
    assert [(one.name, one.wave) for one in found.stacks] == [("net", 0), ("sec", 1)]
    assert not found.verdict.one_way


def test_the_digest_does_not_follow_comments_and_file_names() -> None:
    before = files({"a": TOPIC, "b": TOPIC})
    first = plan(*read_pair(before, files({"a": TOPIC.replace("one", "two"), "b": TOPIC})))
    commented = files({"a": "# why\n" + TOPIC.replace("one", "two"), "b": TOPIC + "# and how\n"})
    assert plan(*read_pair(before, commented)).digest == first.digest


def test_the_digest_survives_a_rebase_onto_another_change() -> None:
    more = "Resources: {Queue: {Type: AWS::SQS::Queue}}\n"
    first = plan(*read_pair(files({"a": TOPIC}), files({"a": TOPIC.replace("one", "two")})))
    rebased = plan(*read_pair(files({"a": TOPIC, "b": more}), files({"a": TOPIC.replace("one", "two"), "b": more})))
    assert rebased.digest == first.digest


def test_the_digest_follows_every_value_even_of_what_is_created() -> None:
    digests = {plan(*read_pair({}, files({"a": TOPIC.replace("one", name)}))).digest for name in ("one", "two")}
    assert len(digests) == 2


def test_each_effect_has_a_digest_of_its_own() -> None:
    before = {"a": TOPIC, "b": TOPIC.replace("Topic:", "Other:")}
    after = {name: text.replace("one", "two") for name, text in before.items()}
    both_trees = read_pair(files(before), files(after))
    both = {effect(one, both_trees[1]) for one in plan(*both_trees).changes}
    alone = set()
    for name in before:
        trees = read_pair(files(before), files({**before, name: after[name]}))
        alone |= {effect(one, trees[1]) for one in plan(*trees).changes}
    assert both == alone


def test_an_artifact_that_changes_alone_is_no_empty_plan() -> None:
    def tree(address: str) -> dict[str, str]:
        package = Artifact("agent", ArtifactKind.PACKAGE, "services/agent", address, Wire("a", "Bucket"))
        return files({"a": TOPIC + "Outputs: {Bucket: {Value: x}}\n"}, artifacts=(package,))

    found = plan(*read_pair(tree("1.zip"), tree("2.zip")))
    assert not found.empty
    assert [(one.name, one.before, one.after) for one in found.artifacts] == [("agent", "1.zip", "2.zip")]


def test_an_order_that_changes_alone_is_no_change() -> None:
    """CloudFormation answers that there is nothing to update."""
    queue = "  Queue: {Type: AWS::SQS::Queue}\n"
    text = "Resources:\n" + queue + "  Topic: {Type: AWS::SNS::Topic}\n"
    after = text.replace("AWS::SNS::Topic}", "AWS::SNS::Topic, DependsOn: Queue}")
    assert plan(*read_pair(files({"a": text}), files({"a": after}))).empty


def test_a_stack_says_whether_it_changes_by_itself() -> None:
    before = files({"net": NET, "sec": GROUP, "other": TOPIC}, WIRED)
    after = files({"net": NET.replace("10.0.0.0/16", "10.1.0.0/16"), "sec": GROUP, "other": TOPIC}, WIRED)
    found = {one.name: one.cause for one in plan(*read_pair(before, after)).stacks}
    assert found == {"net": Cause.DIRECT, "sec": Cause.PROPAGATED, "other": None}


def test_a_stack_of_which_only_an_output_changes_changes_by_itself_and_is_shown() -> None:
    after = files({"a": TOPIC + "Outputs: {Name: {Value: x}}\n"})
    found = plan(*read_pair(files({"a": TOPIC}), after))
    assert [(one.cause, one.outputs) for one in found.stacks] == [(Cause.DIRECT, ("Name",))]
    for text in (unstyle(plan_text(found)), plan_markdown(found)):
        assert "outputs change: Name" in text


def test_what_is_amiss_with_a_live_stack_is_a_change_of_it() -> None:
    def tree(*unsettled: str) -> dict[str, str]:
        made = files({"a": TOPIC})
        manifest = parse(made["manifest.yaml"], "")
        stacks = tuple(replace(one, unsettled=unsettled) for one in manifest.stacks)
        return {**made, "manifest.yaml": yaml.safe_dump(replace(manifest, stacks=stacks).to_data())}

    found = plan(*read_pair(tree("it is UPDATE_FAILED"), tree()))
    assert not found.empty
    assert [(one.action, one.cause, one.reasons) for one in found.stacks] == [
        (Action.UPDATE, Cause.DIRECT, ("it is UPDATE_FAILED",))
    ]
    for text in (unstyle(plan_text(found)), plan_markdown(found)):
        assert "it is UPDATE_FAILED" in text
    assert found.digest != plan(*read_pair(tree("it is UPDATE_ROLLBACK_FAILED"), tree())).digest
    assert plan(*read_pair(tree(), tree())).empty


def test_a_change_of_the_environments_name_is_a_blocker() -> None:
    found = plan(*read_pair(files({"a": TOPIC}), files({"a": TOPIC}, environment="prod")))
    assert [(one.kind, one.severity) for one in found.deployability] == [("identity", Severity.BLOCKER)]
    assert found.verdict.blocked


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Resources:\n" + "".join(f"  T{n}: {{Type: AWS::SNS::Topic}}\n" for n in range(501)), "limit"),
        (TOPIC + "#" * 1_000_000, "limit"),
        (TOPIC + "Outputs:\n" + "".join(f"  O{n}: {{Value: x}}\n" for n in range(201)), "limit"),
        ("Parameters: {P: {Type: String}}\n" + TOPIC, "parameter"),
    ],
    ids=["501 resources", "over 1,000,000 bytes", "201 outputs", "a parameter without a value"],
)
def test_what_cloudformation_would_refuse_is_a_blocker(text: str, kind: str) -> None:
    found = plan(*read_pair(files({"a": TOPIC}), files({"a": text})))
    assert (kind, Severity.BLOCKER) in {(one.kind, one.severity) for one in found.deployability}


def test_a_template_that_is_too_large_for_a_call_is_noted_and_deploys() -> None:
    found = plan(*read_pair(files({"a": TOPIC}), files({"a": TOPIC + "#" * 51_200})))
    assert [(one.kind, one.severity) for one in found.deployability] == [("limit", Severity.NOTE)]
    assert not found.verdict.blocked
