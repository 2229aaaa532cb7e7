"""Taking drift back: the drifted resources and nothing else, whatever fails meanwhile."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

import pytest

from generator.errors import EcgError
from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.sync.apply import Options, Target, apply
from generator.sync.drift.ignoring import IgnoreRule
from generator.sync.drift.reading import (
    CheckedResource,
    Difference,
    DriftReading,
    ResourceDriftStatus,
    StackDriftReading,
)
from generator.sync.drift.revert import RevertRefused, revert
from generator.sync.drift.verdict import EnvironmentDrift, judge
from generator.sync.errors import StackNotReady
from generator.sync.ledger import Ledger, Result
from generator.sync.progress import Action
from generator.sync.suspension import Suspended, Suspension
from tests.conftest import FaultTable
from tests.generator.sync.drift.readings import NOW
from tests.generator.sync.faults import Boundary, Fault, Killed
from tests.generator.sync.worlds import (
    FakeClock,
    InMemoryArtifacts,
    InMemoryLease,
    InMemoryLedger,
    InMemoryStacks,
    InMemorySuspension,
    parsed,
)

FILES = {
    "stacks/network.yaml": "Resources: {Group: {Type: T, Properties: {Open: 80, Name: g}}, Rule: {Type: T}}\n"
    "Outputs: {BucketName: the-bucket}\n",
    "stacks/storage.yaml": "Resources: {Queue: {Type: T, Properties: {Seconds: 60}}, Videos: {Type: Bucket}}\n",
    "serve.yaml": "applications: []\n",
}


def manifest() -> Manifest:
    def stack(name: str, wave: int) -> StackManifest:
        return StackManifest(name, wave, f"stacks/{name}.yaml", "0", MappingProxyType({}))

    stacks = (stack("network", 0), stack("storage", 1))
    agent = Artifact("agent", ArtifactKind.PACKAGE, "services", "abc.zip", Wire("network", "BucketName"))
    return Manifest("dev", "ecg", "us-east-1", "unresolved", stacks, (agent,), ServeManifest("serve.yaml", "1"))


def ignoring(resource: str, path: str) -> tuple[IgnoreRule, ...]:
    return (IgnoreRule("*", resource, path, "by hand", "lead", NOW.date()),)


@dataclass
class World:
    """An environment that was deployed, and that people can tamper with."""

    clock: FakeClock = field(default_factory=FakeClock)
    stacks: InMemoryStacks = field(default_factory=InMemoryStacks)

    def __post_init__(self) -> None:
        self.leases, self.ledger = InMemoryLease(self.clock), InMemoryLedger(self.clock)
        self.suspension = InMemorySuspension(self.clock)
        apply(manifest(), FILES, self.target(), lambda _: None, Options())
        self.stacks.log.clear()

    def target(self, boundary: Boundary | None = None) -> Target:
        around = (boundary or Boundary()).around
        return Target(
            around(self.stacks),
            InMemoryArtifacts(),
            self.clock,
            leases=around(self.leases),
            ledger=around(self.ledger),
            suspension=self.suspension,
            side_by_side=1,
        )

    def look(self, rules: tuple[IgnoreRule, ...] = ()) -> EnvironmentDrift:
        readings = {stack.name: self._reading(manifest().stack_id(stack.name)) for stack in manifest().stacks}
        return judge(manifest(), readings, rules, NOW)

    def _reading(self, name: str) -> DriftReading:
        held = self.stacks.held[name]
        wanted = parsed(held.template)["Resources"]
        return StackDriftReading(NOW, tuple(_checked(one, wanted[one], held.things.get(one)) for one in wanted))

    def revert(
        self, drift: EnvironmentDrift, boundary: Boundary | None = None, **options: bool
    ) -> Mapping[str, Action]:
        return revert(manifest(), FILES, drift, self.target(boundary), lambda _: None, Options(who="ci", **options))


def _checked(name: str, wanted: Mapping, thing: object) -> CheckedResource:
    declared = wanted.get("Properties", {})
    if thing is None:
        return CheckedResource(name, wanted["Type"], name, ResourceDriftStatus.DELETED)
    differences = tuple(
        Difference(f"/{key}", "NOT_EQUAL", str(value), str(thing.properties.get(key)))
        for key, value in declared.items()
        if thing.properties.get(key) != value
    )
    status = ResourceDriftStatus.MODIFIED if differences else ResourceDriftStatus.IN_SYNC
    return CheckedResource(name, wanted["Type"], name, status, differences, len(declared))


@pytest.fixture
def world() -> World:
    return World()


def test_what_was_changed_and_what_was_deleted_is_brought_back(world: World) -> None:
    world.stacks.tamper("ecg-dev-storage", "Queue", Seconds=5)
    world.stacks.tamper("ecg-dev-network", "Rule")
    assert world.revert(world.look()) == {"network": Action.UPDATED, "storage": Action.UPDATED}
    assert not world.look().drifted
    assert "Rule" in world.stacks.held["ecg-dev-network"].things


def test_a_stack_that_has_not_drifted_is_not_touched(world: World) -> None:
    world.stacks.tamper("ecg-dev-storage", "Queue", Seconds=5)
    world.revert(world.look())
    assert {stack for _, stack in world.stacks.log} == {"ecg-dev-storage"}


def test_nothing_is_taken_or_recorded_where_nothing_has_drifted(world: World) -> None:
    before = dict(world.ledger.texts)
    assert world.revert(world.look()) == {}
    assert world.ledger.texts == before


def test_the_ledger_says_that_drift_was_taken_back_from_what_is_deployed(world: World) -> None:
    world.stacks.tamper("ecg-dev-storage", "Queue", Seconds=5)
    world.revert(world.look())
    last = Ledger(world.ledger, "dev").history()[0]
    assert (last.result, last.who, list(last.stacks)) == (Result.SUCCEEDED, "ci", ["storage"])
    assert Ledger(world.ledger, "dev").files(last) == FILES


def test_drift_that_a_rule_covers_stays(world: World) -> None:
    world.stacks.tamper("ecg-dev-storage", "Queue", Seconds=5)
    assert world.revert(world.look(ignoring("Queue", "/Seconds"))) == {}
    assert world.stacks.held["ecg-dev-storage"].things["Queue"].properties["Seconds"] == 5


def test_a_stack_with_drift_to_keep_and_drift_to_take_back_is_refused_because_one_change_set_does_both(
    world: World,
) -> None:
    world.stacks.tamper("ecg-dev-storage", "Queue", Seconds=5)
    world.stacks.tamper("ecg-dev-storage", "Videos")
    with pytest.raises(RevertRefused) as caught:
        world.revert(world.look(ignoring("Queue", "/Seconds")))
    assert caught.value.reasons == {"Queue": "it would be set back where a rule leaves it alone: /Seconds"}
    assert not world.stacks.change_sets
    assert ("execute", "ecg-dev-storage") not in world.stacks.log


def test_a_resource_that_cloudformation_would_replace_is_left_to_a_person(world: World) -> None:
    world.stacks.tamper("ecg-dev-network", "Group", Name="another")
    with pytest.raises(RevertRefused, match="Group: CloudFormation would replace it"):
        world.revert(world.look())


def test_what_has_drifted_since_it_was_looked_at_is_not_taken_back_unseen(world: World) -> None:
    world.stacks.tamper("ecg-dev-network", "Group", Open=22)
    seen = world.look()
    world.stacks.tamper("ecg-dev-network", "Rule", Port=1)
    with pytest.raises(RevertRefused, match="Rule: it had not drifted when the stack was looked at"):
        world.revert(seen)


def test_a_refusal_in_one_stack_keeps_all_others_as_they_are(world: World) -> None:
    world.stacks.tamper("ecg-dev-network", "Group", Open=22)
    world.stacks.tamper("ecg-dev-storage", "Queue", Seconds=5)
    world.stacks.tamper("ecg-dev-storage", "Videos")
    with pytest.raises(RevertRefused):
        world.revert(world.look(ignoring("Queue", "/Seconds")))
    assert world.stacks.held["ecg-dev-network"].things["Group"].properties["Open"] == 22
    assert not world.stacks.change_sets


def test_a_stack_whose_last_operation_failed_is_for_apply(world: World) -> None:
    world.stacks.tamper("ecg-dev-storage", "Queue", Seconds=5)
    seen = world.look()
    world.stacks.strand("ecg-dev-storage", "UPDATE_ROLLBACK_COMPLETE")
    with pytest.raises(StackNotReady, match="apply first"):
        world.revert(seen)


def test_a_suspended_environment_is_left_alone_unless_someone_says_so(world: World) -> None:
    world.stacks.tamper("ecg-dev-storage", "Queue", Seconds=5)
    until = world.clock.utc() + timedelta(hours=2)
    world.suspension.write(Suspension("alice", "the box runs hot", world.clock.utc(), until))
    with pytest.raises(Suspended, match="by alice: the box runs hot"):
        world.revert(world.look())
    assert world.revert(world.look(), while_suspended=True) == {"storage": Action.UPDATED}


def test_a_suspension_ends_by_itself(world: World) -> None:
    world.stacks.tamper("ecg-dev-storage", "Queue", Seconds=5)
    world.suspension.write(
        Suspension("alice", "the box runs hot", world.clock.utc(), world.clock.utc() + timedelta(hours=2))
    )
    world.clock.sleep(2 * 3600)
    assert world.revert(world.look()) == {"storage": Action.UPDATED}


@pytest.mark.fault
@pytest.mark.parametrize("kind", Fault, ids=lambda kind: kind.name.lower())
def test_after_a_fault_at_any_call_looking_and_reverting_again_converges(kind: Fault, faults: FaultTable) -> None:
    at, injected = 1, 0
    while True:
        world = World()
        world.stacks.tamper("ecg-dev-storage", "Queue", Seconds=5)
        world.stacks.tamper("ecg-dev-network", "Rule")
        boundary = Boundary(kind, at)
        with suppress(EcgError, Killed):
            world.revert(world.look(), boundary)
        if not boundary.fired:
            break
        injected += 1
        if at % 2:
            world.stacks.finish()
        world.clock.sleep(60)
        world.stacks.finish()  # a revert, unlike an apply, starts only from stacks at rest
        world.revert(world.look())
        assert not world.look().drifted, (at, boundary.fired)
        faults.add("reverting drift: any fault, at every call")
        at += 1
    assert injected > 10
