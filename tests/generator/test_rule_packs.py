"""`make rule-packs`: the packs see an environment whole, and what they find is explained, with a reason for each."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from generator.plan.exemptions import PACKS
from generator.plan.facts import Finding, Severity
from generator.plan.reading import read
from generator.planning import tree_of
from tests.generator.plan.trees import files
from tools.rule_packs.__main__ import ROOT, finding, reasons
from tools.rule_packs.one_template import one_template

ENVIRONMENTS = ("dev", "prod")
STORE = """\
Resources:
  Bucket: {Type: "AWS::S3::Bucket", Properties: {}}
Outputs:
  Arn: {Value: !GetAtt Bucket.Arn}
  Name: {Value: !Ref Bucket}
  Path: {Value: !Sub "${Bucket.Arn}/x"}
  Picked: {Value: !Select [0, [!Ref Bucket]]}
"""


def _settled(value: str, **parameters: Any) -> Any:
    """What a property of a stack beside `store` becomes."""
    names = "".join(f"  {name}: {{Type: String}}\n" for name in parameters)
    user = f'Parameters:\n{names}Resources:\n  It: {{Type: "AWS::SQS::Queue", Properties: {{QueueName: {value}}}}}\n'
    tree = read(files({"store": STORE, "user": user}, {"user": parameters}), "here")
    return one_template(tree)[0]["Resources"]["It"]["Properties"]["QueueName"]


def _output(name: str) -> Mapping[str, str]:
    return {"stack": "store", "output": name}


def test_a_parameter_becomes_the_resource_that_feeds_it() -> None:
    assert _settled("!Ref P", P=_output("Arn")) == {"Fn::GetAtt": ["Bucket", "Arn"]}
    assert _settled("!Ref P", P="a literal") == "a literal"


def test_a_parameter_within_a_text_is_written_into_it() -> None:
    assert _settled('!Sub "${P}/*"', P=_output("Arn")) == {"Fn::Sub": "${Bucket.Arn}/*"}
    assert _settled('!Sub "s3://${P}/"', P=_output("Name")) == {"Fn::Sub": "s3://${Bucket}/"}
    assert _settled('!Sub "${P}/y"', P=_output("Path")) == {"Fn::Sub": "${Bucket.Arn}/x/y"}
    assert _settled('!Sub "${P}-${AWS::Region}"', P="one") == {"Fn::Sub": "one-${AWS::Region}"}
    assert _settled('!Sub "${P}!"', P="one") == "one!"


def test_what_cannot_be_written_into_a_text_stays_a_name_of_it() -> None:
    picked = {"Fn::Select": [0, [{"Ref": "Bucket"}]]}
    found = _settled('!Sub ["${Q}${P}", {Q: !Ref P}]', P=_output("Picked"))
    assert found == {"Fn::Sub": ["${Q}${P}", {"Q": picked, "P": picked}]}


def test_what_is_no_place_in_a_text_is_left_alone() -> None:
    assert _settled('!Sub "${!P} ${P}"', P="one") == "${!P} one"


def test_resources_of_one_name_in_two_stacks_are_refused() -> None:
    with pytest.raises(ValueError, match="Bucket stands in a and in b"):
        one_template(read(files({"a": STORE, "b": STORE}), "here"))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_as_one_template_refers_to_nothing_but_its_own_resources(environment: str) -> None:
    tree = tree_of(ROOT, environment)
    template, home = one_template(tree)
    assert set(home.values()) == set(tree.templates)
    unknown = {name for name in _references(template) if name not in home and not name.startswith("AWS::")}
    assert unknown == set()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_bucket_and_the_policy_that_closes_it_are_seen_together(environment: str) -> None:
    resources = one_template(tree_of(ROOT, environment))[0]["Resources"]
    policy = resources["VideoBucketPolicy"]["Properties"]
    assert policy["Bucket"] == {"Ref": "VideoBucket"}
    assert policy["PolicyDocument"]["Statement"][0]["Resource"] == [
        {"Fn::GetAtt": ["VideoBucket", "Arn"]},
        {"Fn::Sub": "${VideoBucket.Arn}/*"},
    ]


def test_what_a_pack_says_is_a_finding_at_its_stack() -> None:
    said = {"rule": "AwsSolutions-S1", "level": "error", "resource": "VideoBucket", "says": "No logs."}
    found = Finding("cdk-nag:AwsSolutions-S1", Severity.BLOCKER, "storage", "VideoBucket", "No logs.")
    assert finding(said, {"VideoBucket": "storage"}) == found


def test_each_reason_of_dev_names_an_id_of_the_specification() -> None:
    specified = re.findall(r"^\| ([A-Z0-9]+-\d+) \|", (ROOT / "docs/specification.md").read_text("utf-8"), re.MULTILINE)
    for one in reasons("dev"):
        named = re.match(r"[A-Z0-9]+-\d+", one.reason)
        assert named, one.rule
        assert named[0] in specified, one.rule


def test_prod_does_not_ask_leave_for_what_it_hardens() -> None:
    hardened = {
        "CFR2",
        "CFR4",
        "CFR5",
        "COG1",
        "COG2",
        "COG8",
        "DDB3",
        "EC23",
        "ECS4",
        "S1",
        "S10",
        "SNS3",
        "SQS4",
        "VPC7",
    }
    asked = {one.rule.removeprefix(PACKS) for one in reasons("prod")}
    assert asked.isdisjoint(f"AwsSolutions-{rule}" for rule in hardened)
    assert not [rule for rule in asked if "RestrictedSSH" in rule or "FlowLogs" in rule]
    assert "HttpListener" not in [one.resource for one in reasons("prod") if "Redirection" in one.rule]


def _references(value: Any) -> set[str]:
    """The logical ids that a template's values name."""
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": [str(name), _]}:
            return {name}
        case {"Fn::Sub": [str(text), dict(names)]}:
            return (_places(text) - set(names)) | _references(list(names.values()))
        case {"Fn::Sub": str(text)}:
            return _places(text)
        case dict():
            return _references(list(value.values()))
        case list():
            return set().union(*map(_references, value))
        case _:
            return set()


def _places(text: str) -> set[str]:
    return {name.partition(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text)}
