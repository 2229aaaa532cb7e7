"""The queue of jobs to analyse, in SQS. A message names a job, `{"owner", "id"}`, and carries nothing else."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ecg_api.aws_calls import call
from ecg_api.jobs import Owner

log = logging.getLogger(__name__)

_GONE = frozenset(
    {
        "InvalidParameterValue",
        "ReceiptHandleIsInvalid",
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
    }
)


@dataclass(frozen=True, slots=True)
class Depth:
    """About how many messages wait in a queue, and how many are being worked on."""

    waiting: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a message: `receipt` answers for it, `receive_count` is 1 at the first."""

    owner: Owner
    job_id: str
    message_id: str
    receipt: str
    receive_count: int


class SqsJobQueue:
    """The jobs queue; `client` is a boto3 SQS client. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    async def send(self, owner: Owner, job_id: str, delay_s: float = 0) -> None:
        """Add a message, to be delivered after `delay_s` seconds (up to 900)."""
        await call(
            "sqs",
            self._client.send_message,
            QueueUrl=self._url,
            MessageBody=json.dumps({"owner": owner, "id": job_id}),
            DelaySeconds=max(0, min(900, round(delay_s))),
        )

    async def receive(self, limit: int, wait_s: int, visibility_s: int) -> tuple[Delivery, ...]:
        """Wait up to `wait_s` (0 to 20) for up to `limit` (1 to 10) messages and hide them for `visibility_s`."""
        answer = await call(
            "sqs",
            self._client.receive_message,
            QueueUrl=self._url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait_s,
            VisibilityTimeout=visibility_s,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        deliveries = (_delivery(message) for message in answer.get("Messages", []))
        return tuple(delivery for delivery in deliveries if delivery is not None)

    async def delete(self, delivery: Delivery) -> None:
        """Remove the message for good; one that is gone already is no error."""
        await self._settle(self._client.delete_message, delivery)

    async def hide(self, delivery: Delivery, seconds: float) -> None:
        """Deliver the message again after `seconds` from now, unless it is deleted before; 0 is at once."""
        await self._settle(
            self._client.change_message_visibility,
            delivery,
            VisibilityTimeout=max(0, min(43_200, round(seconds))),
        )

    async def max_receives(self) -> int | None:
        """Return after how many deliveries SQS moves a message aside; None without a dead-letter queue."""
        answer = await call(
            "sqs", self._client.get_queue_attributes, QueueUrl=self._url, AttributeNames=["RedrivePolicy"]
        )
        policy = answer.get("Attributes", {}).get("RedrivePolicy")
        return int(json.loads(policy)["maxReceiveCount"]) if policy else None

    async def depth(self) -> Depth:
        """Return how full the queue is, as SQS reckons it."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await call("sqs", self._client.get_queue_attributes, QueueUrl=self._url, AttributeNames=names)
        waiting, in_flight = (int(answer.get("Attributes", {}).get(name, 0)) for name in names)
        return Depth(waiting, in_flight)

    async def check(self) -> None:
        """Return if the queue answers."""
        await call("sqs", self._client.get_queue_attributes, QueueUrl=self._url, AttributeNames=["QueueArn"])

    async def _settle(self, operation: Any, delivery: Delivery, **arguments: Any) -> None:
        try:
            await call(
                "sqs",
                operation,
                expected=_GONE,
                QueueUrl=self._url,
                ReceiptHandle=delivery.receipt,
                **arguments,
            )
        except ClientError:
            # Its visibility ran out and somebody else has it, or it is deleted: nothing is ours to do.
            log.info("message is gone", extra={"job_id": delivery.job_id})


def _delivery(message: dict[str, Any]) -> Delivery | None:
    try:
        body = json.loads(message["Body"])
        owner, job_id = body["owner"], body["id"]
        if not (isinstance(owner, str) and isinstance(job_id, str) and owner and job_id):
            raise TypeError
    except (ValueError, TypeError, KeyError):
        # Left alone, it reaches the dead-letter queue, where an operator can look at it.
        log.error("message is not ours", extra={"message_id": message.get("MessageId")})
        return None
    count = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    return Delivery(Owner(owner), job_id, message["MessageId"], message["ReceiptHandle"], count)
