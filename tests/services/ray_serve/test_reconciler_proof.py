"""Nothing counts as good without its golden proof, and nothing that cannot fit is told to Ray: whole stories."""

from pathlib import Path

import pytest

from reconciler.capacity import Resources
from reconciler.golden import AppProof, Case
from tests.services.ray_serve.world import World, settle

WRONG = AppProof(False, (Case("clean", False, 1.0, ("heart_rate_bpm.mean is 140, expected 70 within 1",)),))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# --- golden proof


def test_new_code_is_good_only_once_its_golden_cases_have_passed(world: World) -> None:
    world.prover.slow = True
    world.publish("v1", golden=True)
    agent = world.agent()
    for _ in range(8):
        agent.turn()
    assert world.observed()["generation"]["good"] is None
    assert world.condition("Progressing")["status"] == "True"
    assert world.prover.asked == [{"ecg_rhythm": "http://127.0.0.1:8080/ecg_rhythm/golden"}]
    world.prover.finish()
    settle(agent)
    assert world.observed()["generation"]["good"]
    golden = world.observed()["apps"]["ecg_rhythm"]["golden"]
    assert (golden["passed"], golden["version"], golden["cases"][0]["name"]) == (True, "v1", "clean")


def test_while_golden_cases_run_the_box_goes_on_reporting(world: World) -> None:
    world.publish("v1", golden=True)
    world.prover.slow = True
    agent = world.agent()
    for _ in range(8):
        agent.turn()
    before = world.observed()["updated_at"]
    world.clock.now += 61
    agent.turn()
    assert world.observed()["updated_at"] > before


def test_a_version_that_fails_its_golden_cases_is_back_at_the_one_before(world: World) -> None:
    good = world.publish("v1", golden=True)
    agent = world.agent()
    settle(agent)
    world.prover.verdicts["ecg_rhythm"] = WRONG
    bad = world.publish("v2", golden=True)
    settle(agent)
    assert world.observed()["generation"] == {"wanted": bad, "applied": good, "good": good}
    assert world.condition("Degraded")["message"] == (
        "ecg_rhythm: golden case clean: heart_rate_bpm.mean is 140, expected 70 within 1"
    )
    assert world.observed()["apps"]["ecg_rhythm"]["golden"]["passed"] is False
    assert world.observed()["apps"]["ecg_rhythm"]["golden"]["version"] == "v2"


def test_what_failed_its_golden_cases_is_proven_again_when_git_asks_for_it_again(world: World) -> None:
    world.publish("v1", golden=True)
    agent = world.agent()
    settle(agent)
    world.prover.verdicts["ecg_rhythm"] = WRONG
    world.publish("v2", golden=True)
    settle(agent)
    world.publish("v1", golden=True)
    settle(agent)
    world.prover.verdicts.clear()
    generation = world.publish("v2", golden=True)
    settle(agent)
    assert world.observed()["generation"]["good"] == generation


def test_an_agent_that_dies_over_a_golden_proof_leaves_it_to_the_next(world: World) -> None:
    world.prover.slow = True
    world.publish("v1", golden=True)
    agent = world.agent()
    for _ in range(8):
        agent.turn()
    world.ray.adoptable = True
    world.prover.now, world.prover.slow = None, False
    settle(world.agent())
    assert world.observed()["generation"]["good"]
    assert len(world.prover.asked) == 2


def test_what_was_good_is_not_proven_again_after_ray_died(world: World) -> None:
    world.publish("v1", golden=True)
    agent = world.agent()
    settle(agent)
    world.ray.living = False
    settle(agent)
    assert len(world.prover.asked) == 1
    assert world.condition("Ready")["status"] == "True"


def test_an_app_without_golden_cases_is_not_asked_for_them(world: World) -> None:
    world.publish("v1")
    settle(world.agent())
    assert world.prover.asked == []


# --- capacity


def test_what_cannot_fit_is_never_told_to_ray(world: World) -> None:
    good = world.publish("v1", cpus=1.0)
    agent = world.agent()
    settle(agent)
    world.publish("v2", cpus=2.5)
    settle(agent)
    assert len(world.ray.told) == 1
    assert world.observed()["generation"]["applied"] == good
    assert world.condition("Degraded")["message"] == (
        "it does not fit on the box: 5 CPUs are needed while new code takes over and the box is declared to have 4:"
        " ecg_rhythm Ingress (1 + 1 beside) x 2.5"
    )


def test_a_first_version_that_cannot_fit_is_not_told_either(world: World) -> None:
    world.publish("v1", cpus=9.0)
    settle(world.agent())
    assert world.ray.told == []
    assert world.condition("Degraded")["reason"] == "Failed"


def test_a_ray_with_less_than_was_declared_counts(world: World) -> None:
    world.ray.room = (Resources(cpus=1),)
    world.publish("v1", cpus=2.0)
    settle(world.agent())
    assert "2 CPUs are needed and Ray has 1" in world.condition("Degraded")["message"]


def test_going_back_is_never_refused_for_want_of_room(world: World) -> None:
    good = world.publish("v1", cpus=3.0)
    agent = world.agent()
    settle(agent)
    world.ray.living = False
    world.ray.room = (Resources(cpus=1),)
    settle(agent)
    assert world.observed()["generation"]["applied"] == good
