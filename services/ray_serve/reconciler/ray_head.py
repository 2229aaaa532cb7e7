"""The Ray head node as a child process, and as one left by an agent before us.

Capacity is declared, not discovered: Ray is started with the CPUs and GPUs of the box that `serve.yaml` was made for.
On a machine without CUDA that GPU is only a number in Ray's books, so the same file is scheduled the same way, and
`kit.device` puts the model on the CPU and says so.

Ray lets anyone who reaches its ports run code, on every interface. So each start draws a token that all calls must
carry.
"""

import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from reconciler import front
from reconciler.desired import Head
from reconciler.memory import Session
from reconciler.settings import Settings

_USUAL_PORTS = {
    "port": 6379,
    "dashboard-port": 8265,
    "ray-client-server-port": 10001,
    "metrics-export-port": 8090,
}
_OBJECT_STORE_BYTES = 512 * 1024 * 1024  # a video's windows are kilobytes; the default is 30 % of the memory
_LONGEST_SOCKET_FOLDER = 40  # Ray adds up to 64 characters, and a Unix socket's path ends at 107

KEEPS_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024), "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024)}
"""For Ray and all replicas. glibc would give the memory of tensors and frames back to the kernel after each batch, and
every page of the next one would be a fault: up to a third of a model's time on a CPU (docs/serve-speed.md). 32 MiB is
the most that all versions of glibc accept; what is larger still comes and goes."""


class RayHead:
    """Starts, adopts and stops one Ray. `session` is None while there is none."""

    def __init__(self, settings: Settings, env: Mapping[str, str], sleep: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._env = env
        self._sleep = sleep
        self._child: subprocess.Popen[bytes] | None = None
        self.session: Session | None = None

    def adopt(self, session: Session | None) -> bool:
        """Take over a Ray that an agent before us left running; False if it is gone."""
        if session is None or _born(session.pid) != session.born:
            return False
        self.session = session
        return True

    def start(self, head: Head) -> Session:
        """Start it; it takes some seconds until its API answers. Raises OSError."""
        ports = _free_ports(_USUAL_PORTS) if self._settings.free_ports else _USUAL_PORTS
        token = secrets.token_hex(32)
        folder = self._folder()
        shutil.rmtree(folder, ignore_errors=True)  # sessions of Rays that are gone
        folder.mkdir(parents=True, mode=0o700)
        memory = {} if head.memory_mb is None else {"memory": head.memory_mb * 1024 * 1024}
        options = {
            "num-cpus": head.cpus,
            "num-gpus": head.gpus,
            **memory,
            "dashboard-host": "127.0.0.1",
            "object-store-memory": _OBJECT_STORE_BYTES,
            "temp-dir": folder,
            "include-log-monitor": "false",
            **ports,
            "dashboard-agent-listen-port": 0,
            **self._node_address(),
        }
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"]
        log = self._settings.state / "ray.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                [*command, *(f"--{name}={value}" for name, value in options.items())],
                # Not the agent's folder: replicas must import the `kit` of their own package, not the agent's.
                cwd=folder,
                env=self._environment(token) | self._front(head),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a signal to the agent's group is not for Ray
            )
        pid = self._child.pid
        self.session = Session(pid, _born(pid), ports["dashboard-port"], token, head, ports["metrics-export-port"])
        return self.session

    def alive(self) -> bool:
        """Is its process there? Collects it where it was ours and is gone."""
        if self._child is not None:
            return self._child.poll() is None
        return self.session is not None and _born(self.session.pid) == self.session.born

    def stop(self, patience_s: float = 40.0) -> None:
        """Ask it to drain and end; end it after `patience_s`. Only what we started or adopted."""
        session, self.session = self.session, None
        if session is None or _born(session.pid) not in {"", session.born}:
            # The kernel gives a pid away only when nothing of its session is left.
            return
        births = {pid: _born(pid) for pid in (session.pid, *_family(session.pid))}
        left = 0.0  # nobody is there to end them in order
        if births[session.pid]:
            _signal(session.pid, signal.SIGTERM)
            left = patience_s
        while left > 0 and _still(births):
            if self._child is not None:
                self._child.poll()
            self._sleep(0.2)
            left -= 0.2
        for pid in _still(births):
            _signal(pid, signal.SIGKILL)
        if self._child is not None:
            self._child.wait()
            self._child = None

    def _folder(self) -> Path:
        folder = self._settings.state / "ray"
        if len(str(folder)) <= _LONGEST_SOCKET_FOLDER:
            return folder
        return Path("/tmp") / f"ecg-ray-{hashlib.sha256(str(folder).encode()).hexdigest()[:10]}"  # noqa: S108 must be short; made 0700

    def _node_address(self) -> dict[str, str]:
        # A loopback address other than 127.0.0.1: Ray would replace that one with the machine's own.
        host = self._settings.http_host
        return {"node-ip-address": host} if host and host.startswith("127.") and host != "127.0.0.1" else {}

    def _environment(self, token: str) -> dict[str, str]:
        unwanted = {"PYTHONPATH", "RAY_ADDRESS"}
        return {name: value for name, value in self._env.items() if name not in unwanted} | {
            "RAY_USAGE_STATS_ENABLED": "0",
            # Ray would wait half a minute for its actors to move to another node; there is none. What is in work when
            # Ray stops is lost here and comes back: the API's worker gives the job to us again.
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": token,
            "PYTHONUNBUFFERED": "1",
            **KEEPS_MEMORY,
        }

    def _front(self, head: Head) -> dict[str, str]:
        if head.front is not front.Front.HAPROXY:
            return {}
        ports = _free_ports(front.PORTS) if self._settings.free_ports else front.PORTS
        return front.prepare(self._settings.state, head.host, ports)


def _free_ports(names: Mapping[str, int]) -> dict[str, int]:
    """Ports that nobody listens on now. Another may still take one first: Ray then ends, and is started again."""
    with ExitStack() as open_sockets:
        sockets = {name: open_sockets.enter_context(socket.socket()) for name in names}
        for one in sockets.values():
            one.bind(("127.0.0.1", 0))
        return {name: int(one.getsockname()[1]) for name, one in sockets.items()}


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the third (state) on; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _born(pid: int) -> str:
    """Clock ticks from boot to that process's start; empty if it is gone or a zombie."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def _family(pid: int) -> list[int]:
    """That process's descendants, and whoever is left of the session that it led if it is gone."""
    everyone = {int(path.name): fields for path in Path("/proc").glob("[0-9]*") if (fields := _stat(int(path.name)))}
    found = {one for one, fields in everyone.items() if int(fields[3]) == pid and one != pid}
    frontier = {pid, *found}
    while frontier:
        frontier = {one for one, fields in everyone.items() if int(fields[1]) in frontier} - found
        found |= frontier
    return sorted(found)


def _still(births: Mapping[int, str]) -> list[int]:
    return [pid for pid, born in births.items() if born and _born(pid) == born]


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
