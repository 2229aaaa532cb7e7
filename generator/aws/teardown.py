"""What an environment has in an account besides its manifest: stacks that deletion leaves, and data that is kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.cloudformation import CloudFormation
from generator.aws.errors import AwsRefused, aws, error_code
from generator.sync.ports import LiveStack, StackEvent

_BATCH = 1000
"""Keys that S3 deletes in one call."""


class KeptKind(StrEnum):
    """What CloudFormation can leave behind here."""

    BUCKET = "bucket"
    TABLE = "table"
    USER_POOL = "user pool"


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
    """Buckets, tables and user pools by their environment's prefix; a pool is told by its id, which has no prefix."""

    def __init__(self, s3: Any, dynamodb: Any, cognito: Any) -> None:
        self._s3, self._dynamodb, self._cognito = s3, dynamodb, cognito

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
        named = (
            (KeptKind.BUCKET, [(name, name) for name in buckets]),
            (KeptKind.TABLE, [(name, name) for name in tables]),
            (KeptKind.USER_POOL, pools),
        )
        return tuple(
            Kept(kind, id_) for kind, found in named for name, id_ in sorted(found) if name.startswith(f"{prefix}-")
        )

    def erase(self, kept: Kept) -> None:
        """Delete for good, every version included. Nothing happens where it is gone already."""
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
            except ClientError as error:
                if error_code(error) not in ("NoSuchBucket", "ResourceNotFoundException"):
                    raise

    def _empty(self, bucket: str) -> None:
        for batch in self._versions(bucket):
            answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise AwsRefused(
                    f"emptying {bucket}", first.get("Code", "Unknown"), f"{first['Key']}: {first.get('Message')}"
                )

    def _versions(self, bucket: str) -> Iterator[list[dict[str, str]]]:
        """Every version and delete marker, in batches that one call deletes."""
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, MaxKeys=_BATCH):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if found:
                yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
