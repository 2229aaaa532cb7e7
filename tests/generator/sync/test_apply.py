"""Apply, against stacks in memory."""

from types import MappingProxyType

import pytest

from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.sync.apply import Target, apply
from generator.sync.errors import MissingOutput, StackFailed, StackNotReady, Unresolved, WaveFailed
from generator.sync.progress import (
    Action,
    ArtifactPublished,
    Fact,
    Repair,
    ResourceMoved,
    StackFinished,
    StackRepaired,
    WaveStarted,
)
from tests.generator.sync.worlds import FakeClock, InMemoryArtifacts, InMemoryStacks

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
        self.facts: list[Fact] = []

    def apply(self, manifest: Manifest = MANIFEST, resolutions: dict[str, str] | None = None, **files: str):
        target = Target(self.stacks, self.artifacts, FakeClock(), resolutions or {})
        return apply(manifest, {**FILES, **files}, target, self.facts.append)


def test_a_first_apply_creates_every_stack_and_wires_outputs_into_parameters() -> None:
    world = World()
    outcome = world.apply()
    assert set(outcome.actions.values()) == {Action.CREATED}
    assert outcome.outputs["api"] == {"Where": "vpc-1"}
    assert world.stacks.deployed["ecg-dev-api"][1] == {"VpcId": "vpc-1", "ImageTag": "src-1"}


def test_waves_run_in_order_and_artifacts_come_right_after_the_wave_of_their_store() -> None:
    world = World()
    world.apply()
    order = [
        f"wave {f.number}" if isinstance(f, WaveStarted) else f.name
        for f in world.facts
        if isinstance(f, WaveStarted | ArtifactPublished)
    ]
    assert order == ["wave 0", "agent", "wave 1"]
    executed = [name for call, name in world.stacks.log if call == "execute"]
    assert executed[-1] == "ecg-dev-api"


def test_the_box_is_pointed_last() -> None:
    world = World()
    world.apply()
    assert world.artifacts.log == ["agent", "box"]


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
    assert world.artifacts.log == []


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
