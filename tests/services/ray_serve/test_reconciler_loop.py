"""The agent against a bucket, a Ray and a clock made of memory: whole stories, turn by turn."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.decide import Action, Wait
from reconciler.desired import Head
from reconciler.loop import Clock, Reconciler
from reconciler.memory import Session
from reconciler.serve_api import Refused, Unavailable
from reconciler.settings import Settings
from reconciler.snapshot import AppState, AppStatus
from reconciler.store import FetchError, Version

PACKAGE = b"a zip, as far as this test knows"


@dataclass
class MemoryBucket:
    """`Bucket` in memory, with an S3 that can be pulled out."""

    objects: dict[str, bytes] = field(default_factory=dict)
    reachable: bool = True

    def get(self, key: str, unless_etag: str | None = None) -> Version | None:
        if not self.reachable:
            raise FetchError("no route to S3")
        if key not in self.objects:
            raise FetchError(f"{key}: NoSuchKey")
        version = Version(self.objects[key], hashlib.md5(self.objects[key]).hexdigest())
        return None if version.etag == unless_etag else version

    def put(self, key: str, content: bytes) -> None:
        if not self.reachable:
            raise FetchError("no route to S3")
        self.objects[key] = content


@dataclass
class FakeRay:
    """`RayProcess` and `ServeApi` in one: what is put runs at the second look, unless told how it goes."""

    session: Session | None = None
    living: bool = False
    answers: bool = True
    refuses: str | None = None
    outcome: Callable[[str], AppState] | None = None
    told: list[Mapping[str, Any]] = field(default_factory=list)
    started: list[Head] = field(default_factory=list)
    stopped: int = 0
    adoptable: bool = False

    def adopt(self, session: Session | None) -> bool:
        if session is None or not self.adoptable:
            return False
        self.session, self.living = session, True
        return True

    def start(self, head: Head) -> Session:
        self.started.append(head)
        self.told.clear()
        self.living = True
        self.session = Session(1, "1", 8265, "token", head)
        return self.session

    def alive(self) -> bool:
        return self.living

    def stop(self) -> None:
        self.stopped += 1
        self.session, self.living = None, False

    def ray_version(self, session: Session) -> str:
        return "2.60.0"

    def apps(self, session: Session) -> Mapping[str, AppState]:
        if not self.answers:
            raise Unavailable("connection refused")
        if not self.told:
            return {}
        return {one["name"]: self._app(one) for one in self.told[-1]["applications"]}

    def _app(self, told: Mapping[str, Any]) -> AppState:
        version = told["args"]["version"]
        if self.outcome:
            return self.outcome(version)
        return AppState(AppStatus.RUNNING, "", told["route_prefix"], version, {})

    def put(self, session: Session, config: Mapping[str, Any]) -> None:
        if self.refuses:
            raise Refused(self.refuses)
        self.told.append(config)

    def http_ready(self, host: str, port: int) -> bool:
        return bool(self.told)


@dataclass
class FakeClock:
    now: float = 1000.0

    def clock(self) -> Clock:
        start = datetime(2026, 11, 23, tzinfo=UTC)
        return Clock(lambda: self.now, lambda: start + timedelta(seconds=self.now))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class World:
    """A box and what surrounds it."""

    root: Path
    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    ray: FakeRay = field(default_factory=FakeRay)
    clock: FakeClock = field(default_factory=FakeClock)
    http_host: str | None = None

    def agent(self) -> Reconciler:
        settings = Settings(
            bucket="artifacts", environment="dev", agent="e" * 64, root=self.root, http_host=self.http_host
        )
        return Reconciler(
            settings,
            self.bucket,
            self.ray,
            self.ray,
            self.clock.clock(),
            lambda: {"kind": "cpu", "name": "CPU"},
            "3.11.7",
        )

    def publish(self, version: str, port: int = 8080, package: bytes = PACKAGE) -> str:
        """What `apply` does after a merge; returns the generation."""
        address = sha256(PACKAGE) + ".zip"
        serve = yaml.safe_dump(
            {
                "http_options": {"host": "0.0.0.0", "port": port},
                "applications": [
                    {
                        "name": "ecg_rhythm",
                        "route_prefix": "/ecg_rhythm",
                        "import_path": "apps.ecg_rhythm.app:build",
                        "runtime_env": {"working_dir": f"file:///var/lib/ecg/packages/{address}"},
                        "args": {"version": version},
                    }
                ],
                "x-ecg": {"box": {"cpus": 4, "gpus": 1}, "apps": {"ecg_rhythm": {"version": version}}},
            }
        ).encode()
        serve_key = f"serve/dev/config/{sha256(serve)}.yaml"
        items = {
            "serve": {"key": serve_key, "sha256": sha256(serve)},
            "agent": {"key": "serve/dev/packages/agent.zip", "sha256": "e" * 64},
            "packages": [
                {"name": "ecg_rhythm", "key": f"serve/dev/packages/{address}", "sha256": sha256(PACKAGE)},
            ],
        }
        rest = {"apiVersion": "gitops.ecg/v1", "kind": "BoxState", **items}
        generation = sha256(json.dumps(rest, sort_keys=True).encode())
        self.bucket.objects[serve_key] = serve
        self.bucket.objects[f"serve/dev/packages/{address}"] = package
        self.bucket.objects["serve/dev/desired.json"] = json.dumps({**rest, "generation": generation}).encode()
        return generation

    def observed(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.bucket.objects["observed/dev/box.json"])
        return report

    def condition(self, type_: str) -> dict[str, str]:
        return next(one for one in self.observed()["conditions"] if one["type"] == type_)


def settle(agent: Reconciler, most: int = 20) -> Action:
    """Turn until it only waits."""
    for _ in range(most):
        action = agent.turn()
        if isinstance(action, Wait) and not action.soon:
            return action
    raise AssertionError(f"still busy after {most} turns: {action}")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_new_box_comes_up_and_says_so(world: World) -> None:
    generation = world.publish("v1")
    settle(world.agent())
    report = world.observed()
    assert report["generation"] == {"wanted": generation, "applied": generation, "good": generation}
    assert {one["type"]: one["status"] for one in report["conditions"]} == {
        "Ready": "True",
        "Progressing": "False",
        "Degraded": "False",
        "Accelerated": "False",
    }
    assert report["apps"]["ecg_rhythm"]["version"] == "v1"
    assert report["versions"] == {"agent": "e" * 64, "python": "3.11.7", "ray": "2.60.0"}
    assert report["device"] == {"kind": "cpu", "name": "CPU"}
    assert report["box"] == {"cpus": 4, "gpus": 1}


def test_packages_are_read_from_the_boxs_own_folder(world: World) -> None:
    world.publish("v1")
    settle(world.agent())
    told = world.ray.told[-1]["applications"][0]["runtime_env"]["working_dir"]
    assert told == f"file://{world.root}/var/lib/ecg/packages/{sha256(PACKAGE)}.zip"
    assert Path(told.removeprefix("file://")).read_bytes() == PACKAGE


def test_our_own_notes_are_not_sent_to_ray(world: World) -> None:
    world.publish("v1")
    settle(world.agent())
    assert "x-ecg" not in world.ray.told[-1]


def test_the_stand_in_listens_on_its_own_address(world: World) -> None:
    world.http_host = "127.0.1.5"
    world.publish("v1")
    settle(world.agent())
    assert world.ray.told[-1]["http_options"]["host"] == "127.0.1.5"
    assert world.observed()["http"] == {"host": "127.0.1.5", "port": 8080}


def test_a_settled_box_tells_ray_nothing_twice(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    for _ in range(5):
        agent.turn()
    assert len(world.ray.told) == 1
    assert len(world.ray.started) == 1


def test_a_merge_reaches_the_running_box_without_a_restart_of_ray(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    generation = world.publish("v2")
    settle(agent)
    assert world.observed()["generation"]["good"] == generation
    assert world.observed()["apps"]["ecg_rhythm"]["version"] == "v2"
    assert len(world.ray.started) == 1


def broken_v2(version: str) -> AppState:
    if version == "v2":
        return AppState(AppStatus.DEPLOY_FAILED, "ModuleNotFoundError: No module named 'x'", None, version, {})
    return AppState(AppStatus.RUNNING, "", "/ecg_rhythm", version, {})


def test_a_broken_version_is_back_at_the_last_good_one_and_the_report_says_why(world: World) -> None:
    good = world.publish("v1")
    agent = world.agent()
    settle(agent)
    world.ray.outcome = broken_v2
    bad = world.publish("v2")
    settle(agent)
    assert world.observed()["generation"] == {"wanted": bad, "applied": good, "good": good}
    assert world.condition("Degraded")["reason"] == "RolledBack"
    assert "ModuleNotFoundError" in world.condition("Degraded")["message"]
    assert world.condition("Ready")["status"] == "True"


def test_a_failed_version_is_not_tried_again_by_itself_even_by_the_next_agent(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    world.ray.outcome = broken_v2
    world.publish("v2")
    settle(agent)
    told = len(world.ray.told)
    agent.leave()
    world.ray.adoptable = True
    settle(world.agent())
    assert len(world.ray.told) == told
    assert world.condition("Degraded")["reason"] == "RolledBack"


def test_a_revert_and_a_second_merge_of_the_same_version_try_it_again(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    world.ray.outcome = broken_v2
    world.publish("v2")
    settle(agent)
    world.publish("v1")
    settle(agent)
    assert world.condition("Degraded")["status"] == "False"
    world.ray.outcome = None
    generation = world.publish("v2")
    settle(agent)
    assert world.observed()["generation"]["good"] == generation


def test_a_configuration_that_ray_refuses_is_rolled_back(world: World) -> None:
    good = world.publish("v1")
    agent = world.agent()
    settle(agent)
    world.ray.refuses = "400 duplicate route prefix"
    world.publish("v2")
    agent.turn()
    agent.turn()
    world.ray.refuses = None
    settle(agent)
    assert world.observed()["generation"]["applied"] == good
    assert "duplicate route prefix" in world.condition("Degraded")["message"]


def test_a_corrupt_package_is_never_given_to_ray(world: World) -> None:
    world.publish("v1", package=b"something else")
    agent = world.agent()
    settle(agent)
    assert world.ray.started == []
    assert world.condition("Degraded")["reason"] == "CannotFetch"
    assert "is corrupt: its SHA-256 is" in world.condition("Degraded")["message"]


def test_a_package_published_again_is_fetched_at_the_next_try(world: World) -> None:
    world.publish("v1", package=b"something else")
    agent = world.agent()
    settle(agent)
    generation = world.publish("v1")
    world.clock.now += 30
    settle(agent)
    assert world.observed()["generation"]["good"] == generation


def test_a_package_that_rotted_on_the_disk_is_fetched_again(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    agent.stop()
    (world.root / "var/lib/ecg/packages" / f"{sha256(PACKAGE)}.zip").write_bytes(b"rot")
    settle(world.agent())
    assert (world.root / "var/lib/ecg/packages" / f"{sha256(PACKAGE)}.zip").read_bytes() == PACKAGE


@pytest.mark.parametrize("half", [b'{"apiVersion": "gitops.ecg/v1", "ki', b"[]", b'{"generation": "x"}', b""])
def test_half_a_pointer_changes_nothing_and_is_read_again(world: World, half: bytes) -> None:
    good = world.publish("v1")
    agent = world.agent()
    settle(agent)
    world.bucket.objects["serve/dev/desired.json"] = half
    agent.turn()
    assert world.condition("Degraded")["reason"] == "Trouble"
    assert world.condition("Ready")["status"] == "True"
    assert world.observed()["generation"]["applied"] == good
    generation = world.publish("v2")
    settle(agent)
    assert world.observed()["generation"]["good"] == generation


def test_without_s3_the_box_goes_on_and_reports_once_it_is_back(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    world.bucket.reachable = False
    for _ in range(3):
        agent.turn()
    assert world.ray.living
    world.bucket.reachable = True
    world.clock.now += 61
    agent.turn()
    assert world.condition("Ready")["status"] == "True"
    assert "no route to S3" in world.observed()["errors"][0]["message"]


def test_a_reboot_without_s3_serves_the_last_good_version(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    agent.stop()
    world.bucket.reachable = False
    settle(world.agent())
    assert world.ray.told[-1]["applications"][0]["args"] == {"version": "v1"}


def test_a_ray_that_died_is_started_and_told_again(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    world.ray.living = False
    settle(agent)
    assert len(world.ray.started) == 2
    assert len(world.ray.told) == 1
    assert world.condition("Ready")["status"] == "True"


def test_a_ray_that_never_answers_is_started_anew(world: World) -> None:
    world.publish("v1")
    world.ray.answers = False
    agent = world.agent()
    for _ in range(4):
        agent.turn()
    world.clock.now += 200
    agent.turn()
    assert len(world.ray.started) == 2


def test_the_next_agent_takes_over_a_running_ray_and_changes_nothing(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    agent.leave()
    world.ray.adoptable = True
    settle(world.agent())
    assert (len(world.ray.started), len(world.ray.told), world.ray.stopped) == (1, 1, 0)


def test_another_port_restarts_ray(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    world.publish("v1", port=9090)
    settle(agent)
    assert [head.port for head in world.ray.started] == [8080, 9090]


def test_stopping_ends_ray_and_reports_it(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    agent.stop()
    assert world.ray.stopped == 1
    assert world.condition("Ready") | {"since": ""} == {
        "type": "Ready",
        "status": "False",
        "reason": "RayNotUp",
        "message": "Ray is down",
        "since": "",
    }


def test_the_report_is_written_on_change_and_every_minute(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    del world.bucket.objects["observed/dev/box.json"]
    agent.turn()
    assert "observed/dev/box.json" not in world.bucket.objects
    world.clock.now += 61
    agent.turn()
    assert "observed/dev/box.json" in world.bucket.objects


def test_a_condition_keeps_the_moment_at_which_it_became_so(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    before = world.condition("Ready")["since"]
    world.clock.now += 300
    agent.turn()
    assert world.condition("Ready")["since"] == before


def test_the_token_of_ray_is_readable_by_its_owner_only(world: World) -> None:
    world.publish("v1")
    settle(world.agent())
    assert (world.root / "var/lib/ecg/state.json").stat().st_mode & 0o077 == 0


def test_the_disk_keeps_what_runs_and_what_ran_before(world: World) -> None:
    agent = world.agent()
    for version in ("v1", "v2", "v3"):
        world.publish(version)
        settle(agent)
    kept = sorted(path.suffix for path in (world.root / "var/lib/ecg/packages").iterdir())
    assert kept == [".yaml", ".yaml", ".zip"]


def test_settings_come_from_the_environment() -> None:
    env = {"ECG_ARTIFACTS_BUCKET": "b", "ECG_ENVIRONMENT": "dev", "ECG_ROOT": "", "ECG_RAY_PORTS": "auto"}
    settings = Settings.from_environment(env)
    assert settings.packages == Path("/var/lib/ecg/packages")
    assert settings.free_ports
    assert replace(settings, root=Path("/x")).packages == Path("/x/var/lib/ecg/packages")
