"""Public access, encryption, logging and history; and the real templates of dev."""

from typing import Any

import pytest

from generator.plan.exposure import exposure
from generator.plan.facts import Direction
from generator.plan.reading import read
from generator.plan.tree import Tree
from tests.generator.plan.exposure_trees import compared, dev, edited, resource, said, section, sentences

BLOCK = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)


def bucket(**properties: Any) -> dict[str, Any]:
    return {"B": resource("AWS::S3::Bucket", **properties)}


def sse(algorithm: str, **more: Any) -> dict[str, Any]:
    rule = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm, **more}}
    return {"BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]}}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            bucket(PublicAccessBlockConfiguration=BLOCK),
            bucket(PublicAccessBlockConfiguration={**BLOCK, "BlockPublicPolicy": False}),
            "B no longer blocks public bucket policies",
        ),
        (
            bucket(PublicAccessBlockConfiguration=BLOCK),
            bucket(),
            "B no longer blocks new public ACLs, the effect of public ACLs, public bucket policies"
            " and strangers where the policy is public",
        ),
        (
            bucket(),
            bucket(AccessControl="PublicRead"),
            "B now lets anyone read its objects (ACL PublicRead); so far it has no public ACL",
        ),
        (
            bucket(),
            bucket(WebsiteConfiguration={"IndexDocument": "i"}),
            "B now serves a website over plain HTTP; so far it serves no website",
        ),
        (
            bucket(**sse("aws:kms", KMSMasterKeyID="k")),
            bucket(**sse("AES256")),
            "B now is encrypted with S3's own keys (AES256); so far it is encrypted with a KMS key of our own",
        ),
        (
            bucket(VersioningConfiguration={"Status": "Enabled"}),
            bucket(VersioningConfiguration={"Status": "Suspended"}),
            "B now keeps only the last version of its objects; so far it keeps old versions of its objects",
        ),
        (
            bucket(LoggingConfiguration={"DestinationBucketName": "b"}),
            bucket(),
            "B now logs nobody's access; so far it logs who reads and writes it",
        ),
        (
            {"V": resource("AWS::EC2::Volume", Encrypted=True)},
            {"V": resource("AWS::EC2::Volume", Encrypted=False)},
            "V now is not encrypted; so far it is encrypted with AWS's key",
        ),
        (
            {"L": resource("AWS::Logs::LogGroup")},
            {"L": resource("AWS::Logs::LogGroup", RetentionInDays=7)},
            "L now keeps its logs for 7 days; so far it keeps its logs for ever",
        ),
        (
            {"V": resource("AWS::EC2::VPC"), "F": resource("AWS::EC2::FlowLog", ResourceId={"Ref": "V"})},
            {"V": resource("AWS::EC2::VPC")},
            "the traffic of V is no longer logged",
        ),
    ],
)
def test_a_safeguard_lost_widens_and_the_reverse_change_narrows(
    before: dict[str, Any], after: dict[str, Any], expected: str
) -> None:
    assert said(before, after) == [f"+ {expected}"]
    assert [one[0] for one in said(after, before)] == ["-"]


OTHER = {"Topic": resource("AWS::SNS::Topic")}


def test_a_new_volume_without_encryption_widens() -> None:
    assert said(OTHER, {**OTHER, "V": resource("AWS::EC2::Volume")}) == ["+ V, which is new, is not encrypted"]


def test_a_new_bucket_that_says_nothing_is_private_and_encrypted_by_s3_itself() -> None:
    assert said(OTHER, {**OTHER, **bucket()}) == []


def test_dev_against_itself_exposes_nothing() -> None:
    tree = read(dev(), "dev")
    assert exposure(tree, tree, ()) == ()


def test_the_first_deployment_of_dev_widens_only_and_taking_it_down_narrows_only() -> None:
    nothing, tree, created = compared({}, dev())
    assert {one.direction for one in exposure(nothing, tree, created)} == {Direction.WIDENED}
    full, empty, deleted = compared(dev(), {})
    assert empty == Tree()
    assert {one.direction for one in exposure(full, empty, deleted)} == {Direction.NARROWED}


def changed(stack: str, old: str, new: str) -> list[str]:
    return sentences(exposure(*compared(dev(), edited(stack, old, new))))


def test_pull_request_ssh_restricted_and_opened_again() -> None:
    rule = "- CidrIp: 0.0.0.0/0\n          FromPort: 22"
    assert changed("security", rule, rule.replace("0.0.0.0/0", "203.0.113.0/24")) == [
        "- 22/tcp of model-server-sg is no longer reachable from anywhere (0.0.0.0/0), only from 203.0.113.0/24"
    ]


def test_pull_request_every_action_of_s3() -> None:
    actions = section(
        dev(), "model-server", "- s3:GetObject\n                  - s3:PutObject", "                Resource"
    )
    (sentence,) = changed("model-server", actions, "- s3:*\n")
    assert sentence.startswith("+ ModelServerRole gains s3:* on VideoBucket and VideoBucket/* of stack storage, so far")


def test_pull_request_links_to_videos_need_no_signature_any_longer() -> None:
    assert changed("cdn", "            TrustedKeyGroups:\n              - !Ref VideoKeyGroupId\n", "") == [
        "+ anyone can now read S3-video-bucket at /videos/* of Distribution without a signed link"
    ]


def test_pull_request_tls_only_statement_removed() -> None:
    denial = section(
        dev(), "cdn", "          - Sid: TlsOnly", "          - Sid: ReadByDistribution", "  VideoBucketPolicy:"
    )
    texts = dev()["stacks/cdn.yaml"]
    at = texts.index(denial, texts.index("  VideoBucketPolicy:"))
    without = texts[:at] + texts[at:].replace(denial, "", 1)
    assert sentences(exposure(*compared(dev(), edited("cdn", texts, without)))) == [
        "+ anyone is no longer denied s3:* on VideoBucket and VideoBucket/* of stack storage"
        " when aws:SecureTransport is false"
    ]


def test_pull_request_versioning_off() -> None:
    (sentence,) = changed("storage", "      VersioningConfiguration:\n        Status: Enabled\n", "")
    assert sentence.startswith("+ VideoBucket now keeps only the last version")


def test_pull_request_private_subnet_on_the_public_table() -> None:
    old = "RouteTableId: !Ref PrivateRouteTable1\n      SubnetId"
    assert changed("network", old, old.replace("PrivateRouteTable1", "PublicRouteTable")) == [
        "+ PrivateSubnet1 gets a direct route to the internet (0.0.0.0/0 through InternetGateway)",
        "- PrivateSubnet1 loses a route to 0.0.0.0/0 through NatGateway1",
    ]
