"""Who gains and loses which action on which resource under which condition."""

from typing import Any

import pytest

from tests.generator.plan.exposure_trees import exposed, resource, said, sentences

BUCKET = {"Videos": resource("AWS::S3::Bucket")}
OBJECTS = {"Fn::Sub": "${Videos.Arn}/*"}


def statement(action: Any, on: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": on, **more}


def role(*statements: dict[str, Any], **properties: Any) -> dict[str, Any]:
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    policies = [{"PolicyName": "p", "PolicyDocument": {"Statement": list(statements)}}]
    given = {"AssumeRolePolicyDocument": trust, "Policies": policies, **properties}
    return {**BUCKET, "Role": resource("AWS::IAM::Role", **given)}


def bucket_policy(*statements: dict[str, Any]) -> dict[str, Any]:
    document = {"Statement": list(statements)}
    return {**BUCKET, "Policy": resource("AWS::S3::BucketPolicy", Bucket={"Ref": "Videos"}, PolicyDocument=document)}


GET, PUT = statement("s3:GetObject", OBJECTS), statement("s3:PutObject", OBJECTS)
TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [{"Fn::GetAtt": ["Videos", "Arn"]}, OBJECTS],
    "Condition": {"Bool": {"aws:SecureTransport": False}},
}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([GET], [GET, PUT], ["+ Role gains s3:PutObject on Videos/*"]),
        ([GET, PUT], [GET], ["- Role loses s3:PutObject on Videos/*"]),
        ([GET], [statement("s3:*", OBJECTS)], ["+ Role gains s3:* on Videos/*, so far only s3:GetObject"]),
        ([statement("s3:Get*", OBJECTS)], [GET], ["- Role loses s3:Get* on Videos/*, keeps s3:GetObject"]),
        ([GET], [statement("S3:getobject", OBJECTS)], []),
        ([GET, PUT], [statement(["s3:PutObject", "s3:GetObject"], [OBJECTS])], []),
        ([GET, statement("s3:*", OBJECTS)], [statement("s3:*", OBJECTS)], []),
        ([GET], [statement("s3:GetObject")], ["+ Role gains s3:GetObject on everything"]),
        (
            [statement("s3:GetObject", {"Fn::Sub": "${Videos.Arn}/a/*"})],
            [GET],
            ["+ Role gains s3:GetObject on Videos/*"],
        ),
        ([statement("s3:GetObject", "arn:aws:s3:::*")], [GET], ["- Role loses s3:GetObject on arn:aws:s3:::*"]),
        ([], [statement("*")], ["+ Role gains every action on everything"]),
        (
            [],
            [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
            ["+ Role gains everything but iam:* on everything"],
        ),
        (
            [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
            [GET],
            ["- Role loses everything but iam:* on everything, keeps s3:GetObject"],
        ),
        (
            [statement("s3:GetObject", OBJECTS, Condition={"StringEquals": {"aws:SourceAccount": "1"}})],
            [GET],
            ["+ Role gains s3:GetObject on Videos/*, so far only when aws:SourceAccount is 1"],
        ),
        (
            [GET],
            [statement("s3:GetObject", OBJECTS, Condition={"StringEquals": {"aws:SourceAccount": "1"}})],
            ["- Role loses s3:GetObject on Videos/*, except when aws:SourceAccount is 1"],
        ),
        (
            [statement("s3:GetObject", OBJECTS, Condition={"IpAddress": {"aws:SourceIp": "10.1.0.0/16"}})],
            [statement("s3:GetObject", OBJECTS, Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})],
            [
                "+ Role gains s3:GetObject on Videos/* when aws:SourceIp is in 10.0.0.0/8,"
                " so far only when aws:SourceIp is in 10.1.0.0/16"
            ],
        ),
    ],
)
def test_a_role_s_statements_compare_as_what_they_allow(
    before: list[dict[str, Any]], after: list[dict[str, Any]], expected: list[str]
) -> None:
    assert said(role(*before), role(*after)) == expected


def test_a_statement_that_moves_to_a_policy_of_its_own_changes_nothing() -> None:
    document = {"Statement": [GET]}
    policy = resource("AWS::IAM::Policy", PolicyName="p", Roles=[{"Ref": "Role"}], PolicyDocument=document)
    assert said(role(GET), {**role(), "Policy": policy}) == []


