"""What the agent survives, and what it makes of it: Ray's death, its own, the network's, S3's, rot, half a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.services.ray_serve.world import PACKAGE, World, settle, sha256


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


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


def test_another_http_option_restarts_ray_too(world: World) -> None:
    """Ray writes a warning into its log and goes on with the old one."""
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    world.publish("v1", http={"keep_alive_timeout_s": 65})
    settle(agent)
    assert len(world.ray.started) == 2
    agent.turn()
    assert len(world.ray.started) == 2


def older(world: World) -> dict[str, Any]:
    """The state as an agent wrote it before canaries and golden proofs."""
    data: dict[str, Any] = json.loads((world.root / "var/lib/ecg/state.json").read_text())
    data["applied"] = data["applied"]["generation"]
    del data["trial"], data["proven"], data["ray"]["head"]["options"]
    return data


def test_an_update_of_the_agent_itself_takes_over_what_the_older_one_left(world: World) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    agent.leave()
    (world.root / "var/lib/ecg/state.json").write_text(json.dumps(older(world)))
    world.ray.adoptable = True
    settle(world.agent())
    assert (len(world.ray.started), len(world.ray.told), world.ray.stopped) == (1, 1, 0)


@pytest.mark.parametrize("rest", ["", "{", '{"good": 7}', "[]", "null"])
def test_a_state_that_cannot_be_read_costs_a_start_from_what_git_says(world: World, rest: str) -> None:
    generation = world.publish("v1")
    agent = world.agent()
    settle(agent)
    agent.stop()
    (world.root / "var/lib/ecg/state.json").write_text(rest)
    settle(world.agent())
    assert world.observed()["generation"]["good"] == generation


def test_a_disk_that_takes_no_state_is_told_and_the_box_serves(world: World) -> None:
    (world.root / "var/lib/ecg/state.json").mkdir(parents=True)
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    assert world.condition("Ready")["status"] == "True"
    assert any("is not remembered over a restart" in one["message"] for one in world.observed()["errors"])


class Killed(BaseException):
    """The agent is gone, between two of its steps."""


@pytest.mark.parametrize("told_first", [True, False])
def test_an_agent_killed_while_it_applies_leaves_nothing_half_done(world: World, told_first: bool) -> None:
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    put = world.ray.put

    def killed(session: Any, config: Any) -> None:
        if told_first:
            put(session, config)
        raise Killed

    world.ray.put = killed  # type: ignore[method-assign]
    generation = world.publish("v2")
    with pytest.raises(Killed):
        settle(agent)
    world.ray.put, world.ray.adoptable = put, True  # type: ignore[method-assign]
    settle(world.agent())
    assert world.observed()["generation"]["good"] == generation
    assert world.observed()["apps"]["ecg_rhythm"]["version"] == "v2"
    assert len(world.ray.started) == 1


def test_an_agent_killed_while_it_applies_does_not_take_it_for_what_was_before(world: World) -> None:
    """Ray was told v2, the agent died before it could note that, and Git went back to v1 meanwhile."""
    good = world.publish("v1")
    agent = world.agent()
    settle(agent)
    put = world.ray.put

    def killed(session: Any, config: Any) -> None:
        put(session, config)
        raise Killed

    world.ray.put = killed  # type: ignore[method-assign]
    world.publish("v2")
    with pytest.raises(Killed):
        settle(agent)
    world.ray.put, world.ray.adoptable = put, True  # type: ignore[method-assign]
    world.publish("v1")
    settle(world.agent())
    assert world.observed()["generation"]["applied"] == good
    assert world.observed()["apps"]["ecg_rhythm"]["version"] == "v1"


def test_an_s3_that_does_not_answer_is_asked_once_a_turn(world: World) -> None:
    """Each call waits for its time-out, and Ray has to be looked after meanwhile."""
    world.publish("v1")
    agent = world.agent()
    settle(agent)
    world.bucket.reachable, world.bucket.calls = False, 0
    world.clock.now += 120
    agent.turn()
    assert world.bucket.calls == 1
    world.ray.living = False
    settle(agent)
    assert len(world.ray.started) == 2
