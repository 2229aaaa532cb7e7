"""The fakes of the table, the queue, the buckets and the CDN, and what can happen around their operations.

`test_stores.py` runs one set of facts against these and against the adapters over moto, so that a test that uses them
tells something about the real thing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio

from ecg_api.errors import ChangeRefused, UploadRejected
from ecg_api.job_table import Page, Reservation
from ecg_api.jobs import FINAL, Change, Job, JobState, Owner, changed
from ecg_api.objects import ObjectInfo, SignedPart, SignedPut
from ecg_api.queue import Delivery, Depth


class FakeClock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(microseconds=1)  # no two writes at the same time, as in life
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Calm:
    """Nothing happens around an operation; tests subclass it to let a service fail or a process die there."""

    async def before(self, operation: str) -> None:
        await asyncio.sleep(0)

    async def after(self, operation: str) -> None:
        await asyncio.sleep(0)


class InMemoryTable:
    """The jobs table; `changes` is every change that was written, in order."""

    def __init__(self, calm: Calm | None = None) -> None:
        self.calm = calm or Calm()
        self.jobs: dict[tuple[Owner, str], Job] = {}
        self.changes: list[tuple[str, JobState]] = []
        self.reservations: dict[tuple[Owner, str], tuple[Reservation, int]] = {}

    async def create(self, job: Job) -> None:
        await self.calm.before("create")
        if (job.owner, job.id) in self.jobs:
            raise FileExistsError(job.id)
        self.jobs[job.owner, job.id] = job
        await self.calm.after("create")

    async def reserve(self, owner: Owner, key: str, wanted: Reservation, now_s: int, expires_at: int) -> Reservation:
        await self.calm.before("reserve")
        kept, until = self.reservations.get((owner, key), (wanted, 0))
        if until < now_s:
            kept, until = wanted, expires_at
        self.reservations[owner, key] = (kept, until)
        await self.calm.after("reserve")
        return kept

    async def get(self, owner: Owner, job_id: str) -> Job | None:
        await self.calm.before("get")
        return self.jobs.get((owner, job_id))

    async def apply(self, owner: Owner, job_id: str, change: Change, now: datetime) -> Job:
        await self.calm.before("apply")
        current = self.jobs.get((owner, job_id))
        if current is None:
            raise ChangeRefused(change, None)
        job = changed(current, change, now)
        self.jobs[owner, job_id] = job
        if current.state is not change.to:
            self.changes.append((job_id, change.to))
        await self.calm.after("apply")
        return job

    async def page(self, owner: Owner, limit: int, after: str | None = None) -> Page:
        await self.calm.before("page")
        ids = sorted((job_id for who, job_id in self.jobs if who == owner), reverse=True)
        seen = [self.jobs[owner, job_id] for job_id in ids if after is None or job_id < after]
        seen = [job for job in seen if job.state is not JobState.DELETED]
        return Page(tuple(seen[:limit]), seen[limit - 1].id if len(seen) > limit else None)

    async def unfinished(self) -> AsyncIterator[Job]:
        await self.calm.before("unfinished")
        for job in list(self.jobs.values()):
            if job.state not in FINAL:
                yield job

    async def check(self) -> None:
        await self.calm.before("check")


@dataclass
class Message:
    """A message; `seen` counts its deliveries."""

    id: str
    owner: Owner
    job_id: str
    visible_at: float
    seen: int = 0


class InMemoryQueue:
    """The jobs queue with its dead-letter queue `dead`, on a clock of its own."""

    def __init__(self, clock: FakeClock, calm: Calm | None = None, max_receives: int | None = 5) -> None:
        self.clock = clock
        self.calm = calm or Calm()
        self.limit = max_receives
        self.messages: dict[str, Message] = {}
        self.dead: list[Message] = []
        self.sent = 0

    async def send(self, owner: Owner, job_id: str, delay_s: float = 0) -> None:
        await self.calm.before("send")
        self.sent += 1
        message = Message(f"m{self.sent}", owner, job_id, self.clock.monotonic() + delay_s)
        self.messages[message.id] = message
        await self.calm.after("send")

    async def receive(self, limit: int, wait_s: int, visibility_s: int) -> tuple[Delivery, ...]:
        await self.calm.before("receive")
        found: list[Delivery] = []
        for message in list(self.messages.values()):
            if len(found) == limit or message.visible_at > self.clock.monotonic():
                continue
            if self.limit is not None and message.seen >= self.limit:
                self.dead.append(self.messages.pop(message.id))
                continue
            message.seen += 1
            message.visible_at = self.clock.monotonic() + visibility_s
            found.append(Delivery(message.owner, message.job_id, message.id, message.id, message.seen))
        if not found and wait_s:
            await anyio.sleep(0.005)
        return tuple(found)

    async def delete(self, delivery: Delivery) -> None:
        await self.calm.before("delete")
        self.messages.pop(delivery.receipt, None)
        await self.calm.after("delete")

    async def hide(self, delivery: Delivery, seconds: float) -> None:
        await self.calm.before("hide")
        if message := self.messages.get(delivery.receipt):
            message.visible_at = self.clock.monotonic() + seconds
        await self.calm.after("hide")

    async def max_receives(self) -> int | None:
        return self.limit

    async def depth(self) -> Depth:
        await self.calm.before("depth")
        waiting = sum(message.visible_at <= self.clock.monotonic() for message in self.messages.values())
        return Depth(waiting, len(self.messages) - waiting)

    async def check(self) -> None:
        await self.calm.before("check")

    def show_all(self) -> None:
        """Let every visibility run out now."""
        for message in self.messages.values():
            message.visible_at = self.clock.monotonic()


@dataclass(frozen=True)
class StoredObject:
    """An object's body and content type."""

    body: bytes
    content_type: str


