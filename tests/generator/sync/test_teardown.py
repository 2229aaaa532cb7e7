"""Taking an environment down: the order, side by side, what holds a stack, and starting again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from generator.deployment import committed
from generator.model.manifest import Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.sync.ports import LiveStack, StackEvent
from generator.sync.teardown import (
    StackGoing,
    StackGone,
    StackStays,
    TeardownFact,
    TeardownFailed,
    stages,
    tear_down,
)
from tests.generator.sync.worlds import FakeClock


def manifest(**needs: Sequence[str]) -> Manifest:
    """Stacks by name, each wired from the ones that it needs."""
    stacks = tuple(
        StackManifest(name, 0, f"stacks/{name}.yaml", "0", {f"From{need}": Wire(need, "X") for need in wired})
        for name, wired in needs.items()
    )
    return Manifest("dev", "p", "us-east-1", "1", stacks, (), ServeManifest("serve.yaml", "0"))


@dataclass
class InMemoryRemoval:
    """Stacks that go within one poll, but for those that something holds."""

    live: dict[str, LiveStack]
    held: Mapping[str, str] = field(default_factory=dict)
    """Stacks that cannot be deleted, with the reason."""
    stale_reads: int = 0
    deleted: list[str] = field(default_factory=list)
    _after: dict[str, tuple[LiveStack | None, int]] = field(default_factory=dict)

    def describe(self, name: str) -> LiveStack | None:
        if name in self._after:
            after, polls = self._after.pop(name)
            if polls:
                self._after[name] = (after, polls - 1)
            elif after is None:
                del self.live[name]
            else:
                self.live[name] = after
        return self.live.get(name)

    def delete(self, stack: LiveStack, token: str) -> None:
        self.deleted.append(stack.name)
        failed = LiveStack(stack.name, stack.id, "DELETE_FAILED", "The following resource(s) failed to delete: [B]")
        if not self.stale_reads:
            self.live[stack.name] = LiveStack(stack.name, stack.id, "DELETE_IN_PROGRESS")
        self._after[stack.name] = (failed if stack.name in self.held else None, self.stale_reads or 1)

    def failures(self, stack: LiveStack) -> Sequence[StackEvent]:
        time = datetime(2026, 11, 23, tzinfo=UTC)
        return [StackEvent("1", time, "B", "AWS::S3::Bucket", "DELETE_FAILED", self.held[stack.name])]


def world(*names: str, status: str = "CREATE_COMPLETE", **options: object) -> InMemoryRemoval:
    return InMemoryRemoval({f"p-{name}": LiveStack(f"p-{name}", name, status) for name in names}, **options)  # type: ignore[arg-type]


def run(removal: InMemoryRemoval, *order: Sequence[str]) -> tuple[tuple[str, ...], list[TeardownFact]]:
    facts: list[TeardownFact] = []
    return tear_down(order, "p-{}".format, removal, FakeClock(), facts.append), facts


def test_a_stack_goes_after_all_that_use_it() -> None:
    wanted = manifest(network=(), security=("network",), api=("security", "network"))
    assert stages(wanted) == (("api",), ("security",), ("network",))


def test_a_stack_that_nobody_uses_goes_at_once_however_late_it_came() -> None:
    """Reversed waves alone would make `logs` wait for `api`."""
    wanted = manifest(network=(), logs=(), api=("network",), alarms=("api",))
    assert stages(wanted)[0] == ("logs", "alarms")


def test_a_stack_that_the_manifest_no_longer_names_goes_first() -> None:
    assert stages(manifest(network=()), ["old"]) == (("old",), ("network",))


def test_dev_goes_in_an_order_that_never_takes_what_another_still_uses(pytestconfig: pytest.Config) -> None:
    wanted = committed(pytestconfig.rootpath, "dev").manifest
    order = [set(stage) for stage in stages(wanted)]
    position = {name: number for number, stage in enumerate(order) for name in stage}
    for stack in wanted.stacks:
        assert all(position[stack.name] < position[need] for need in stack.needs)
    assert set(position) == {stack.name for stack in wanted.stacks}


def test_everything_that_lives_is_deleted() -> None:
    removal = world("api", "network")
    assert run(removal, ["api"], ["network"])[0] == ("api", "network")
    assert removal.live == {}


def test_a_second_run_deletes_nothing_and_says_so() -> None:
    deleted, facts = run(world(), ["api"], ["network"])
    assert deleted == ()
    assert facts == [StackGone("api", 0.0), StackGone("network", 0.0)]


def test_a_held_stack_stops_what_comes_after_and_names_resource_and_reason() -> None:
    removal = world("api", "data", "network", held={"p-data": "deletion protection is on"})
    with pytest.raises(TeardownFailed) as caught:
        run(removal, ["api", "data"], ["network"])
    assert "B (AWS::S3::Bucket): deletion protection is on" in str(caught.value)
    assert caught.value.untouched == ("network",)
    assert set(removal.live) == {"p-data", "p-network"}, "the neighbour in the same stage is gone, the next is not"


def test_a_stack_that_failed_to_delete_before_is_tried_again() -> None:
    removal = world("data", status="DELETE_FAILED")
    assert run(removal, ["data"])[0] == ("data",)


def test_reads_from_before_the_deletion_are_not_taken_for_its_end() -> None:
    removal = world("data", stale_reads=3)
    deleted, facts = run(removal, ["data"])
    assert deleted == ("data",)
    assert [type(fact) for fact in facts] == [StackGoing, StackGone]


def test_an_operation_that_runs_already_is_waited_for() -> None:
    removal = world("data", status="UPDATE_IN_PROGRESS")
    removal._after["p-data"] = (LiveStack("p-data", "data", "UPDATE_COMPLETE"), 2)
    assert run(removal, ["data"])[0] == ("data",)
    assert removal.deleted == ["p-data"]


def test_a_deletion_that_somebody_else_began_is_adopted() -> None:
    removal = world("data", status="DELETE_IN_PROGRESS")
    removal._after["p-data"] = (None, 2)
    assert run(removal, ["data"])[0] == ()
    assert removal.deleted == []


def test_a_stack_that_stays_is_reported_with_its_state() -> None:
    facts: list[TeardownFact] = []
    with pytest.raises(TeardownFailed):
        tear_down([["data"]], "p-{}".format, world("data", held={"p-data": "held"}), FakeClock(), facts.append)
    assert StackStays("data", "DELETE_FAILED") in facts
