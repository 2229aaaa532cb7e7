"""The service as ECS runs it, several tasks of it, while everything that can fail does, at random and from a seed.

Owners      announce, upload, complete over HTTP, and ask again until they are answered
ApiTask     the application with its worker and its sweep, on circuits and limits of its own; killed, replaced
weather     what AWS and the model server do meanwhile
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
from collections import Counter
from collections.abc import Callable
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
from ecg_api.jobs import FINAL, JobState
from ecg_api.limits import RateLimit
from ecg_api.operations import Operations
from ecg_api.services import Services
from ecg_api.signed_cookies import CookieSigner
from ecg_api.sweep import Sweeper
from ecg_api.videos import Videos
from ecg_api.worker import Worker
from tests.services.api.fake_stores import (
    DeadLetters,
    InMemoryEdge,
    InMemoryObjects,
    InMemoryReports,
    InMemoryTable,
    StoredObject,
)
from tests.services.api.fakes import LOCAL, MP4, SETTINGS, KnownKey
from tests.services.api.virtual_time import LoopClock
from tests.services.api.weather import Died, ModelBox, UnsteadyQueue, Weather, here

TASKS = 4
ARRIVE_WITHIN_S = 900.0
ABANDONED = 0.02
"""Of the owners, those who close their browser before anything is uploaded."""
STORM_S = 6 * 3600.0
"""When the weather calms at the latest; it does as soon as all that was promised is kept."""
SETTLED_S = 3 * 86400.0
"""An upload is given a day, and a sweep comes about every hour."""


class ApiTask:
    """One process of the service: the application with all that its lifespan starts."""

    def __init__(self, make: Callable[[], Services]) -> None:
        self.alive = True
        self.app = build_app(make)
        self.context = contextvars.copy_context()
        self.context.run(here.set, self)
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
            sweeper=Sweeper(self.table, self.queue, dead, self.objects, clock.now),
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
        await self._wait(self._settled, SETTLED_S)
        for failed in (task for task in background if task.done()):
            failed.result()
        for task in (*background, *(task.main for task in self.tasks.values())):
            task.cancel()
        await asyncio.wait([*background, *(task.main for task in self.tasks.values())])

    def _owed(self) -> bool:
        return any(self.table.jobs[LOCAL, job_id].state not in FINAL for job_id in self.promised)

    def _settled(self) -> bool:
        return all(job.state in FINAL for job in self.table.jobs.values()) and not self.dead_and_done()

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

    def denied(self) -> list[str]:
        """Return every job that has failed although its result is stored."""
        return [
            job_id
            for (_, job_id), job in self.table.jobs.items()
            if job.state is JobState.FAILED and job.result_place in self.objects.objects
        ]

    def dead_and_done(self) -> list[str]:
        """Return every job that is done and lies among the dead letters all the same."""
        done = {job_id for (_, job_id), job in self.table.jobs.items() if job.state is JobState.DONE}
        return [message.job_id for message in self.queue.dead if message.job_id in done]

    def duplicated(self) -> list[str]:
        """Return every job with more than one result, or more than one end."""
        writes = Counter(key for key in self.objects.puts if key.endswith("/result.json"))
        ends = Counter(job_id for job_id, state in self.table.changes if state in FINAL)
        return [key for counts in (writes, ends) for key, count in counts.items() if count > 1]
