"""One set of facts about table, queue and bucket, for the fakes and for the adapters over moto.

What moto cannot show: it checks no signatures, delivers no message twice, and knows neither throttling nor
eventual consistency; it breaks when an aborted upload is completed. Presigned URLs were tried against the
embedded AWS, which does check signatures.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from ecg_api import jobs
from ecg_api.errors import ChangeRefused, StoreUnavailable, UploadRejected
from ecg_api.ids import new_id
from ecg_api.job_table import DynamoJobTable, Reservation
from ecg_api.jobs import Claim, Failure, Job, JobState, Owner, Progress
from ecg_api.objects import S3Objects
from ecg_api.queue import SqsJobQueue
from tests.services.api.fake_stores import FakeClock, InMemoryObjects, InMemoryQueue, InMemoryTable
from tests.services.api.fakes import LOCAL

pytestmark = pytest.mark.anyio
CLOCK = FakeClock()


class Aws:
    """boto3 clients over one moto, made once: loading a service's model takes longer than a test."""

    def __init__(self) -> None:
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "virtual"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        self.dynamodb: Any = session.client("dynamodb")
        self.sqs: Any = session.client("sqs")
        self.s3: Any = session.client("s3", config=config)
        self._numbers = itertools.count()

    def name(self) -> str:
        """Return a name that no other test uses."""
        return f"test-{next(self._numbers)}"


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with mock_aws():
        yield Aws()


@pytest.fixture(params=["memory", "dynamodb"])
def table(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return InMemoryTable()
    aws = request.getfixturevalue("aws")
    name = aws.name()
    keys = [("owner", "HASH"), ("id", "RANGE")]
    aws.dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": attribute, "KeyType": kind} for attribute, kind in keys],
        AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": "S"} for attribute, _ in keys],
    )
    return DynamoJobTable(aws.dynamodb, name)


