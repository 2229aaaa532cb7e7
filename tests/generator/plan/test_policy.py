"""What each rule refuses, and that it looks at the change and not at what was there."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from generator.plan.exemptions import Exemption, parse
from generator.plan.exposure import exposure
from generator.plan.facts import Effect, Finding, ResourceChange, Severity
from generator.plan.policy import EXPIRED, RULE_IDS, RULES, UNUSED, policy
from generator.plan.tree import Tree
from tests.generator.plan.exposure_trees import compared, dev, edited, files, one_stack, resource

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "policy.md"
TODAY = date(2026, 11, 23)

Resources = dict[str, Any]
OTHER: Resources = {"Topic": resource("AWS::SNS::Topic")}


def change(before: Resources, after: Resources) -> tuple[Tree, Tree, tuple[ResourceChange, ...]]:
    return compared(files(one_stack(before)) if before else {}, files(one_stack(after)) if after else {})


def judged(before: Resources, after: Resources, *exemptions: Exemption, standing: bool = False) -> tuple[Finding, ...]:
    old, new, changes = change(before, after)
    exposures = exposure(old, new, changes)
    return policy(old, new, changes, exposures, exemptions, today=TODAY, standing=standing)


def broken(before: Resources, after: Resources) -> list[tuple[str, str]]:
    return [(one.severity.value, one.rule) for one in judged(before, after)]


def group(*cidrs: str, port: int = 22) -> Resources:
    rules = [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIpv6" if ":" in cidr else "CidrIp": cidr}
        for cidr in cidrs
    ]
    return {"Group": resource("AWS::EC2::SecurityGroup", SecurityGroupIngress=rules)}


def role(*statements: Resources, **properties: Any) -> Resources:
    policies = [{"PolicyName": "p", "PolicyDocument": {"Statement": list(statements)}}]
    trust = {
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    }
    given = {"AssumeRolePolicyDocument": trust, "Policies": policies, **properties}
    return {"Role": resource("AWS::IAM::Role", **given)}


def allow(action: str, on: str = "*", **more: Any) -> Resources:
    return {"Effect": "Allow", "Action": action, "Resource": on, **more}


def bucket(deletion: str = "Retain", **properties: Any) -> Resources:
    return {
        "B": {**resource("AWS::S3::Bucket", **properties), "DeletionPolicy": deletion, "UpdateReplacePolicy": deletion}
    }


def trusting(principal: Any) -> Resources:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return role(AssumeRolePolicyDocument={"Statement": statement})


def task(image: str = "repo:1.2", **environment: str) -> Resources:
    variables = [{"Name": name, "Value": value} for name, value in environment.items()]
    container = {"Name": "api", "Image": image, "Environment": variables, "LogConfiguration": {"LogDriver": "awslogs"}}
    return {"Task": resource("AWS::ECS::TaskDefinition", ContainerDefinitions=[container])}


def server(*lines: str) -> Resources:
    return {"Box": resource("AWS::EC2::Instance", UserData={"Fn::Base64": "\n".join(("#!/bin/sh", *lines))})}


TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def bucket_policy(*statements: Resources) -> Resources:
    document = {"Statement": list(statements)}
    return {**bucket(), "Policy": resource("AWS::S3::BucketPolicy", Bucket={"Ref": "B"}, PolicyDocument=document)}


PUBLIC_READ = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
VERSIONED: Resources = {"VersioningConfiguration": {"Status": "Enabled"}}


def distribution(**behaviour: Any) -> Resources:
    default = {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only", **behaviour}
    return {"Cdn": resource("AWS::CloudFront::Distribution", DistributionConfig={"DefaultCacheBehavior": default})}


@pytest.mark.parametrize(
    ("rule", "severity", "before", "after"),
    [
        ("data-loss", "blocker", {**OTHER, **bucket("Delete")}, OTHER),
        ("replaced-without-retain", "blocker", bucket("Delete", BucketName="a-1"), bucket("Delete", BucketName="b-1")),
        ("protection-removed", "blocker", bucket(), bucket("Delete")),
        (
            "protection-removed",
            "blocker",
            {"T": resource("AWS::DynamoDB::Table", DeletionProtectionEnabled=True)},
            {"T": resource("AWS::DynamoDB::Table", DeletionProtectionEnabled=False)},
        ),
        (
            "unencrypted-store",
            "blocker",
            {"V": resource("AWS::EC2::Volume", Encrypted=True)},
            {"V": resource("AWS::EC2::Volume")},
        ),
        ("unencrypted-store", "blocker", OTHER, {**OTHER, "V": resource("AWS::EFS::FileSystem")}),
        ("logging-lost", "blocker", bucket(**VERSIONED), bucket()),
        ("open-to-world", "blocker", group("203.0.113.0/24"), group("0.0.0.0/0")),
        ("open-to-world", "blocker", group(), group("::/0")),
        ("open-to-world", "warning", group(port=443), group("0.0.0.0/0", port=443)),
        ("any-action", "blocker", role(), role(allow("*", "arn:aws:s3:::b"))),
        ("any-action", "blocker", role(), role(allow("s3:*"))),
        ("any-action", "warning", role(), role(allow("s3:*", "arn:aws:s3:::b/*"))),
        ("any-action", "blocker", role(), role({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})),
        ("pass-any-role", "blocker", role(), role(allow("iam:PassRole"))),
        ("pass-any-role", "blocker", role(), role(allow("iam:Pass*", "arn:aws:iam::1:role/*"))),
        (
            "administrator",
            "blocker",
            role(),
            role(ManagedPolicyArns=[{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"}]),
        ),
        ("administrator", "warning", role(), role(ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonS3FullAccess"])),
        ("boundary-dropped", "blocker", role(PermissionsBoundary="arn:aws:iam::1:policy/edge"), role()),
        ("trust-anyone", "blocker", trusting({"Service": "ec2.amazonaws.com"}), trusting("*")),
        (
            "trust-anyone",
            "warning",
            trusting({"Service": "ec2.amazonaws.com"}),
            trusting({"AWS": "arn:aws:iam::" + "0" * 12 + ":root"}),
        ),
        ("public-bucket", "blocker", bucket_policy(), bucket_policy(PUBLIC_READ)),
        ("public-bucket", "blocker", bucket(), bucket(AccessControl="PublicRead")),
        (
            "public-resource",
            "warning",
            {"Url": resource("AWS::Lambda::Url", AuthType="AWS_IAM")},
            {"Url": resource("AWS::Lambda::Url", AuthType="NONE")},
        ),
        ("signature-dropped", "blocker", distribution(TrustedKeyGroups=["k"]), distribution()),
        ("denial-lifted", "blocker", bucket_policy(TLS_ONLY), bucket_policy()),
        (
            "condition-dropped",
            "warning",
            role(allow("s3:GetObject", "b", Condition={"StringEquals": {"aws:SourceAccount": "1"}})),
            role(allow("s3:GetObject", "b")),
        ),
        (
            "inside-out",
            "warning",
            {"Lb": resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Scheme="internal")},
            {"Lb": resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Scheme="internet-facing")},
        ),
        ("plain-http", "warning", distribution(), distribution(ViewerProtocolPolicy="allow-all")),
        ("plain-secret", "blocker", task(), task(DB_PASSWORD="correct-horse")),
        ("plain-secret", "blocker", task(), task(DATABASE="postgres://ecg:correct-horse@db:5432/ecg")),
        ("plain-secret", "blocker", server(), server("export API_KEY='0123456789abcdef'")),
        ("plain-secret", "blocker", server(), server("aws configure set aws_access_key_id AKIAIOSFODNN7EXAMPLE")),
        ("floating-image", "warning", task(), task("repo:latest")),
        ("floating-image", "warning", task(), task("registry:5000/repo")),
    ],
)
def test_a_rule_refuses(rule: str, severity: str, before: Resources, after: Resources) -> None:
    assert (severity, rule) in broken(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (bucket(), OTHER),
        (group("0.0.0.0/0"), group("203.0.113.0/24")),
        (group("10.0.0.0/8"), group("10.0.0.0/7")),
        (bucket("Retain", BucketName="a-1"), bucket("Retain", BucketName="b-1")),
        (role(), role(allow("iam:PassRole", "arn:aws:iam::1:role/box"))),
        (role(allow("s3:*")), role(allow("s3:Get*"))),
        (task(), task("repo@sha256:" + "0" * 64)),
        (task(), task("registry:5000/repo:2026-11-23")),
        (task(), task(DB_PASSWORD_FILE="/run/secrets/db", TOKEN_TTL_SECONDS="3600")),
        (task(), task(DB_SECRET="arn:aws:secretsmanager:us-east-1:1:secret:db", AUTH="true")),
        (task(), task(DB_PASSWORD="{{resolve:secretsmanager:db:SecretString:password}}")),
        (server(), server('TOKEN="$(curl -s http://169.254.169.254/token)"')),
        (OTHER, {**OTHER, **bucket_policy(TLS_ONLY)}),
        (bucket_policy(), bucket_policy({**PUBLIC_READ, "Principal": {"Service": "cloudfront.amazonaws.com"}})),
    ],
)
def test_what_is_harmless_breaks_no_rule(before: Resources, after: Resources) -> None:
    assert broken(before, after) == []


def test_the_internet_in_two_halves_is_the_internet() -> None:
    assert ("blocker", "open-to-world") in broken(group(), group("0.0.0.0/1", "128.0.0.0/1"))


def test_what_was_there_already_breaks_no_rule_and_is_a_note_when_asked() -> None:
    before = {**group("0.0.0.0/0"), **task("repo:latest", DB_PASSWORD="correct-horse")}
    after = {**before, **OTHER}
    assert judged(before, after) == ()
    standing = judged(before, after, standing=True)
    assert {one.rule for one in standing} >= {"open-to-world", "plain-secret", "floating-image"}
    assert {one.severity for one in standing} == {Severity.NOTE}


def test_a_secret_is_never_repeated() -> None:
    found = judged({}, task(DB_PASSWORD="correct-horse"))
    assert found
    assert not any("correct-horse" in one.sentence for one in found)


def test_a_table_that_may_be_replaced_is_warned_of() -> None:
    table = {"T": resource("AWS::DynamoDB::Table", BillingMode="PROVISIONED")}
    other = {"T": resource("AWS::DynamoDB::Table", BillingMode="PAY_PER_REQUEST")}
    old, new, (one,) = change(table, other)
    maybe = replace(one, properties=tuple(replace(each, effect=Effect.MAY_REPLACE) for each in one.properties))
    found = policy(old, new, (maybe,), ())
    assert [(each.severity, each.rule) for each in found] == [(Severity.WARNING, "replaced-without-retain")]


def exemption(rule: str = "open-to-world", resource_: str = "Group", expires: date = TODAY) -> Exemption:
    return Exemption(rule, "main", resource_, "an agreed test", "platform lead", expires, "dev.exemptions.yaml:2")


@pytest.mark.parametrize("glob", ["Group", "Gr*", "*"])
def test_an_exemption_lowers_a_finding_to_a_note_that_names_reason_owner_and_day(glob: str) -> None:
    (found,) = judged(group(), group("0.0.0.0/0"), exemption(resource_=glob))
    assert found.severity is Severity.NOTE
    assert found.exemption == "an agreed test (platform lead, until 2026-11-23)"


def test_an_exemption_admits_only_its_rule_and_place() -> None:
    found = judged(group(), group("0.0.0.0/0"), exemption("data-loss"), exemption(resource_="Other"))
    assert [one.rule for one in found] == ["open-to-world", UNUSED, UNUSED]


def test_an_expired_exemption_fails_and_admits_nothing() -> None:
    found = judged(group(), group("0.0.0.0/0"), exemption(expires=date(2026, 11, 22)))
    assert {(one.severity, one.rule) for one in found} == {
        (Severity.BLOCKER, "open-to-world"),
        (Severity.BLOCKER, EXPIRED),
    }
    assert any("expired on 2026-11-22" in one.sentence and "dev.exemptions.yaml:2" in one.sentence for one in found)


def test_an_exemption_that_nothing_needs_is_noted() -> None:
    (found,) = judged(OTHER, OTHER, exemption())
    assert (found.severity, found.rule) == (Severity.NOTE, UNUSED)


def test_exemptions_without_a_day_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="pass today"):
        policy(Tree(), Tree(), (), (), (exemption(),))


def test_dev_against_itself_breaks_no_rule() -> None:
    old, new, changes = compared(dev(), dev())
    assert policy(old, new, changes, exposure(old, new, changes)) == ()


def test_a_pull_request_that_opens_ssh_of_dev_again_is_stopped() -> None:
    rule = "- CidrIp: 0.0.0.0/0\n          FromPort: 22"
    old, new, changes = compared(edited("security", rule, rule.replace("0.0.0.0/0", "203.0.113.0/24")), dev())
    (found,) = policy(old, new, changes, exposure(old, new, changes))
    assert (found.severity, found.rule, found.resource) == (
        Severity.BLOCKER,
        "open-to-world",
        "ModelServerSecurityGroup",
    )
    assert found.sentence == "22/tcp of model-server-sg is opened to the whole internet (0.0.0.0/0)"


def test_the_first_deployment_of_dev_is_blocked_by_nothing_but_what_its_exemptions_admit() -> None:
    old, new, changes = compared({}, dev())
    file = DOCUMENT.parents[1] / "generator" / "environments" / "dev.exemptions.yaml"
    exemptions = parse(file.read_text(encoding="utf-8"), file.name, RULE_IDS)
    found = policy(old, new, changes, exposure(old, new, changes), exemptions, today=TODAY)
    assert [one for one in found if one.severity is Severity.BLOCKER] == []
    assert [one.rule for one in found if one.exemption] == ["open-to-world"]


def test_every_rule_is_documented_with_its_sentence_severity_and_why() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### `([a-z-]+)`\n\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    assert sections.keys() == {rule.id for rule in RULES} | {EXPIRED, UNUSED}
    for rule in RULES:
        assert sections[rule.id].startswith(f"{rule.sentence} **{rule.severity.value.capitalize()}")
        assert "Why: " in sections[rule.id]


def test_rules_have_ids_of_their_own() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
