"""Servers as child processes: started one at a time, ended by the process id that was started. Linux only."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.bench_serve import client
from tools.bench_serve.windows import ROOT

BESIDE = ROOT / ".local" / "bench-serve"
"""Where `make bench-serve` puts LitServe."""
PYTHON_PATH = os.pathsep.join(map(str, (ROOT, ROOT / "services/ray_serve", BESIDE)))
"""For every child."""
START_S = 90.0
_STOP_S = 5.0
_TICKS = os.sysconf("SC_CLK_TCK")


class NotStarted(Exception):
    """A server did not become ready; the message holds the end of its output."""


@dataclass(frozen=True)
class Server:
    """One that answers. It leads a session: whatever belongs to it can be found."""

    pid: int
    port: int
    host: str = "127.0.0.1"


@contextmanager
def serving(
    module: str, target: client.Target, body: bytes, environment: Mapping[str, str], log: Path
) -> Iterator[Server]:
    """Run `python -m module` until it answers `body` at `target`; end it and its children afterwards.

    Raises NotStarted.
    """
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=log.parent,
            env={**os.environ, **environment, "PYTHONPATH": PYTHON_PATH},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + START_S
        while not _answers(target, body):
            if child.poll() is not None or time.monotonic() > end:
                raise NotStarted(f"{module} does not answer: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield Server(child.pid, target.port)
    finally:
        _stop(child)


def _answers(target: client.Target, body: bytes) -> bool:
    try:
        return client.run(client.ask_once(target, body)).status == 200
    except (OSError, TimeoutError):
        return False


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """SIGTERM to the one that we started; SIGKILL to what is left of its session."""
    child.terminate()
    end = time.monotonic() + _STOP_S
    while time.monotonic() < end and (child.poll() is None or family(child.pid)):
        time.sleep(0.1)
    for pid in family(child.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    child.wait()


def free_port() -> int:
    """Nobody listens on it now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# --- what the kernel counts


def _stats() -> dict[int, list[str]]:
    """Fields of /proc/<pid>/stat from the third (state) on, of every process that is not a zombie."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            found[int(path.name)] = fields
    return found


def family(leader: int) -> list[int]:
    """The processes of that session, and their descendants where those made sessions of their own."""
    stats = _stats()
    found = {pid for pid, fields in stats.items() if int(fields[3]) == leader}
    frontier = set(found)
    while frontier:
        frontier = {pid for pid, fields in stats.items() if int(fields[1]) in frontier} - found
        found |= frontier
    return sorted(found)


def cpu_s(leader: int) -> float:
    """Processor seconds that the family has used, of those who live."""
    stats = _stats()
    return sum(sum(map(int, stats[pid][11:13])) for pid in family(leader) if pid in stats) / _TICKS


def children_cpu_s() -> float:
    """Processor seconds of our children, and theirs, that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def machine_cpu_s() -> float:
    """Processor seconds that anybody has used since the machine started, and what the host took away."""
    user, nice, system, _idle, _wait, *interrupts_and_stolen = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + sum(interrupts_and_stolen)) / _TICKS
