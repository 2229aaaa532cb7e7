"""What the boundary allows besides where an environment is hard: what roles do there that dev's have no need of."""

from collections.abc import Iterator

from awacs.aws import Action, Allow, Statement
from troposphere import Sub

from generator.model.environment import Environment


def hardened(environment: Environment) -> Iterator[Statement]:
    """Statements for what the environment asks for; none where no role carries the boundary."""
    if not environment.hardening.permissions_boundary:
        return
    prefix = environment.prefix
    yield _allow(
        "Erase",
        "s3:ListBucketVersions s3:DeleteObjectVersion cloudformation:DescribeStacks",
        f"arn:${{AWS::Partition}}:s3:::{prefix}-*",
        _arn("cloudformation", f"stack/{prefix}-*"),
    )
    if environment.hardening.customer_keys:
        # *: KMS gives the ids; what a key is for, its policy and the roles' conditions say
        yield _allow("Keys", "kms:Decrypt kms:GenerateDataKey kms:DescribeKey kms:CreateGrant", _arn("kms", "key/*"))
    if environment.model_server.session_manager:
        channels = ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"]
        yield _allow(
            "Shells",
            " ".join(["ssm:UpdateInstanceInformation", *(f"ssmmessages:{channel}" for channel in channels)]),
            "*",  # *: these calls know no resources
        )
    if environment.network.flow_log_days is not None:
        actions = "logs:CreateLogStream logs:PutLogEvents logs:DescribeLogStreams"
        yield _allow("Flows", actions, _arn("logs", f"log-group:/vpc/{prefix}-*"))
    if environment.jobs.backup_days is not None:
        yield _allow(
            "Copies",
            "dynamodb:CreateBackup dynamodb:DeleteBackup dynamodb:DescribeBackup dynamodb:StartAwsBackupJob"
            " dynamodb:ListTagsOfResource backup:DescribeBackupVault backup:CopyIntoBackupVault backup:TagResource",
            _arn("dynamodb", f"table/{prefix}-*"),
            _arn("backup", f"backup-vault:{prefix}-*"),
            _arn("backup", "recovery-point:*"),  # *: AWS Backup gives the ids
        )


def _arn(service: str, resource: str) -> str:
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"


def _allow(sid: str, actions: str, *arns: str) -> Statement:
    return Statement(
        Sid=sid,
        Effect=Allow,
        Action=[Action(*action.split(":")) for action in actions.split()],
        Resource=[Sub(arn) if "${" in arn else arn for arn in arns],
    )
