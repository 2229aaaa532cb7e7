"""Take an environment down: the reverse of applying it.

A stack goes once every stack that is wired from it is gone, and stacks that do not wait for each other go side by
side. What CloudFormation keeps (`DeletionPolicy: Retain`) stays; the caller lists it afterwards. Stacks that are gone
already are passed over, so a second run goes on where the first one stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from generator.errors import EcgError
from generator.model.manifest import Manifest
from generator.model.wiring import waves
from generator.sync.errors import ApplyFailed
from generator.sync.ports import Clock, LiveStack, StackEvent

POLL_SECONDS = 1.0
SIDE_BY_SIDE = 6


class Removal(Protocol):
    """CloudFormation, as far as deleting needs it. Every method may raise AwsRefused."""

    def describe(self, name: str) -> LiveStack | None:
        """The stack, or None where there is none."""

    def delete(self, stack: LiveStack, token: str) -> None:
        """Start deleting a stack; what its template retains stays. `token` makes a repeated call harmless."""

    def failures(self, stack: LiveStack) -> Sequence[StackEvent]:
        """Resources that the last operation on a stack could not delete, with AWS's reasons."""


@dataclass(frozen=True)
class StackGoing:
    """A stack is being deleted."""

    stack: str


@dataclass(frozen=True)
class StackGone:
    """A stack is gone; `seconds` is 0 where it was gone before."""

    stack: str
    seconds: float


@dataclass(frozen=True)
class StackStays:
    """A stack could not be deleted."""

    stack: str
    status: str


TeardownFact = StackGoing | StackGone | StackStays


class StackNotDeleted(ApplyFailed):
    """CloudFormation could not delete a stack."""

    def __init__(self, stack: LiveStack, failures: Sequence[StackEvent]) -> None:
        self.stack, self.failures = stack, tuple(failures)
        causes = [f"  {event.logical_id} ({event.type}): {event.reason or 'no reason given'}" for event in failures]
        super().__init__(
            "\n".join(
                [
                    f"stack {stack.name} is {stack.status}" + (f": {stack.reason}" if stack.reason else ""),
                    *causes,
                    "  next: remove what holds it (a protection, an attachment, contents), and destroy again",
                ]
            )
        )


class TerminationProtected(ApplyFailed):
    """Stacks that are to go have termination protection, which only somebody lifts by hand; nothing was touched."""

    def __init__(self, stacks: Sequence[LiveStack]) -> None:
        self.stacks = tuple(stacks)
        commands = [
            f"  next: aws cloudformation update-termination-protection --no-enable-termination-protection "
            f"--stack-name {stack.name}"
            for stack in stacks
        ]
        names = ", ".join(stack.name for stack in stacks)
        super().__init__("\n".join([f"termination protection holds {names}; nothing was touched", *commands]))


def require_unprotected(stacks: Sequence[str], removal: Removal) -> None:
    """Pass where each of these live stacks may be deleted, or is gone. Raises TerminationProtected, AwsRefused."""
    live = (removal.describe(name) for name in stacks)
    if held := [stack for stack in live if stack is not None and stack.protected]:
        raise TerminationProtected(held)


class TeardownFailed(ApplyFailed):
    """Stacks that are still there, each with its reason; what they need was not touched."""

    def __init__(self, errors: Mapping[str, EcgError], untouched: Sequence[str]) -> None:
        self.errors, self.untouched = dict(errors), tuple(untouched)
        lines = [str(error) for error in errors.values()]
        if untouched:
            lines.append(f"not touched, because these need them: {', '.join(untouched)}")
        super().__init__("\n".join(lines))


def stages(manifest: Manifest, strangers: Sequence[str] = ()) -> tuple[tuple[str, ...], ...]:
    """Stacks in the order in which they go, those of a stage side by side.

    `strangers` are stacks of the environment that its manifest no longer names: nothing is known of what they use, so
    they go before everything else.
    """
    names = [stack.name for stack in manifest.stacks]
    users = {name: [stack.name for stack in manifest.stacks if name in stack.needs] for name in names}
    number = waves(users)
    known = (tuple(name for name in names if number[name] == each) for each in sorted(set(number.values())))
    return ((tuple(strangers),) if strangers else ()) + tuple(known)


def tear_down(
    order: Sequence[Sequence[str]],
    full_name: Callable[[str], str],
    removal: Removal,
    clock: Clock,
    report: Callable[[TeardownFact], None],
) -> tuple[str, ...]:
    """Delete stacks stage by stage and return those that this run deleted.

    `full_name` is CloudFormation's name of a stack. Raises TeardownFailed after the first stage with a failure; the
    other stacks of that stage are deleted all the same.
    """
    deleted: list[str] = []
    for number, stage in enumerate(order):
        errors: dict[str, EcgError] = {}
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            running = {name: pool.submit(_remove, name, full_name(name), removal, clock, report) for name in stage}
            for name, future in running.items():
                try:
                    if future.result():
                        deleted.append(name)
                except EcgError as error:
                    errors[name] = error
        if errors:
            raise TeardownFailed(errors, [name for later in order[number + 1 :] for name in later])
    return tuple(deleted)


def _remove(name: str, full_name: str, removal: Removal, clock: Clock, report: Callable[[TeardownFact], None]) -> bool:
    started = clock.monotonic()
    live = _settled(full_name, removal, clock)
    if live is None:
        report(StackGone(name, 0.0))
        return False
    report(StackGoing(name))
    # Another token for each state that it is deleted from: a second try is another operation.
    removal.delete(live, f"ecgctl-{sha256(f'{live.id} {live.status} {live.reason}'.encode()).hexdigest()[:32]}")
    left = _settled(full_name, removal, clock, deleting=live)
    if left is not None:
        report(StackStays(name, left.status))
        raise StackNotDeleted(left, removal.failures(left))
    report(StackGone(name, clock.monotonic() - started))
    return True


def _settled(full_name: str, removal: Removal, clock: Clock, deleting: LiveStack | None = None) -> LiveStack | None:
    """The stack once nothing runs on it; None where it is gone.

    Just after a deletion was started a description may still show the state before it, so that state counts as running
    for a while.
    """
    stale = 10 if deleting else 0
    while (live := removal.describe(full_name)) is not None:
        unchanged = deleting is not None and live.status == deleting.status
        if not live.in_progress and not (unchanged and stale):
            return live
        stale -= unchanged and stale > 0
        clock.sleep(POLL_SECONDS)
    return None
