"""Jobs in DynamoDB. Every write is conditional; the condition is made from the change's guards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_never

from botocore.exceptions import ClientError

from ecg_api.aws_calls import call
from ecg_api.errors import ChangeRefused
from ecg_api.jobs import FINAL, Change, Claim, Failure, Job, JobState, Owner, Progress, Value

_REFUSED = "ConditionalCheckFailedException"
_Item = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs of an owner, newest first; `after` continues the list, None at its end."""

    jobs: tuple[Job, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Which job an idempotency key stands for, and the fingerprint of the request that first came with it."""

    job_id: str
    fingerprint: str


class DynamoJobTable:
    """The jobs table; `client` is a boto3 DynamoDB client. Every method may raise StoreUnavailable.

    Idempotency keys lie in it too, under owners of their own (`idempotency#<owner>`), which no job can have.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    async def create(self, job: Job) -> None:
        """Store a new job; an id is never written twice.

        Raises:
            FileExistsError: there is a job with this id: the same idempotency key is being answered elsewhere. Ids that
                were made anew are unique.
        """
        try:
            await call(
                "dynamodb",
                self._client.put_item,
                expected=frozenset({_REFUSED}),
                TableName=self._table,
                Item=to_item(job),
                ConditionExpression="attribute_not_exists(#id)",
                ExpressionAttributeNames={"#id": "id"},
            )
        except ClientError as error:
            raise FileExistsError(f"job {job.id} exists") from error

    async def reserve(self, owner: Owner, key: str, wanted: Reservation, now_s: int, expires_at: int) -> Reservation:
        """Let the owner's idempotency key `key` stand for `wanted` until `expires_at`; return what it stands for."""
        place = _key(Owner(f"idempotency#{owner}"), key)
        try:
            await call(
                "dynamodb",
                self._client.put_item,
                expected=frozenset({_REFUSED}),
                TableName=self._table,
                Item={
                    **place,
                    "job_id": {"S": wanted.job_id},
                    "fingerprint": {"S": wanted.fingerprint},
                    "expires_at": {"N": str(expires_at)},
                },
                # DynamoDB takes up to two days to remove what has expired.
                ConditionExpression="attribute_not_exists(#id) OR #expires_at < :now",
                ExpressionAttributeNames={"#id": "id", "#expires_at": "expires_at"},
                ExpressionAttributeValues={":now": {"N": str(now_s)}},
            )
        except ClientError:
            item = (await self._item(place))["Item"]
            return Reservation(item["job_id"]["S"], item["fingerprint"]["S"])
        return wanted

    async def get(self, owner: Owner, job_id: str) -> Job | None:
        """Return the job as last written, tombstones included; None where there is none."""
        item = (await self._item(_key(owner, job_id))).get("Item")
        return from_item(item) if item else None

    async def apply(self, owner: Owner, job_id: str, change: Change, now: datetime) -> Job:
        """Write `change` if the job allows it, and return the job after it.

        Raises:
            ChangeRefused: it does not; holds the job as it stands.
        """
        try:
            answer = await call(
                "dynamodb",
                self._client.update_item,
                expected=frozenset({_REFUSED}),
                TableName=self._table,
                Key=_key(owner, job_id),
                ReturnValues="ALL_NEW",
                **_update(change, now),
            )
        except ClientError as error:
            raise ChangeRefused(change, await self.get(owner, job_id)) from error
        return from_item(answer["Attributes"])

    async def page(self, owner: Owner, limit: int, after: str | None = None) -> Page:
        """Return up to `limit` jobs of `owner` older than the id `after`, newest first, without tombstones."""
        found: list[Job] = []
        start: dict[str, Any] = {"ExclusiveStartKey": _key(owner, after)} if after else {}
        while True:
            answer = await call(
                "dynamodb",
                self._client.query,
                TableName=self._table,
                KeyConditionExpression="#owner = :owner",
                FilterExpression="#state <> :deleted",
                ExpressionAttributeNames={"#owner": "owner", "#state": "state"},
                ExpressionAttributeValues={":owner": {"S": owner}, ":deleted": {"S": JobState.DELETED}},
                ScanIndexForward=False,
                # The limit counts items before the filter, so one more tells whether the list goes on.
                Limit=limit + 1,
                **start,
            )
            found += [from_item(item) for item in answer.get("Items", [])]
            last = answer.get("LastEvaluatedKey")
            start = {"ExclusiveStartKey": last}
            if len(found) > limit:
                return Page(tuple(found[:limit]), found[limit - 1].id)
            if not last:
                return Page(tuple(found), None)

    async def unfinished(self) -> AsyncIterator[Job]:
        """Yield the jobs of all owners in which work is left. Reads the whole table: for the sweep alone."""
        start: dict[str, Any] = {}
        waiting = [state for state in JobState if state not in FINAL]
        names = [f":{state}" for state in waiting]
        while True:
            answer = await call(
                "dynamodb",
                self._client.scan,
                TableName=self._table,
                FilterExpression=f"#state IN ({', '.join(names)})",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={name: {"S": state} for name, state in zip(names, waiting, strict=True)},
                **start,
            )
            for item in answer.get("Items", []):
                yield from_item(item)
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    async def _item(self, place: _Item) -> dict[str, _Item]:
        answer: dict[str, _Item] = await call(
            "dynamodb", self._client.get_item, TableName=self._table, Key=place, ConsistentRead=True
        )
        return answer

    async def check(self) -> None:
        """Return if the table answers; reads a key that is never written, so it needs no further rights."""
        await call("dynamodb", self._client.get_item, TableName=self._table, Key=_key(Owner("-"), "readiness"))


def to_item(job: Job) -> _Item:
    """Return a job as DynamoDB stores it; attributes that are None are left out."""
    values: dict[str, Value | None] = {
        "owner": job.owner,
        "id": job.id,
        "state": job.state,
        "name": job.name,
        "size": job.size,
        "content_type": job.content_type,
        "key": job.key,
        "created_at": _text(job.created_at),
        "updated_at": _text(job.updated_at),
        "attempts": job.attempts,
        "progress": job.progress,
        "error": job.error,
        "result_key": job.result_key,
        "expires_at": job.expires_at,
        "upload_id": job.upload_id,
        "claim": job.claim,
        "app": job.app,
    }
    return {name: _attribute(value) for name, value in values.items() if value is not None}


def from_item(item: _Item) -> Job:
    """Return the job that `to_item` made `item` of; a tombstone has lost its name."""

    def text(name: str) -> str | None:
        return str(item[name]["S"]) if name in item else None

    progress, error, claim = (item.get(name, {}).get("M") for name in ("progress", "error", "claim"))
    return Job(
        owner=Owner(item["owner"]["S"]),
        id=item["id"]["S"],
        state=JobState(item["state"]["S"]),
        name=text("name") or "",
        size=int(item["size"]["N"]),
        content_type=item["content_type"]["S"],
        key=item["key"]["S"],
        created_at=_time(item["created_at"]["S"]),
        updated_at=_time(item["updated_at"]["S"]),
        attempts=int(item["attempts"]["N"]),
        progress=Progress(progress["stage"]["S"], float(progress["fraction"]["N"])) if progress else None,
        error=Failure(error["code"]["S"], error["message"]["S"]) if error else None,
        result_key=text("result_key"),
        expires_at=int(item["expires_at"]["N"]) if "expires_at" in item else None,
        upload_id=text("upload_id"),
        claim=_claim(claim) if claim else None,
        app=text("app"),
    )


def _claim(attributes: _Item) -> Claim:
    return Claim(attributes["token"]["S"], attributes["message_id"]["S"], int(attributes["until"]["N"]))


def _update(change: Change, now: datetime) -> dict[str, Any]:
    """Return the expressions of one conditional update; `#` and `:` names are the attributes' own."""
    sets: dict[str, Value] = {**change.values, "state": change.to}
    if change.visible:
        sets["updated_at"] = _text(now)
    names = {f"#{name}": name for name in (*sets, *change.cleared)}
    values = {f":{name}": _attribute(value) for name, value in sets.items()}
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
    if change.cleared:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in sorted(change.cleared))
    if change.attempts:
        expression += " ADD #attempts :attempts"
        names["#attempts"] = "attempts"
        values[":attempts"] = _attribute(change.attempts)
    alternatives: list[str] = []
    for number, guard in enumerate(change.guards):
        terms = [f"#state = :from{number}"]
        values[f":from{number}"] = _attribute(guard.state)
        parts = (
            ("token", "=", guard.token),
            ("message_id", "=", guard.message_id),
            ("until", "<", guard.expired_at),
        )
        for part, relation, wanted in parts:
            if wanted is not None:
                terms.append(f"#claim.#{part} {relation} :{part}{number}")
                names |= {"#claim": "claim", f"#{part}": part}
                values[f":{part}{number}"] = _attribute(wanted)
        alternatives.append("(" + " AND ".join(terms) + ")")
    return {
        "UpdateExpression": expression,
        "ConditionExpression": " OR ".join(alternatives),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _attribute(value: Value) -> dict[str, Any]:
    match value:
        case str():
            return {"S": str(value)}
        case int():
            return {"N": str(value)}
        case Progress(stage, fraction):
            return {"M": {"stage": {"S": stage}, "fraction": {"N": f"{fraction:.4f}"}}}
        case Failure(code, message):
            return {"M": {"code": {"S": code}, "message": {"S": message}}}
        case Claim(token, message_id, until):
            return {"M": {"token": {"S": token}, "message_id": {"S": message_id}, "until": {"N": str(until)}}}
        case _:
            assert_never(value)


def _key(owner: Owner, job_id: str) -> _Item:
    return {"owner": {"S": owner}, "id": {"S": job_id}}


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
