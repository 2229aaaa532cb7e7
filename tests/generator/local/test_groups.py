"""What the Auto Scaling stand-in decides, without a machine: launching, replacing, draining, refreshing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.local.plugin.groups import Box, Enter, Forget, Group, Hook, Launch, Stage, Step, refreshed, steps

GROUP = Group(
    desired=2,
    subnets=("a", "b", "c"),
    ready=Hook(3600, "ABANDON"),
    drained=Hook(180, "CONTINUE"),
    grace_s=300,
    drain_s=120,
)
ONE = Box("one", Stage.IN_SERVICE, 1000, "a")
TWO = Box("two", Stage.IN_SERVICE, 900, "b")


def test_a_new_group_launches_its_boxes_in_different_zones() -> None:
    assert steps(GROUP, []) == [Launch("a"), Launch("b")]


def test_a_group_that_has_its_boxes_does_nothing() -> None:
    assert steps(GROUP, [ONE, TWO]) == []


def test_a_box_that_is_on_its_way_counts() -> None:
    assert steps(GROUP, [ONE, replace(TWO, stage=Stage.PENDING)]) == []


@pytest.mark.parametrize(
    ("answer", "since_s", "expected"),
    [
        ("", 3599, []),
        ("CONTINUE", 5, [Enter("two", Stage.IN_SERVICE)]),
        ("ABANDON", 5, [Enter("two", Stage.LEAVING), Launch("b")]),
        ("", 3600, [Enter("two", Stage.LEAVING), Launch("b")]),
    ],
)
def test_a_box_serves_once_it_says_so_and_is_given_up_after_an_hour(
    answer: str, since_s: float, expected: list[Step]
) -> None:
    assert steps(GROUP, [ONE, Box("two", Stage.PENDING, since_s, "b", answer=answer)]) == expected


def test_without_hooks_a_box_serves_at_once_and_goes_at_once() -> None:
    group = replace(GROUP, ready=None, drained=None, desired=1)
    assert steps(group, [replace(ONE, stage=Stage.PENDING)]) == [Enter("one", Stage.IN_SERVICE)]
    assert steps(group, [ONE, replace(TWO, stage=Stage.LEAVING)]) == [Forget("two")]


def test_a_box_that_ec2_no_longer_runs_is_replaced_in_its_zone_whatever_its_stage() -> None:
    for stage in (Stage.IN_SERVICE, Stage.PENDING):
        assert steps(GROUP, [replace(ONE, running=False, stage=stage), TWO]) == [Forget("one"), Launch("a")]


def test_a_box_whose_target_fails_is_replaced_after_the_grace_period() -> None:
    assert steps(GROUP, [replace(ONE, failing=True, since_s=300), TWO]) == []
    assert steps(GROUP, [replace(ONE, failing=True, since_s=301), TWO]) == [Enter("one", Stage.LEAVING), Launch("a")]


def test_one_too_many_leaves_where_most_are_and_the_oldest_of_these() -> None:
    crowded = replace(TWO, name="three", subnet="a")
    assert steps(GROUP, [ONE, TWO, crowded]) == [Enter("one", Stage.LEAVING)]


def test_what_is_under_way_ends_before_the_box_is_asked_to_drain() -> None:
    leaving = replace(TWO, stage=Stage.LEAVING, since_s=119, under_way=1)
    group = replace(GROUP, desired=1)
    assert steps(group, [ONE, leaving]) == []
    assert steps(group, [ONE, replace(leaving, under_way=0)]) == [Enter("two", Stage.DRAINING)]
    assert steps(group, [ONE, replace(leaving, since_s=120)]) == [Enter("two", Stage.DRAINING)]


def test_a_box_is_terminated_once_it_has_drained_or_the_hook_has_run_out() -> None:
    draining = replace(TWO, stage=Stage.DRAINING, since_s=179)
    group = replace(GROUP, desired=1)
    assert steps(group, [ONE, draining]) == []
    assert steps(group, [ONE, replace(draining, answer="CONTINUE")]) == [Forget("two")]
    assert steps(group, [ONE, replace(draining, since_s=180)]) == [Forget("two")]


def test_a_box_on_its_way_out_is_replaced_without_waiting_for_its_end() -> None:
    assert steps(GROUP, [replace(ONE, stage=Stage.DRAINING, since_s=1), TWO]) == [Launch("a")]


class Refresh:
    """A refresh played out: every step takes effect at once, a new box is ready in the next turn."""

    def __init__(self, group: Group, boxes: list[Box]) -> None:
        self.group, self.boxes = group, boxes
        self.fewest, self.most = len(boxes), len(boxes)

    def turn(self) -> None:
        for step in steps(self.group, self.boxes):
            match step:
                case Launch(subnet):
                    name = f"new-{len(self.boxes)}-{subnet}"
                    self.boxes.append(Box(name, Stage.PENDING, 0, subnet, answer="CONTINUE"))
                case Enter(name, stage):
                    self.boxes = [
                        replace(box, stage=stage, answer="CONTINUE" if stage is Stage.DRAINING else "")
                        if box.name == name
                        else box
                        for box in self.boxes
                    ]
                case Forget(name):
                    self.boxes = [box for box in self.boxes if box.name != name]
        self.fewest = min(self.fewest, sum(box.stage is Stage.IN_SERVICE for box in self.boxes))
        self.most = max(self.most, sum(box.stage in (Stage.PENDING, Stage.IN_SERVICE) for box in self.boxes))

    def run(self) -> None:
        for _ in range(100):
            if refreshed(self.group, self.boxes):
                return
            self.turn()
        raise AssertionError(f"never refreshed: {self.boxes}")


@pytest.mark.parametrize(
    ("number", "healthy", "most", "fewest", "at_most"),
    [
        (2, 100, 150, 2, 3),  # a new one first
        (2, 90, 100, 1, 2),  # no room for a new one first: one at a time
        (10, 90, 100, 9, 10),
        (10, 50, 100, 5, 10),
        (1, 100, 200, 1, 2),
    ],
)
def test_a_refresh_replaces_every_box_between_its_two_percentages(
    number: int, healthy: float, most: float, fewest: int, at_most: int
) -> None:
    group = replace(GROUP, desired=number, refreshing=True, healthy_percent=healthy, most_percent=most)
    old = [replace(ONE, name=f"old-{count}", subnet="abc"[count % 3], current=False) for count in range(number)]
    refresh = Refresh(group, old)
    refresh.run()
    assert (refresh.fewest, refresh.most) == (fewest, at_most)
    assert len([box for box in refresh.boxes if box.stage is Stage.IN_SERVICE]) == number


def test_outdated_boxes_stay_where_no_refresh_is_under_way() -> None:
    assert steps(GROUP, [replace(ONE, current=False), TWO]) == []
