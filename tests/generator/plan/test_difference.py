"""Which properties differ, and where: the deepest path, lists matched by what names their items."""

from typing import Any

import pytest

from generator.plan.difference import differences, dotted
from generator.plan.effects import known_behaviour
from generator.plan.tree import Call, Ref, Resource, Template

EMPTY = Template("s", {}, {}, {}, {})


def found(kind: str, before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    sides = (Resource("It", kind, before), Resource("It", kind, after))
    return [
        (dotted(one.path), one.before, one.after) for one in differences(*sides, known_behaviour(kind), (EMPTY, EMPTY))
    ]


def test_a_path_leads_to_the_value_that_differs() -> None:
    mappings = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": size, "VolumeType": "gp3"}} for size in (50, 60)]
    before, after = ({"BlockDeviceMappings": [one]} for one in mappings)
    assert found("AWS::EC2::Instance", before, after) == [("BlockDeviceMappings[0].Ebs.VolumeSize", 50, 60)]


def test_a_property_that_comes_or_goes_is_one_change() -> None:
    assert found("AWS::SQS::Queue", {"DelaySeconds": 1}, {"KmsMasterKeyId": "k"}) == [
        ("DelaySeconds", 1, None),
        ("KmsMasterKeyId", None, "k"),
    ]


def test_one_tag_more_is_one_change_wherever_it_stands() -> None:
    tags = [{"Key": name, "Value": "x"} for name in "abc"]
    assert found("AWS::SQS::Queue", {"Tags": tags[1:]}, {"Tags": tags}) == [("Tags[0]", None, tags[0])]


def test_a_tags_value_is_compared_under_its_key() -> None:
    before = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}]
    after = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}]
    assert found("AWS::SQS::Queue", {"Tags": before}, {"Tags": after}) == [("Tags[0].Value", "1", "2")]


def test_a_statement_is_known_by_its_sid() -> None:
    def policy(*statements: tuple[str, str]) -> dict[str, Any]:
        listed = [{"Sid": sid, "Effect": "Allow", "Action": [action], "Resource": "*"} for sid, action in statements]
        return {"PolicyDocument": {"Version": "2012-10-17", "Statement": listed}}

    before, after = policy(("A", "s3:Get"), ("B", "s3:Put")), policy(("B", "s3:Put"), ("A", "s3:List"))
    assert found("AWS::IAM::ManagedPolicy", before, after) == [
        ("PolicyDocument.Statement[1].Action[0]", "s3:Get", "s3:List")
    ]


def test_the_order_of_a_list_that_has_one_is_a_change() -> None:
    behaviours = [{"PathPattern": path, "TargetOriginId": "a", "ViewerProtocolPolicy": "b"} for path in ("/a", "/b")]
    before, after = ({"DistributionConfig": {"CacheBehaviors": one}} for one in (behaviours, behaviours[::-1]))
    assert [path for path, _, _ in found("AWS::CloudFront::Distribution", before, after)] == [
        "DistributionConfig.CacheBehaviors"
    ]


def test_a_renamed_item_that_says_the_same_is_one_change_of_its_name() -> None:
    before, after = ([{"Name": name, "Image": "i", "Cpu": 1, "Memory": 2}] for name in ("a", "b"))
    assert found("AWS::ECS::TaskDefinition", {"ContainerDefinitions": before}, {"ContainerDefinitions": after}) == [
        ("ContainerDefinitions[0].Name", "a", "b")
    ]


@pytest.mark.parametrize(
    ("kind", "name", "one", "other"),
    [
        ("AWS::SQS::Queue", "DelaySeconds", 5, "5"),
        ("AWS::SQS::Queue", "FifoQueue", True, "true"),
        ("AWS::CloudWatch::Alarm", "Threshold", 1, "1.0"),
        ("AWS::SSM::Parameter", "Value", 5, "5"),
        ("AWS::EC2::Instance", "SecurityGroupIds", "sg-1", ["sg-1"]),
        (
            "AWS::S3::BucketPolicy",
            "PolicyDocument",
            '{"Version": "x", "Statement": []}',
            {"Version": "x", "Statement": []},
        ),
    ],
)
def test_spellings_of_one_value_are_equal(kind: str, name: str, one: Any, other: Any) -> None:
    assert found(kind, {name: one}, {name: other}) == []


def test_a_wire_that_leads_elsewhere_is_a_change_of_what_uses_it() -> None:
    before = Template("s", {}, {}, {}, {}, bindings={"P": "one"})
    after = Template("s", {}, {}, {}, {}, bindings={"P": "two"})
    resource = Resource("It", "AWS::SSM::Parameter", {"Value": Call("If", ["C", Ref("P"), "x"])})
    (one,) = differences(resource, resource, known_behaviour(resource.type), (before, after))
    assert (dotted(one.path), one.before.argument[1], one.after.argument[1]) == ("Value", "one", "two")
