"""What operators do about jobs, against moto, with the API's own table, queue and bucket beside."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import anyio
import boto3
import pytest
from moto import mock_aws

from ecg_api import jobs as api_jobs
from ecg_api.ids import new_id
from ecg_api.job_table import DynamoJobTable
from ecg_api.jobs import Failure, Job, JobState, Owner
from generator.aws.jobs import Files, Jobs
from generator.erasing import erase_owner, keep_line
from generator.model.job_states import STATES

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@dataclass
class World:
    api: DynamoJobTable
    jobs: Jobs
    files: Files
    s3: Any
    sqs: Any
    queue: str
    dead: str

    def job(self, state: JobState, owner: str = "ada", code: str = "") -> Job:
        id_ = new_id(NOW)
        error = Failure(code, "it broke") if code else None
        job = Job(
            Owner(owner), id_, state, "Mrs Smith.mp4", 7, "video/mp4", f"videos/{owner}/{id_}/source.mp4", NOW, NOW,
            attempts=5 if error else 0, error=error,
        )  # fmt: skip
        anyio.run(self.api.create, job)
        return job

    def get(self, job: Job) -> Job | None:
        return anyio.run(self.api.get, job.owner, job.id)

    def messages(self, url: str) -> list[str]:
        found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"])["id"] for message in found]


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        dynamodb, sqs, s3 = session.client("dynamodb"), session.client("sqs"), session.client("s3")
        keys = [("owner", "HASH"), ("id", "RANGE")]
        dynamodb.create_table(
            TableName="jobs",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],  # type: ignore[typeddict-item]
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        )
        queue, dead = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("jobs", "dead"))
        for bucket in ("videos", "state"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket="videos", VersioningConfiguration={"Status": "Enabled"})
        jobs = Jobs(dynamodb, sqs, table="jobs", queue=queue, dead_letters=dead)
        yield World(DynamoJobTable(dynamodb, "jobs"), jobs, Files(s3, "videos"), s3, sqs, queue, dead)


def test_the_states_are_the_apis() -> None:
    assert tuple(JobState) == STATES
    assert JobState.QUEUED in api_jobs.TRANSITIONS[JobState.FAILED]


def test_jobs_are_listed_by_state_and_owner_and_never_with_their_files_name(world: World) -> None:
    failed, done = world.job(JobState.FAILED, code="no_trace"), world.job(JobState.DONE, "eve")
    assert [one.id for one in world.jobs.found(("failed",))] == [failed.id]
    assert {one.id for one in world.jobs.found()} == {failed.id, done.id}
    assert [one.id for one in world.jobs.found(owner="eve")] == [done.id]
    [shown] = world.jobs.found(id_=failed.id)
    assert shown.fields["error"] == {"code": "no_trace", "message": "it broke"}
    assert "Smith" not in str(shown)


def test_a_failed_job_is_tried_again_as_if_it_had_never_been(world: World) -> None:
    job = world.job(JobState.FAILED, code="attempts_exhausted")
    for one in (job.id, "another"):
        world.sqs.send_message(QueueUrl=world.dead, MessageBody=json.dumps({"owner": "ada", "id": one}))
    [found] = world.jobs.found(id_=job.id)
    assert world.jobs.retry(found, NOW)
    again = world.get(job)
    assert again is not None
    assert (again.state, again.attempts, again.error) == (JobState.QUEUED, 0, None)
    assert world.messages(world.queue) == [job.id]
    assert (world.jobs.dead(), world.jobs.bury({job.id})) == (2, 1)


@pytest.mark.parametrize("state", [JobState.DONE, JobState.QUEUED, JobState.ANALYSING, JobState.DELETED])
def test_only_a_failed_job_is_tried_again(world: World, state: JobState) -> None:
    job = world.job(state)
    [found] = world.jobs.found(id_=job.id)
    assert not world.jobs.retry(found, NOW)
    assert world.get(job) == job
    assert world.messages(world.queue) == []


def test_an_erased_owner_leaves_no_version_and_no_record_and_others_keep_theirs(world: World) -> None:
    mine, theirs = world.job(JobState.DONE), world.job(JobState.DONE, "ada2")
    for key in (mine.key, mine.key, f"{mine.prefix}result.json", theirs.key):
        world.s3.put_object(Bucket="videos", Key=key, Body=b"x")
    world.s3.delete_object(Bucket="videos", Key=mine.key)
    done = erase_owner("dev", "ada", "operator", world.jobs, world.files, NOW)
    assert (done.jobs, done.versions, done.left) == (1, 4, 0)
    assert world.get(mine) is None
    assert world.get(theirs) == theirs
    assert world.files.left("videos/") == 1
    again = erase_owner("dev", "ada", "operator", world.jobs, world.files, NOW)
    assert (again.jobs, again.versions) == (0, 0)


def test_an_erasure_leaves_a_line_that_says_who_erased_whose(world: World) -> None:
    done = erase_owner("dev", "ada", "operator", world.jobs, world.files, NOW)
    key = keep_line(world.s3, "state", done)
    line = json.loads(world.s3.get_object(Bucket="state", Key=key)["Body"].read())
    assert key == "audit/erasures/2026-11-26T12:00:00Z.json"
    assert (line["by"], line["owner"], line["environment"]) == ("operator", "ada", "dev")
