"""Several Ray nodes on one machine for tests: each its own `ray start`, with an address of the loopback's and few CPUs.

As on boxes of their own, nodes share no process: the head has the cluster's books (GCS), the dashboard and Serve's
controller; a worker joins with the head's address and the cluster's token. Unlike there, they share the disk (packages
need no copying), the cores (a node's CPUs are numbers in Ray's books), and one HTTP port, on which the kernel spreads
connections over the nodes' proxies (SO_REUSEPORT), as a load balancer would.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.services.ray_serve.box import free_port, wait_for

_HEAD = "127.0.1.81"


@dataclass
class Node:
    """One `ray start --block`; `pid` leads a session of its own."""

    address: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def raylet(self) -> int | None:
        """The pid of its raylet, which is what a node is to the others."""
        return next((pid for pid in _children(self.process.pid) if _program(pid).endswith("/raylet")), None)

    def kill(self) -> None:
        """SIGKILL of the raylet: the node is gone at once, with its replicas and its proxy."""
        assert self.raylet
        os.kill(self.raylet, signal.SIGKILL)

    def stop(self) -> None:
        """Wait for its end after a SIGTERM, and SIGKILL whatever is left of its session."""
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in _session(self.process.pid):
            with _gone():
                os.kill(pid, signal.SIGKILL)


@dataclass
class Cluster:
    """A head and its workers."""

    folder: Path
    env: Mapping[str, str]
    cpus: int
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    gcs: int = field(default_factory=lambda: free_port(_HEAD))
    dashboard: int = field(default_factory=free_port)
    port: int = field(default_factory=lambda: free_port(_HEAD))
    nodes: list[Node] = field(default_factory=list)

    @property
    def host(self) -> str:
        """The address that Serve is told to listen on, on every node."""
        return _HEAD

    @property
    def http(self) -> str:
        """Where all the proxies listen."""
        return f"http://{_HEAD}:{self.port}"

    def start_head(self) -> Node:
        """The first node; it takes some seconds until its API answers."""
        return self._start(
            _HEAD,
            ["--head", f"--port={self.gcs}", f"--dashboard-port={self.dashboard}", "--dashboard-host=127.0.0.1"],
            self.token,
            {},
        )

    def add_worker(self, token: str | None = None) -> Node:
        """One more node, which knows the head's address and the token and nothing else."""
        return self._start_worker(f"127.0.1.{81 + len(self.nodes)}", token or self.token)

    def _start_worker(self, address: str, token: str) -> Node:
        # Tries of a second each: a worker may be there before its head, and a stranger is to give up soon.
        tries = {"RAY_NUM_REDIS_GET_RETRIES": "100" if token == self.token else "2"}
        return self._start(address, [f"--address={_HEAD}:{self.gcs}"], token, tries)

    def _start(self, address: str, role: list[str], token: str, env: Mapping[str, str]) -> Node:
        log = self.folder / f"{address}.log"
        options = {
            "node-ip-address": address,
            "num-cpus": self.cpus,
            "num-gpus": 0,
            "object-store-memory": 80 * 1024 * 1024,
            "dashboard-agent-listen-port": 0,
            "metrics-export-port": free_port(),
            # Nodes that start together on one machine would draw the same ports; a raylet dies of that.
            "node-manager-port": free_port(),
            "object-manager-port": free_port(),
            "runtime-env-agent-port": free_port(),
            "min-worker-port": 0,
            "max-worker-port": 0,
            "include-log-monitor": "false",
        }
        if "--head" in role:
            options |= {"temp-dir": self.folder, "ray-client-server-port": free_port()}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", *role]
                + [f"--{name}={value}" for name, value in options.items()],
                cwd=self.folder,
                env={
                    **self.env,
                    **env,
                    "RAY_AUTH_MODE": "token",
                    "RAY_AUTH_TOKEN": token,
                    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        node = Node(address, process, log)
        self.nodes.append(node)
        return node

    def api(self, method: str, path: str, **body: Any) -> httpx.Response:
        """Ray's own REST API, on the head. Raises httpx.HTTPError."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"http://127.0.0.1:{self.dashboard}{path}"
        return httpx.request(method, url, headers=headers, timeout=60, trust_env=False, **body)

    def alive(self) -> set[str]:
        """Addresses of the nodes that are in the cluster."""
        try:
            answer = self.api("GET", "/api/v0/nodes")
            found = answer.json()["data"]["result"]["result"]
        except (httpx.HTTPError, ValueError, LookupError, TypeError):
            return set()
        return {str(one["node_ip"]) for one in found if one["state"] == "ALIVE"}

    def wait_until_joined(self) -> None:
        """All nodes are in the cluster. Raises AssertionError with the end of their logs.

        A worker that ends before that is started once more, as systemd does on a box: Ray gives a raylet 30 s, and on
        one machine another node may have taken the port that it was told.
        """
        again: set[str] = set()

        def joined() -> bool:
            for node in [node for node in self.nodes[1:] if node.process.poll() is not None]:
                assert node.address not in again, f"{node.address} ended twice"
                again.add(node.address)
                node.stop()
                self.nodes.remove(node)
                self._start_worker(node.address, self.token)
            assert self.nodes[0].process.poll() is None, f"{_HEAD} ended"
            return self.alive() >= {node.address for node in self.nodes}

        try:
            wait_for(joined, 150, "the nodes")
        except AssertionError as error:
            logs = "\n".join(f"--- {node.log.name}\n{node.log.read_text()[-2000:]}" for node in self.nodes)
            raise AssertionError(f"{error}; alive: {sorted(self.alive())}\n{logs}") from error

    def apps(self) -> dict[str, Any]:
        """What Serve says of each application."""
        found: dict[str, Any] = self.api("GET", "/api/serve/applications/").json()["applications"]
        return found

    def where(self, app: str, deployment: str) -> Counter[str]:
        """How many running replicas each node has."""
        one = self.apps()[app]["deployments"].get(deployment, {"replicas": []})
        return Counter(str(replica["node_ip"]) for replica in one["replicas"] if replica["state"] == "RUNNING")

    def stop(self) -> None:
        """SIGTERM to all, then SIGKILL for what is left of their sessions; only what was started here."""
        for node in self.nodes:
            node.process.terminate()
        for node in self.nodes:
            node.stop()


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose name leaves room for Ray's sockets: their paths end at 107 characters."""
    with tempfile.TemporaryDirectory(prefix="ecg-", dir="/tmp", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def running_cluster(folder: Path, env: Mapping[str, str], workers: int, cpus: int = 1) -> Iterator[Cluster]:
    """A head and `workers` workers that have joined it, all with `cpus` CPUs."""
    one = Cluster(folder, env, cpus)
    try:
        one.start_head()
        for _ in range(workers):
            # One after the other: Ray gives a node half a minute, which is not enough for several on a busy machine.
            one.add_worker()
            one.wait_until_joined()
        yield one
    finally:
        one.stop()


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except ProcessLookupError:
        return


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0]
    except OSError:
        return ""


def _everyone() -> dict[int, list[str]]:
    return {int(path.name): fields for path in Path("/proc").glob("[0-9]*") if (fields := _stat(int(path.name)))}


def _children(pid: int) -> list[int]:
    return [one for one, fields in _everyone().items() if int(fields[1]) == pid]


def _session(pid: int) -> list[int]:
    return [one for one, fields in _everyone().items() if int(fields[3]) == pid]
