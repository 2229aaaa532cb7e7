"""The jobs of an environment, for its operators: DynamoDB, SQS and S3 behind `ecgctl jobs` and `ecgctl erase`.

File names are the owners' words and may hold a patient's: they are never read here.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import aws, error_code
from generator.model.job_states import STATES

_SHOWN = ("owner", "id", "state", "attempts", "created_at", "updated_at", "content_type", "size", "app", "key")
_REFUSED = "ConditionalCheckFailedException"
_BATCH = 1000
"""Keys that S3 deletes in one call."""
_ROUNDS = 50
"""Looks into the dead-letter queue for a message; each shows up to ten."""


@dataclass(frozen=True)
class JobRecord:
    """One job, without its file's name."""

    owner: str
    id: str
    state: str
    attempts: int
    updated_at: str
    code: str
    """Why it failed; empty where it did not."""
    message: str
    fields: dict[str, Any]
    """Everything that an operator may see."""


class Jobs:
    """The jobs table and its queues. Every method may raise AwsRefused."""

    def __init__(self, dynamodb: Any, sqs: Any, *, table: str, queue: str, dead_letters: str) -> None:
        self._dynamodb, self._sqs = dynamodb, sqs
        self._table, self._queue, self._dead_letters = table, queue, dead_letters

    def found(
        self, states: Collection[str] = STATES, owner: str | None = None, id_: str | None = None
    ) -> list[JobRecord]:
        """Jobs, the last changed first."""
        values = {f":{state}": {"S": state} for state in states}
        condition = f"#state IN ({', '.join(f':{state}' for state in states)})"
        names = {"#state": "state"}
        if id_ is not None:
            condition, names, values = (
                f"{condition} AND #id = :id",
                {**names, "#id": "id"},
                {**values, ":id": {"S": id_}},
            )
        request: dict[str, Any] = {
            "TableName": self._table,
            "FilterExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        operation = "scan"
        if owner is not None:
            operation = "query"
            request |= {
                "KeyConditionExpression": "#owner = :owner",
                "ExpressionAttributeNames": {**names, "#owner": "owner"},
                "ExpressionAttributeValues": {**values, ":owner": {"S": owner}},
            }
        with aws(f"reading {self._table}"):
            pages = self._dynamodb.get_paginator(operation).paginate(**request)
            records = [_record(item) for page in pages for item in page["Items"]]
        return sorted(records, key=lambda one: one.updated_at, reverse=True)

    def retry(self, job: JobRecord, now: datetime) -> bool:
        """Queue a failed job as if it had never been tried; False where it is not failed any more."""
        place = {"owner": {"S": job.owner}, "id": {"S": job.id}}
        moment = now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        with aws(f"queueing {job.id}"):
            try:
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=place,
                    UpdateExpression=(
                        "SET #state = :queued, #attempts = :none, #at = :at REMOVE #error, #claim, #progress"
                    ),
                    ConditionExpression="#state = :failed",
                    ExpressionAttributeNames={
                        "#state": "state",
                        "#attempts": "attempts",
                        "#at": "updated_at",
                        "#error": "error",
                        "#claim": "claim",
                        "#progress": "progress",
                    },
                    ExpressionAttributeValues={
                        ":queued": {"S": "queued"},
                        ":failed": {"S": "failed"},
                        ":none": {"N": "0"},
                        ":at": {"S": moment},
                    },
                )
            except ClientError as error:
                if error_code(error) == _REFUSED:
                    return False
                raise
            # Should this not happen, the API's sweep sends it: a queued job without a message.
            self._sqs.send_message(QueueUrl=self._queue, MessageBody=json.dumps({"owner": job.owner, "id": job.id}))
        return True

    def dead(self) -> int:
        """About how many messages are in the dead-letter queue."""
        name = "ApproximateNumberOfMessages"
        with aws("asking the dead-letter queue"):
            answer = self._sqs.get_queue_attributes(QueueUrl=self._dead_letters, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def bury(self, ids: Collection[str]) -> int:
        """Take the messages of these jobs out of the dead-letter queue; how many there were."""
        gone = 0
        with aws("emptying the dead-letter queue"):
            for _ in range(_ROUNDS):
                answer = self._sqs.receive_message(
                    QueueUrl=self._dead_letters, MaxNumberOfMessages=10, VisibilityTimeout=60, WaitTimeSeconds=0
                )
                messages = answer.get("Messages", [])
                if not messages:
                    break
                for message in messages:
                    if _job_of(message) in ids:
                        self._sqs.delete_message(QueueUrl=self._dead_letters, ReceiptHandle=message["ReceiptHandle"])
                        gone += 1
        return gone

    def erase(self, job: JobRecord) -> None:
        """Delete the job's record for good."""
        with aws(f"erasing {job.id}"):
            self._dynamodb.delete_item(TableName=self._table, Key={"owner": {"S": job.owner}, "id": {"S": job.id}})


class Files:
    """The video bucket, every version of what is in it. Every method may raise AwsRefused."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def erase(self, prefix: str) -> int:
        """Delete every version and delete marker below a prefix; how many there were."""
        gone = 0
        with aws(f"erasing what is below {prefix}"):
            for batch in self._versions(prefix):
                answer = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True})
                if errors := answer.get("Errors"):
                    raise ClientError(
                        {"Error": {"Code": errors[0]["Code"], "Message": errors[0]["Key"]}}, "DeleteObjects"
                    )
                gone += len(batch)
        return gone

    def left(self, prefix: str) -> int:
        """How many versions there are below a prefix."""
        with aws(f"listing what is below {prefix}"):
            return sum(len(batch) for batch in self._versions(prefix))

    def _versions(self, prefix: str) -> Iterator[list[dict[str, str]]]:
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            found: Sequence[Any] = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            for first in range(0, len(found), _BATCH):
                yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found[first : first + _BATCH]]


def _job_of(message: dict[str, Any]) -> str | None:
    try:
        return str(json.loads(message["Body"])["id"])
    except (ValueError, KeyError, TypeError):
        return None


def _record(item: dict[str, Any]) -> JobRecord:
    error = item.get("error", {}).get("M", {})
    fields: dict[str, Any] = {name: _plain(item[name]) for name in _SHOWN if name in item}
    code, message = (str(error.get(part, {}).get("S", "")) for part in ("code", "message"))
    if code:
        fields["error"] = {"code": code, "message": message}
    return JobRecord(
        item["owner"]["S"],
        item["id"]["S"],
        item["state"]["S"],
        int(item.get("attempts", {}).get("N", 0)),
        item.get("updated_at", {}).get("S", ""),
        code,
        message,
        fields,
    )


def _plain(value: dict[str, Any]) -> str | int:
    return int(value["N"]) if "N" in value else str(value["S"])
