"""Whatever goes wrong in an apply, the next apply makes the world equal to Git, and nobody does anything by hand."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from threading import Thread
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from generator.errors import EcgError
from generator.live_plan import plan_from_live, shown
from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.plan.facts import Cause
from generator.sync.apply import Options, Target, apply
from generator.sync.errors import LeaseHeld, LeaseLost, WaveFailed
from generator.sync.health.reading import LiveTemplate, StackReading
from generator.sync.lease import LeaseRecord
from generator.sync.ledger import Ledger, Result
from generator.sync.live_tree import LiveEnvironment, live_tree
from generator.sync.ports import ChangeSetKind, StackRequest
from generator.sync.status import SyncStatus, status_of, things_to_read
from tests.conftest import FaultTable
from tests.generator.sync.faults import Boundary, Fault, Killed, Turns
from tests.generator.sync.worlds import (
    FakeClock,
    Held,
    InMemoryArtifacts,
    InMemoryLease,
    InMemoryLedger,
    InMemoryStacks,
    Thing,
)

_NOW = datetime(2026, 11, 23, tzinfo=UTC)
TAGS = {"Project": "ecg", "Environment": "dev", "ManagedBy": "ecgctl"}
BEFORE = {
    "stacks/network.yaml": "Resources: {Vpc: {Type: T, Properties: {Cidr: 1}}, Old: {Type: T}}\n"
    "Outputs: {VpcId: {Value: vpc-1}}\n",
    "stacks/storage.yaml": "Resources: {Videos: {Type: Bucket, Properties: {Days: 1}}, Queue: {Type: T}}\n"
    "Outputs: {BucketName: {Value: the-bucket}}\n",
    "stacks/api.yaml": "Parameters: {VpcId: {}}\n"
    "Resources: {Service: {Type: T, Properties: {Name: a, Vpc: {Ref: VpcId}}}}\n",
    "serve.yaml": "applications: []\n",
}
AFTER = {
    "stacks/network.yaml": "Resources: {Vpc: {Type: T, Properties: {Cidr: 2}}, New: {Type: T}}\n"
    "Outputs: {VpcId: {Value: vpc-1}}\n",
    "stacks/storage.yaml": "Resources: {Videos: {Type: Bucket, Properties: {Days: 2}}, Queue: {Type: T}}\n"
    "Outputs: {BucketName: {Value: the-bucket}}\n",
    "stacks/api.yaml": "Parameters: {VpcId: {}}\n"
    "Resources: {Service: {Type: T, Properties: {Name: b, Vpc: {Ref: VpcId}}}}\n",
    "serve.yaml": "applications: [{name: one}]\n",
}


def manifest(files: Mapping[str, str] = AFTER) -> Manifest:
    def stack(name: str, wave: int, **parameters: Wire) -> StackManifest:
        path = f"stacks/{name}.yaml"
        return StackManifest(name, wave, path, _sha(files[path]), MappingProxyType(parameters))

    return Manifest(
        name="dev",
        project="ecg",
        region="us-east-1",
        account="unresolved",
        stacks=(stack("network", 0), stack("storage", 0), stack("api", 1, VpcId=Wire("network", "VpcId"))),
        artifacts=(Artifact("agent", ArtifactKind.PACKAGE, "services", "abc.zip", Wire("storage", "BucketName")),),
        serve=ServeManifest("serve.yaml", _sha(files["serve.yaml"])),
    )


def _sha(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@dataclass
class World:
    """Everything outside of an apply. It outlives applies."""

    clock: FakeClock = field(default_factory=FakeClock)
    stacks: InMemoryStacks = field(default_factory=InMemoryStacks)
    artifacts: InMemoryArtifacts = field(default_factory=InMemoryArtifacts)

    def __post_init__(self) -> None:
        self.leases, self.ledger = InMemoryLease(self.clock), InMemoryLedger(self.clock)

    def apply(self, files: dict[str, str], boundary: Boundary | None = None, who: str = "ci") -> None:
        around = (boundary or Boundary()).around
        self._apply(files, around, who)

    def _apply(self, files: dict[str, str], around: Callable, who: str, leased: bool = True) -> None:
        target = Target(
            around(self.stacks),
            around(self.artifacts),
            self.clock,
            leases=around(self.leases) if leased else None,
            ledger=around(self.ledger),
            side_by_side=1,
        )
        apply(manifest(files), files, target, lambda _: None, Options(who=who))

    def disagreements(self, files: Mapping[str, str], *, converged: bool = False) -> list[str]:
        """Where `status` and `plan --live` say different things of this world, or either says what is not so."""
        stacks = {name: self.stacks.reading(name) for name in map(manifest().stack_id, ("network", "storage", "api"))}
        told = repr(self.artifacts.told)
        if (key := repr((stacks, told, files))) not in _SEEN:
            _SEEN[key] = _disagreements(stacks, self.artifacts.told, files)
        synced, found = _SEEN[key]
        return [*found, *(["the world has converged and is not Synced"] if converged and not synced else [])]

    def wrong(self, files: dict[str, str]) -> list[str]:
        """What is not as Git wants it; empty once the world has converged."""
        found = []
        for stack in manifest().stacks:
            live = self.stacks.live.get(f"ecg-dev-{stack.name}")
            if live is None or live.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                found.append(f"{stack.name} is {live and live.status}")
            elif self.stacks.deployed[live.name] != (files[stack.template], {"VpcId": "vpc-1"} if stack.needs else {}):
                found.append(f"{stack.name} is not the text of Git")
        found += [f"change set {one} is left" for one in self.stacks.change_sets]
        found += [f"{one} held data and was destroyed" for one in self.stacks.destroyed]
        if self.leases.stored is None or not LeaseRecord.from_text(self.leases.stored.text).released:
            found.append("the lease is not released")
        if not self.artifacts.pointed:
            found.append("the box was not told")
        if Ledger(self.ledger, "dev").history()[0].result is not Result.SUCCEEDED:
            found.append("the ledger does not end with a success")
        return found


_SEEN: dict[str, tuple[bool, list[str]]] = {}
"""Many faults leave the same world: what was said of one need not be asked again."""


def _disagreements(
    stacks: Mapping[str, StackReading], told: Mapping[str, Any] | None, files: Mapping[str, str]
) -> tuple[bool, list[str]]:
    """Whether all is Synced, and what does not agree, with the plan or with a plain look at the texts."""
    wanted = manifest(files)
    git = {**files, "manifest.yaml": yaml.dump(wanted.to_data(), Dumper=yaml.CSafeDumper)}
    things = things_to_read(wanted, git, stacks)
    box = {"report": None, "desired": None, **(told or {})} if things else None
    tree = live_tree(wanted, git, LiveEnvironment(stacks, box=box))
    planned = plan_from_live(wanted, git, tree)
    said = shown(wanted, git, tree, planned)
    status = status_of(wanted, git, stacks, dict.fromkeys(things, box), _NOW, said)
    synced = status.sync is SyncStatus.SYNCED
    found = [] if synced == planned.empty else [f"status says {status.sync}, the plan has {planned.verdict}"]
    direct = {one.name for one in planned.stacks if one.cause is Cause.DIRECT}
    for row in status.stacks:
        if (row.sync is SyncStatus.SYNCED) == (row.name in direct):
            found.append(f"{row.name} is {row.sync}, and {'' if row.name in direct else 'not '}in the plan")
    same = all(_runs(stacks[wanted.stack_id(one.name)], files[one.template]) for one in wanted.stacks)
    if synced != (same and (told or {}).get("config") == files["serve.yaml"]):
        found.append(f"status says {status.sync}, and the stacks {'are' if same else 'are not'} as Git wants them")
    return synced, found


def _runs(reading: StackReading, text: str) -> bool:
    """A stack that was complete, is not being deleted, and has not failed for good, has this text."""
    if not isinstance(reading, LiveTemplate) or not reading.status.startswith(("CREATE_COMPLETE", "UPDATE_")):
        return False
    return reading.template == text and not reading.status.endswith("_FAILED")


# --- where the world stands when the apply begins ---------------------------------------------------------------------


def empty(_: World) -> None:
    """Nothing is deployed yet."""


def deployed(world: World) -> None:
    """An earlier revision runs: the apply changes, replaces, adds and removes resources."""
    world.apply(BEFORE)


def lagging(world: World) -> None:
    """As deployed, and CloudFormation's descriptions are three reads behind."""
    world.apply(BEFORE)
    world.stacks.stale_reads = 3


