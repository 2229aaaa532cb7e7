"""What an environment has in an account besides its manifest: stacks that deletion leaves, and data that is kept."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.cloudformation import CloudFormation
from generator.aws.errors import AwsRefused, aws, error_code
from generator.sync.ports import LiveStack, StackEvent

_BATCH = 1000
"""Keys that S3 deletes in one call."""

_GONE = ("NoSuchBucket", "ResourceNotFoundException", "NotFoundException", "KMSInvalidStateException")
"""What AWS answers about what is gone already, and about a key whose days are counted."""


class KeptKind(StrEnum):
    """What CloudFormation can leave behind here."""

    BUCKET = "bucket"
    TABLE = "table"
    USER_POOL = "user pool"
    VAULT = "backup vault"
    KEY = "key"


@dataclass(frozen=True)
class Kept:
    """Something that is still there, and still billed."""

    kind: KeptKind
    id: str


class CloudFormationRemoval(CloudFormation):
    """`sync.teardown.Removal`, and which stacks an environment has."""

    def failures(self, stack: LiveStack) -> Sequence[StackEvent]:
        """Resources that the last operation on a stack could not delete."""
        found = []
        with aws(f"reading the events of {stack.name}"):
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack.id)
            for event in (event for page in pages for event in page["StackEvents"]):
                own = event["PhysicalResourceId"] == stack.id
                if own and event["ResourceStatus"] == "DELETE_IN_PROGRESS":
                    break  # newest first: here the last deletion began
                if not own and event["ResourceStatus"] == "DELETE_FAILED":
                    found.append(
                        StackEvent(
                            event["EventId"],
                            event["Timestamp"],
                            event["LogicalResourceId"],
                            event["ResourceType"],
                            event["ResourceStatus"],
                            event.get("ResourceStatusReason", ""),
                        )
                    )
        return found[::-1]

    def stacks_of(self, project: str, environment: str) -> tuple[str, ...]:
        """Names, without their prefix, of the live stacks that carry this environment's tags."""
        prefix = f"{project}-{environment}-"
        wanted = {"Project": project, "Environment": environment, "ManagedBy": "ecgctl"}
        with aws("listing the stacks"):
            pages = self._client.get_paginator("describe_stacks").paginate()
            stacks = [stack for page in pages for stack in page["Stacks"]]
        return tuple(
            sorted(
                stack["StackName"].removeprefix(prefix)
                for stack in stacks
                if stack["StackName"].startswith(prefix)
                and wanted.items() <= {tag["Key"]: tag["Value"] for tag in stack.get("Tags", ())}.items()
            )
        )


class KeptData:
    """What is kept, by its environment's prefix. Pools and keys are told by their ids, which have none.

    `make(service)` gives a boto3 client.
    """

    def __init__(self, make: Callable[[str], Any]) -> None:
        self._s3, self._dynamodb, self._cognito = make("s3"), make("dynamodb"), make("cognito-idp")
        self._backup, self._kms = make("backup"), make("kms")

    def found(self, prefix: str) -> tuple[Kept, ...]:
        """What is there now."""
        with aws("listing the buckets"):
            buckets = [bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]]
        with aws("listing the tables"):
            pages = self._dynamodb.get_paginator("list_tables").paginate()
            tables = [table for page in pages for table in page["TableNames"]]
        with aws("listing the user pools"):
            pages = self._cognito.get_paginator("list_user_pools").paginate(MaxResults=60)
            pools = [(pool["Name"], pool["Id"]) for page in pages for pool in page["UserPools"]]
        with aws("listing the backup vaults"):
            pages = self._backup.get_paginator("list_backup_vaults").paginate()
            vaults = [vault["BackupVaultName"] for page in pages for vault in page["BackupVaultList"]]
        named = (
            (KeptKind.BUCKET, [(name, name) for name in buckets]),
            (KeptKind.TABLE, [(name, name) for name in tables]),
            (KeptKind.USER_POOL, pools),
            (KeptKind.VAULT, [(name, name) for name in vaults]),
            (KeptKind.KEY, self._keys()),
        )
        ours = (f"{prefix}-", f"{prefix}: ")
        return tuple(Kept(kind, id_) for kind, found in named for name, id_ in sorted(found) if name.startswith(ours))

    def _keys(self) -> list[tuple[str, str]]:
        """Keys that are paid for, each by its description: an alias goes with its stack."""
        with aws("listing the keys"):
            pages = self._kms.get_paginator("list_keys").paginate()
            ids = [key["KeyId"] for page in pages for key in page["Keys"]]
            described = [self._kms.describe_key(KeyId=id_)["KeyMetadata"] for id_ in ids]
        return [(key["Description"], key["KeyId"]) for key in described if key["KeyState"] != "PendingDeletion"]

    def erase(self, kept: Kept) -> None:
        """Delete for good, every version included; a key in 30 days. Nothing happens where it is gone already."""
        with aws(f"deleting {kept.kind} {kept.id}"):
            try:
                match kept.kind:
                    case KeptKind.BUCKET:
                        self._empty(kept.id)
                        self._s3.delete_bucket(Bucket=kept.id)
                    case KeptKind.TABLE:
                        self._dynamodb.delete_table(TableName=kept.id)
                    case KeptKind.USER_POOL:
                        self._cognito.delete_user_pool(UserPoolId=kept.id)
                    case KeptKind.VAULT:
                        self._clear(kept.id)
                        self._backup.delete_backup_vault(BackupVaultName=kept.id)
                    case KeptKind.KEY:
                        self._kms.schedule_key_deletion(KeyId=kept.id, PendingWindowInDays=30)
            except ClientError as error:
                if error_code(error) not in _GONE:
                    raise

    def _empty(self, bucket: str) -> None:
        for batch in self._versions(bucket):
            answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise AwsRefused(
                    f"emptying {bucket}", first.get("Code", "Unknown"), f"{first['Key']}: {first.get('Message')}"
                )

    def _clear(self, vault: str) -> None:
        pages = self._backup.get_paginator("list_recovery_points_by_backup_vault").paginate(BackupVaultName=vault)
        for copy in [copy for page in pages for copy in page["RecoveryPoints"]]:
            self._backup.delete_recovery_point(BackupVaultName=vault, RecoveryPointArn=copy["RecoveryPointArn"])

    def _versions(self, bucket: str) -> Iterator[list[dict[str, str]]]:
        """Every version and delete marker, in batches that one call deletes."""
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, MaxKeys=_BATCH):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if found:
                yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
