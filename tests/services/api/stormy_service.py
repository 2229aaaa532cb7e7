"""The service as ECS runs it, several tasks of it, while everything that can fail does, at random and from a seed.

    Owners      announce, upload, complete over HTTP, and ask again until they are answered
    ApiTask     the application with its worker and its sweep, on circuits and limits of its own; killed, replaced
    Weather     what S3, SQS and DynamoDB do: slow answers, errors, lost answers, minutes of absence
    ModelBox    the model server: 429, 503, broken streams, and its death with all that it reads

A task that was killed does nothing any more: whatever it still asks for raises `Died`, before anything happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from random import Random
from typing import Any

import anyio
import httpx

from ecg_api.access import OpenToAll
from ecg_api.analysis import ModelServer
from ecg_api.app import build_app
from ecg_api.attempt import WorkerTiming
from ecg_api.circuit import Circuit, backoff_s
from ecg_api.errors import StoreUnavailable
from ecg_api.jobs import FINAL, JobState
from ecg_api.limits import RateLimit
from ecg_api.operations import Operations
from ecg_api.queue import Delivery
from ecg_api.services import Services
from ecg_api.signed_cookies import CookieSigner
from ecg_api.sweep import Sweeper
from ecg_api.videos import Videos
from ecg_api.worker import Worker
from tests.services.api.fakes import (
    LOCAL,
    MP4,
    RESULT,
    SETTINGS,
    Calm,
    DeadLetters,
    InMemoryEdge,
    InMemoryObjects,
    InMemoryQueue,
    InMemoryReports,
    InMemoryTable,
    KnownKey,
    StoredObject,
)
from tests.services.api.virtual_time import LoopClock

TASKS = 4
ARRIVE_WITHIN_S = 900.0
ABANDONED = 0.02
"""Of the owners, those who close their browser before anything is uploaded."""
STORM_S = 6 * 3600.0
"""When the weather calms at the latest; it does as soon as all that was promised is kept."""
SETTLED_S = 3 * 86400.0
"""An upload is given a day, and a sweep comes about every hour."""

_DYNAMODB = frozenset({"create", "reserve", "get", "apply", "page", "unfinished"})
_SQS = frozenset({"send", "receive", "delete", "hide", "depth"})


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


_here: contextvars.ContextVar[ApiTask | None] = contextvars.ContextVar("task", default=None)
"""The task of the service that whatever runs belongs to; None for owners and the test."""


def service_of(operation: str) -> str:
    """Return which AWS service an operation of the fakes asks."""
    return "DynamoDB" if operation in _DYNAMODB else "SQS" if operation in _SQS else "S3"


class Weather(Calm):
    """What happens around each operation; `seen` counts the faults that were injected."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.storms = True
        self.seen: Counter[str] = Counter()
        self.away_until: dict[str, float] = {}

    async def before(self, operation: str) -> None:
        await self._pass(operation, "error", 0.03)

    async def after(self, operation: str) -> None:
        await self._pass(operation, "answer lost", 0.01)

    async def _pass(self, operation: str, kind: str, chance: float) -> None:
        task = _here.get()
        _still_alive(task)
        if task is None or not self.storms:
            return
        await anyio.sleep(self.random.uniform(0.002, 0.05))
        _still_alive(task)
        if self.random.random() < 0.001:
            task.kill()
            raise Died
        service, now = service_of(operation), asyncio.get_running_loop().time()
        if kind == "error" and now < self.away_until.get(service, 0.0):
            self.seen[f"{service}, error while away"] += 1
            raise StoreUnavailable(service, operation, "away")
        if self.random.random() < chance:
            self.seen[f"{service}, {kind}"] += 1
            raise StoreUnavailable(service, operation, kind)

    def send_away(self) -> None:
        """Let one service answer nothing but errors for a while."""
        service = self.random.choice(("DynamoDB", "S3", "SQS"))
        self.away_until[service] = asyncio.get_running_loop().time() + self.random.uniform(20, 120)
        self.seen[f"{service}, away for a while"] += 1


