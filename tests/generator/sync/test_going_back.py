"""A deployment that does not become healthy is taken back by itself."""

from collections.abc import Mapping

import pytest

from generator.render.yaml_text import dump
from generator.sync.errors import NotWorking
from generator.sync.gates import GateFailed
from generator.sync.ledger import Ledger, Result
from generator.sync.progress import Fact, GoingBack
from generator.sync.proof import ProofFailed, Step
from generator.sync.rollback import RolledBack, apply_or_go_back
from generator.sync.run import Options, Target
from tests.generator.sync.test_apply import FILES, MANIFEST
from tests.generator.sync.worlds import FakeClock, InMemoryArtifacts, InMemoryLedger, InMemoryStacks

TREE = {**FILES, "manifest.yaml": dump(MANIFEST.to_data())}
BROKEN = {**TREE, "stacks/api.yaml": FILES["stacks/api.yaml"].replace("Service", "BrokenService")}


class World:
    def __init__(self) -> None:
        clock = FakeClock()
        self.stacks = InMemoryStacks()
        self.target = Target(self.stacks, InMemoryArtifacts(), clock, ledger=InMemoryLedger(clock))
        self.ledger = Ledger(self.target.ledger, "dev")
        self.facts: list[Fact] = []

    def deploy(
        self, files: Mapping[str, str], commit: str, *, wave: bool = False, box: bool = False, proof: bool = False
    ) -> None:
        """`wave`, `box`: that gate finds what was deployed unhealthy. `proof`: the sample is not read."""
        unhealthy = GateFailed("dev", "stack api", 90, ())
        unread = ProofFailed("dev", "https://d1", Step.ANALYSIS, ["analysing video v1: no_trace: No trace was found."])

        def fail(*_: object) -> None:
            raise unread if proof else unhealthy

        gates = {"after_wave": fail if wave else None, "after_box": fail if box or proof else None}
        apply_or_go_back(MANIFEST, files, self.target, self.facts.append, Options("alice", commit, **gates))

    @property
    def api(self) -> str:
        """The template that is deployed."""
        return self.stacks.deployed["ecg-dev-api"][0]


@pytest.mark.parametrize("gate", ["wave", "box"])
def test_what_was_there_before_is_deployed_again(gate: str) -> None:
    world = World()
    world.deploy(TREE, "good")
    with pytest.raises(RolledBack, match=r"stack api is not healthy after 90 s\n.*deployed again: good"):
        world.deploy(BROKEN, "bad", **{gate: True})
    assert world.api == FILES["stacks/api.yaml"]
    assert [fact.to for fact in world.facts if isinstance(fact, GoingBack)] == ["good"]


def test_the_ledger_tells_the_failure_and_the_way_back() -> None:
    world = World()
    world.deploy(TREE, "good")
    with pytest.raises(RolledBack):
        world.deploy(BROKEN, "bad", box=True)
    told = [(one.commit, one.result) for one in world.ledger.history()]
    assert told == [("good", Result.SUCCEEDED), ("bad", Result.FAILED), ("good", Result.SUCCEEDED)]
    assert world.ledger.history()[0].note.startswith("rollback of bad: stack api is not healthy")


def test_a_deployment_that_is_healthy_and_does_not_read_goes_back_and_says_why_in_one_screen() -> None:
    world = World()
    world.deploy(TREE, "good")
    with pytest.raises(RolledBack) as caught:
        world.deploy(BROKEN, "bad", proof=True)
    assert world.api == FILES["stacks/api.yaml"]
    assert [(one.commit, one.result) for one in world.ledger.history()][1] == ("bad", Result.FAILED)
    assert str(caught.value).splitlines() == [
        "the sample was not analysed: analysing video v1: no_trace: No trace was found.",
        "  asked through https://d1",
        "  next: ecgctl logs dev model-server --since 15m",
        "  next: ecgctl logs dev api --since 15m",
        "  what was there before is deployed again: good, of 2026-11-23 00:00 UTC",
    ]


@pytest.mark.parametrize("gate", ["wave", "box", "proof"])
def test_a_tree_that_worked_before_is_not_blamed_when_it_no_longer_does(gate: str) -> None:
    """The world has broken, not the change; the deployment before would be an older state and no cure."""
    world = World()
    world.deploy(TREE, "older")
    world.deploy(BROKEN, "good")
    with pytest.raises(NotWorking) as caught:
        world.deploy(BROKEN, "again", **{gate: True})
    assert not isinstance(caught.value, RolledBack)
    assert world.api == BROKEN["stacks/api.yaml"]
    assert [one.commit for one in world.ledger.history()] == ["again", "good", "older"]


def test_the_way_back_leads_past_other_failures_to_the_last_success() -> None:
    world = World()
    world.deploy(TREE, "good")
    for commit in ("bad", "bad again"):
        with pytest.raises(RolledBack):
            world.deploy(BROKEN, commit, proof=True)
    assert world.api == FILES["stacks/api.yaml"]


def test_a_first_deployment_that_is_not_healthy_stays_for_people_to_look_at() -> None:
    world = World()
    with pytest.raises(GateFailed):
        world.deploy(BROKEN, "bad", box=True)
    assert world.api == BROKEN["stacks/api.yaml"]


def test_a_healthy_deployment_is_left_alone() -> None:
    world = World()
    world.deploy(TREE, "good")
    world.deploy(BROKEN, "better")
    assert world.api == BROKEN["stacks/api.yaml"]