def failed_creation(world: World) -> None:
    """The first deployment failed in network: ROLLBACK_COMPLETE."""
    world.stacks.failing = {"Vpc": "no"}
    with pytest.raises(WaveFailed):
        world.apply(BEFORE)
    world.stacks.failing = {}


def failed_update(world: World) -> None:
    """An update of storage failed and was rolled back: UPDATE_ROLLBACK_COMPLETE."""
    world.apply(BEFORE)
    world.stacks.failing = {"Videos": "no"}
    with pytest.raises(WaveFailed):
        world.apply(AFTER)
    world.stacks.failing = {}


def stuck_rollback(world: World) -> None:
    """And the rollback failed, too: UPDATE_ROLLBACK_FAILED, from a cause that has passed."""
    world.apply(BEFORE)
    world.stacks.failing, world.stacks.not_rolling_back = {"Queue": "no"}, {"Videos"}
    files = {**AFTER, "stacks/storage.yaml": AFTER["stacks/storage.yaml"].replace("Queue: {Type: T", "Queue: {Type: U")}
    with pytest.raises(WaveFailed):
        world.apply(files)
    assert world.stacks.held["ecg-dev-storage"].status == "UPDATE_ROLLBACK_FAILED"
    world.stacks.failing, world.stacks.not_rolling_back = {}, set()


