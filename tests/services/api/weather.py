"""What AWS and the model server do while the service works: whatever can fail does, at random and from a seed.

    Weather     S3, SQS and DynamoDB: slow answers, errors, lost answers, minutes of absence
    ModelBox    the model server: 429, 503, broken streams, and its death with all that it reads

A process that was killed does nothing any more: whatever it still asks for raises `Died`, before anything happens.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from typing import Any, Protocol

import anyio
import httpx

from ecg_api.errors import StoreUnavailable
from ecg_api.queue import Delivery
from tests.services.api.fake_stores import Calm, InMemoryQueue
from tests.services.api.fakes import RESULT

_DYNAMODB = frozenset({"create", "reserve", "get", "apply", "page", "unfinished"})
_SQS = frozenset({"send", "receive", "delete", "hide", "depth"})


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


class Mortal(Protocol):
    """A process of the service."""

    alive: bool

    def kill(self) -> None: ...


here: contextvars.ContextVar[Mortal | None] = contextvars.ContextVar("task", default=None)
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
        task = here.get()
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


def _still_alive(task: Mortal | None) -> None:
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
