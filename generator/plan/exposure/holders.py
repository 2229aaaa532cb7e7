"""Where policies stand in templates, and whom each is about: a role, a bucket, a key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from generator.plan.exposure.statements import Grant, grants
from generator.plan.exposure.world import Place, World, each, get, targets
from generator.plan.tree import Resource


class Role(StrEnum):
    """What a policy says about its holder."""

    IDENTITY = "identity"
    """What the holder may do."""
    RESOURCE = "resource"
    """What others may do with the holder."""
    TRUST = "trust"
    """Who may become the holder."""


@dataclass(frozen=True, order=True)
class Holder:
    """Whom policies are about."""

    place: Place
    """The resource; for one from outside, no stack and its text."""
    role: Role


@dataclass(frozen=True)
class Held:
    """A grant, and the resource that says it."""

    grant: Grant
    place: Place


INLINE: Final = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")
"""Principals with policies of their own."""

ATTACHED: Final = {
    "AWS::IAM::Policy": ("Roles", "Users", "Groups"),
    "AWS::IAM::ManagedPolicy": ("Roles", "Users", "Groups"),
    "AWS::IAM::RolePolicy": ("RoleName",),
    "AWS::IAM::UserPolicy": ("UserName",),
    "AWS::IAM::GroupPolicy": ("GroupName",),
}
"""Policies that name the principals they are for, and where."""

OWN: Final = {
    "AWS::KMS::Key": ("KeyPolicy",),
    "AWS::ECR::Repository": ("RepositoryPolicyText",),
    "AWS::EFS::FileSystem": ("FileSystemPolicy",),
    "AWS::DynamoDB::Table": ("ResourcePolicy", "PolicyDocument"),
    "AWS::Backup::BackupVault": ("AccessPolicy",),
    "AWS::OpenSearchService::Domain": ("AccessPolicies",),
    "AWS::ApiGateway::RestApi": ("Policy",),
    "AWS::S3::AccessPoint": ("Policy",),
}
"""Resources with a policy of their own, and where."""

ABOUT: Final = {
    "AWS::S3::BucketPolicy": ("Bucket", "PolicyDocument"),
    "AWS::SQS::QueuePolicy": ("Queues", "PolicyDocument"),
    "AWS::SNS::TopicPolicy": ("Topics", "PolicyDocument"),
    "AWS::SecretsManager::ResourcePolicy": ("SecretId", "ResourcePolicy"),
    "AWS::Kinesis::ResourcePolicy": ("ResourceArn", "ResourcePolicy"),
}
"""Policies of other resources: where they name those, and where the document stands."""

PERMISSION: Final = "AWS::Lambda::Permission"
TYPES: Final = frozenset({*INLINE, *ATTACHED, *OWN, *ABOUT, PERMISSION})


def holders(world: World, stack: str, resource: Resource) -> Iterator[Holder]:
    """Whom a resource's policies are about. Follows no more references than that needs."""
    place = world.known_as((stack, resource.id))

    def named(key: str) -> Iterator[Place]:
        for value in each(world.value(stack, resource.properties.get(key))):
            target = next(targets(value), None)
            yield target.place if target else ("", world.text(value))

    match resource.type:
        case "AWS::IAM::Role":
            yield Holder(place, Role.IDENTITY)
            yield Holder(place, Role.TRUST)
        case type_ if type_ in INLINE:
            yield Holder(place, Role.IDENTITY)
        case type_ if type_ in ATTACHED:
            some = [Holder(one, Role.IDENTITY) for key in ATTACHED[type_] for one in named(key)]
            yield from some or [Holder(place, Role.IDENTITY)]
        case type_ if type_ in OWN:
            yield Holder(place, Role.RESOURCE)
        case type_ if type_ in ABOUT:
            yield from (Holder(one, Role.RESOURCE) for one in named(ABOUT[type_][0]))
        case type_ if type_ == PERMISSION:
            yield from (Holder(one, Role.RESOURCE) for one in named("FunctionName"))


def held(world: World, stack: str, resource: Resource, role: Role) -> Iterator[Held]:
    """The grants that a resource gives about its holders in one role."""
    place = world.known_as((stack, resource.id))
    for document in _documents(world.properties(place, resource), resource.type, role):
        for grant in grants(world, document, stack):
            yield Held(grant, place)


def _documents(properties: Mapping[str, Any], type_: str, role: Role) -> Iterator[Any]:
    if role is Role.TRUST:
        yield properties.get("AssumeRolePolicyDocument")
    elif type_ in INLINE:
        for policy in each(properties.get("Policies")):
            yield get(policy, "PolicyDocument")
    elif type_ in ATTACHED:
        yield properties.get("PolicyDocument")
    elif type_ in OWN:
        yield get(properties, *OWN[type_])
    elif type_ in ABOUT:
        yield properties.get(ABOUT[type_][1])
    elif type_ == PERMISSION:
        yield _permission(properties)


def _permission(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Lambda permission as the statement that Lambda makes of it."""
    limits = {
        operator: {key: properties[name]}
        for name, operator, key in (
            ("SourceArn", "ArnLike", "aws:SourceArn"),
            ("SourceAccount", "StringEquals", "aws:SourceAccount"),
            ("PrincipalOrgID", "StringLike", "aws:PrincipalOrgID"),
        )
        if name in properties
    }
    return {
        "Statement": {
            "Effect": "Allow",
            "Principal": properties.get("Principal"),
            "Action": properties.get("Action"),
            "Condition": limits,
        }
    }
