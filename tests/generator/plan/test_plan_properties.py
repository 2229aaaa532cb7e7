"""What holds for every pair of trees: no change, no plan; each mutation is told; order means nothing; no crash."""

import copy
import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from generator.model.manifest import parse
from generator.model.wiring import Wire
from generator.model.yaml_source import read as read_yaml
from generator.plan.behaviour import ANYTHING, behaviour, is_list, item
from generator.plan.changes import changes
from generator.plan.deployability import obstacles
from generator.plan.plan import plan
from generator.plan.reading import read_pair
from tests.generator.plan.trees import files

DEV = Path(__file__).parents[3] / "templates_out/dev"
TYPES = (
    "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::EC2::Instance", "AWS::EC2::SecurityGroup", "AWS::IAM::Role",
    "AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::CloudFront::Distribution", "AWS::RDS::DBInstance",
    "AWS::Lambda::Function", "AWS::ElasticLoadBalancingV2::Listener", "AWS::SQS::Queue", "AWS::KMS::Key",
    "AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::LaunchTemplate", "AWS::ElastiCache::ReplicationGroup",
    "AWS::WAFv2::WebACL", "AWS::ApiGateway::RestApi", "AWS::StepFunctions::StateMachine", "AWS::Batch::JobDefinition",
    "AWS::CloudFormation::CustomResource", "Custom::Thing", "Vendor::Made::Up",
)  # fmt: skip
quiet = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking a whole environment takes minutes and says little more
)


@cache
def dev_templates() -> dict[str, Any]:
    """The real templates as data with long intrinsics."""
    return {path.stem: read_yaml(path.read_text(), path.name).data for path in sorted((DEV / "stacks").glob("*.yaml"))}


@cache
def dev_parameters() -> dict[str, dict[str, Any]]:
    manifest = parse((DEV / "manifest.yaml").read_text(), "manifest.yaml")
    return {
        stack.name: {
            name: {"stack": value.stack, "output": value.output} if isinstance(value, Wire) else value
            for name, value in stack.parameters.items()
        }
        for stack in manifest.stacks
    }


def dev_files(templates: dict[str, Any]) -> dict[str, str]:
    texts = {name: json.dumps(data) for name, data in templates.items()}
    return files(texts, dev_parameters())


@cache
def leaves() -> list[tuple[str, str, tuple[str | int, ...]]]:
    """Every scalar of every resource's properties that stands in no intrinsic: stack, logical id, path."""

    def below(path: tuple[str | int, ...], value: Any) -> list[tuple[str | int, ...]]:
        if isinstance(value, dict):
            if any(key == "Ref" or key.startswith("Fn::") for key in value):
                return []
            return [leaf for key, one in value.items() for leaf in below((*path, key), one)]
        if isinstance(value, list):
            return [leaf for index, one in enumerate(value) for leaf in below((*path, index), one)]
        return [path]

    return [
        (stack, name, leaf)
        for stack, data in dev_templates().items()
        for name, resource in data["Resources"].items()
        for leaf in below((), resource.get("Properties", {}))
    ]


def mutated(stack: str, name: str, path: tuple[str | int, ...], how: str) -> dict[str, Any]:
    data = copy.deepcopy(dev_templates())
    here = data[stack]["Resources"][name]["Properties"]
    for step in path[:-1]:
        here = here[step]
    value = here[path[-1]]
    if how == "remove":
        del here[path[-1]]
    elif isinstance(value, bool):
        here[path[-1]] = not value
    elif isinstance(value, int | float):
        here[path[-1]] = value + 1
    else:
        here[path[-1]] = f"{value}x"
    return data


def shuffled(value: Any, random: Random) -> Any:
    """The same data with the keys of every mapping in another order."""
    if isinstance(value, dict):
        keys = list(value)
        random.shuffle(keys)
        return {key: shuffled(value[key], random) for key in keys}
    return [shuffled(one, random) for one in value] if isinstance(value, list) else value


@st.composite
def values(draw: st.DrawFn, shape: Any, kind: str, depth: int = 0) -> Any:
    """A value of a shape, now and then an intrinsic, now and then something else altogether."""
    known = behaviour(kind)
    shape = known.expanded(shape) if known else ANYTHING
    lucky = draw(st.integers(0, 19))
    if lucky == 0:
        return draw(intrinsics)
    if depth > 3:
        return "deep"
    if is_list(shape):
        return draw(st.lists(values(item(shape), kind, depth + 1), max_size=3))
    if isinstance(shape, dict):
        names = draw(st.lists(st.sampled_from(sorted(shape)), max_size=4, unique=True)) if shape else []
        return {name: draw(values(shape[name], kind, depth + 1)) for name in names}
    return draw(scalars if lucky < 18 else anything)


