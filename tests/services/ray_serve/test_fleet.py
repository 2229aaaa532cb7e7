"""A box of a fleet: when it comes into service, when it may go, and what all boxes together report."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError

from reconciler.desired import Head
from reconciler.fleet_report import FleetReport, merged
from reconciler.memory import MemoryFile, Session
from reconciler.service import AutoScaling, Hook, Metadata, NotTold, Service, due, under_way_by_metrics
from reconciler.settings import Settings
from reconciler.snapshot import Memory
from tests.services.ray_serve.world import MemoryBucket, World, settle

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@dataclass
class FakeInstance:
    state: str | None = None
    silent: bool = False

    def name(self) -> str:
        return "i-1"

    def wanted(self) -> str | None:
        if self.silent:
            raise NotTold("no route")
        return self.state


@dataclass
class FakeGroup:
    completed: list[Hook] = field(default_factory=list)
    refuses: bool = False

    def complete(self, hook: Hook, instance: str) -> None:
        assert instance == "i-1"
        if self.refuses:
            raise NotTold("throttled")
        self.completed.append(hook)


@dataclass
class Box:
    """A box with its surroundings, and what its agent did."""

    instance: FakeInstance = field(default_factory=FakeInstance)
    group: FakeGroup = field(default_factory=FakeGroup)
    requests: int = 0
    now: float = 0.0
    ended: int = 0
    left: bool = False

    def __post_init__(self) -> None:
        self.service = Service(self.instance, self.group, lambda: self.requests, lambda: self.now, self._leave)

    def turn(self, serving: bool = True) -> bool:
        return self.service.turn(serving, self._end)

    def _end(self) -> None:
        self.ended += 1

    def _leave(self) -> None:
        self.left = True


def test_a_box_comes_into_service_once_serve_is_healthy() -> None:
    box = Box(FakeInstance("InService"))
    assert not box.turn(serving=False)
    assert box.group.completed == []
    for _ in range(3):
        assert not box.turn()
    assert box.group.completed == [Hook.READY]


def test_a_box_of_a_warm_pool_is_ready_twice() -> None:
    """When it may be stopped, and when it comes out of the pool."""
    box = Box(FakeInstance("Warmed:Stopped"))
    box.turn()
    box.instance.state = "InService"
    box.turn(serving=False)
    assert box.group.completed == [Hook.READY]
    box.turn()
    assert box.group.completed == [Hook.READY, Hook.READY]


def test_a_box_that_must_go_finishes_what_is_under_way_first() -> None:
    box = Box(FakeInstance("Terminated"), requests=2)
    for _ in range(5):
        box.now += 10
        assert not box.turn()
    assert (box.group.completed, box.ended, box.left) == ([], 0, True)
    box.requests = 0
    assert not box.turn()
    box.now += 10
    assert not box.turn()  # the metric may be some seconds old
    box.now += 15
    assert box.turn()
    assert (box.group.completed, box.ended) == ([Hook.DRAINED], 1)


def test_a_request_in_between_begins_the_quiet_anew() -> None:
    box = Box(FakeInstance("Terminated"))
    box.turn()
    box.now, box.requests = 15, 1
    box.turn()
    box.now, box.requests = 25, 0
    assert not box.turn()
    box.now = 44
    assert not box.turn()
    box.now = 46
    assert box.turn()


def test_what_does_not_answer_is_asked_again() -> None:
    box = Box(FakeInstance("InService", silent=True))
    assert not box.turn()
    box.instance.silent, box.group.refuses = False, True
    assert not box.turn()
    assert box.group.completed == []
    box.group.refuses = False
    box.turn()
    assert box.group.completed == [Hook.READY]


@pytest.mark.parametrize("wanted", [None, "Detached", "Standby", "Hibernated"])
def test_nothing_is_completed_for_states_that_have_no_hook(wanted: str | None) -> None:
    assert due(wanted, serving=True, quiet_s=1000) is None


class Answers(BaseHTTPRequestHandler):
    """The metadata service, version 2, and Ray's metrics."""

    def do_PUT(self) -> None:
        self._say(200, "a-token" if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else "")

    def do_GET(self) -> None:
        texts: dict[str, str] = self.server.texts  # type: ignore[attr-defined]
        if self.path.startswith("/latest") and self.headers["X-aws-ec2-metadata-token"] != "a-token":
            self._say(401, "")
        elif self.path in texts:
            self._say(200, texts[self.path])
        else:
            self._say(404, "")

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.texts = {}  # type: ignore[attr-defined]
    Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def test_metadata_is_asked_with_a_token_and_an_unknown_state_is_none(server: ThreadingHTTPServer) -> None:
    metadata = Metadata(f"http://127.0.0.1:{server.server_port}/latest")
    assert metadata.wanted() is None
    server.texts["/latest/meta-data/autoscaling/target-lifecycle-state"] = "InService\n"  # type: ignore[attr-defined]
    server.texts["/latest/meta-data/instance-id"] = "i-0abc"  # type: ignore[attr-defined]
    assert (metadata.wanted(), metadata.name()) == ("InService", "i-0abc")


def test_metadata_is_where_awss_sdks_would_look_for_it(server: ThreadingHTTPServer) -> None:
    server.texts["/i-1/latest/meta-data/instance-id"] = "i-1"  # type: ignore[attr-defined]
    env = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{server.server_port}/i-1/"}
    assert Metadata.from_environment(env).name() == "i-1"
    assert vars(Metadata.from_environment({})) == vars(Metadata())


