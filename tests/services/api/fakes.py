"""A house for the API over stand-ins for what it stands on (`fake_stores.py`), wired as the real ones are."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from ecg_api.access import Access, OpenToAll
from ecg_api.analysis import OnProgress
from ecg_api.attempt import WorkerTiming
from ecg_api.circuit import Circuit
from ecg_api.event_stream import StreamTiming
from ecg_api.jobs import Job, Owner
from ecg_api.limits import RateLimit
from ecg_api.operations import Operations
from ecg_api.services import ProcessHealth, Services
from ecg_api.settings import Settings
from ecg_api.signed_cookies import CookieSigner
from ecg_api.sweep import Sweeper
from ecg_api.videos import Videos
from ecg_api.worker import Worker
from tests.services.api.fake_stores import (
    Calm,
    DeadLetters,
    FakeClock,
    InMemoryEdge,
    InMemoryObjects,
    InMemoryQueue,
    InMemoryReports,
    InMemoryTable,
    StoredObject,
)

LOCAL = Owner("local")
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42" + b"\x00\x00\x01\x00mdat" + bytes(200)
RESULT = {"schema": "ecg-result/v1", "beats": [{"time_s": 0.42, "class": "N", "probability": 0.97}]}
SETTINGS = Settings(
    region="us-east-1",
    environment="dev",
    video_bucket="videos",
    artifacts_bucket="artifacts",
    jobs_table="jobs",
    jobs_queue_url="https://sqs.example/jobs",
    dead_letter_queue_url="https://sqs.example/dead",
    model_server_url="http://model.example",
    distribution_id="E1",
    distribution_domain="d1.cloudfront.net",
    video_key_id="K1",
    video_key_secret="dev/video-signing-key",
)


def private_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The key of this name, made once for all tests: making one takes a moment."""
    return _made(name, bits)


@functools.cache
def _made(name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


class KnownKey:
    """A signing key that is at hand."""

    async def get(self) -> rsa.RSAPrivateKey:
        return private_key("videos")


Script = Callable[[OnProgress], Awaitable[dict[str, Any]]]


async def delivers(on_progress: OnProgress) -> dict[str, Any]:
    """A reader that succeeds at once."""
    return RESULT


@dataclass
class ScriptedModelServer:
    """A model server that does what `script` does, and says that it is healthy if `up`."""

    script: Script = delivers
    up: bool = True
    asked: list[str] = field(default_factory=list)
    apps: list[str | None] = field(default_factory=list)

    async def healthy(self) -> bool:
        return self.up

    async def analyse(
        self, job_id: str, bucket: str, key: str, on_progress: OnProgress, app: str | None = None
    ) -> dict[str, Any]:
        self.asked.append(job_id)
        self.apps.append(app)
        return await self.script(on_progress)


class House:
    """An application's services over the fakes, wired as the real ones are."""

    def __init__(self, settings: Settings = SETTINGS, calm: Calm | None = None) -> None:
        self.clock = FakeClock()
        self.table = InMemoryTable(calm)
        self.queue = InMemoryQueue(self.clock, calm)
        self.objects = InMemoryObjects(calm)
        self.model = ScriptedModelServer()
        self.circuit = Circuit(self.clock.monotonic)
        self.stopping = anyio.Event()
        self.edge = InMemoryEdge(calm or Calm())
        self.videos = Videos(self.table, self.queue, self.objects, self.edge, settings, self.clock.now)
        self.reports = InMemoryReports(calm or Calm())
        self.access: Access = OpenToAll()
        self.limit = RateLimit(1000, 1000, self.clock.monotonic)
        self.worker = self.new_worker()
        self.dead_letters = DeadLetters(self.queue)
        self.sweeper = Sweeper(self.table, self.queue, self.dead_letters, self.objects, self.clock.now)

    def new_worker(self, **changes: Any) -> Worker:
        """Make a worker over the same fakes."""
        arguments: dict[str, Any] = {
            "circuit": self.circuit,
            "stopping": self.stopping,
            "now": self.clock.now,
            "clock": self.clock.monotonic,
            "timing": WorkerTiming(heartbeat_s=0.01, progress_every_s=0.0),
            "backoff": lambda failures: 0.0,
        }
        return Worker(self.table, self.queue, self.objects, self.model, **{**arguments, **changes})

    def services(self) -> Services:
        """Return what an application is built with."""
        return Services(
            environment="dev",
            access=self.access,
            limit=self.limit,
            cookies=CookieSigner("d1.cloudfront.net", "K1", KnownKey(), self.clock.now),
            videos=self.videos,
            operations=Operations(self.reports, self.queue, self.dead_letters, "dev", "ecg_rhythm", self.clock.now),
            worker=self.worker,
            sweeper=self.sweeper,
            circuit=self.circuit,
            stopping=self.stopping,
            model_client=httpx.AsyncClient(verify=False),  # never asked; reading the authorities takes a moment
            provider_client=httpx.AsyncClient(verify=False),
            health=ProcessHealth(worker_runs=True),
            stream_timing=StreamTiming(poll_s=0.01, heartbeat_s=0.05),
        )

    async def uploaded(self, body: bytes = MP4, content_type: str = "video/mp4") -> Job:
        """Begin a video and put its object where the browser would have."""
        job, _ = await self.videos.create(LOCAL, "monitor.mp4", len(body), content_type)
        self.objects.objects[job.key] = StoredObject(body, job.content_type)
        return job

    async def queued(self) -> Job:
        """Return a job whose upload is complete and whose message waits."""
        job = await self.uploaded()
        return await self.videos.complete(LOCAL, job.id, {})

    async def work(self, worker: Worker | None = None) -> None:
        """Deliver every message that can be seen now, one after the other."""
        for delivery in await self.queue.receive(10, 0, 120):
            await (worker or self.worker).handle(delivery)

    def job(self, job_id: str) -> Job:
        """Return a job as it stands."""
        return self.table.jobs[LOCAL, job_id]

    def messages(self) -> int:
        """Return how many messages are in the queue, hidden ones too."""
        return len(self.queue.messages)


SMALL_PARTS = replace(SETTINGS, multipart_above_bytes=1000, part_bytes=1024 * 1024)
