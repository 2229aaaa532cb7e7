"""The agent's words with Ray's REST API, and what it makes of the answers."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.desired import Head, Unreadable, parse_desired, parse_serve
from reconciler.front import Front
from reconciler.memory import MemoryFile, Session
from reconciler.ray_head import RayHead, _free_ports
from reconciler.serve_api import Refused, RestServeApi, Unavailable
from reconciler.settings import Settings
from reconciler.snapshot import AppStatus, Memory

HEAD = Head(4, 1, "127.0.0.1", 8080)
SESSION = Session(1, "1", 8265, "secret", HEAD)

RUNNING: dict[str, Any] = {
    "status": "RUNNING",
    "message": "",
    "route_prefix": "/toy",
    "deployed_app_config": {"args": {"version": "v1"}},
    "deployments": {
        "Model": {
            "status": "HEALTHY",
            "message": "",
            "replicas": [{"state": "RUNNING"}, {"state": "RUNNING"}, {"state": "STARTING"}],
        }
    },
}


def api(answer: Callable[[httpx.Request], httpx.Response]) -> RestServeApi:
    return RestServeApi(httpx.Client(transport=httpx.MockTransport(answer)))


def test_every_call_carries_the_token() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer secret"
        assert str(request.url) == "http://127.0.0.1:8265/api/serve/applications/"
        return httpx.Response(200, json={"applications": {"toy": RUNNING}})

    app = api(answer).apps(SESSION)["toy"]
    assert (app.status, app.version, app.route) == (AppStatus.RUNNING, "v1", "/toy")
    assert app.deployments["Model"].replicas == {"RUNNING": 2, "STARTING": 1}


def test_a_configuration_is_put_whole() -> None:
    seen: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, json.loads(request.content)))
        return httpx.Response(200)

    api(answer).put(SESSION, {"applications": []})
    assert seen == [("PUT", {"applications": []})]


def test_a_400_is_a_refusal_and_a_500_is_not() -> None:
    with pytest.raises(Refused, match="duplicate route"):
        api(lambda _: httpx.Response(400, text="duplicate route")).put(SESSION, {})
    with pytest.raises(Unavailable):
        api(lambda _: httpx.Response(503, text="GCS down")).put(SESSION, {})


def test_a_ray_that_is_not_there_is_unavailable() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(Unavailable):
        api(answer).apps(SESSION)
    assert not api(answer).http_ready("0.0.0.0", 8080)


# --- what Git asks for


def test_a_pointer_of_another_kind_is_not_followed() -> None:
    item = {"key": "k", "sha256": "a" * 64}
    other = {"apiVersion": "gitops.ecg/v2", "kind": "BoxState", "generation": "g", "agent": item, "serve": item}
    with pytest.raises(Unreadable, match="v2 BoxState"):
        parse_desired(json.dumps({**other, "packages": []}).encode())


def test_fields_of_a_newer_generator_are_ignored() -> None:
    item = {"key": "k", "sha256": "a" * 64, "new": 1}
    data = {"apiVersion": "gitops.ecg/v1", "kind": "BoxState", "generation": "g", "agent": item, "serve": item}
    assert parse_desired(json.dumps({**data, "packages": [], "new": 1}).encode()).generation == "g"


@pytest.mark.parametrize("text", ["", "[]", "a: b", "x-ecg: 1", "\x00"])
def test_a_broken_serve_yaml_is_unreadable_and_nothing_worse(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_serve(text.encode(), "file:///packages/")


def serve_yaml(**box: object) -> bytes:
    http = {"host": "0.0.0.0", "port": 8080}
    notes = {"box": {"cpus": 4, "gpus": 1, **box}, "apps": {}}
    return json.dumps({"http_options": http, "applications": [], "x-ecg": notes}).encode()


def test_ray_is_started_with_what_the_file_says_of_the_box() -> None:
    head = parse_serve(serve_yaml(memory_mb=12288, front="haproxy"), "file:///packages/").head
    assert (head.cpus, head.gpus, head.memory_mb, head.front) == (4, 1, 12288, Front.HAPROXY)
    older = parse_serve(serve_yaml(), "file:///packages/").head
    assert (older.memory_mb, older.front) == (None, Front.PROXY)


def test_a_front_that_this_agent_does_not_know_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="nginx"):
        parse_serve(serve_yaml(front="nginx"), "file:///packages/")


@pytest.mark.parametrize("front", Front)
def test_a_session_is_remembered_with_its_front(tmp_path: Path, front: Front) -> None:
    session = replace(SESSION, head=replace(HEAD, front=front, memory_mb=1024))
    file = MemoryFile(tmp_path / "state.json")
    file.save(Memory(), session)
    assert file.load()[1] == session


# --- Ray's process


def head(tmp_path: Path) -> RayHead:
    return RayHead(Settings("b", "dev", "", tmp_path), {})


def test_only_the_very_process_that_was_started_is_adopted(tmp_path: Path) -> None:
    """Its pid may have gone to another program since."""
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        born = Path(f"/proc/{sleeper.pid}/stat").read_text().rpartition(")")[2].split()[19]
        assert head(tmp_path).adopt(Session(sleeper.pid, born, 1, "t", HEAD))
        assert not head(tmp_path).adopt(Session(sleeper.pid, "1", 1, "t", HEAD))
    finally:
        sleeper.kill()
        sleeper.wait()
    assert not head(tmp_path).adopt(Session(sleeper.pid, born, 1, "t", HEAD))


def test_stopping_ends_the_adopted_process_and_what_it_started(tmp_path: Path) -> None:
    program = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    born = Path(f"/proc/{parent.pid}/stat").read_text().rpartition(")")[2].split()[19]
    one = head(tmp_path)
    one.adopt(Session(parent.pid, born, 1, "t", HEAD))
    one.stop(patience_s=1.0)
    parent.wait(5)
    time.sleep(0.1)
    stat = Path(f"/proc/{child}/stat")
    assert not stat.exists() or ") Z " in stat.read_text()
    assert not one.alive()


def test_what_a_killed_ray_leaves_behind_is_ended_too(tmp_path: Path) -> None:
    program = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    one = head(tmp_path)
    one.session = Session(parent.pid, "any", 1, "t", HEAD)
    parent.kill()
    parent.wait()
    assert not one.alive()
    one.stop()
    time.sleep(0.1)
    stat = Path(f"/proc/{child}/stat")
    assert not stat.exists() or ") Z " in stat.read_text()


def test_a_stranger_with_rays_old_pid_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        one = head(tmp_path)
        one.session = Session(stranger.pid, "1", 1, "t", HEAD)
        one.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_free_ports_are_free_and_different() -> None:
    ports = _free_ports({"a": 1, "b": 2, "c": 3})
    assert len(set(ports.values())) == 3
    for port in ports.values():
        with socket.socket() as one:
            one.bind(("127.0.0.1", port))
