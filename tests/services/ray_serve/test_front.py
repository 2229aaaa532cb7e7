"""HAProxy in front of the replicas, where it is asked for: closed to others, and on Serve's address alone."""

import os
import subprocess
from pathlib import Path

from reconciler import front, haproxy

AS_RAY_WRITES_IT = """\
frontend prometheus
    bind :9101
frontend http_frontend
    bind 127.0.1.7:8080
backend http-toy
    server SERVE_REPLICA_toy-Ingress-1 127.0.0.1:30000 check observe layer4
    server SERVE_PROXY_ACTOR-fallback-1 127.0.0.1:8500 check backup
    server SERVE_REPLICA_toy-Ingress-2 10.0.0.2:30000 check observe layer4
listen stats
  bind *:8404
"""


def test_haproxys_pages_stay_on_loopback_and_replicas_are_found_where_serve_listens() -> None:
    assert haproxy.confined(AS_RAY_WRITES_IT, "127.0.1.7", ["8404", "9101"]).splitlines() == [
        "frontend prometheus",
        "    bind 127.0.0.1:9101",
        "frontend http_frontend",
        "    bind 127.0.1.7:8080",
        "backend http-toy",
        "    server SERVE_REPLICA_toy-Ingress-1 127.0.1.7:30000 check observe layer4",
        "    server SERVE_PROXY_ACTOR-fallback-1 127.0.1.7:8500 check backup",
        "    server SERVE_REPLICA_toy-Ingress-2 10.0.0.2:30000 check observe layer4",
        "listen stats",
        "  bind 127.0.0.1:8404",
    ]


def test_where_serve_listens_everywhere_replicas_of_the_node_stay_at_127_0_0_1() -> None:
    told = AS_RAY_WRITES_IT.replace("127.0.1.7", "*")
    confined = haproxy.confined(told, "0.0.0.0", ["8404", "9101"])
    assert "bind *:8080" in confined
    assert "toy-Ingress-1 127.0.0.1:30000" in confined
    assert "bind *:8404" not in confined


def test_the_folder_is_closed_to_others_and_paths_fit_a_unix_socket(tmp_path: Path) -> None:
    settings = front.prepare(tmp_path, "127.0.1.7", front.PORTS)
    folder = front.folder_of(tmp_path)
    try:
        assert folder.stat().st_mode & 0o077 == 0
        written = [settings[name] for name in settings if name.endswith(("_PATH", "_LOC", "_FILE"))]
        assert {Path(path).parent for path in written} == {folder}
        # Ray puts a node's id of 56 characters between; HAProxy binds a temporary name first.
        assert len(f"{folder}/{'x' * 56}/metrics.sock.1234567.tmp") <= 107
    finally:
        (folder / "haproxy").unlink()
        folder.rmdir()


def test_the_copy_that_ray_is_given_runs_alone_and_becomes_haproxy(tmp_path: Path) -> None:
    settings = front.prepare(tmp_path, "127.0.1.7", front.PORTS)
    folder, configuration = front.folder_of(tmp_path), tmp_path / "haproxy.cfg"
    configuration.write_text(AS_RAY_WRITES_IT)
    try:
        env = {"PATH": os.defpath, **settings, haproxy.BINARY: "/bin/echo"}
        command = [settings["RAY_SERVE_HAPROXY_BINARY_PATH"], "-db", "-f", str(configuration)]
        done = subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, check=True)
    finally:
        (folder / "haproxy").unlink()
        folder.rmdir()
    assert done.stdout == f"-db -f {configuration}\n"
    assert "bind 127.0.0.1:8404" in configuration.read_text()