def without_rollback(world: World) -> None:
    """Someone deployed by hand with rollback off: CREATE_FAILED and UPDATE_FAILED."""
    world.apply(BEFORE)
    storage = world.stacks.held["ecg-dev-storage"]
    storage.before = dict(storage.things)
    world.stacks.strand("ecg-dev-storage", "UPDATE_FAILED")
    world.stacks.held.pop("ecg-dev-api")
    world.stacks.strand("ecg-dev-api", "CREATE_FAILED", tags=TAGS)


def half_deleted_shell(world: World) -> None:
    """Deleting what a failed creation left has failed: DELETE_FAILED, from a cause that has passed."""
    failed_creation(world)
    world.stacks.undeletable = {"Vpc"}
    held = world.stacks.held["ecg-dev-network"]
    held.things["Vpc"] = Thing("T", {}, "vpc")
    held.operation = world.stacks._deleting(held, "")
    world.stacks.finish()
    assert held.status == "DELETE_FAILED"
    world.stacks.undeletable = set()


def someone_at_work(world: World) -> None:
    """Someone else's update runs, a shell waits for its change set, and change sets of a killed apply lie about."""
    world.apply(BEFORE)
    stacks = world.stacks
    network = stacks.held["ecg-dev-network"]
    stacks.change_sets |= _leftover(stacks, "ecg-dev-storage")
    stacks.held.pop("ecg-dev-api")
    stacks.change_sets |= _leftover(stacks, "ecg-dev-api")
    stacks.strand("ecg-dev-network", "UPDATE_IN_PROGRESS")
    stacks.start("ecg-dev-network", _their_update(stacks, network))


def reverted(world: World) -> None:
    """Git wants what runs already, and an apply that wanted something else was killed between its two calls."""
    world.apply(AFTER)
    stacks = world.stacks
    request = StackRequest("ecg-dev-storage", BEFORE["stacks/storage.yaml"], {}, TAGS)
    stacks.create_change_set(request, ChangeSetKind.UPDATE)


def _leftover(stacks: InMemoryStacks, name: str) -> dict:
    kind = "UPDATE" if name in stacks.held else "CREATE"
    template = AFTER[f"stacks/{name.removeprefix('ecg-dev-')}.yaml"]
    found = stacks.create_change_set(StackRequest(name, template, {}, TAGS), ChangeSetKind(kind))
    return {found.id: stacks.change_sets[found.id]}


def _their_update(stacks: InMemoryStacks, held: Held) -> Iterator[None]:
    for _ in range(4):
        yield
    stacks.strand(held.live.name, "UPDATE_COMPLETE")


SCENES: tuple[Callable[[World], None], ...] = (
    empty,
    deployed,
    lagging,
    failed_creation,
    failed_update,
    stuck_rollback,
    without_rollback,
    half_deleted_shell,
    someone_at_work,
    reverted,
)


@dataclass
class Tally:
    injected: int = 0
    converged: int = 0
    manual: int = 0
    agreed: int = 0
    """How often `status` and `plan --live` were asked and said the same, which was so."""


def set_up(scene: Callable[[World], None]) -> World:
    world = World()
    scene(world)
    return world