class InMemoryObjects:
    """The video bucket; `puts` is every key that the service itself stored."""

    bucket = "videos"

    def __init__(self, calm: Calm | None = None) -> None:
        self.calm = calm or Calm()
        self.objects: dict[str, StoredObject] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.types: dict[str, str] = {}
        self.puts: list[str] = []
        self.stored_at = FakeClock().time

    async def sign_put(self, key: str, content_type: str, size: int, expires_s: int) -> SignedPut:
        return SignedPut(f"https://s3.example/{key}?signed", {"Content-Type": content_type})

    async def open_multipart(self, key: str, content_type: str) -> str:
        await self.calm.before("open_multipart")
        upload_id = f"upload-{len(self.uploads)}"
        self.uploads[upload_id], self.types[upload_id] = {}, content_type
        return upload_id

    async def sign_parts(
        self, key: str, upload_id: str, sizes: Sequence[int], expires_s: int
    ) -> tuple[SignedPart, ...]:
        return tuple(
            SignedPart(number, size, f"https://s3.example/{key}?partNumber={number}")
            for number, size in enumerate(sizes, 1)
        )

    async def complete_multipart(self, key: str, upload_id: str, etags: Mapping[int, str]) -> None:
        await self.calm.before("complete_multipart")
        parts = self.uploads.get(upload_id)
        if parts is None:
            if key not in self.objects:
                raise UploadRejected("NoSuchUpload")
            return
        if set(etags) - set(parts) or any(etags[n] != etag_of(parts[n]) for n in etags):
            raise UploadRejected("InvalidPart")
        body = b"".join(parts[number] for number in sorted(etags))
        self.objects[key] = StoredObject(body, self.types[upload_id])
        del self.uploads[upload_id]

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        await self.calm.before("abort_multipart")
        self.uploads.pop(upload_id, None)

    async def info(self, key: str) -> ObjectInfo | None:
        await self.calm.before("info")
        found = self.objects.get(key)
        return ObjectInfo(len(found.body), found.content_type) if found else None

    async def read_head(self, key: str, length: int) -> bytes:
        await self.calm.before("read_head")
        return self.objects[key].body[:length] if key in self.objects else b""

    async def read(self, key: str) -> bytes | None:
        await self.calm.before("read")
        return self.objects[key].body if key in self.objects else None

    async def put_once(self, key: str, body: bytes, content_type: str) -> bool:
        await self.calm.before("put_once")
        if key in self.objects:
            return False
        self.objects[key] = StoredObject(body, content_type)
        self.puts.append(key)
        await self.calm.after("put_once")
        return True

    async def remove_all(self, prefix: str) -> int:
        await self.calm.before("remove_all")
        keys = [key for key in self.objects if key.startswith(prefix)]
        for key in keys:
            del self.objects[key]
        await self.calm.after("remove_all")
        return len(keys)

    async def folders(self) -> AsyncIterator[tuple[str, datetime]]:
        await self.calm.before("folders")
        for prefix in sorted({"/".join(key.split("/")[:3]) + "/" for key in self.objects}):
            yield prefix, self.stored_at

    async def check(self) -> None:
        await self.calm.before("check")


class InMemoryReports:
    """The artifacts bucket's reports."""

    def __init__(self, calm: Calm) -> None:
        self.calm = calm
        self.box_report: dict[str, Any] | None = None
        self.status_report: dict[str, Any] | None = None

    async def box(self) -> dict[str, Any] | None:
        await self.calm.before("box")
        return self.box_report

    async def status(self) -> dict[str, Any] | None:
        await self.calm.before("status")
        return self.status_report


class InMemoryEdge:
    """The CDN; `forgotten` is what it was told to forget."""

    def __init__(self, calm: Calm) -> None:
        self.calm = calm
        self.forgotten: list[str] = []

    async def forget(self, prefix: str, reference: str) -> None:
        await self.calm.before("forget")
        self.forgotten.append(prefix)


class DeadLetters:
    """The dead-letter queue of an `InMemoryQueue`, as full as that made it."""

    def __init__(self, queue: InMemoryQueue) -> None:
        self.queue = queue

    async def receive(self, limit: int, wait_s: int, visibility_s: int) -> tuple[Delivery, ...]:
        await self.queue.calm.before("receive")
        now = self.queue.clock.monotonic()
        found = [message for message in self.queue.dead if message.visible_at <= now][:limit]
        for message in found:
            message.visible_at = now + visibility_s
        return tuple(Delivery(each.owner, each.job_id, each.id, each.id, each.seen) for each in found)

    async def delete(self, delivery: Delivery) -> None:
        await self.queue.calm.before("delete")
        self.queue.dead[:] = [message for message in self.queue.dead if message.id != delivery.receipt]
        await self.queue.calm.after("delete")

    async def depth(self) -> Depth:
        return Depth(len(self.queue.dead), 0)


def etag_of(part: bytes) -> str:
    """The fake's ETag of a part."""
    return f'"{len(part)}-{sum(part)}"'


def with_part(objects: InMemoryObjects, upload_id: str, number: int, body: bytes) -> str:
    """Upload a part as a browser would, and return its ETag."""
    objects.uploads[upload_id] = {**objects.uploads[upload_id], number: body}
    return etag_of(body)
