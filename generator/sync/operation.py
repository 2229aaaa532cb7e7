"""One stack, brought to where Git wants it: ready -> prepared -> executed.

Every call may fail after it has worked, and every description may be seconds old. So what was started is followed by
the events that carry its token, and only what they do not tell is asked of the stack.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from generator.model.manifest import StackManifest
from generator.sync.errors import (
    CallRefused,
    Overtaken,
    RollbackStuck,
    ShellKept,
    StackFailed,
    StackNotReady,
    SurpriseInChangeSet,
)
from generator.sync.ports import ChangeSet, ChangeSetKind, LiveStack, StackEvent, StackRequest
from generator.sync.progress import Action, Repair, ResourceMoved, StackRepaired, StackStarted
from generator.sync.run import Outputs, Run
from generator.sync.states import Step, never_complete, next_step, ours, retained, steady, stuck
from generator.sync.verify import surprises

STALE_SECONDS = 20.0
"""How long a description may lag behind what was started; seconds are usual."""
ROUNDS = 4
"""How often a stack is begun anew because someone else was faster, and a call repeated that may have happened."""


@dataclass(frozen=True)
class Prepared:
    """A stack whose change set was computed and judged; without one where nothing has to change."""

    stack: StackManifest
    request: StackRequest
    outputs: dict[str, str]
    """As they are before; only an execution changes them."""
    change_set: ChangeSet | None = None


class StackOperation:
    """Everything that apply does about one stack."""

    def __init__(self, run: Run, stack: StackManifest) -> None:
        self._run, self._stack = run, stack
        self._stacks = run.target.stacks
        self._name = run.manifest.stack_id(stack.name)

    def prepare(self, outputs: Outputs) -> Prepared:
        """Repair what has to be, and compute the change set. Raises ApplyFailed, CallRefused."""
        run = self._run
        request = run.request(self._stack, outputs)
        seen = run.snapshot.stacks[self._stack.name]
        for leftover in seen.leftovers:
            run.guard()
            self._stacks.discard(self._name, leftover)
            self._repaired(Repair.DISCARDED, "")
        if seen.live is not None and seen.is_already(request):
            return Prepared(self._stack, request, dict(seen.live.outputs))
        return self._compute(request)

    def prepare_revert(self) -> Prepared:
        """Compute the change set that brings the stack's resources back to the template that it runs with.

        Raises ApplyFailed, CallRefused.
        """
        seen = self._run.snapshot.stacks[self._stack.name]
        if seen.live is None or not steady(seen.live):
            raise StackNotReady(
                seen.live or LiveStack(self._name, "", "DELETE_COMPLETE"), "apply first: ecgctl apply brings it there"
            )
        tags = self._run.tags
        return self._compute(StackRequest(self._name, seen.template, seen.live.parameters, tags, reverting=True))

    def execute(self, prepared: Prepared) -> tuple[Action, dict[str, str]]:
        """Execute what was prepared, follow it, and protect what came of it. Raises ApplyFailed, CallRefused."""
        done = self._carry_out(prepared)
        if self._stack.protected:
            live = self._stacks.describe(self._name)
            if live is not None and not live.protected:
                self._run.guard()
                self._stacks.protect(live)
        return done

    def _carry_out(self, prepared: Prepared) -> tuple[Action, dict[str, str]]:
        for _ in range(ROUNDS):
            change_set = prepared.change_set
            if change_set is None:
                return Action.UNCHANGED, prepared.outputs
            name, expected = self._stack.name, self._run.options.expected.get(self._stack.name)
            self._run.report(StackStarted(name, len(change_set.changes), expected))
            try:
                live = self._execute(change_set)
            except Overtaken as error:
                refusal = error
                self._repaired(Repair.OVERTAKEN, "")
                self._sweep()
                prepared = self._compute(prepared.request)
                continue
            action = Action.CREATED if change_set.kind is ChangeSetKind.CREATE else Action.UPDATED
            return action, dict(live.outputs)
        raise refusal

    def abandon(self, prepared: Prepared) -> None:
        """Delete a change set that will not be executed; where that fails, the next apply does."""
        if prepared.change_set is not None:
            with suppress(CallRefused):
                self._stacks.discard(self._name, prepared.change_set.id)

    def _compute(self, request: StackRequest) -> Prepared:
        for attempt in range(ROUNDS):
            live = self._ready()
            kind = ChangeSetKind.UPDATE if live else ChangeSetKind.CREATE
            try:
                change_set = self._stacks.create_change_set(request, kind)
            except CallRefused:
                self._sweep()
                # Refused because the description was old: the stack is not where it seemed to be.
                if attempt + 1 < ROUNDS and self._moved(live):
                    continue
                raise
            break
        if change_set.empty:
            self._stacks.discard(self._name, change_set.id)
            return Prepared(self._stack, request, dict(live.outputs) if live else {})
        if self._run.options.expectations is not None:
            found = surprises(self._stack.name, change_set, self._run.options.expectations)
            if found:
                self._stacks.discard(self._name, change_set.id)
                raise SurpriseInChangeSet(self._stack.name, found)
        return Prepared(self._stack, request, dict(live.outputs) if live else {}, change_set)

    def _ready(self) -> LiveStack | None:
        """The stack, once a change set can start from its state; None where it has to be created."""
        done: set[Step] = set()
        while True:
            live = self._settled()
            step = next_step(live)
            if live is None or step is Step.CREATE:
                return None
            if step is Step.UPDATE:
                return live
            self._repair(live, step, done)

    def _repair(self, live: LiveStack, step: Step, done: set[Step]) -> None:
        """One step out of a bad state, each at most once in an apply."""
        stacks = self._stacks
        match step:
            case Step.DELETE_SHELL | Step.RETRY_DELETE:
                self._may_delete(live, step, step in done)
                self._repaired(Repair.SHELL_DELETED, live.status)
                self._act(live, lambda token: stacks.delete(live, token))
            case Step.CONTINUE_ROLLBACK:
                in_the_way = stuck(stacks.resources(live))
                if step in done:
                    raise RollbackStuck(live, self._stack.name, in_the_way)
                allowed = self._run.options.skip.get(self._stack.name, ())
                skip = [one.logical_id for one in in_the_way if one.logical_id in allowed]
                self._repaired(Repair.CONTINUED, live.status)
                self._act(live, lambda token: stacks.continue_rollback(live, token, skip))
            case Step.ROLL_BACK if step not in done:
                self._repaired(Repair.ROLLED_BACK, live.status)
                self._act(live, lambda token: stacks.roll_back(live, token))
            case _:
                raise StackNotReady(live)
        done.add(step)

    def _may_delete(self, live: LiveStack, step: Step, again: bool) -> None:
        """Raise ShellKept unless the shell is ours, never was complete, and leaves nothing behind."""
        resources = self._stacks.resources(live)
        if not ours(live, self._run.tags):
            raise ShellKept(live, "it does not bear the tags of this environment")
        if left := retained(resources):
            raise ShellKept(live, "deleting it leaves these without an owner", left)
        if step is Step.RETRY_DELETE and not never_complete(self._stacks.history(live)):
            raise ShellKept(live, "it was complete once, and someone has begun to delete it", resources)
        if again:
            raise ShellKept(live, "deleting it failed", [one for one in resources if one.status == "DELETE_FAILED"])

    def _act(self, live: LiveStack, call: Callable[[str], None]) -> None:
        """Start an operation that leads out of a state, and wait for its end. What it answers does not count where an
        answer may have been lost: the state tells."""
        self._run.guard()
        token = self._run.token(f"{live.id} {uuid4().hex}")
        try:
            call(token)
        except CallRefused as error:
            if not error.uncertain:
                raise
        self._until(
            lambda now: (
                now is None
                or (now.id, now.status) != (live.id, live.status)
                or any(event.ends(self._name) for event in self._stacks.events(self._name, token))
            )
        )
        self._settled()

    def _execute(self, change_set: ChangeSet) -> LiveStack:
        events = self._started(change_set)
        end = next((event.status for event in reversed(events) if event.ends(self._name)), None)
        # The events say how it ended; outputs are only told by a description that is as new.
        live = self._until(
            lambda now: (
                now is not None
                and not now.in_progress
                and end in (None, now.status)
                and now.change_set in ("", change_set.id)
            )
        )
        if live is None or live.failed:
            last = live or LiveStack(self._name, "", "DELETE_COMPLETE")
            raise StackFailed(last, [event for event in events if event.failed])
        return live

    def _started(self, change_set: ChangeSet) -> Sequence[StackEvent]:
        """Start a change set and follow it to its end by its events. Raises Overtaken where it never began."""
        token = self._run.token(f"execute {change_set.id}")
        for attempt in range(ROUNDS):
            self._run.guard()
            refusal: CallRefused | None = None
            try:
                self._stacks.execute(change_set, token)
            except CallRefused as error:
                if not (error.uncertain or isinstance(error, Overtaken)):
                    raise
                refusal = error
            events = self._follow(token)
            if events:
                return events
            # Nothing came of it. An answer that was lost is asked for again; the token makes that harmless.
            if refusal is not None and (isinstance(refusal, Overtaken) or attempt + 1 == ROUNDS):
                raise refusal
        raise Overtaken(f"stack {self._name}: its change set was accepted and never began\n  next: apply again")

    def _follow(self, token: str) -> Sequence[StackEvent]:
        """Report the operation's events as they come; all of them once it is over, none if it never began."""
        clock = self._run.target.clock
        seen: set[str] = set()
        quiet_since = clock.monotonic()
        with self._run.watching(self._stack.name) as pause:
            while True:
                events = self._stacks.events(self._name, token)
                for event in events:
                    if event.id not in seen:
                        seen.add(event.id)
                        quiet_since = clock.monotonic()
                        self._run.report(ResourceMoved(self._stack.name, event))
                if any(event.ends(self._name) for event in events):
                    return events
                if clock.monotonic() - quiet_since > STALE_SECONDS:
                    live = self._stacks.describe(self._name)
                    if live is None or not live.in_progress:
                        return events
                    quiet_since = clock.monotonic()
                pause()

    def _settled(self) -> LiveStack | None:
        """Wait until no operation runs on the stack, whoever started it."""
        told = False
        with self._run.watching(self._stack.name) as pause:
            while (live := self._stacks.describe(self._name)) is not None and next_step(live) is Step.WAIT:
                if not told:
                    self._repaired(Repair.ADOPTED, live.status)
                    told = True
                pause()
        return live

    def _until(self, holds: Callable[[LiveStack | None], bool]) -> LiveStack | None:
        """The stack as soon as `holds`; as it is described where that lasts longer than a description may lag."""
        clock = self._run.target.clock
        since = clock.monotonic()
        with self._run.watching(self._stack.name) as pause:
            while not holds(live := self._stacks.describe(self._name)):
                running = live is not None and live.in_progress
                if not running and clock.monotonic() - since > STALE_SECONDS:
                    break
                pause()
        return live

    def _moved(self, before: LiveStack | None) -> bool:
        """A stack that was only created by the attempt itself, as a shell, has not moved."""
        now = self._stacks.describe(self._name)
        if now is None or next_step(now) is Step.CREATE:
            return before is not None
        return before is None or (now.id, now.status) != (before.id, before.status)

    def _sweep(self) -> None:
        """Delete what a computation that was cut off may have left; where that fails, the next apply does."""
        with suppress(CallRefused):
            live = self._stacks.describe(self._name)
            for leftover in self._stacks.leftovers(live) if live else ():
                self._stacks.discard(self._name, leftover)

    def _repaired(self, repair: Repair, status: str) -> None:
        self._run.report(StackRepaired(self._stack.name, repair, status))