def inject(scene: Callable[[World], None], fault: Fault, stride: int, tally: Tally) -> list[str]:
    """The fault at every `stride`th call; what was wrong after the next apply."""
    wrong, at = [], 1
    while True:
        world = set_up(scene)
        boundary = Boundary(fault, at)
        with suppress(EcgError, Killed):
            world.apply(AFTER, boundary, who="the victim")
        if not boundary.fired:
            return wrong
        tally.injected += 1
        found = world.disagreements(AFTER)
        # CloudFormation goes on by itself, sometimes to the end and sometimes not, before anyone applies again.
        if at % 2:
            world.stacks.finish()
        found += world.disagreements(AFTER)
        try:
            world.apply(AFTER, who="the next one")
            found += world.wrong(AFTER) + world.disagreements(AFTER, converged=True)
        except EcgError as error:
            found.append(f"the next apply failed: {error}")
        if found:
            tally.manual += 1
            wrong += [f"{scene.__name__}, {fault.value}, call {at} ({boundary.fired}): {one}" for one in found]
        else:
            tally.converged += 1
            tally.agreed += 3
        at += stride


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_one_apply_converges_from_every_state_in_which_a_world_may_be_left(scene: Callable[[World], None]) -> None:
    world = set_up(scene)
    assert world.disagreements(AFTER) == []
    world.apply(AFTER)
    assert world.wrong(AFTER) == []
    assert world.disagreements(AFTER, converged=True) == []


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_after_a_fault_at_some_calls_the_next_apply_converges(scene: Callable[[World], None], fault: Fault) -> None:
    tally = Tally()
    assert inject(scene, fault, 7, tally) == []
    assert tally.injected >= 3


@pytest.mark.faults
def test_after_each_fault_at_every_call_the_next_apply_converges(faults: FaultTable) -> None:
    """From every scene."""
    wrong: list[str] = []
    for fault in Fault:
        tally = Tally()
        for scene in SCENES:
            wrong += inject(scene, fault, 1, tally)
        faults.add(f"at every call: {fault.value}", tally.injected, tally.converged, tally.agreed)
    assert wrong == []


def race(seed: int, leased: bool) -> Counter[str]:
    """Two applies in one world, call by call; how each of them ended."""
    world = set_up(deployed)
    turns = Turns(["one", "two"], seed)
    ends: Counter[str] = Counter()

    def go(name: str) -> None:
        try:
            world._apply(AFTER, lambda port: turns.around(name, port), name, leased)
            ends["done"] += 1
        except EcgError as error:
            causes = error.errors.values() if isinstance(error, WaveFailed) else [error]
            ends.update({type(cause).__name__ for cause in causes})
        finally:
            turns.leave(name)

    threads = [Thread(target=go, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    world.apply(AFTER)
    assert world.wrong(AFTER) == [], seed
    return ends


def races(seeds: range) -> None:
    for seed in seeds:
        with_lease = race(seed, leased=True)
        assert with_lease.keys() <= {"done", LeaseHeld.__name__, LeaseLost.__name__}, (seed, with_lease)
        assert with_lease["done"] >= 1, seed
        race(seed, leased=False)


def test_of_two_racing_applies_one_gets_through_and_the_other_is_told_or_waits() -> None:
    races(range(8))


@pytest.mark.faults
def test_two_applies_race_in_200_orders(faults: FaultTable) -> None:
    races(range(8, 208))
    faults.add("two applies at once, with the lease and without", 400, 400)


@pytest.mark.fault
@pytest.mark.parametrize("logical_id", ["Vpc", "Videos", "Service"])
@pytest.mark.parametrize("scene", [empty, deployed], ids=lambda scene: scene.__name__)
def test_a_resource_that_fails_leaves_a_world_from_which_the_mended_template_deploys(
    scene: Callable[[World], None], logical_id: str, faults: FaultTable
) -> None:
    world = set_up(scene)
    world.stacks.failing = {logical_id: "the account's limit is reached"}
    with pytest.raises(WaveFailed, match="the account's limit is reached"):
        world.apply(AFTER)
    with pytest.raises(WaveFailed):
        world.apply(AFTER)
    world.stacks.failing = {}
    world.apply(AFTER)
    assert world.wrong(AFTER) == []
    faults.add("a resource that cannot be created or updated")
