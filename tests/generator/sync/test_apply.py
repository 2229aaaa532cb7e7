"""Apply, against stacks in memory."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from types import MappingProxyType
from typing import Any

import pytest

from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.sync.apply import Options, Outcome, Target, apply
from generator.sync.errors import (
    ApplyFailed,
    CallRefused,
    MissingOutput,
    NotApproved,
    RollbackStuck,
    ShellKept,
    StackFailed,
    StackNotReady,
    SurpriseInChangeSet,
    Unresolved,
    WaveFailed,
)
from generator.sync.lease import LeaseRecord
from generator.sync.ledger import Ledger, Result
from generator.sync.ports import ChangeSet, LiveStack
from generator.sync.progress import (
    Action,
    ArtifactPublished,
    Fact,
    Repair,
    ResourceMoved,
    StackBegun,
    StackFinished,
    StackRepaired,
    StackStarted,
    WaveStarted,
)
from generator.sync.run import Outputs
from generator.sync.verify import Approval
from tests.generator.sync.worlds import (
    FakeClock,
    InMemoryArtifacts,
    InMemoryLease,
    InMemoryLedger,
    InMemoryStacks,
    Thing,
)

STORAGE = "Resources: {Bucket: {Type: T}}\nOutputs: {BucketName: the-bucket}\n"
NETWORK = "Resources: {Vpc: {Type: T}}\nOutputs: {VpcId: vpc-1}\n"
API = "Parameters: {VpcId: {}}\nResources: {Service: {Type: T}}\nOutputs: {Where: {Ref: VpcId}}\n"


def stack(name: str, wave: int, **parameters: Wire | str) -> StackManifest:
    return StackManifest(name, wave, f"stacks/{name}.yaml", "0" * 64, MappingProxyType(parameters))


MANIFEST = Manifest(
    name="dev",
    project="ecg",
    region="us-east-1",
    account="unresolved",
    stacks=(
        stack("network", 0),
        stack("storage", 0),
        stack("api", 1, VpcId=Wire("network", "VpcId"), ImageTag="src-1"),
    ),
    artifacts=(Artifact("agent", ArtifactKind.PACKAGE, "services", "abc.zip", Wire("storage", "BucketName")),),
    serve=ServeManifest("serve.yaml", "1" * 64),
)
FILES = {
    "stacks/network.yaml": NETWORK,
    "stacks/storage.yaml": STORAGE,
    "stacks/api.yaml": API,
    "serve.yaml": "applications: []\n",
}


class World:
    def __init__(self, **failing: str) -> None:
        self.stacks = InMemoryStacks(failing=failing)
        self.artifacts = InMemoryArtifacts()
        self.clock = FakeClock()
        self.leases: InMemoryLease | None = None
        self.ledger: InMemoryLedger | None = None
        self.facts: list[Fact] = []

    def apply(
        self,
        manifest: Manifest = MANIFEST,
        resolutions: dict[str, str] | None = None,
        options: Options | None = None,
        **files: str,
    ) -> Outcome:
        target = Target(
            self.stacks, self.artifacts, self.clock, resolutions or {}, leases=self.leases, ledger=self.ledger
        )
        return apply(manifest, {**FILES, **files}, target, self.facts.append, options or Options())


def test_a_first_apply_creates_every_stack_and_wires_outputs_into_parameters() -> None:
    world = World()
    outcome = world.apply()
    assert set(outcome.actions.values()) == {Action.CREATED}
    assert outcome.outputs["api"] == {"Where": "vpc-1"}
    assert world.stacks.deployed["ecg-dev-api"][1] == {"VpcId": "vpc-1", "ImageTag": "src-1"}


WIRED_TO_STORAGE = replace(
    MANIFEST,
    stacks=(*MANIFEST.stacks[:2], stack("api", 1, VpcId=Wire("network", "VpcId"), B=Wire("storage", "BucketName"))),
)


def test_waves_begin_in_order_and_a_stack_after_the_artifacts_of_what_feeds_it() -> None:
    world = World()
    world.apply(WIRED_TO_STORAGE)
    order = [
        f"wave {f.number}" if isinstance(f, WaveStarted) else f.name
        for f in world.facts
        if isinstance(f, WaveStarted | ArtifactPublished)
    ]
    assert order == ["wave 0", "agent", "wave 1"]
    executed = [name for call, name in world.stacks.log if call == "execute"]
    assert executed[-1] == "ecg-dev-api"


def test_a_stack_that_names_an_artifacts_address_comes_after_its_publication_though_no_wire_says_so() -> None:
    api = stack("api", 1, VpcId=Wire("network", "VpcId"), Package="abc.zip")
    world = World()
    world.apply(replace(MANIFEST, stacks=(*MANIFEST.stacks[:2], api)))
    told = [f for f in world.facts if isinstance(f, ArtifactPublished | StackBegun)]
    order = [f.name if isinstance(f, ArtifactPublished) else f.stack for f in told]
    assert order.index("agent") < order.index("api")


class Slow(InMemoryStacks):
    """Storage does not move before another stack is complete; once its patience is at an end, it does all the same."""

    before = "ecg-dev-api"
    patience = 2_000

    def _tick(self, name: str) -> None:
        other = self.held.get(self.before)
        if name == "ecg-dev-storage" and not (other and other.complete_once) and self.patience:
            self.patience -= 1
            time.sleep(0.001)
        else:
            super()._tick(name)


def test_a_stack_waits_for_what_feeds_it_and_not_for_the_rest_of_the_wave_before() -> None:
    world = World()
    world.stacks = Slow()
    world.apply()
    assert world.stacks.patience > 0


def test_after_a_failure_what_runs_is_followed_to_its_end_and_nothing_more_is_begun() -> None:
    world = World()
    world.stacks = Slow(failing={"Vpc": "no"})
    world.stacks.before, world.stacks.patience = "ecg-dev-network", 100  # which never is complete
    given_up = Event()
    late = stack("late", 1, BucketName=Wire("storage", "BucketName"))
    with pytest.raises(WaveFailed) as caught:
        world.apply(
            replace(MANIFEST, stacks=(*MANIFEST.stacks, late)),
            options=Options(given_up=given_up),
            **{"stacks/late.yaml": API.replace("VpcId", "BucketName")},
        )
    assert set(caught.value.errors) == {"network"}
    assert world.stacks.live["ecg-dev-storage"].status == "CREATE_COMPLETE"
    assert "ecg-dev-late" not in world.stacks.live
    assert world.artifacts.log == []
    assert given_up.is_set()


def test_the_box_is_pointed_last() -> None:
    world = World()
    world.apply()
    assert world.artifacts.log == ["agent", "box"]


PROTECTED = replace(MANIFEST, stacks=tuple(replace(one, protected=True) for one in MANIFEST.stacks))


def _protected(world: World) -> list[str]:
    return sorted(name for call, name in world.stacks.log if call == "protect")


def test_a_stack_is_protected_from_deletion_once_it_is_complete_where_git_asks_for_it() -> None:
    world = World()
    world.apply(PROTECTED)
    assert _protected(world) == ["ecg-dev-api", "ecg-dev-network", "ecg-dev-storage"]
    assert all(held.live.protected for held in world.stacks.held.values())


def test_protection_that_is_there_is_not_asked_for_again_and_what_was_lifted_comes_back() -> None:
    world = World()
    world.apply(PROTECTED)
    world.apply(PROTECTED)
    assert len(_protected(world)) == 3
    world.stacks.strand("ecg-dev-api", "CREATE_COMPLETE", protected=False)
    assert not world.apply(PROTECTED).changed
    assert _protected(world).count("ecg-dev-api") == 2


def test_nothing_is_protected_unasked_and_apply_lifts_no_protection() -> None:
    world = World()
    world.apply()
    assert _protected(world) == []
    world.apply(PROTECTED)
    world.apply()
    assert all(held.live.protected for held in world.stacks.held.values())


def test_a_stack_that_failed_is_not_protected_for_it_must_go_again() -> None:
    world = World(Vpc="no")
    with pytest.raises(WaveFailed):
        world.apply(PROTECTED)
    assert "ecg-dev-network" not in _protected(world)


def test_applying_again_changes_nothing_and_leaves_no_change_set_behind() -> None:
    world = World()
    world.apply()
    outcome = world.apply()
    assert not outcome.changed
    assert world.stacks.change_sets == {}
    assert outcome.outputs["api"] == {"Where": "vpc-1"}
    assert [f.fresh for f in world.facts if isinstance(f, ArtifactPublished)] == [True, False]


def test_only_the_changed_stack_is_updated() -> None:
    world = World()
    world.apply()
    outcome = world.apply(**{"stacks/api.yaml": API.replace("Service", "NewService")})
    assert outcome.actions == {"network": Action.UNCHANGED, "storage": Action.UNCHANGED, "api": Action.UPDATED}


def test_a_failing_resource_is_named_with_its_reason_and_later_waves_do_not_start() -> None:
    world = World(Vpc="The CIDR '10.0.0.0/8' is invalid.")
    with pytest.raises(WaveFailed) as caught:
        world.apply()
    error = caught.value.errors["network"]
    assert isinstance(error, StackFailed)
    assert [event.logical_id for event in error.failures] == ["Vpc"]
    assert "The CIDR '10.0.0.0/8' is invalid." in str(caught.value)
    assert "ecg-dev-api" not in world.stacks.live
    assert not world.artifacts.pointed


def test_the_other_stacks_of_a_failed_wave_still_finish() -> None:
    world = World(Vpc="no")
    with pytest.raises(WaveFailed):
        world.apply()
    assert [f.stack for f in world.facts if isinstance(f, StackFinished)] == ["storage"]


def test_cancelled_resources_are_not_shown_as_causes() -> None:
    world = World(A="broken")
    with pytest.raises(WaveFailed) as caught:
        world.apply(**{"stacks/network.yaml": "Resources: {A: {Type: T}, B: {Type: T}}\n"})
    assert "B (" not in str(caught.value)


def test_a_stack_whose_creation_failed_is_deleted_and_created_by_the_next_apply() -> None:
    world = World(Vpc="no")
    with pytest.raises(WaveFailed):
        world.apply()
    world.stacks.failing = {}
    assert world.apply().actions["network"] is Action.CREATED
    assert ("delete", "ecg-dev-network") in world.stacks.log


def test_an_operation_that_someone_else_started_is_waited_for() -> None:
    world = World()
    world.apply()
    name = "ecg-dev-network"
    world.stacks.strand(name, "UPDATE_IN_PROGRESS")

    def theirs():
        for _ in range(5):
            yield
        world.stacks.strand(name, "UPDATE_COMPLETE")

    world.stacks.start(name, theirs())
    assert not world.apply().changed
    assert StackRepaired("network", Repair.ADOPTED, "UPDATE_IN_PROGRESS") in world.facts


def test_a_stack_in_a_state_that_accepts_no_change_is_reported_with_that_state() -> None:
    world = World()
    world.stacks.strand("ecg-dev-network", "IMPORT_ROLLBACK_FAILED", reason="stuck")
    with pytest.raises(WaveFailed, match=r"IMPORT_ROLLBACK_FAILED \(stuck\)") as caught:
        world.apply()
    assert isinstance(caught.value.errors["network"], StackNotReady)


def test_an_unresolved_value_stops_before_anything_is_touched() -> None:
    world = World()
    manifest = Manifest(**{**vars(MANIFEST), "stacks": (stack("network", 0, Ami="unresolved"), *MANIFEST.stacks[1:])})
    with pytest.raises(Unresolved, match="stack network: Ami"):
        world.apply(manifest)
    assert world.stacks.log == []


def test_a_target_may_resolve_what_git_could_not() -> None:
    world = World()
    manifest = Manifest(**{**vars(MANIFEST), "stacks": (stack("network", 0, Ami="unresolved"), *MANIFEST.stacks[1:])})
    world.apply(manifest, {"Ami": "ami-1"})
    assert world.stacks.deployed["ecg-dev-network"][1] == {"Ami": "ami-1"}


def test_a_wire_to_an_output_that_is_not_live_names_both_ends() -> None:
    world = World()
    with pytest.raises(WaveFailed, match=r"VpcId is wired from network\.VpcId") as caught:
        world.apply(**{"stacks/network.yaml": "Resources: {Vpc: {Type: T}}\n"})
    assert isinstance(caught.value.errors["api"], MissingOutput)


def test_every_move_of_a_resource_is_reported_once() -> None:
    world = World()
    world.stacks.polls_in_progress = 4
    world.apply()
    moves = [f.event.id for f in world.facts if isinstance(f, ResourceMoved)]
    assert len(moves) == len(set(moves)) > 0


def test_a_change_set_that_git_no_longer_needs_is_not_even_computed() -> None:
    world = World()
    world.apply()
    before = len(world.stacks.log)
    world.apply()
    assert world.stacks.log[before:] == []


def test_outputs_are_the_new_ones_even_where_descriptions_lag_behind() -> None:
    world = World()
    world.apply()
    world.apply(**{"stacks/network.yaml": NETWORK.replace("vpc-1", "vpc-0")})
    world.stacks.stale_reads = 5
    outcome = world.apply(**{"stacks/network.yaml": NETWORK.replace("vpc-1", "vpc-2")})
    assert outcome.outputs["api"] == {"Where": "vpc-2"}


def test_an_operation_that_an_old_description_hides_is_waited_for() -> None:
    world = World()
    world.apply()
    held = world.stacks.held["ecg-dev-api"]
    former = held.live

    def theirs():
        for _ in range(4):
            yield
        world.stacks.strand("ecg-dev-api", "UPDATE_COMPLETE")

    world.stacks.strand("ecg-dev-api", "UPDATE_IN_PROGRESS")
    world.stacks.start("ecg-dev-api", theirs())
    held.known = (former, 2)
    outcome = world.apply(**{"stacks/api.yaml": API.replace("Service", "NewService")})
    assert outcome.actions["api"] is Action.UPDATED


class Surprising(InMemoryStacks):
    """Does something right before the first execution; loses the answers of some calls."""

    before_execute: Callable[[ChangeSet], None] = staticmethod(lambda _: None)
    lose: frozenset[str] = frozenset()

    def execute(self, change_set: ChangeSet, token: str) -> None:
        act, self.before_execute = self.before_execute, lambda _: None
        act(change_set)
        super().execute(change_set, token)
        if "execute" in self.lose:
            raise CallRefused("executing: ReadTimeoutError", uncertain=True)

    def delete(self, stack: LiveStack, token: str) -> None:
        super().delete(stack, token)
        if "delete" in self.lose:
            raise CallRefused("deleting: ReadTimeoutError", uncertain=True)


def surprising(**changes: Any) -> World:
    world = World()
    world.stacks = Surprising()
    for name, value in changes.items():
        setattr(world.stacks, name, value)
    return world


def test_an_execution_whose_answer_was_lost_is_found_by_its_token_and_followed() -> None:
    world = surprising(lose=frozenset({"execute"}))
    assert set(world.apply().actions.values()) == {Action.CREATED}
    assert [call for call, _ in world.stacks.log].count("execute") == 3


def test_a_deletion_whose_answer_was_lost_is_seen_from_the_state() -> None:
    world = surprising(failing={"Vpc": "no"}, lose=frozenset({"delete"}))
    with pytest.raises(WaveFailed):
        world.apply()
    world.stacks.failing = {}
    assert world.apply().actions["network"] is Action.CREATED


def test_a_stack_that_someone_else_changed_in_between_is_computed_anew() -> None:
    world = surprising()
    world.apply()

    def someone_is_faster(change_set: ChangeSet) -> None:
        world.stacks.change_sets.clear()

    world.stacks.before_execute = someone_is_faster
    outcome = world.apply(**{"stacks/api.yaml": API.replace("Service", "NewService")})
    assert outcome.actions["api"] is Action.UPDATED
    assert StackRepaired("api", Repair.OVERTAKEN, "") in world.facts
    assert world.stacks.change_sets == {}


def test_an_unplanned_replacement_stops_the_whole_wave_before_anything_is_executed() -> None:
    world = World()
    world.apply(**{"stacks/network.yaml": "Resources: {Vpc: {Type: T, Properties: {Name: a}}}\nOutputs: {VpcId: v}\n"})
    before = len([1 for call, _ in world.stacks.log if call == "execute"])
    files = {
        "stacks/network.yaml": "Resources: {Vpc: {Type: T, Properties: {Name: b}}}\nOutputs: {VpcId: v}\n",
        "stacks/storage.yaml": STORAGE.replace("Bucket: {Type: T}", "Bucket: {Type: T}, More: {Type: T}"),
    }
    expected = {"network": {"Vpc": ["update"]}, "storage": {"More": ["create"]}}
    with pytest.raises(WaveFailed) as caught:
        world.apply(options=Options(expectations=expected), **files)
    assert isinstance(caught.value.errors["network"], SurpriseInChangeSet)
    assert len([1 for call, _ in world.stacks.log if call == "execute"]) == before
    assert world.stacks.change_sets == {}
    outcome = world.apply(options=Options(expectations={"network": {"Vpc": ["replace"]}}), **files)
    assert outcome.actions["network"] is Action.UPDATED


def test_a_surprise_in_a_later_wave_stops_all_others_too_where_nothing_that_feeds_it_changes() -> None:
    world = World()
    named = "Parameters: {VpcId: {}}\nResources: {Service: {Type: T, Properties: {Name: a}}}\n"
    world.apply(**{"stacks/api.yaml": named})
    before = [call for call, _ in world.stacks.log].count("execute")
    files = {
        "stacks/api.yaml": named.replace("Name: a", "Name: b"),
        "stacks/storage.yaml": STORAGE.replace("Bucket: {Type: T}", "Bucket: {Type: T}, More: {Type: T}"),
    }
    with pytest.raises(WaveFailed) as caught:
        world.apply(options=Options(expectations={}), **files)
    assert isinstance(caught.value.errors["api"], SurpriseInChangeSet)
    assert [call for call, _ in world.stacks.log].count("execute") == before
    assert world.stacks.change_sets == {}


def test_a_plan_that_nobody_approved_stops_before_anything_is_touched() -> None:
    world = World()
    with pytest.raises(NotApproved):
        world.apply(options=Options(approval=Approval(frozenset({"d1"}), "d2")))
    assert world.stacks.log == []


def test_a_rollback_that_fails_again_is_reported_with_what_to_skip_and_goes_on_once_that_is_allowed() -> None:
    world = World()
    world.apply()
    changed = {"stacks/network.yaml": NETWORK.replace("{Type: T}", "{Type: U}").replace("Vpc:", "A: {Type: T}, Vpc:")}
    world.stacks.failing, world.stacks.not_rolling_back = {"Vpc": "no"}, {"A"}
    with pytest.raises(WaveFailed):
        world.apply(**changed)
    world.stacks.failing = {}
    with pytest.raises(WaveFailed, match=r"ecgctl apply ENV --skip network\.A") as caught:
        world.apply(**changed)
    assert isinstance(caught.value.errors["network"], RollbackStuck)
    assert [name for call, name in world.stacks.log if call == "continue_rollback"] == ["ecg-dev-network"]
    outcome = world.apply(options=Options(skip={"network": ["A"]}), **changed)
    assert outcome.actions["network"] is Action.UPDATED


SHELL = {"tags": {"Project": "ecg", "Environment": "dev", "ManagedBy": "ecgctl"}}


@pytest.mark.parametrize(
    ("status", "things", "tags", "why"),
    [
        ("ROLLBACK_COMPLETE", {}, {"Project": "other"}, "does not bear the tags"),
        ("ROLLBACK_COMPLETE", {"Videos": "DELETE_SKIPPED"}, SHELL["tags"], "leaves these without an owner"),
        ("DELETE_FAILED", {"Videos": "DELETE_FAILED"}, SHELL["tags"], "it was complete once"),
    ],
)
def test_a_shell_that_is_not_ours_or_holds_something_is_never_deleted(
    status: str, things: dict[str, str], tags: dict[str, str], why: str
) -> None:
    world = World()
    held = world.stacks.strand("ecg-dev-network", status, tags=tags)
    held.things = {name: Thing("Bucket", {}, name, state) for name, state in things.items()}
    with pytest.raises(WaveFailed, match=why) as caught:
        world.apply()
    assert isinstance(caught.value.errors["network"], ShellKept)
    assert ("delete", "ecg-dev-network") not in world.stacks.log


def test_a_shell_that_cannot_be_deleted_is_tried_twice_and_then_reported() -> None:
    world = World(Vpc="no")
    with pytest.raises(WaveFailed):
        world.apply()
    held = world.stacks.held["ecg-dev-network"]
    held.things = {"Vpc": Thing("T", {}, "vpc-1")}
    world.stacks.failing, world.stacks.undeletable = {}, {"Vpc"}
    with pytest.raises(WaveFailed, match="deleting it failed"):
        world.apply()
    world.stacks.undeletable = set()
    assert world.apply().actions["network"] is Action.CREATED


def test_a_gate_after_each_stack_sees_its_outputs_and_can_stop_the_apply() -> None:
    world = World()
    seen: list[tuple[int, tuple[str, ...]]] = []

    def gate(number: int, stacks: tuple[str, ...], outputs: Outputs) -> None:
        seen.append((number, stacks))
        assert all(outputs[name] for name in stacks)
        raise ApplyFailed("wave 0 is not healthy")

    with pytest.raises(ApplyFailed, match="not healthy"):
        world.apply(options=Options(after_wave=gate))
    # Whichever of the first two was done first: the other may find that all is over already.
    assert {(0, ("network",)), (0, ("storage",))}.intersection(seen)
    assert set(seen) <= {(0, ("network",)), (0, ("storage",))}
    assert "ecg-dev-api" not in world.stacks.live


def test_a_deployment_is_recorded_with_its_tree_its_stacks_and_its_end() -> None:
    world = World()
    world.ledger = InMemoryLedger(world.clock)
    world.apply(options=Options(who="alice", commit="c1", digest="d1"))
    world.stacks.failing = {"New": "the limit is reached"}
    with pytest.raises(WaveFailed):
        world.apply(options=Options(who="bob", commit="c2"), **{"stacks/api.yaml": API.replace("Service", "New")})
    newest, oldest = Ledger(world.ledger, "dev").history()
    assert (oldest.who, oldest.commit, oldest.digest, oldest.result) == ("alice", "c1", "d1", Result.SUCCEEDED)
    assert {name: one.action for name, one in oldest.stacks.items()} == dict.fromkeys(
        ("network", "storage", "api"), "created"
    )
    assert (newest.who, newest.result, newest.stacks["api"].action) == ("bob", Result.FAILED, "failed")
    assert "limit" in newest.error
    assert Ledger(world.ledger, "dev").files(oldest) == FILES


@pytest.fixture
def ctrl_c_interrupts() -> Iterator[None]:
    """Also where the tests were started in the background of a shell, which lets SIGINT be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_ctrl_c_ends_the_threads_records_the_interruption_and_releases_the_lease() -> None:
    world = World()
    world.ledger, world.leases = InMemoryLedger(world.clock), InMemoryLease(world.clock)
    world.stacks.polls_in_progress = 10**9  # without an end, if nobody stops the threads

    def interrupt(fact: Fact) -> None:
        if isinstance(fact, StackStarted):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    target = Target(world.stacks, world.artifacts, world.clock, leases=world.leases, ledger=world.ledger)
    with pytest.raises(KeyboardInterrupt):
        apply(MANIFEST, FILES, target, interrupt)
    assert Ledger(world.ledger, "dev").history()[0].result is Result.INTERRUPTED
    assert LeaseRecord.from_text(world.leases.stored.text).released
