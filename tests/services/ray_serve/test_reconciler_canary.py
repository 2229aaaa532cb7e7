"""Canaries: whole stories of the agent against a world made of memory."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.actions import Accept, Apply, Promote, Prove, Reject, Unsplit, Wait
from reconciler.golden import AppProof, Case
from reconciler.loop import Reconciler
from reconciler.rollout import Step
from reconciler.serve_api import Unavailable
from reconciler.snapshot import AppState, AppStatus
from reconciler.trial import Tally
from tests.services.ray_serve.world import World, settle

RULE = {"percent": 10, "minutes": 10, "max_error_rate": 0.1}
WRONG = AppProof(False, (Case("clean", False, 1.0, ("heart_rate_bpm.mean is 140, expected 70 within 1",)),))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def publish(world: World, version: str, **notes: Any) -> str:
    return world.publish(version, golden=True, canary={**RULE, **notes})


def begun(world: World, **notes: Any) -> Reconciler:
    """v1 is good and v2 is being tried."""
    publish(world, "v1")
    agent = world.agent()
    settle(agent)
    publish(world, "v2", **notes)
    settle(agent)
    return agent


def turns(world: World, agent: Reconciler, seconds: float, every: float = 10.0) -> None:
    for _ in range(int(seconds / every)):
        world.clock.now += every
        agent.turn()


def steps(agent: Reconciler, most: int = 12) -> list[Any]:
    """What it does next, without the waiting."""
    return [action for action in (agent.turn() for _ in range(most)) if not isinstance(action, Wait)]


def test_new_code_is_proven_aside_before_it_gets_any_request(world: World) -> None:
    publish(world, "v1")
    agent = world.agent()
    settle(agent)
    world.prover.slow = True
    publish(world, "v2")
    for _ in range(6):
        agent.turn()
    assert world.ray.names() == ["ecg_rhythm", "ecg_rhythm--canary"]
    assert world.ray.split() is None
    assert world.prover.asked[-1] == {"ecg_rhythm": "http://127.0.0.1:8080/ecg_rhythm--canary/golden"}
    world.prover.finish()
    settle(agent)
    split = world.ray.split()
    assert split
    assert (split["app"], split["percent"]) == ("ecg_rhythm--canary", 10)


def test_a_trial_is_told_while_it_goes_on(world: World) -> None:
    agent = begun(world)
    world.ray.tally = Tally(12, errors=1, last="internal: x")
    turns(world, agent, 60)
    told = world.observed()["apps"]["ecg_rhythm"]
    assert "ecg_rhythm--canary" not in world.observed()["apps"]
    assert told["version"] == "v1"
    assert told["canary"] | {"since": "", "until": ""} == {
        "version": "v2",
        "status": "RUNNING",
        "compare": "golden",
        "percent": 10.0,
        "since": "",
        "until": "",
        "requests": 12,
        "errors": 1,
        "mismatches": 0,
        "error_rate": 0.0833,
        "max_error_rate": 0.1,
        "last": "internal: x",
        "verdict": "trying",
    }
    assert told["canary"]["until"] > told["canary"]["since"]
    progressing = world.condition("Progressing")
    assert (progressing["status"], progressing["reason"]) == ("True", "Canary")
    assert "answers 10 % of the requests, 12 requests so far, 1 of them bad" in progressing["message"]
    assert world.condition("Ready")["status"] == "True"


def test_after_its_minutes_a_canary_takes_over_and_nobody_asks_it_when_it_goes(world: World) -> None:
    agent = begun(world)
    world.ray.tally = Tally(100, errors=3)
    turns(world, agent, 590)
    assert world.observed()["apps"]["ecg_rhythm"]["canary"]["verdict"] == "trying"
    world.clock.now += 20
    done = steps(agent)
    assert [type(one) for one in done] == [Promote, Unsplit, Apply, Accept]
    assert world.ray.names() == ["ecg_rhythm"]
    told = world.observed()["apps"]["ecg_rhythm"]
    assert (told["version"], told["canary"]["verdict"], told["canary"]["until"]) == ("v2", "promoted", None)
    assert world.condition("Progressing")["status"] == "False"


def test_a_canary_that_was_promoted_is_not_proven_twice(world: World) -> None:
    agent = begun(world)
    turns(world, agent, 700)
    assert world.observed()["apps"]["ecg_rhythm"]["version"] == "v2"
    assert len(world.prover.asked) == 2  # v1 at first, v2 as a canary


def test_too_many_errors_take_it_back_at_once(world: World) -> None:
    agent = begun(world)
    world.ray.tally = Tally(25, errors=4, last="internal: a bug")
    world.clock.now += 10
    done = steps(agent)
    assert [type(one) for one in done] == [Reject, Unsplit, Apply]
    told = world.observed()["apps"]["ecg_rhythm"]
    assert (told["version"], told["canary"]["verdict"]) == ("v1", "reverted")
    degraded = world.condition("Degraded")
    assert degraded["reason"] == "RolledBack"
    assert degraded["message"] == (
        "ecg_rhythm: of 25 requests to the canary 4 failed where the last good version did not (16.0%, allowed are"
        " 10.0%); the last one: internal: a bug"
    )


def test_a_canary_that_fails_its_golden_cases_never_gets_a_request(world: World) -> None:
    publish(world, "v1")
    agent = world.agent()
    settle(agent)
    world.prover.verdicts["ecg_rhythm"] = WRONG
    publish(world, "v2")
    settle(agent)
    assert all("trial" not in str(told) for told in world.ray.told)
    assert world.ray.names() == ["ecg_rhythm"]
    assert world.condition("Degraded")["reason"] == "RolledBack"


def failing_canary(version: str) -> AppState:
    status = AppStatus.DEPLOY_FAILED if version == "v2" else AppStatus.RUNNING
    return AppState(status, "ImportError: x" if version == "v2" else "", "/r", version, {})


def test_a_canary_that_does_not_start_is_taken_back_and_the_good_one_never_restarted(world: World) -> None:
    publish(world, "v1")
    agent = world.agent()
    settle(agent)
    world.ray.outcome = failing_canary
    publish(world, "v2")
    settle(agent)
    assert world.condition("Degraded")["message"] == "ecg_rhythm--canary: ImportError: x"
    versions = [told["applications"][0]["args"]["version"] for told in world.ray.told]
    assert set(versions) == {"v1"}


def test_a_canary_that_breaks_while_it_is_tried_is_taken_back(world: World) -> None:
    agent = begun(world)
    world.ray.outcome = failing_canary
    settle(agent)
    assert world.condition("Degraded")["reason"] == "RolledBack"
    assert world.ray.names() == ["ecg_rhythm"]


def test_time_without_the_canary_does_not_count(world: World) -> None:
    agent = begun(world)
    turns(world, agent, 300)
    world.ray.outcome = lambda version: AppState(
        AppStatus.UNHEALTHY if version == "v2" else AppStatus.RUNNING, "", "/r", version, {}
    )
    turns(world, agent, 500)
    world.ray.outcome = None
    turns(world, agent, 250)
    assert world.observed()["apps"]["ecg_rhythm"]["canary"]["verdict"] == "trying"
    turns(world, agent, 100)
    assert world.observed()["apps"]["ecg_rhythm"]["canary"]["verdict"] == "promoted"


def test_a_canary_that_stays_away_is_taken_back(world: World) -> None:
    agent = begun(world)
    world.ray.outcome = lambda version: AppState(
        AppStatus.UNHEALTHY if version == "v2" else AppStatus.RUNNING, "", "/r", version, {}
    )
    turns(world, agent, 700)
    assert "its canary has not been running for 600 s" in world.condition("Degraded")["message"]


def test_an_ingress_that_does_not_split_ends_the_trial(world: World) -> None:
    agent = begun(world)
    world.ray.deaf = True
    turns(world, agent, 700)
    assert "its ingress does not split its requests for 600 s" in world.condition("Degraded")["message"]


def test_an_agent_that_dies_over_a_trial_leaves_it_to_the_next(world: World) -> None:
    agent = begun(world)
    world.ray.tally = Tally(30, errors=2)
    turns(world, agent, 300)
    agent.leave()
    world.ray.adoptable = True
    told = len(world.ray.told)
    agent = world.agent()
    turns(world, agent, 280)
    assert len(world.ray.told) == told
    assert world.observed()["apps"]["ecg_rhythm"]["canary"]["requests"] == 30
    turns(world, agent, 60)
    assert world.observed()["apps"]["ecg_rhythm"]["canary"]["verdict"] == "promoted"


def test_a_trial_goes_on_after_ray_died_and_its_counts_are_kept(world: World) -> None:
    agent = begun(world)
    world.ray.tally = Tally(30, errors=2)
    turns(world, agent, 300)
    since = world.observed()["apps"]["ecg_rhythm"]["canary"]["since"]
    world.ray.living = False
    done = steps(agent)
    assert [one.step for one in done if isinstance(one, Apply)] == [Step.ASIDE, Step.SPLIT]
    assert len(world.prover.asked) == 2
    canary = world.observed()["apps"]["ecg_rhythm"]["canary"]
    assert (canary["since"], canary["requests"]) == (since, 30)
    turns(world, agent, 360)
    assert world.observed()["apps"]["ecg_rhythm"]["canary"]["verdict"] == "promoted"


def test_a_box_that_was_down_for_longer_than_the_trial_has_seen_nothing_meanwhile(world: World) -> None:
    agent = begun(world)
    turns(world, agent, 60)
    agent.stop()
    world.clock.now += 3600
    agent = world.agent()
    settle(agent)
    assert world.observed()["apps"]["ecg_rhythm"]["canary"]["verdict"] == "trying"
    assert world.ray.split()


def test_a_revert_in_git_ends_a_trial(world: World) -> None:
    agent = begun(world)
    publish(world, "v1")
    assert [type(one) for one in steps(agent)] == [Unsplit, Apply]
    assert world.ray.names() == ["ecg_rhythm"]
    assert world.observed()["apps"]["ecg_rhythm"]["canary"]["verdict"] == "withdrawn"
    assert world.condition("Degraded")["status"] == "False"


def test_a_third_version_is_tried_against_the_good_one_in_its_turn(world: World) -> None:
    agent = begun(world)
    publish(world, "v3")
    settle(agent)
    versions = {one["name"]: one["args"]["version"] for one in world.ray.told[-1]["applications"]}
    assert versions == {"ecg_rhythm": "v1", "ecg_rhythm--canary": "v3"}
    split = world.ray.split()
    assert split
    turns(world, agent, 700)
    assert world.observed()["apps"]["ecg_rhythm"]["version"] == "v3"


def test_what_was_reverted_and_is_merged_again_begins_a_trial_of_its_own(world: World) -> None:
    agent = begun(world)
    first = world.ray.split()
    world.ray.tally = Tally(25, errors=20)
    world.clock.now += 10
    settle(agent)
    publish(world, "v1")
    settle(agent)
    world.clock.now += 100
    world.ray.tally = Tally()
    publish(world, "v2")
    settle(agent)
    second = world.ray.split()
    assert first
    assert second
    assert first["trial"] != second["trial"]


def test_an_answer_of_ray_that_was_lost_is_asked_for_again_and_nothing_is_skipped(world: World) -> None:
    publish(world, "v1")
    agent = world.agent()
    settle(agent)
    publish(world, "v2")
    put, lost = world.ray.put, iter([True, False, True, False])

    def losing(session: Any, config: Any) -> None:
        put(session, config)
        if next(lost, False):
            raise Unavailable("the connection broke")

    world.ray.put = losing  # type: ignore[method-assign]
    settle(agent, 30)
    assert world.ray.split()
    turns(world, agent, 700)
    assert world.observed()["apps"]["ecg_rhythm"]["version"] == "v2"


def test_git_that_goes_away_and_comes_back_while_ray_is_silent_begins_the_trial_anew(world: World) -> None:
    agent = begun(world)
    world.ray.answers = False
    publish(world, "v1")
    agent.turn()
    publish(world, "v2")
    agent.turn()
    world.ray.answers = True
    first = world.ray.split()
    world.clock.now += 1
    done = steps(agent)
    assert [type(one) for one in done] == [Unsplit, Prove, Apply]
    second = world.ray.split()
    assert first
    assert second
    assert first["trial"] != second["trial"]


def test_a_canary_follows_one_that_was_still_being_proven_though_the_good_version_declares_none(world: World) -> None:
    world.publish("v1", golden=True)
    agent = world.agent()
    settle(agent)
    world.prover.slow = True
    publish(world, "v2")
    for _ in range(6):
        agent.turn()
    world.prover.slow = False
    publish(world, "v3")
    settle(agent)
    versions = {one["name"]: one["args"]["version"] for one in world.ray.told[-1]["applications"]}
    assert versions == {"ecg_rhythm": "v1", "ecg_rhythm--canary": "v3"}
    assert world.ray.split()


def test_the_room_for_a_canary_is_checked_before_it_is_told(world: World) -> None:
    world.publish("v1", cpus=2.5, canary=RULE)
    agent = world.agent()
    settle(agent)
    world.publish("v2", cpus=2.5, canary=RULE)
    settle(agent)
    assert len(world.ray.told) == 1
    assert "ecg_rhythm Ingress 1 x 2.5 + ecg_rhythm--canary Ingress 1 x 2.5" in world.condition("Degraded")["message"]


def test_the_merge_that_declares_a_canary_is_tried_too_where_the_running_version_can_split(world: World) -> None:
    world.publish("v1", golden=True)
    agent = world.agent()
    settle(agent)
    publish(world, "v2")
    settle(agent)
    assert world.ray.names() == ["ecg_rhythm", "ecg_rhythm--canary"]
    assert world.ray.split()
    world.ray.living = False
    settle(agent)
    assert world.ray.split(), "a Ray that died has not changed what was decided"
    world.ray.tally = Tally(25, errors=9)
    world.clock.now += 10
    settle(agent)
    assert world.ray.names() == ["ecg_rhythm"]
    assert world.condition("Degraded")["reason"] == "RolledBack"


def test_a_running_version_that_cannot_split_gives_way_at_once(world: World) -> None:
    """It was made with a kit that knew no canaries; told of one, it would break."""
    world.publish("v1", golden=True)
    agent = world.agent()
    settle(agent)
    world.ray.deaf = True
    publish(world, "v2")
    settle(agent)
    assert all("ecg_rhythm--canary" not in str(told) for told in world.ray.told)
    assert world.observed()["apps"]["ecg_rhythm"]["version"] == "v2"


def test_a_ray_that_dies_while_a_canary_is_proven_leaves_it_a_canary(world: World) -> None:
    world.publish("v1", golden=True)
    agent = world.agent()
    settle(agent)
    world.prover.slow = True
    publish(world, "v2")
    for _ in range(6):
        agent.turn()
    world.ray.living, world.prover.slow = False, False
    settle(agent)
    assert world.ray.split()
    assert len(world.prover.asked) == 3


def test_a_changed_setting_of_an_app_with_a_canary_is_taken_in_place(world: World) -> None:
    publish(world, "v1")
    agent = world.agent()
    settle(agent)
    generation = publish(world, "v1", percent=20)
    settle(agent)
    assert world.observed()["generation"]["good"] == generation
    assert world.ray.names() == ["ecg_rhythm"]