def test_requests_under_way_are_the_sum_over_routes(server: ThreadingHTTPServer) -> None:
    server.texts["/metrics"] = (  # type: ignore[attr-defined]
        "# HELP ray_serve_num_ongoing_http_requests ...\n"
        'ray_serve_num_ongoing_http_requests{route="/a"} 2.0\n'
        'ray_serve_num_ongoing_http_requests{route="/b"} 1.0\n'
        'ray_serve_num_ongoing_grpc_requests{route="/b"} 9.0\n'
    )
    assert under_way_by_metrics(server.server_port) == 3
    server.texts["/metrics"] = ""  # type: ignore[attr-defined]
    assert under_way_by_metrics(server.server_port) == 0


class Refusing:
    def __init__(self, code: str, message: str) -> None:
        self._error = ClientError({"Error": {"Code": code, "Message": message}}, "CompleteLifecycleAction")

    def complete_lifecycle_action(self, **_: object) -> None:
        raise self._error


def test_completing_a_hook_that_nobody_waits_for_is_no_error() -> None:
    AutoScaling(Refusing("ValidationError", "No active Lifecycle Action found with instance"), "g").complete(
        Hook.READY, "i-1"
    )
    for code, message in (("ValidationError", "the group does not exist"), ("AccessDenied", "no")):
        with pytest.raises(NotTold):
            AutoScaling(Refusing(code, message), "g").complete(Hook.READY, "i-1")


def test_a_ray_that_was_left_running_is_asked_at_its_own_port(tmp_path: Path) -> None:
    """Or at the usual one, where an agent left it that wrote none down."""
    file = MemoryFile(tmp_path / "state.json")
    file.save(Memory(), Session(1, "1", 8265, "token", Head(4, 1, "0.0.0.0", 8080), 9001))
    assert (left := file.load()[1]) is not None
    assert left.metrics_port == 9001
    data = json.loads((tmp_path / "state.json").read_text())
    del data["ray"]["metrics_port"]
    (tmp_path / "state.json").write_text(json.dumps(data))
    assert (left := file.load()[1]) is not None
    assert left.metrics_port == 8090


def report(
    ready: bool = True, progressing: str = "", degraded: bool = False, age_s: int = 0, generation: str = "g2"
) -> dict[str, Any]:
    """A box's report as far as the fleet's is made of it."""
    said = (("Ready", ready, "Serving"), ("Progressing", bool(progressing), progressing), ("Degraded", degraded, ""))
    return {
        "generation": {"wanted": "g2", "applied": generation, "good": generation},
        "conditions": [{"type": kind, "status": str(so), "reason": why} for kind, so, why in said],
        "updated_at": (NOW - timedelta(seconds=age_s)).isoformat(),
    }


@pytest.mark.parametrize(
    "worst", [report(degraded=True), report(progressing="Applying"), report(ready=False), report(progressing="Canary")]
)
def test_the_fleet_is_as_far_as_the_box_that_is_least_far_along(worst: dict[str, Any]) -> None:
    found = merged({"i-1": report(), "i-2": worst, "i-3": report()}, NOW)
    assert found["box_of"] == "i-2"
    assert found["conditions"] == worst["conditions"]
    assert list(found["boxes"]) == ["i-1", "i-2", "i-3"]
    assert found["boxes"]["i-1"]["ready"] is True


def test_a_box_that_fell_silent_holds_nobody_up() -> None:
    found = merged({"i-1": report(), "i-2": report(degraded=True, age_s=181)}, NOW)
    assert (found["box_of"], list(found["boxes"])) == ("i-1", ["i-1"])


class ListedMemory(MemoryBucket):
    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))


def fleet_box(bucket: ListedMemory, name: str) -> FleetReport:
    settings = Settings(bucket="artifacts", environment="prod", agent="e")
    return FleetReport(bucket, settings, lambda: name, lambda: NOW)


def told(bucket: ListedMemory) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bucket.objects["observed/prod/box.json"])
    return found


def test_it_does_not_matter_which_box_reports_last() -> None:
    bucket = ListedMemory()
    first, second = fleet_box(bucket, "i-1"), fleet_box(bucket, "i-2")
    first.put("observed/prod/box.json", json.dumps(report()).encode())
    second.put("observed/prod/box.json", json.dumps(report(progressing="Applying", generation="g1")).encode())
    before = told(bucket)
    first.put("observed/prod/box.json", json.dumps(report()).encode())
    assert told(bucket) == before
    assert before["generation"]["applied"] == "g1"


def test_a_box_that_leaves_counts_no_more() -> None:
    bucket = ListedMemory()
    first, second = fleet_box(bucket, "i-1"), fleet_box(bucket, "i-2")
    first.put("observed/prod/box.json", json.dumps(report()).encode())
    second.leave()
    second.put("observed/prod/box.json", json.dumps(report(ready=False, degraded=True)).encode())
    assert list(told(bucket)["boxes"]) == ["i-1"]


def test_an_agent_serves_once_its_golden_cases_have_passed(tmp_path: Path) -> None:
    world = World(tmp_path)
    agent = world.agent()
    assert not agent.serving
    world.publish("v1")
    settle(agent)
    assert agent.serving
