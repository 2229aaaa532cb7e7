"""Lease and ledger in a real bucket of the embedded AWS: its conditional writes are what they stand on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from generator.aws.lease import S3Lease
from generator.aws.ledger import S3Ledger
from generator.local.emulator import Emulator
from generator.sync.lease import WriteConflict

BUCKET = "state-of-dev"


@pytest.fixture(scope="module")
def s3(emulator: Emulator) -> Any:
    client = emulator.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def lease(s3: Any, request: pytest.FixtureRequest) -> S3Lease:
    return S3Lease(s3, BUCKET, request.node.name)


def test_a_record_that_is_not_there_is_none(lease: S3Lease) -> None:
    assert lease.read() is None


def test_only_one_can_create_the_record(lease: S3Lease) -> None:
    version = lease.write("mine", None)
    with pytest.raises(WriteConflict):
        lease.write("theirs", None)
    found = lease.read()
    assert found is not None
    assert (found.text, found.version) == ("mine", version)


def test_only_the_version_that_was_read_can_be_replaced(lease: S3Lease) -> None:
    first = lease.write("one", None)
    second = lease.write("two", first)
    with pytest.raises(WriteConflict):
        lease.write("late", first)
    assert lease.write("three", second) != second


def test_a_record_that_someone_deleted_is_a_conflict_and_no_crash(s3: Any, lease: S3Lease) -> None:
    version = lease.write("one", None)
    for one in s3.list_objects_v2(Bucket=BUCKET, Prefix="leases/")["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=one["Key"])
    with pytest.raises(WriteConflict):
        lease.write("two", version)


def test_expiry_follows_the_clock_of_s3_and_not_this_machines(s3: Any) -> None:
    wrong = S3Lease(s3, BUCKET, "skewed", lambda: datetime.now(UTC) - timedelta(hours=3))
    wrong.read()
    assert abs(wrong.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_ledger_key_is_written_once(s3: Any) -> None:
    ledger = S3Ledger(s3, BUCKET)
    ledger.add("deployments/dev/1.json", "first")
    ledger.add("deployments/dev/1.json", "second")
    assert ledger.read("deployments/dev/1.json") == "first"
    assert ledger.read("deployments/dev/2.json") is None
    assert ledger.keys("deployments/dev/") == ["deployments/dev/1.json"]