def _still_alive(task: ApiTask | None) -> None:
    if task is not None and not task.alive:
        raise Died


class UnsteadyQueue(InMemoryQueue):
    """Waits as long polling does, loses answers that carry messages, and counts what it delivers."""

    delivered = 0

    async def receive(self, limit: int, wait_s: int, visibility_s: int) -> tuple[Delivery, ...]:
        found = await super().receive(limit, 0, visibility_s)
        self.delivered += len(found)
        if not found:
            await anyio.sleep(wait_s)
        await self.calm.after("receive")
        return found


class ModelBox(httpx.AsyncBaseTransport):
    """Answers as Ray Serve behind its proxy does, or does not."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self.random = weather.random
        self.down_until = 0.0
        self.deaths = 0
        self.kills_its_reader: dict[str, bool] = {}

    def die(self) -> None:
        """Break all streams; be away for a while, as an update of the box is."""
        self.deaths += 1
        self.down_until = asyncio.get_running_loop().time() + self.random.uniform(10, 180)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.01)
        if asyncio.get_running_loop().time() < self.down_until:
            raise httpx.ConnectError("connection refused")
        if request.url.path == "/-/healthz":
            return httpx.Response(200)
        job_id = json.loads(request.content)["job_id"]
        poison = self.kills_its_reader.setdefault(job_id, self.random.random() < 0.01)
        draw = self.random.random() if self.weather.storms else 1.0
        match draw:
            case draw if draw < 0.03:
                return self._refusal(429, str(self.random.randint(1, 20)))
            case draw if draw < 0.06:
                return self._refusal(503, str(self.random.randint(1, 20)))
            case draw if draw < 0.08:
                return self._refusal(502)
            case draw if draw < 0.10 or poison:
                return self._refusal(500)
        end = self.random.random() if self.weather.storms else 1.0
        return httpx.Response(200, content=self._reading(job_id, end))

    def _refusal(self, status: int, retry_after: str | None = None) -> httpx.Response:
        self.weather.seen[f"model server, {status}"] += 1
        return httpx.Response(status, headers={"Retry-After": retry_after} if retry_after else {})

    async def _reading(self, job_id: str, end: float) -> AsyncIterator[bytes]:
        """Stream what reading takes: 2 to 60 seconds, some minutes for one in twenty."""
        deaths = self.deaths
        seconds = self.random.uniform(2, 60) if self.random.random() < 0.95 else self.random.uniform(120, 400)
        for step in range(1, 5):
            await anyio.sleep(seconds / 4)
            if self.deaths != deaths:
                self._note("broken off by its death")
                raise httpx.ReadError("connection reset")
            if step == 2 and end < 0.04:
                self._note("stream broken off")
                raise httpx.ReadError("connection reset")
            yield _line({"event": "progress", "stage": "decode", "fraction": step / 4})
        match end:
            case end if end < 0.06:
                self._note("stream ended early")
            case end if end < 0.07:
                self._note("silent")
                await anyio.sleep(60)
                raise httpx.ReadTimeout("silent")
            case end if end < 0.08:
                self._note("garbled line")
                yield b"Internal Server Error\n"
            case end if end < 0.09:
                self._note("its reader failed")
                yield _line({"event": "error", "error": {"code": "internal", "message": "fault"}})
            case end if end < 0.12:
                yield _line({"event": "error", "error": {"code": "no_trace", "message": "No trace was found."}})
            case _:
                yield _line({"event": "result", "result": {**RESULT, "job": job_id}})

    def _note(self, kind: str) -> None:
        self.weather.seen[f"model server, {kind}"] += 1


def _line(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode() + b"\n"


class ApiTask:
    """One process of the service: the application with all that its lifespan starts."""

    def __init__(self, make: Callable[[], Services]) -> None:
        self.alive = True
        self.app = build_app(make)
        self.context = contextvars.copy_context()
        self.context.run(_here.set, self)
        self.ready = asyncio.Event()
        self.asked_to_stop = asyncio.Event()
        self.main = asyncio.get_running_loop().create_task(self._main(), context=self.context)

    async def _main(self) -> None:
        async with self.app.router.lifespan_context(self.app):
            self.ready.set()
            await self.asked_to_stop.wait()
        self.alive = False

    def kill(self) -> None:
        """Kill -9."""
        self.alive = False
        self.main.cancel()

    async def gone(self) -> None:
        """Wait for its end, however it comes. A fault that is none of ours is raised."""
        await asyncio.wait([self.main])
        with contextlib.suppress(Died, asyncio.CancelledError):
            try:
                self.main.result()
            except BaseExceptionGroup as group:
                if (rest := group.split((Died, asyncio.CancelledError))[1]) is not None:
                    raise rest from None

    async def ask(self, method: str, path: str, **request: Any) -> httpx.Response | None:
        """Ask over HTTP; None if the connection broke, since the process died over it."""

        async def asking() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.request(method, path, **request)

        try:
            return await asyncio.get_running_loop().create_task(asking(), context=self.context.copy())
        except (Died, BaseExceptionGroup):
            if self.alive:
                raise
            return None


class StormyService:
    """Owners, tasks, stores and the model server, and what was promised to whom."""

    def __init__(self, jobs: int, seed: int) -> None:
        self.jobs = jobs
        self.random = Random(seed)
        self.weather = Weather(self.random)
        self.clock = LoopClock()
        self.table = InMemoryTable(self.weather)
        self.queue = UnsteadyQueue(self.clock, self.weather)
        self.objects = InMemoryObjects(self.weather)
        self.box = ModelBox(self.weather)
        self.tasks: dict[int, ApiTask] = {}
        self.ended: Counter[str] = Counter()
        self.promised: set[str] = set()
        """Videos whose owner was answered that they are complete."""

    def services(self) -> Services:
        """Make what one task is built with: the stores are shared, nothing else."""
        clock, circuit, stopping = self.clock, Circuit(self.clock.monotonic, self.random.uniform), anyio.Event()
        client = httpx.AsyncClient(transport=self.box, base_url="http://model.example")
        model = ModelServer(client, "ecg_rhythm", deadline_s=1800, silence_s=60)
        edge = InMemoryEdge(self.weather)
        worker = Worker(
            self.table,
            self.queue,
            self.objects,
            model,
            circuit=circuit,
            stopping=stopping,
            now=clock.now,
            clock=clock.monotonic,
            timing=WorkerTiming(poll_s=20),
        )
        reports, dead = InMemoryReports(self.weather), DeadLetters(self.queue)
        return Services(
            environment="dev",
            access=OpenToAll(),
            limit=RateLimit(1000, 1000, clock.monotonic),
            cookies=CookieSigner("d1.cloudfront.net", "K1", KnownKey(), clock.now),
            videos=Videos(self.table, self.queue, self.objects, edge, replace(SETTINGS), clock.now),
            operations=Operations(reports, self.queue, dead, "dev", "ecg_rhythm", clock.now),
            worker=worker,
            sweeper=Sweeper(self.table, self.queue, self.objects, clock.now),
            circuit=circuit,
            stopping=stopping,
            model_client=client,
            provider_client=httpx.AsyncClient(transport=self.box),
        )

    async def run(self) -> None:
        """Live until every job has ended, in calm weather at last."""
        background = [asyncio.create_task(self._keep(slot)) for slot in range(TASKS)]
        background.append(asyncio.create_task(self._storm()))
        async with asyncio.TaskGroup() as owners:
            for number in range(self.jobs):
                owners.create_task(self._own(number))
        await self._wait(lambda: not self._owed(), STORM_S)
        self.weather.storms = False
        await self._wait(lambda: all(job.state in FINAL for job in self.table.jobs.values()), SETTLED_S)
        for failed in (task for task in background if task.done()):
            failed.result()
        for task in (*background, *(task.main for task in self.tasks.values())):
            task.cancel()
        await asyncio.wait([*background, *(task.main for task in self.tasks.values())])

    def _owed(self) -> bool:
        return any(self.table.jobs[LOCAL, job_id].state not in FINAL for job_id in self.promised)

    async def _wait(self, until: Callable[[], bool], at_most_s: float) -> None:
        with anyio.move_on_after(at_most_s):
            while not until():
                await anyio.sleep(30)

    async def _keep(self, slot: int) -> None:
        """Replace a task that ended, as ECS does."""
        while True:
            task = self.tasks[slot] = ApiTask(self.services)
            await task.gone()
            self.ended["stopped" if task.asked_to_stop.is_set() else "killed"] += 1
            await anyio.sleep(self.random.uniform(5, 60))

    async def _storm(self) -> None:
        """End tasks, the model server, and visibilities, now and then."""
        while self.weather.storms:
            await anyio.sleep(self.random.expovariate(1 / 15))
            task = self.tasks[self.random.randrange(TASKS)]
            match self.random.random():
                case draw if draw < 0.5:
                    task.kill()
                case draw if draw < 0.6:
                    task.asked_to_stop.set()
                case draw if draw < 0.7:
                    self.box.die()
                    self.weather.seen["model server, died"] += 1
                case draw if draw < 0.76:
                    self.weather.send_away()
                case _:
                    if self.queue.messages:
                        message = self.random.choice(list(self.queue.messages.values()))
                        message.visible_at = self.clock.monotonic()
                        self.weather.seen["SQS, delivered once more"] += 1
        await anyio.sleep_forever()

    async def _own(self, number: int) -> None:
        """Be an owner, who asks again until the upload is answered to be complete."""
        await anyio.sleep(self.random.uniform(0, ARRIVE_WITHIN_S))
        new = {"name": f"{number}.mp4", "size": len(MP4), "content_type": "video/mp4"}
        video = await self._insist("/api/videos", json=new, headers={"Idempotency-Key": f"owner-{number}"})
        if self.random.random() < ABANDONED:
            return
        key = self.table.jobs[LOCAL, video["id"]].key
        self.objects.objects[key] = StoredObject(MP4, "video/mp4")
        await self._insist(f"/api/videos/{video['id']}/complete")
        self.promised.add(video["id"])

    async def _insist(self, path: str, **request: Any) -> dict[str, Any]:
        failures = 0
        while True:
            task = self.tasks.get(self.random.randrange(TASKS))
            if task is not None and task.alive and task.ready.is_set():
                answer = await task.ask("POST", path, **request)
                if answer is not None and answer.is_success:
                    return dict(answer.json())
                if answer is not None and answer.status_code not in (409, 503):
                    raise AssertionError(f"POST {path}: {answer.status_code} {answer.text}")
            failures += 1
            await anyio.sleep(backoff_s(failures, self.random.uniform))

    def lost(self) -> list[str]:
        """Return every job that did not end as it was promised, with what is the matter."""
        found = []
        for (_, job_id), job in self.table.jobs.items():
            match job.state:
                case JobState.DONE:
                    kept = self.objects.objects.get(job.result_key or "")
                    if kept is None or json.loads(kept.body).get("job") != job_id:
                        found.append(f"{job_id}: done without its own result")
                case JobState.FAILED:
                    if job.error is None:
                        found.append(f"{job_id}: failed without a reason")
                    elif job_id in self.promised and job.error.code == "upload_abandoned":
                        found.append(f"{job_id}: taken for abandoned")
                case _:
                    found.append(f"{job_id}: still {job.state}")
        return found + [f"{job_id}: no job" for job_id in self.promised if (LOCAL, job_id) not in self.table.jobs]

    def duplicated(self) -> list[str]:
        """Return every job with more than one result, or more than one end."""
        writes = Counter(key for key in self.objects.puts if key.endswith("/result.json"))
        ends = Counter(job_id for job_id, state in self.table.changes if state in FINAL)
        return [key for counts in (writes, ends) for key, count in counts.items() if count > 1]
