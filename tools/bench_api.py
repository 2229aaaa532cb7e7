"""How fast the API is beside a bare route that does the same call of DynamoDB; `make bench-api`.

    .venv/bin/python tools/bench_api.py [--seconds 5] [--rounds 3] [--flat 20000] [--json]

Three processes on loopback: a stand-in of DynamoDB that answers every call with the same item at once, the API (one
uvicorn process, access control on, its real adapters, the worker asleep), and this one, which asks. The bare routes run
in the API's own process over the same boto3 client, and rounds alternate, so that both get the same machine. What is
compared is therefore what the API adds: the token, the routing, the job, the view, the headers, the logs.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAMS = "tools.bench_api_programs"
CONNECTIONS = 8
RATE_PER_S = 20
"""Announcements a second, open loop: sent when they are due, whether or not the one before was answered."""


@dataclass(frozen=True)
class Figures:
    """What was measured; `ours` and `bare` in requests a second, p99 in milliseconds, memory in MiB."""

    read_ours: float
    read_bare: float
    read_ratio: float
    write_ours_p99: float
    write_bare_p99: float
    write_ratio: float
    memory_before: float
    memory_after: float
    requests: int


class Connection:
    """One kept-alive HTTP/1.1 connection; far lighter than a client library, which would be what is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes) -> int:
        """Send a request and read its answer whole; the status."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, length = int(head[9:12]), 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        await self._reader.readexactly(length)
        return status

    def close(self) -> None:
        """Close it."""
        self._writer.close()


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


async def closed_loop(port: int, asked: bytes, wanted: int, *, seconds: float = 0, count: int = 0) -> float:
    """Requests a second of CONNECTIONS that each ask again as soon as they are answered."""
    connections = [Connection(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    begun, done = time.perf_counter(), 0

    async def go_on(connection: Connection) -> None:
        nonlocal done
        while (done < count) if count else (time.perf_counter() - begun < seconds):
            done += 1
            if (status := await connection.ask(asked)) != wanted:
                raise SystemExit(f"the API answered {status}, not {wanted}")

    await asyncio.gather(*(go_on(connection) for connection in connections))
    took = time.perf_counter() - begun
    for connection in connections:
        connection.close()
    return done / took


async def open_loop(port: int, asked: bytes, seconds: float) -> list[float]:
    """Milliseconds of each of RATE_PER_S requests a second, from the moment it was due."""
    connections: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS * 2):
        connections.put_nowait(Connection(*await asyncio.open_connection("127.0.0.1", port)))
    took: list[float] = []
    begun = time.perf_counter()

    async def one(due: float) -> None:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = await connections.get()
        status = await connection.ask(asked)
        connections.put_nowait(connection)
        if status not in (200, 201):
            raise SystemExit(f"the API answered {status}")
        took.append((time.perf_counter() - due) * 1000)

    await asyncio.gather(*(one(begun + number / RATE_PER_S) for number in range(int(seconds * RATE_PER_S))))
    while not connections.empty():
        connections.get_nowait().close()
    return took


def p99(values: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def resident(pid: int) -> float:
    """MiB of memory that a process has."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def measure(port: int, pid: int, token: str, video: str, seconds: float, rounds: int, flat: int) -> Figures:
    """Measure everything, ours and the bare one in turns."""
    ours, bare = request("GET", f"/api/videos/{video}", token), request("GET", f"/bare/{video}", token)
    new = json.dumps({"name": "a.mp4", "size": 1000, "content_type": "video/mp4"}).encode()
    write, raw = request("POST", "/api/videos", token, new), request("POST", "/bare", token, new)

    def each(load: Callable[[bytes], object], *requests: bytes) -> list[list[object]]:
        return [[load(one) for one in requests] for _ in range(rounds)]

    asyncio.run(closed_loop(port, ours, 200, seconds=1.0))  # warm
    reads = each(lambda asked: asyncio.run(closed_loop(port, asked, 200, seconds=seconds)), ours, bare)
    writes = each(lambda asked: asyncio.run(open_loop(port, asked, seconds)), write, raw)
    before = resident(pid)
    asyncio.run(closed_loop(port, ours, 200, count=flat))
    read = [statistics.median(float(str(pair[side])) for pair in reads) for side in (0, 1)]
    slow = [p99([value for pair in writes for value in list(pair[side])]) for side in (0, 1)]  # type: ignore[call-overload]
    return Figures(
        read[0], read[1], read[0] / read[1], slow[0], slow[1], slow[0] / slow[1], before, resident(pid), flat
    )  # fmt: skip


@contextmanager
def server(program: str, port: int, **environment: str) -> Iterator[int]:
    """A uvicorn process of one of the programs; its process id once it answers."""
    command = [sys.executable, "-m", "uvicorn", f"{PROGRAMS}:{program}", "--factory", "--port", str(port)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "services/api")])
    surroundings = {"PATH": os.environ["PATH"], "PYTHONPATH": paths, **environment}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "--log-level", "warning"], cwd=ROOT, env=surroundings, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            until = time.monotonic() + 60
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise SystemExit(f"{program} did not start:\n{log.read().decode()[-2000:]}")
                time.sleep(0.1)
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flat", type=int, default=20_000, help="requests over which memory must stay flat")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped then, too
    store, api = free_port(), free_port()
    sys.path[:0] = [str(ROOT), str(ROOT / "services/api")]
    from tools.bench_api_programs import VIDEO, bench_token

    with server("store", store), server("api", api, STORE=f"http://127.0.0.1:{store}") as pid:
        found = measure(api, pid, bench_token(), VIDEO, asked.seconds, asked.rounds, asked.flat)
    if asked.json:
        print(json.dumps(asdict(found), indent=1))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(
        f"GET  /api/videos/{{id}}  {found.read_ours:8.0f}/s  bare route, same GetItem  {found.read_bare:8.0f}/s", end=""
    )
    print(f"  ratio {found.read_ratio:.2f} (at least 0.70)")
    print(f"POST /api/videos       {found.write_ours_p99:8.1f} ms p99 at {RATE_PER_S}/s, one raw write", end="")
    print(f"  {found.write_bare_p99:.1f} ms  ratio {found.write_ratio:.2f}")
    print(f"memory over {found.requests} requests: {found.memory_before:.1f} MiB -> {found.memory_after:.1f} MiB")


if __name__ == "__main__":
    main()