@pytest.fixture(params=["memory", "sqs"])
def queue(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return InMemoryQueue(FakeClock(), max_receives=2)
    aws = request.getfixturevalue("aws")
    dead = aws.sqs.create_queue(QueueName=aws.name())["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    url = aws.sqs.create_queue(QueueName=aws.name(), Attributes={"RedrivePolicy": policy})["QueueUrl"]
    return SqsJobQueue(aws.sqs, url)


@pytest.fixture
def bucket(aws: Aws) -> S3Objects:
    name = aws.name()
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return S3Objects(aws.s3, name)


@pytest.fixture(params=["memory", "s3"])
def objects(request: pytest.FixtureRequest) -> Any:
    return InMemoryObjects() if request.param == "memory" else request.getfixturevalue("bucket")


def a_job(state: JobState = JobState.UPLOADING, owner: Owner = LOCAL) -> Job:
    CLOCK.advance(1)
    now = CLOCK.now()
    job_id = new_id(now)
    key = f"videos/{owner}/{job_id}/source.mp4"
    return Job(owner, job_id, state, "Ä 심전도.mp4", 5, "video/mp4", key, now, now)


async def test_a_job_comes_back_as_it_was_stored(table: Any) -> None:
    job = replace(
        a_job(JobState.ANALYSING),
        attempts=2,
        progress=Progress("decode", 0.25),
        error=Failure("no_trace", "none"),
        result_key="r",
        expires_at=1_900_000_000,
        upload_id="u",
        claim=Claim("t", "m", 100),
    )
    await table.create(job)
    assert await table.get(LOCAL, job.id) == job
    assert await table.get(Owner("other"), job.id) is None


async def test_an_id_is_written_once(table: Any) -> None:
    job = a_job()
    await table.create(job)
    with pytest.raises(FileExistsError):
        await table.create(replace(job, name="other"))
    assert await table.get(LOCAL, job.id) == job


async def test_a_whole_life_is_written_step_by_step(table: Any) -> None:
    job = a_job(JobState.CREATED)
    await table.create(job)
    claim = Claim("mine", "m1", 100)
    steps = [
        (jobs.opened("upload"), JobState.UPLOADING),
        (jobs.queued(), JobState.QUEUED),
        (jobs.claimed(claim, 100), JobState.ANALYSING),
        (jobs.progressed("mine", Progress("read", 0.5)), JobState.ANALYSING),
        (jobs.handed_back("mine"), JobState.QUEUED),
        (jobs.claimed(claim, 100), JobState.ANALYSING),
        (jobs.to_be_retried("mine"), JobState.QUEUED),
        (jobs.claimed(claim, 100), JobState.ANALYSING),
        (jobs.done("mine", "result"), JobState.DONE),
        (jobs.deleted(99), JobState.DELETED),
    ]
    for change, state in steps:
        after = await table.apply(LOCAL, job.id, change, CLOCK.now())
        assert after.state is state
        assert await table.get(LOCAL, job.id) == after
    assert after.attempts == 2
    assert (after.name, after.claim, after.expires_at, after.upload_id) == ("", None, 99, "upload")


@pytest.mark.parametrize("state", JobState)
async def test_a_write_is_refused_exactly_where_the_state_machine_refuses_it(table: Any, state: JobState) -> None:
    changes = [
        jobs.opened("u"),
        jobs.queued(),
        jobs.upload_failed(Failure("not_a_video", "no")),
        jobs.claimed(Claim("other", "m1", 100), 100),
        jobs.claimed(Claim("other", "m2", 100), 100),
        jobs.claimed(Claim("other", "m2", 300), 101),
        jobs.renewed(Claim("mine", "m1", 200)),
        jobs.renewed(Claim("other", "m1", 200)),
        jobs.progressed("mine", Progress("read", 1.0)),
        jobs.progressed("other", Progress("read", 1.0)),
        jobs.done("mine", "r"),
        jobs.done("other", "r"),
        jobs.failed("mine", Failure("no_trace", "no")),
        jobs.handed_back("other"),
        jobs.deleted(1),
    ]
    for change in changes:
        holds = Claim("mine", "m1", 100) if state is JobState.ANALYSING else None
        job = replace(a_job(state), claim=holds)
        await table.create(job)
        now = CLOCK.now()
        try:
            expected = jobs.changed(job, change, now)
        except ChangeRefused:
            with pytest.raises(ChangeRefused) as refused:
                await table.apply(LOCAL, job.id, change, now)
            assert refused.value.current == job
        else:
            assert await table.apply(LOCAL, job.id, change, now) == expected


async def test_a_job_that_is_not_there_cannot_change(table: Any) -> None:
    with pytest.raises(ChangeRefused) as refused:
        await table.apply(LOCAL, "none", jobs.deleted(1), CLOCK.now())
    assert refused.value.current is None


async def test_pages_are_newest_first_without_tombstones_and_other_owners(table: Any) -> None:
    made = [a_job() for _ in range(7)]
    for job in made:
        await table.create(job)
    await table.create(a_job(owner=Owner("other")))
    for gone in (made[3], made[6]):
        await table.apply(LOCAL, gone.id, jobs.deleted(1), CLOCK.now())
    expected = [made[index].id for index in (5, 4, 2, 1, 0)]
    seen: list[str] = []
    after: str | None = None
    while True:
        page = await table.page(LOCAL, 2, after)
        seen += [job.id for job in page.jobs]
        after = page.after
        if after is None:
            break
    assert seen == expected
    assert (await table.page(LOCAL, 5)).after is None


async def test_a_message_names_its_job_and_counts_its_deliveries(queue: Any) -> None:
    await queue.send(LOCAL, "job")
    (first,) = await queue.receive(10, 0, 30)
    assert (first.owner, first.job_id, first.receive_count) == (LOCAL, "job", 1)
    assert await queue.receive(10, 0, 30) == ()
    await queue.hide(first, 0)
    (second,) = await queue.receive(10, 0, 30)
    assert (second.message_id, second.receive_count) == (first.message_id, 2)
    await queue.delete(second)
    await queue.delete(second)
    assert await queue.receive(10, 0, 30) == ()


async def test_the_queue_tells_how_often_it_delivers(queue: Any) -> None:
    assert await queue.max_receives() == 2
    await queue.check()


async def test_a_queue_without_a_dead_letter_queue_has_no_limit(aws: Aws) -> None:
    queue = SqsJobQueue(aws.sqs, aws.sqs.create_queue(QueueName=aws.name())["QueueUrl"])
    assert await queue.max_receives() is None


@pytest.mark.parametrize("body", ["", "no json", "[]", "{}", '{"owner": 1, "id": "a"}', '{"owner": "", "id": "a"}'])
async def test_a_message_that_is_not_ours_is_left_for_the_operator(aws: Aws, body: str) -> None:
    client = aws.sqs
    url = client.create_queue(QueueName=aws.name())["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody=body or " ")
    assert await SqsJobQueue(client, url).receive(10, 0, 30) == ()
    counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
    assert counts["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"


async def test_a_result_is_stored_once(objects: Any) -> None:
    assert await objects.put_once("videos/local/1/result.json", b"first", "application/json")
    assert not await objects.put_once("videos/local/1/result.json", b"second", "application/json")
    assert await objects.read("videos/local/1/result.json") == b"first"
    info = await objects.info("videos/local/1/result.json")
    assert (info.size, info.content_type) == (5, "application/json")


async def test_what_is_absent_reads_as_nothing(objects: Any) -> None:
    assert await objects.info("none") is None
    assert await objects.read("none") is None
    assert await objects.read_head("none", 16) == b""
    await objects.put_once("empty", b"", "video/mp4")
    assert await objects.read_head("empty", 16) == b""


async def test_a_prefix_is_emptied_and_its_neighbours_stay(objects: Any) -> None:
    for key in ("videos/local/1/a", "videos/local/1/b", "videos/local/12/a"):
        await objects.put_once(key, b"x", "video/mp4")
    assert await objects.remove_all("videos/local/1/") == 2
    assert await objects.remove_all("videos/local/1/") == 0
    assert await objects.info("videos/local/12/a") is not None


async def test_parts_become_one_object_with_its_type(bucket: S3Objects, aws: Aws) -> None:
    upload_id = await bucket.open_multipart("big.mp4", "video/mp4")
    etags = {}
    for number, body in ((2, b"end"), (1, b"x" * 5 * 1024 * 1024)):
        answer = aws.s3.upload_part(
            Bucket=bucket.bucket, Key="big.mp4", UploadId=upload_id, PartNumber=number, Body=body
        )
        etags[number] = answer["ETag"]
    with pytest.raises(UploadRejected):
        await bucket.complete_multipart("big.mp4", upload_id, {**etags, 2: '"0123"'})
    await bucket.complete_multipart("big.mp4", upload_id, etags)
    await bucket.complete_multipart("big.mp4", upload_id, etags)  # repeating it is harmless
    info = await bucket.info("big.mp4")
    assert info is not None
    assert (info.size, info.content_type) == (5 * 1024 * 1024 + 3, "video/mp4")
    assert await bucket.read_head("big.mp4", 4) == b"xxxx"


async def test_an_upload_can_be_aborted_twice(bucket: S3Objects) -> None:
    upload_id = await bucket.open_multipart("big.mp4", "video/mp4")
    await bucket.abort_multipart("big.mp4", upload_id)
    await bucket.abort_multipart("big.mp4", upload_id)


async def test_size_and_type_are_part_of_the_signature(bucket: S3Objects) -> None:
    put = await bucket.sign_put("videos/local/1/source.mp4", "video/mp4", 123, 600)
    query = parse_qs(urlsplit(put.url).query)
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["600"]
    assert put.headers == {"Content-Type": "video/mp4"}
    # A checksum in the URL would have to be computed by the browser before it could upload.
    assert not [name for name in query if "checksum" in name.lower()]


async def test_each_part_is_signed_with_its_own_size(bucket: S3Objects) -> None:
    parts = await bucket.sign_parts("k", "upload", (10, 10, 4), 600)
    assert [(part.number, part.size) for part in parts] == [(1, 10), (2, 10), (3, 4)]
    for part in parts:
        query = parse_qs(urlsplit(part.url).query)
        assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
        assert query["partNumber"] == [str(part.number)]
    assert len({parse_qs(urlsplit(part.url).query)["X-Amz-Signature"][0] for part in parts}) == 3


async def test_a_store_that_is_not_there_is_unavailable(aws: Aws) -> None:
    table = DynamoJobTable(aws.dynamodb, "none")
    bucket = S3Objects(aws.s3, "none")
    queue = SqsJobQueue(aws.sqs, "https://sqs.us-east-1.amazonaws.com/123456789012/none")
    for check in (table.check, bucket.check, queue.check):
        with pytest.raises(StoreUnavailable):
            await check()
    with pytest.raises(StoreUnavailable) as error:
        await table.apply(LOCAL, "a", jobs.deleted(1), CLOCK.now())
    assert (error.value.service, error.value.operation) == ("dynamodb", "update_item")


async def test_an_idempotency_key_stands_for_the_first_reservation_until_it_expires(table: Any) -> None:
    first, second = Reservation("job-1", "a"), Reservation("job-2", "b")
    assert await table.reserve(LOCAL, "key", first, 100, 200) == first
    assert await table.reserve(LOCAL, "key", second, 150, 250) == first
    assert await table.reserve(Owner("other"), "key", second, 150, 250) == second
    assert await table.reserve(LOCAL, "key", second, 201, 301) == second
    assert await table.reserve(LOCAL, "key", first, 250, 350) == second
    assert (await table.page(LOCAL, 10)).jobs == ()


async def test_a_queue_says_how_full_it_is(queue: Any) -> None:
    for number in range(3):
        await queue.send(LOCAL, f"job-{number}")
    await queue.receive(1, 0, 60)
    depth = await queue.depth()
    assert (depth.waiting, depth.in_flight) == (2, 1)


async def test_unfinished_jobs_of_all_owners_are_found_and_no_idempotency_keys(table: Any) -> None:
    await table.reserve(LOCAL, "key", Reservation("job-1", "a"), 100, 200)
    jobs_made = [a_job(state, owner) for owner in (LOCAL, Owner("b")) for state in JobState]
    for one in jobs_made:
        await table.create(one)
    found = {(one.owner, one.state) async for one in table.unfinished()}
    open_states = set(JobState) - jobs.FINAL
    assert found == {(owner, state) for owner in (LOCAL, Owner("b")) for state in open_states}


async def test_the_folders_of_videos_are_listed_once_each(objects: Any) -> None:
    for key in ("videos/a/1/source.mp4", "videos/a/1/result.json", "videos/b/2/source.mp4"):
        await objects.put_once(key, b"x", "video/mp4")
    assert [prefix async for prefix, _ in objects.folders()] == ["videos/a/1/", "videos/b/2/"]