def test_a_denial_added_narrows_and_a_denial_removed_widens() -> None:
    denied = "s3:* on Videos and Videos/* when aws:SecureTransport is false"
    assert said(bucket_policy(), bucket_policy(TLS_ONLY)) == [f"- anyone is now denied {denied}"]
    assert said(bucket_policy(TLS_ONLY), BUCKET) == [f"+ anyone is no longer denied {denied}"]


def test_a_tls_only_bucket_policy_on_a_new_bucket_is_no_news() -> None:
    other = {"Other": resource("AWS::SNS::Topic")}
    assert said(other, {**other, **bucket_policy(TLS_ONLY)}) == []


def test_everyone_without_a_condition_on_who_is_public() -> None:
    read = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": OBJECTS}
    limited = {**read, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}
    world = {**read, "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}
    assert said(bucket_policy(), bucket_policy(read)) == [
        "+ Videos is more public: anyone gains s3:GetObject on Videos/*"
    ]
    assert "public" not in said(bucket_policy(), bucket_policy(limited))[0]
    assert "public" in said(bucket_policy(), bucket_policy(world))[0]


def trusting(**principal: Any) -> dict[str, Any]:
    document = {"Statement": {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}}
    return role(AssumeRolePolicyDocument=document)


def test_trust_says_who_may_assume_the_role() -> None:
    assert said(trusting(Service="ec2.amazonaws.com"), trusting(Service="ecs-tasks.amazonaws.com")) == [
        "+ ecs-tasks.amazonaws.com may now assume Role",
        "- ec2.amazonaws.com may no longer assume Role",
    ]
    assert said(trusting(Service="ec2.amazonaws.com"), trusting(AWS="*")) == ["+ anyone may now assume Role"]


def test_managed_policies_and_boundaries_are_said() -> None:
    admin = {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]}
    bound = {"PermissionsBoundary": "arn:aws:iam::1:policy/edge"}
    assert said(role(), role(**admin)) == [
        "+ Role gets the managed policy AdministratorAccess (every action on everything)"
    ]
    assert said(role(**admin), role()) == [
        "- Role loses the managed policy AdministratorAccess (every action on everything)"
    ]
    assert said(role(**bound), role()) == ["+ Role is no longer held by the permissions boundary edge"]
    assert said(role(), role(**bound)) == ["- Role is now held by the permissions boundary edge"]


def test_the_key_policy_of_a_key_is_about_the_key() -> None:
    def key(principal: str) -> dict[str, Any]:
        allow = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "kms:Decrypt", "Resource": "*"}
        return {"Key": resource("AWS::KMS::Key", KeyPolicy={"Statement": [allow]})}

    found = said(key("arn:aws:iam::1:role/a"), key("arn:aws:iam::1:role/b"))
    assert found == [
        "+ arn:aws:iam::1:role/b gains kms:Decrypt on Key",
        "- arn:aws:iam::1:role/a loses kms:Decrypt on Key",
    ]


def test_a_bucket_of_another_stack_is_named_with_its_stack() -> None:
    storage = {"Resources": BUCKET, "Outputs": {"VideosArn": {"Value": {"Fn::GetAtt": ["Videos", "Arn"]}}}}

    def api(*statements: dict[str, Any]) -> dict[str, Any]:
        return {"Parameters": {"VideosArn": {"Type": "String"}}, "Resources": {"Role": role(*statements)["Role"]}}

    on = statement("s3:GetObject", {"Fn::Join": ["", [{"Ref": "VideosArn"}, "/*"]]})
    found = exposed({"storage": storage, "api": api()}, {"storage": storage, "api": api(on)})
    assert sentences(found) == ["+ Role gains s3:GetObject on Videos/* of stack storage"]


def test_everything_said_twice_is_said_once() -> None:
    found = exposed({"main": {"Resources": role(GET, GET)}}, {"main": {"Resources": role(PUT, PUT, GET)}})
    assert sentences(found) == ["+ Role gains s3:PutObject on Videos/*"]
