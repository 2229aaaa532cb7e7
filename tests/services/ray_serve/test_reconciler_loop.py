"""The agent against a bucket, a Ray and a clock made of memory: whole stories, turn by turn."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.settings import Settings
from reconciler.snapshot import AppState, AppStatus
from tests.services.ray_serve.world import PACKAGE, World, settle, sha256


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


def test_a_first_configuration_that_ray_refuses_is_put_once(world: World) -> None:
    world.publish("v1")
    world.ray.refuses = "400 duplicate route prefix"
    agent = world.agent()
    settle(agent)
    world.ray.refuses = None
    for _ in range(3):
        agent.turn()
    assert world.ray.told == []
    assert world.condition("Degraded")["reason"] == "Failed"


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
