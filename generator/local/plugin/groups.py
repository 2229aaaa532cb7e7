"""What an Auto Scaling group does next: pure, from the group, its boxes and the time.

    launched -> Pending:Wait --ready--> InService
                     | abandoned            | unhealthy, one too many, outdated
                     v                      v
                Terminating (no new request; what is under way ends) -> Terminating:Wait --drained--> gone

A box that EC2 no longer runs is forgotten at once, and another one launched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor


class Stage(StrEnum):
    """`LifecycleState`, as Auto Scaling spells it."""

    PENDING = "Pending:Wait"
    IN_SERVICE = "InService"
    LEAVING = "Terminating"
    DRAINING = "Terminating:Wait"


@dataclass(frozen=True)
class Hook:
    """A lifecycle hook: what happens to a box that does not complete it within `timeout_s`."""

    timeout_s: float
    default: str


@dataclass(frozen=True)
class Group:
    """The group's settings; percentages are of `desired`."""

    desired: int
    subnets: tuple[str, ...]
    ready: Hook | None
    drained: Hook | None
    grace_s: float
    drain_s: float
    refreshing: bool = False
    healthy_percent: float = 90
    most_percent: float = 100


@dataclass(frozen=True)
class Box:
    """One instance of the group."""

    name: str
    stage: Stage
    since_s: float
    """For how long it has been in its stage."""
    subnet: str
    running: bool = True
    failing: bool = False
    """Its target is unhealthy."""
    current: bool = True
    """It was launched from what the group launches from now."""
    under_way: int = 0
    """Requests that the load balancer has given it."""
    answer: str = ""
    """How the hook that it waits for was completed: CONTINUE, ABANDON, or not yet."""


@dataclass(frozen=True)
class Launch:
    """Start a box in a subnet."""

    subnet: str


@dataclass(frozen=True)
class Enter:
    """Bring a box to its next stage."""

    box: str
    stage: Stage


@dataclass(frozen=True)
class Forget:
    """Terminate a box, if it still runs; it is no longer the group's."""

    box: str


Step = Launch | Enter | Forget


def steps(group: Group, boxes: Sequence[Box]) -> list[Step]:
    """What to do now; `boxes` with the oldest first."""
    taken = {box.name: step for box in boxes if (step := _own(group, box))}
    staying = [
        box
        for box in boxes
        if box.stage in (Stage.PENDING, Stage.IN_SERVICE)
        and (box.name not in taken or taken[box.name] == Enter(box.name, Stage.IN_SERVICE))
    ]
    outdated = [box for box in staying if not box.current] if group.refreshing else []
    wanted = group.desired
    if outdated:
        wanted = max(wanted, min(_most(group), wanted + len(outdated)))
    leaving = [*_surplus(staying, len(staying) - wanted), *_replaced(group, staying, outdated)]
    return [
        *taken.values(),
        *(Enter(name, Stage.LEAVING) for name in dict.fromkeys(leaving) if name not in taken),
        *_launches(group, staying, wanted - len(staying)),
    ]


def refreshed(group: Group, boxes: Sequence[Box]) -> bool:
    """Whether every box is a new one and all that are wanted serve."""
    serving = sum(box.stage is Stage.IN_SERVICE for box in boxes)
    return all(box.current for box in boxes) and serving >= group.desired


def _own(group: Group, box: Box) -> Step | None:
    """What becomes of a box for reasons of its own."""
    if not box.running:
        return Forget(box.name)
    match box.stage:
        case Stage.PENDING:
            verdict = _verdict(box, group.ready)
            if verdict:
                return Enter(box.name, Stage.IN_SERVICE if verdict == "CONTINUE" else Stage.LEAVING)
        case Stage.IN_SERVICE:
            if box.failing and box.since_s > group.grace_s:
                return Enter(box.name, Stage.LEAVING)
        case Stage.LEAVING:
            if box.under_way == 0 or box.since_s >= group.drain_s:
                return Enter(box.name, Stage.DRAINING) if group.drained else Forget(box.name)
        case Stage.DRAINING:
            if _verdict(box, group.drained):
                return Forget(box.name)
    return None


def _verdict(box: Box, hook: Hook | None) -> str:
    """How the wait for a hook has ended; empty while it has not."""
    if hook is None:
        return "CONTINUE"
    return box.answer or (hook.default if box.since_s >= hook.timeout_s else "")


def _most(group: Group) -> int:
    return floor(group.desired * group.most_percent / 100)


def _surplus(staying: Sequence[Box], number: int) -> Iterator[str]:
    """The boxes to let go, so that the zones stay even: what does not serve yet first, then outdated and old ones."""
    left = list(staying)
    for _ in range(number):
        crowd = Counter(box.subnet for box in left)
        # min() takes the oldest of equals.
        going = min(left, key=lambda box: (box.stage is Stage.IN_SERVICE, -crowd[box.subnet], box.current))
        left.remove(going)
        yield going.name


def _replaced(group: Group, staying: Sequence[Box], outdated: Sequence[Box]) -> Iterator[str]:
    """The outdated boxes that may go now, in a refresh: so many as can be spared, and all that do not serve yet."""
    serving = sum(box.stage is Stage.IN_SERVICE for box in staying)
    spare = serving - ceil(group.desired * group.healthy_percent / 100)
    if _most(group) <= group.desired <= serving:
        spare = max(spare, 1)  # no room for a new one first: one at a time all the same, as on AWS
    for box in outdated:
        if box.stage is Stage.PENDING:
            yield box.name
        elif spare > 0:
            spare -= 1
            yield box.name


def _launches(group: Group, staying: Sequence[Box], number: int) -> Iterator[Launch]:
    """New boxes, each in the subnet with fewest."""
    crowd = Counter(dict.fromkeys(group.subnets, 0))
    crowd.update(box.subnet for box in staying if box.subnet in crowd)
    for _ in range(number):
        subnet = min(group.subnets, key=lambda one: crowd[one])
        crowd[subnet] += 1
        yield Launch(subnet)