scalars = st.one_of(st.text("ab0-", max_size=4), st.integers(-1, 99), st.booleans(), st.just("2012-10-17"))
anything: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3)
)
intrinsics: st.SearchStrategy[Any] = st.sampled_from(
    [
        {"Ref": "R0"},
        {"Ref": "AWS::NoValue"},
        {"Ref": "P"},
        {"Fn::GetAtt": ["R0", "Arn"]},
        {"Fn::GetAtt": "R1.A.B"},
        {"Fn::Sub": "a${R0}${R1.Arn}${!x}"},
        {"Fn::Sub": ["${V}", {"V": {"Ref": "P"}}]},
        {"Fn::Join": [",", ["a", {"Ref": "R0"}]]},
        {"Fn::Join": [",", {"Ref": "P"}]},
        {"Fn::If": ["C", "a", {"Ref": "AWS::NoValue"}]},
        {"Fn::If": ["D", [{"Ref": "R1"}], {"Fn::If": ["C", 1, 2]}]},
        {"Fn::Select": [0, {"Fn::Split": [",", "a,b"]}]},
        {"Fn::Select": ["1", {"Fn::GetAZs": ""}]},
        {"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "k"]},
        {"Fn::FindInMap": ["M", {"Ref": "P"}, "k"]},
        {"Fn::Base64": {"Fn::Sub": "x${AWS::Region}"}},
        {"Fn::ImportValue": {"Fn::Sub": "x"}},
        {"Fn::Cidr": [{"Fn::GetAtt": ["R0", "CidrBlock"]}, 2, 8]},
        {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://a/b"}}},
        {"Fn::ToJsonString": {"a": {"Ref": "R0"}}},
    ]
)


@st.composite
def templates(draw: st.DrawFn) -> str:
    resources: dict[str, Any] = {}
    for index in range(draw(st.integers(2, 5))):
        kind = draw(st.sampled_from(TYPES))
        known = behaviour(kind)
        properties = draw(values(dict(known.properties) if known else ANYTHING, kind))
        resource = {"Type": kind, "Properties": properties if isinstance(properties, dict) else {"A": properties}}
        attributes: dict[str, list[Any]] = {
            "DeletionPolicy": ["Retain", "Delete", "Snapshot", "RetainExceptOnCreate"],
            "UpdateReplacePolicy": ["Retain", "Delete", "Snapshot"],
            "Condition": ["C", "D"],
            "DependsOn": ["R0", ["R1", "R0"]],
            "Metadata": [{"a": 1}, {"b": [{"Ref": "R0"}]}],
        }
        for name, choices in attributes.items():
            if draw(st.booleans()) and draw(st.booleans()):
                resource[name] = draw(st.sampled_from(choices))
        resources[f"R{index}"] = resource
    data = {
        "Parameters": {"P": {"Type": draw(st.sampled_from(["String", "CommaDelimitedList"])), "Default": "a,b"}},
        "Mappings": {"M": {"us-east-1": {"k": draw(scalars)}, "a": {"k": "v"}}},
        "Conditions": {
            "C": {"Fn::Equals": [{"Ref": "P"}, draw(st.sampled_from(["a", "a,b"]))]},
            "D": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AWS::AccountId"}, "1"]}]},
        },
        "Resources": resources,
        "Outputs": {"O": {"Value": {"Fn::GetAtt": ["R0", "Arn"]}, "Export": {"Name": "x"}}},
    }
    return json.dumps(data) if draw(st.booleans()) else yaml.safe_dump(data)


@quiet
@given(templates())
def test_a_tree_against_itself_is_an_empty_plan(text: str) -> None:
    tree = files({"s": text})
    assert plan(*read_pair(tree, {**tree, "stacks/s.yaml": text})).empty
    again = files({"s": text + "\n"})  # another SHA-256, so that it is parsed and compared
    found = plan(*read_pair(tree, again))
    assert found.empty, found.changes


def test_the_real_tree_against_itself_is_an_empty_plan() -> None:
    tree = dev_files(dev_templates())
    longer = files({k.split("/")[1][:-5]: v + "\n" for k, v in tree.items() if "stacks/" in k}, dev_parameters())
    assert plan(*read_pair(tree, longer)).empty


@quiet
@given(st.data())
def test_every_mutation_of_the_real_tree_is_reported_at_its_resource(data: st.DataObject) -> None:
    stack, name, path = data.draw(st.sampled_from(leaves()))
    how = data.draw(st.sampled_from(["edit", "remove"]))
    changed = mutated(stack, name, path, how)
    found = changes(*read_pair(dev_files(dev_templates()), dev_files(changed)))
    (change,) = (one for one in found.resources if (one.stack, one.resource) == (stack, name))
    assert any(str(path[0]) == one.path.replace("[", ".").split(".")[0] for one in change.properties)


@quiet
@given(st.data(), st.integers(0, 999))
def test_a_plan_does_not_depend_on_the_order_of_keys(data: st.DataObject, seed: int) -> None:
    """A seed, since Hypothesis drawing the place of each of some thousand keys takes most of a second."""
    random = Random(seed)
    stack, name, path = data.draw(st.sampled_from(leaves()))
    changed = mutated(stack, name, path, "edit")
    first = plan(*read_pair(dev_files(dev_templates()), dev_files(changed)))
    second = plan(*read_pair(dev_files(shuffled(dev_templates(), random)), dev_files(shuffled(changed, random))))
    assert first.digest == second.digest
    assert first.changes == second.changes
    assert first.deployability == second.deployability


@quiet
@given(templates(), templates())
def test_no_pair_of_templates_crashes_the_plan(before: str, after: str) -> None:
    trees = read_pair(files({"s": before}), files({"s": after}))
    found = changes(*trees)
    obstacles(*trees, found)
    back = changes(trees[1], trees[0])
    assert {one.resource for one in found.resources} >= {one.resource for one in back.resources if one.properties == ()}


@quiet
@given(templates(), templates())
def test_the_whole_plan_of_any_pair_is_made(before: str, after: str) -> None:
    plan(*read_pair(files({"s": before}), files({"s": after})))
