"""The KMS keys of our own, a part of the stack `keys`: one for each sort of thing, so that each can be withheld alone.

A key's policy lets the account's own policies speak (which is how AWS makes keys), and beside them the services that
act without a role of ours. Every key is rotated by KMS once a year; what was encrypted before stays readable.
"""

from typing import Any, Final

import awacs.kms as kms
from awacs.aws import Action, Allow, ArnLike, Condition, Principal, Statement, StringEquals, StringLike
from troposphere import AccountId, GetAtt, Ref, Sub, Template
from troposphere.kms import Alias, Key

from generator.model.environment import Environment
from generator.parts.policies import document
from generator.parts.wiring import give_out

LONGEST_WAIT: Final = 30
"""Days in which a key that was deleted can be had back; KMS allows no more."""


def customer_keys(template: Template, environment: Environment) -> None:
    """Add those of the keys that the environment asks for, and give out their ARNs."""
    asked = environment.hardening.customer_keys
    if "videos" in asked:
        _key(template, environment, "Videos", "videos and results", _read_by_distributions())
    if "jobs" in asked:
        _key(template, environment, "Jobs", "records, messages and backups of them")
    if "operation" in asked:
        services = (_written_by_logs(environment), _told_by_alarms())
        _key(template, environment, "Operation", "logs, alarms and images", *services)


def _key(template: Template, environment: Environment, name: str, what: str, *services: Statement) -> None:
    key = template.add_resource(
        Key(
            f"{name}Key",
            Description=f"{environment.prefix}: {what}",
            EnableKeyRotation=True,
            PendingWindowInDays=LONGEST_WAIT,
            KeyPolicy=document(_account(), *services),
            # What it encrypted is unreadable without it, and outlives the stack.
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
        )
    )
    template.add_resource(
        Alias(f"{name}KeyAlias", AliasName=f"alias/{environment.prefix}-{name.lower()}", TargetKeyId=Ref(key))
    )
    give_out(template, **{f"{name}KeyArn": GetAtt(key, "Arn")})


def _account() -> Statement:
    """Without it nobody could ever change the key again; it lets nobody use it whom no policy of IAM lets."""
    return Statement(
        Sid="TheAccountsPolicies",
        Effect=Allow,
        Principal=Principal("AWS", Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")),
        Action=[Action("kms", "*")],  # *: whoever the account's own policies let do what they let
        Resource=["*"],  # *: in a key's policy it is the key
    )


def _service(sid: str, service: Any, actions: list[Action], condition: Condition) -> Statement:
    return Statement(
        Sid=sid,
        Effect=Allow,
        Principal=Principal("Service", service),
        Action=actions,
        Resource=["*"],  # *: in a key's policy it is the key
        Condition=condition,
    )


def _read_by_distributions() -> Statement:
    """CloudFront's origin access control signs as its distribution, which does not exist yet when the key is made."""
    return _service(
        "ReadByDistributions",
        "cloudfront.amazonaws.com",
        [kms.Decrypt],
        Condition(
            # *: the distribution's id is CloudFront's to give
            StringLike("aws:SourceArn", Sub("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/*"))
        ),
    )


def _written_by_logs(environment: Environment) -> Statement:
    groups = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:"
    return _service(
        "WrittenByLogs",
        Sub("logs.${AWS::Region}.amazonaws.com"),
        [
            kms.Encrypt,
            kms.Decrypt,
            kms.ReEncryptFrom,
            kms.ReEncryptTo,
            kms.GenerateDataKey,
            kms.GenerateDataKeyWithoutPlaintext,
            kms.DescribeKey,
        ],
        Condition(
            ArnLike(
                "kms:EncryptionContext:aws:logs:arn",
                # *: groups are named after what writes them, `/ecs/<prefix>-api`
                [Sub(f"{groups}/*/{environment.prefix}-*"), Sub(f"{groups}aws-waf-logs-{environment.prefix}")],
            )
        ),
    )


def _told_by_alarms() -> Statement:
    """Alarms and budgets publish to the topic by themselves."""
    return _service(
        "ToldByAlarms",
        ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"],
        [kms.Decrypt, kms.GenerateDataKey],
        Condition(StringEquals("aws:SourceAccount", AccountId)),
    )
