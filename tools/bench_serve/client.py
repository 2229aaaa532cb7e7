"""One client for all servers: HTTP/1.1 over connections that stay open, cheap enough not to be what is measured."""

import asyncio
import json
import random
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httptools
import uvloop

T = TypeVar("T")

_UNAVAILABLE = frozenset({429, 503})
_JITTER = 0.5


class Broken(Exception):
    """An answer that no server should give here."""


@dataclass(frozen=True)
class Reply:
    """One answer. `retry_after_s` is 0 where the server named no time."""

    status: int
    body: bytes
    retry_after_s: float


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._waiting: asyncio.Future[Reply] | None = None
        self._parser: Any = None
        self._body = b""
        self._retry_after_s = 0.0
        self.open = True

    @classmethod
    async def to(cls, port: int, host: str) -> "Connection":
        """Connect. Raises OSError."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    async def ask(self, request: bytes) -> Reply:
        """Send it and wait. Raises ConnectionError if the server hangs up first."""
        if not self.open:
            raise ConnectionError("the server had closed the connection")
        self._parser, self._body, self._retry_after_s = httptools.HttpResponseParser(self), b"", 0.0
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(f"the server hung up: {exc}"))

    # the parser's callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self._retry_after_s = float(value)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(Reply(self._parser.get_status_code(), self._body, self._retry_after_s))


@dataclass(frozen=True)
class Target:
    """Where requests go."""

    port: int
    path: str
    host: str = "127.0.0.1"

    def request(self, body: bytes) -> bytes:
        """The whole request, made once and sent many times."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def ask_once(target: Target, body: bytes, timeout_s: float = 30.0) -> Reply:
    """One request on a connection of its own. Raises OSError, TimeoutError."""
    async with asyncio.timeout(timeout_s):
        connection = await Connection.to(target.port, target.host)
        try:
            return await connection.ask(target.request(body))
        finally:
            connection.close()


@dataclass(frozen=True)
class Answered:
    """What a closed loop saw: seconds that each answer took, within `seconds` in all."""

    seconds: float
    latencies_s: Sequence[float]
    broken: int = 0
    """Connections that ended without an answer; their requests were sent again."""


async def closed_loop(target: Target, bodies: Sequence[bytes], concurrency: int, seconds: float) -> Answered:
    """`concurrency` callers, each sending its next request when it has its answer. Raises Broken for a refusal."""
    wire = [target.request(body) for body in bodies]
    latencies: list[float] = []
    broken = 0
    connections = [await Connection.to(target.port, target.host) for _ in range(concurrency)]
    start = time.perf_counter()
    end = start + seconds

    async def caller(number: int, connection: Connection) -> None:
        nonlocal broken
        turn = number
        while (sent := time.perf_counter()) < end:
            try:
                reply = await connection.ask(wire[turn % len(wire)])
            except ConnectionError:
                broken += 1
                connection = await Connection.to(target.port, target.host)
                continue
            if reply.status != 200:
                raise Broken(f"{target.path} answered {reply.status}: {reply.body[:300]!r}")
            latencies.append(time.perf_counter() - sent)
            turn += concurrency
        connection.close()

    async with asyncio.TaskGroup() as group:
        for number, connection in enumerate(connections):
            group.create_task(caller(number, connection))
    return Answered(time.perf_counter() - start, latencies, broken)


async def remote_loop(target: Target, concurrency: int, seconds: float) -> Answered:
    """A closed loop that the server runs itself (`Reader` in servers/ours.py); what it saw. Raises Broken."""
    asked = json.dumps({"concurrency": concurrency, "seconds": seconds}).encode()
    reply = await ask_once(target, asked, seconds + 60)
    if reply.status != 200:
        raise Broken(f"{target.path} answered {reply.status}: {reply.body[:300]!r}")
    return Answered(**json.loads(reply.body))


@dataclass
class Overload:
    """What an open loop saw. `lost` never got an answer, however often they came again."""

    sent: int = 0
    sending_s: float = 0.0
    answered: int = 0
    turned_away: int = 0
    """How often a request was told to come again; one request may be told several times."""
    came_again: int = 0
    """How many requests needed more than one try."""
    broken: int = 0
    """Connections that ended without an answer; their requests came again too."""
    lost: int = 0
    latencies_s: list[float] = field(default_factory=list)
    """From the first try to the answer, the waiting that the server asked for included."""
    reasons: list[str] = field(default_factory=list)


async def open_loop(
    target: Target, bodies: Sequence[bytes], per_second: float, seconds: float, patience_s: float, seed: int = 1
) -> Overload:
    """Requests at `per_second`, whatever the server does; each comes again when told to, until `patience_s` is over.

    A caller waits as long as `Retry-After` says and up to half as long again, so that they do not all come at once.
    """
    wire = [target.request(body) for body in bodies]
    seen, idle, chance = Overload(), list[Connection](), random.Random(seed)  # noqa: S311 not for secrets

    async def attempt(request: bytes) -> Reply:
        connection = idle.pop() if idle else await Connection.to(target.port, target.host)
        reply = await connection.ask(request)
        idle.append(connection)
        return reply

    async def caller(number: int) -> None:
        first, tries, reason = time.perf_counter(), 0, ""
        while time.perf_counter() - first < patience_s:
            tries += 1
            try:
                reply = await attempt(wire[number % len(wire)])
            except OSError as error:  # a keep-alive connection that the server had closed, or a full backlog
                seen.broken += 1
                reason, pause = repr(error), 0.1
            else:
                if reply.status == 200:
                    seen.answered += 1
                    seen.came_again += tries > 1
                    seen.latencies_s.append(time.perf_counter() - first)
                    return
                if reply.status not in _UNAVAILABLE or not reply.retry_after_s:
                    reason = f"{reply.status} without Retry-After: {reply.body[:200]!r}"
                    break
                seen.turned_away += 1
                reason, pause = f"still {reply.status} after {tries} tries", reply.retry_after_s
            await asyncio.sleep(pause * (1 + _JITTER * chance.random()))
        seen.lost += 1
        seen.reasons.append(reason)

    start, all_of_them = time.perf_counter(), round(per_second * seconds)
    async with asyncio.TaskGroup() as group:
        while seen.sent < all_of_them:  # however late this loop itself comes
            due = int((time.perf_counter() - start) * per_second) + 1
            for _ in range(min(due, all_of_them) - seen.sent):
                group.create_task(caller(seen.sent))
                seen.sent += 1
            await asyncio.sleep(max(0.0, start + seen.sent / per_second - time.perf_counter()))
        seen.sending_s = time.perf_counter() - start
    for connection in idle:
        connection.close()
    return seen


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on uvloop, as cheap as Python's loops get."""
    return uvloop.run(work)
