"""The calls of a restore drill against the embedded AWS.

Its DynamoDB restores a table as it is now, and says that it can restore to now alone; so what is tried of the table is
that the copy is made, read and deleted. Its S3 keeps versions as S3 does.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from generator.aws.jobs import Files
from generator.aws.restoring import AwsRestoring
from generator.deployment import SystemClock
from generator.drilling import drill
from generator.local.emulator import Emulator
from generator.sync.drill import Window

TABLE, BUCKET = "drilled-jobs", "drilled-videos"
VIDEO, RESULT = "videos/a/1/video.mp4", "videos/a/1/result.json"


class Reaching(AwsRestoring):
    """With a window that reaches back, as AWS's does."""

    def window(self, table: str) -> Window | None:
        found = super().window(table)
        return found and Window(found.earliest - timedelta(days=1), found.latest)


@pytest.fixture(params=["dev", "prod"])
def encryption(request: pytest.FixtureRequest, emulator: Emulator) -> dict[str, str]:
    """How the environment's videos are encrypted: with S3's key, or with one of our own."""
    if request.param == "dev":
        return {"SSEAlgorithm": "AES256"}
    key = emulator.client("kms").create_key()["KeyMetadata"]["Arn"]
    return {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}


@pytest.fixture
def account(emulator: Emulator, encryption: dict[str, str]) -> Iterator[AwsRestoring]:
    dynamodb, s3 = emulator.client("dynamodb"), emulator.client("s3")
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("owner", "id")],
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
    )
    dynamodb.update_continuous_backups(
        TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    job = {"owner": {"S": "a"}, "id": {"S": "1"}, "state": {"S": "done"}, "key": {"S": VIDEO}}
    dynamodb.put_item(TableName=TABLE, Item=job)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    rules = [{"ApplyServerSideEncryptionByDefault": encryption}]
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": rules})
    yield Reaching(dynamodb, s3, "us-east-1")
    dynamodb.delete_table(TableName=TABLE)
    Files(s3, BUCKET).erase("")
    s3.delete_bucket(Bucket=BUCKET)


def test_a_bucket_comes_back_as_it_was_and_the_copies_go(
    account: AwsRestoring, emulator: Emulator, encryption: dict[str, str]
) -> None:
    s3 = emulator.client("s3")
    for key, body in ((VIDEO, b"first"), (RESULT, b"{}")):
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    time.sleep(1.1)  # S3 tells whole seconds
    moment = datetime.now(UTC)
    time.sleep(1.1)
    s3.put_object(Bucket=BUCKET, Key=VIDEO, Body=b"second")
    s3.delete_object(Bucket=BUCKET, Key=RESULT)
    kept = drill("prod", TABLE, BUCKET, moment, account, SystemClock(), lambda _: None, keep=True)
    assert kept.sound
    assert (dict(kept.jobs), kept.copied) == ({"done": 1}, 2)
    assert s3.get_object(Bucket=kept.side.bucket, Key=VIDEO)["Body"].read() == b"first"
    assert s3.get_object(Bucket=kept.side.bucket, Key=RESULT)["Body"].read() == b"{}"
    [rule] = s3.get_bucket_encryption(Bucket=kept.side.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == encryption
    account.remove_bucket(kept.side.bucket)
    account.remove_table(kept.side.table)
    names = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert kept.side.bucket not in names
    assert kept.side.table not in emulator.client("dynamodb").list_tables()["TableNames"]
