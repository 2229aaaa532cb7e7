"""Nightly copies of the jobs table in a vault, a part of the stack `data`.

Point-in-time recovery goes back 35 days and dies with its table; a copy in a vault does neither. Videos have versions
instead (`storage`): a copy of a file in a vault could not be taken out again when its owner wants to be forgotten.
"""

from typing import Final

from troposphere import GetAtt, Ref, Sub, Template
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
from generator.parts.policies import trusts
from generator.parts.wiring import wired

AT_NIGHT: Final = "cron(0 5 * * ? *)"
"""05:00 UTC every day, as AWS Backup spells it."""


def backups(template: Template, environment: Environment, days: int) -> None:
    """A vault, a plan that fills it every night and empties it after `days`, and the role that copies."""
    key = {"EncryptionKeyArn": wired(template, "JobsKeyArn")} if environment.hardening.customer_keys else {}
    vault = template.add_resource(
        BackupVault(
            "BackupVault",
            BackupVaultName=f"{environment.prefix}-jobs",
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
            ManagedPolicyArns=[
                Sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup")
            ],
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
