"""Nightly copies of the jobs table in a vault, a part of the stack `data`.

Point-in-time recovery goes back 35 days and dies with its table; a copy in a vault does neither. Videos have versions
instead (`storage`): a copy of a file in a vault could not be taken out again when its owner wants to be forgotten.
"""

from collections.abc import Iterator
from typing import Final

import awacs.backup as backup
import awacs.dynamodb as dynamodb
import awacs.kms as kms
from awacs.aws import Allow, Bool, Condition, Statement
from troposphere import GetAtt, Join, Ref, Template
from troposphere.backup import (
    BackupPlan,
    BackupPlanResourceType,
    BackupRuleResourceType,
    BackupSelection,
    BackupSelectionResourceType,
    BackupVault,
    LifecycleResourceType,
)
from troposphere.iam import Role

from generator.model import names
from generator.model.environment import Environment
from generator.parts.policies import allow, in_region, inline, trusts, use_keys
from generator.parts.unique import unique
from generator.parts.wiring import wired

AT_NIGHT: Final = "cron(0 5 * * ? *)"
"""05:00 UTC every day, as AWS Backup spells it."""


def backups(template: Template, environment: Environment, days: int) -> None:
    """A vault, a plan that fills it every night and empties it after `days`, and the role that copies."""
    key = {"EncryptionKeyArn": wired(template, "JobsKeyArn")} if "jobs" in environment.hardening.customer_keys else {}
    vault = template.add_resource(
        BackupVault(
            "BackupVault",
            BackupVaultName=unique(environment, "jobs"),  # retained, hence not in the way of the next one
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
            **key,
        )
    )
    plan = template.add_resource(
        BackupPlan(
            "BackupPlan",
            BackupPlan=BackupPlanResourceType(
                BackupPlanName=f"{environment.prefix}-jobs",
                BackupPlanRule=[
                    BackupRuleResourceType(
                        RuleName="nightly",
                        TargetBackupVault=Ref(vault),
                        ScheduleExpression=AT_NIGHT,
                        Lifecycle=LifecycleResourceType(DeleteAfterDays=days),
                    )
                ],
            ),
        )
    )
    role = template.add_resource(
        Role(
            "BackupRole",
            RoleName=names.account_wide(environment, "backup-role"),
            AssumeRolePolicyDocument=trusts("backup.amazonaws.com"),
            Policies=[inline("copies", *_copies(template, environment, vault))],
        )
    )
    template.add_resource(
        BackupSelection(
            "BackupSelection",
            BackupPlanId=Ref(plan),
            BackupSelection=BackupSelectionResourceType(
                SelectionName="jobs-table", IamRoleArn=GetAtt(role, "Arn"), Resources=[GetAtt("JobsTable", "Arn")]
            ),
        )
    )


def _copies(template: Template, environment: Environment, vault: BackupVault) -> Iterator[Statement]:
    """What AWSBackupServiceRolePolicyForBackup lets a role do with tables (version 20), with this one table alone."""
    table = GetAtt("JobsTable", "Arn")
    yield allow(
        "CopyTheTable",
        [dynamodb.CreateBackup, dynamodb.DescribeTable, dynamodb.ListTagsOfResource, dynamodb.StartAwsBackupJob],
        [table],
    )
    yield allow(
        "LookAfterCopies",
        [dynamodb.DeleteBackup, dynamodb.DescribeBackup],
        [Join("", [table, "/backup/*"])],  # *: DynamoDB gives the ids
    )
    yield allow(
        "FillTheVault", [backup.CopyIntoBackupVault, backup.DescribeBackupVault], [GetAtt(vault, "BackupVaultArn")]
    )
    # *: AWS Backup gives the ids
    yield allow("TagCopies", [backup.TagResource], [in_region("backup", "recovery-point:*")])
    if "jobs" in environment.hardening.customer_keys:
        key = wired(template, "JobsKeyArn")
        yield use_keys(["dynamodb"], [key])
        yield allow("LookAtTheKey", [kms.DescribeKey], [key])
        yield Statement(
            Sid="LendTheKey",
            Effect=Allow,
            Action=[kms.CreateGrant],
            Resource=[key],
            Condition=Condition(Bool("kms:GrantIsForAWSResource", True)),
        )
