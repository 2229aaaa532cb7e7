"""What the boundary allows besides where an environment is hard: what roles do there that dev's have no need of."""

from collections.abc import Iterator
from typing import Any

from awacs.aws import Action, Statement
from troposphere import Sub

from generator.model.environment import Environment
from generator.parts.policies import allow, in_region


def hardened(environment: Environment) -> Iterator[Statement]:
    """Statements for what the environment asks for; none where no role carries the boundary."""
    if not environment.hardening.permissions_boundary:
        return
    prefix = environment.prefix
    yield _allow(
        "Erase",
        "s3:ListBucketVersions s3:DeleteObjectVersion cloudformation:DescribeStacks",
        Sub(f"arn:${{AWS::Partition}}:s3:::{prefix}-*"),
        in_region("cloudformation", f"stack/{prefix}-*"),
    )
    if environment.hardening.customer_keys:
        # *: KMS gives the ids; what a key is for, its policy and the roles' conditions say
        yield _allow(
            "Keys", "kms:Decrypt kms:GenerateDataKey kms:DescribeKey kms:CreateGrant", in_region("kms", "key/*")
        )
    if environment.model_server.session_manager:
        channels = ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"]
        yield _allow(
            "Shells",
            " ".join(["ssm:UpdateInstanceInformation", *(f"ssmmessages:{channel}" for channel in channels)]),
            "*",  # *: these calls know no resources
        )
    if environment.network.flow_log_days is not None:
        actions = "logs:CreateLogStream logs:PutLogEvents logs:DescribeLogStreams"
        yield _allow("Flows", actions, in_region("logs", f"log-group:/vpc/{prefix}-*"))
    if environment.alarms.visit_minutes is not None:
        actions = "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents s3:GetBucketLocation"
        groups = in_region("logs", f"log-group:/aws/lambda/cwsyn-{prefix}-*")
        yield _allow("Visits", actions, groups, Sub(f"arn:${{AWS::Partition}}:s3:::{prefix}-*"))
        yield _allow("Buckets", "s3:ListAllMyBuckets", "*")  # *: this call knows no resource
    if environment.jobs.backup_days is not None:
        yield _allow(
            "Copies",
            "dynamodb:CreateBackup dynamodb:DeleteBackup dynamodb:DescribeBackup dynamodb:StartAwsBackupJob"
            " dynamodb:ListTagsOfResource backup:DescribeBackupVault backup:CopyIntoBackupVault backup:TagResource",
            in_region("dynamodb", f"table/{prefix}-*"),
            in_region("backup", f"backup-vault:{prefix}-*"),
            in_region("backup", "recovery-point:*"),  # *: AWS Backup gives the ids
        )


def _allow(sid: str, actions: str, *resources: Any) -> Statement:
    return allow(sid, [Action(*action.split(":")) for action in actions.split()], list(resources))
