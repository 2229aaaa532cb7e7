"""`sync.drill.Restoring` over DynamoDB and S3."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import aws, error_code
from generator.sync.drill import Job, Version, Window


class AwsRestoring:
    """Clients of the account. Every method may raise AwsRefused."""

    def __init__(self, dynamodb: Any, s3: Any, region: str) -> None:
        self._dynamodb, self._s3, self._region = dynamodb, s3, region

    def window(self, table: str) -> Window | None:
        """See `Restoring`."""
        with aws(f"asking for the backups of {table}"):
            found = self._dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
        recovery = found.get("PointInTimeRecoveryDescription", {})
        if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
            return None
        return Window(recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"])

    def restore_table(self, table: str, to: str, moment: datetime) -> None:
        """See `Restoring`."""
        with aws(f"restoring {table} to {moment.isoformat()}"):
            self._dynamodb.restore_table_to_point_in_time(
                SourceTableName=table, TargetTableName=to, RestoreDateTime=moment
            )

    def table_ready(self, table: str) -> bool:
        """See `Restoring`."""
        with aws(f"looking at {table}"):
            return bool(self._dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE")

    def jobs(self, table: str) -> Iterator[Job]:
        """See `Restoring`. File names are never read: they may hold a patient's."""
        asked = {
            "TableName": table,
            "ProjectionExpression": "#id, #state, #key",
            "ExpressionAttributeNames": {"#id": "id", "#state": "state", "#key": "key"},
        }
        with aws(f"reading {table}"):
            for page in self._dynamodb.get_paginator("scan").paginate(**asked):
                for item in page["Items"]:
                    if "state" in item:  # other items, such as limits, are no jobs
                        yield Job(item["id"]["S"], item["state"]["S"], item.get("key", {}).get("S", ""))

    def versions(self, bucket: str) -> Iterator[Version]:
        """See `Restoring`."""
        with aws(f"listing the versions of {bucket}"):
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for one in page.get("Versions", ()):
                    yield Version(one["Key"], one["VersionId"], one["LastModified"], one["Size"])
                for one in page.get("DeleteMarkers", ()):
                    yield Version(one["Key"], one["VersionId"], one["LastModified"], 0, deleted=True)

    def kept_days(self, bucket: str) -> int | None:
        """See `Restoring`."""
        with aws(f"reading the settings of {bucket}"):
            if self._s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
                return 0
            try:
                rules = self._s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
            except ClientError as error:
                if error_code(error) == "NoSuchLifecycleConfiguration":
                    return None
                raise
        days = [
            rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
            for rule in rules
            if rule.get("Status") == "Enabled" and "NoncurrentVersionExpiration" in rule
        ]
        return min(days, default=None)

    def make_bucket(self, bucket: str, like: str) -> None:
        """See `Restoring`. What is forgotten in it goes by itself after a week."""
        place = (
            {} if self._region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        )
        with aws(f"making {bucket}"):
            encryption = self._encryption(like)
            self._s3.create_bucket(Bucket=bucket, **place)
            if encryption is not None:
                self._s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=encryption)
            self._s3.put_public_access_block(
                Bucket=bucket,
                PublicAccessBlockConfiguration={
                    "BlockPublicAcls": True,
                    "IgnorePublicAcls": True,
                    "BlockPublicPolicy": True,
                    "RestrictPublicBuckets": True,
                },
            )
            self._s3.put_bucket_lifecycle_configuration(
                Bucket=bucket,
                LifecycleConfiguration={
                    "Rules": [
                        {"ID": "forget", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}
                    ]
                },
            )

    def _encryption(self, bucket: str) -> Any:
        """What a bucket encrypts with; None where nothing but S3's own default is known."""
        try:
            return self._s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
        except ClientError as error:
            if error_code(error) != "ServerSideEncryptionConfigurationNotFoundError":
                raise
            return None

    def copy(self, bucket: str, version: Version, to: str) -> None:
        """See `Restoring`."""
        source = {"Bucket": bucket, "Key": version.key, "VersionId": version.id}
        with aws(f"copying {version.key} to {to}"):
            self._s3.copy(source, to, version.key)  # in parts where it is large

    def remove_table(self, table: str) -> None:
        """See `Restoring`."""
        with aws(f"deleting {table}"):
            try:
                self._dynamodb.delete_table(TableName=table)
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise

    def remove_bucket(self, bucket: str) -> None:
        """See `Restoring`."""
        with aws(f"deleting {bucket}"):
            try:
                for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                    if keys := [{"Key": one["Key"]} for one in page.get("Contents", ())]:
                        self._s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
                self._s3.delete_bucket(Bucket=bucket)
            except ClientError as error:
                if error_code(error) != "NoSuchBucket":
                    raise

    def now(self) -> datetime:
        """See `Restoring`."""
        return datetime.now(UTC)
