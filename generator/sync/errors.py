"""What can keep an apply from reaching what Git wants.

ApplyFailed
├── StackFailed         a resource failed; CloudFormation rolled the stack back
├── StackNotReady       a stack is in a state from which no change set can start
│   ├── RollbackStuck   its rollback failed, and failed again when continued
│   └── ShellKept       its creation failed, and deleting what is left is not ours to decide
├── SurpriseInChangeSet a change set replaces or deletes what the plan does not
├── NotApproved         the plan is not the one that was approved
├── Undeployable        the plan has what CloudFormation would refuse half-way
├── WaveFailed          one or more stacks failed; no other was begun after that
├── NotWorking          all is deployed and does not work: apply goes back to the last deployment that succeeded
│   ├── GateFailed      a part is not healthy, or not in time (`gates`)
│   └── ProofFailed     the parts are healthy, and the sample was not read through them (`proof`)
├── AddressMismatch     an artifact's source is not what the manifest names
├── ImageVulnerable     an image's scan found what its environment blocks on (scan)
├── ScanFailed          an image should have been scanned, and was not (scan)
├── Suspended           machines keep their hands off (suspension)
├── NotPruned           Git dropped something and does not say that it may go (prune)
├── DataWouldBeLost     a stack that may be removed holds data (prune)
├── TerminationProtected  a stack that is to go cannot be deleted before somebody lifts its protection (teardown)
├── RevertRefused       taking drift back would do more than that (drift/revert)
├── LeaseHeld           another apply is at work
├── LeaseLost           this apply was too slow, and another one has taken over
└── Interrupted         stopped by the user
CallRefused             a call to the outside failed (`generator/aws` says AwsRefused)
└── Overtaken           what the call was about is gone: someone else was faster
Unresolved              deploy-time values that this target cannot supply
MissingOutput           a wire to an output that the live stack does not have
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from generator.errors import EcgError
from generator.sync.ports import LiveStack, ResourceChange, StackEvent, StackResource


class CallRefused(EcgError):
    """A call to the outside failed, retries included."""

    def __init__(self, message: str, *, uncertain: bool = False) -> None:
        self.uncertain = uncertain
        """It may have happened all the same: no answer came, or one of 500 and above."""
        super().__init__(message)


class Overtaken(CallRefused):
    """What the call was about is gone: executed, deleted or made obsolete by someone else."""


class ApplyFailed(EcgError):
    """The world is not what Git wants."""


class NotWorking(ApplyFailed):
    """What was deployed does not work. Where something succeeded before it, that is applied again."""


class StackFailed(ApplyFailed):
    """A stack operation ended in failure."""

    def __init__(self, stack: LiveStack, failures: Sequence[StackEvent]) -> None:
        self.stack, self.failures = stack, tuple(failures)
        causes = [f"  {e.logical_id} ({e.type}) {e.status}: {e.reason or 'no reason given'}" for e in failures]
        super().__init__(
            "\n".join(
                [
                    f"stack {stack.name} ended in {stack.status}" + (f": {stack.reason}" if stack.reason else ""),
                    *causes,
                    "  next: mend the template or the account, and apply again; nothing else is needed",
                ]
            )
        )


class StackNotReady(ApplyFailed):
    """No change set can start from the stack's state."""

    def __init__(self, stack: LiveStack, next_action: str = "") -> None:
        self.stack = stack
        super().__init__(
            f"stack {stack.name} is {stack.status}"
            + (f" ({stack.reason})" if stack.reason else "")
            + f", from which CloudFormation accepts no change\n  next: {next_action or _runbook(stack)}"
        )


def _runbook(stack: LiveStack) -> str:
    return f"docs/runbooks/stacks.md says what to do about {stack.status}"


class RollbackStuck(StackNotReady):
    """A rollback failed again when it was continued. Skipping what stands in its way is a person's decision."""

    def __init__(self, stack: LiveStack, name: str, stuck: Sequence[StackResource]) -> None:
        """`name` is the stack's in the manifest."""
        self.stuck = tuple(stuck)
        causes = [f"{one.logical_id} ({one.type}) {one.status}: {one.reason or 'no reason given'}" for one in stuck]
        skip = " ".join(f"--skip {name}.{one.logical_id}" for one in stuck)
        super().__init__(
            stack,
            "\n".join(
                [
                    "mend what these name and apply again, or accept that the rollback leaves them as they are:",
                    *(f"    {cause}" for cause in causes),
                    f"    ecgctl apply ENV {skip}",
                ]
            ),
        )


class ShellKept(StackNotReady):
    """A stack whose creation failed is not deleted, because something might be lost."""

    def __init__(self, stack: LiveStack, why: str, kept: Sequence[StackResource] = ()) -> None:
        self.why, self.kept = why, tuple(kept)
        names = "".join(f"\n    {one.logical_id} ({one.type}) {one.physical_id} {one.status}" for one in kept)
        super().__init__(
            stack,
            f"decide about it ({why}), then `aws cloudformation delete-stack --stack-name {stack.name}` "
            f"and apply again{names}",
        )


@dataclass(frozen=True)
class Surprise:
    """One resource of which a change set says worse than the plan did."""

    change: ResourceChange
    found: str
    planned: tuple[str, ...]


class SurpriseInChangeSet(ApplyFailed):
    """A change set would replace or delete what the plan does not. It was deleted rather than executed."""

    def __init__(self, stack: str, surprises: Sequence[Surprise]) -> None:
        self.stack, self.surprises = stack, tuple(surprises)
        lines = []
        for one in surprises:
            because = f" because of {', '.join(one.change.recreating)}" if one.change.recreating else ""
            policy = f" [{one.change.policy}]" if one.change.policy else ""
            lines += [
                f"  {one.change.logical_id} ({one.change.type})",
                f"    plan:           {', '.join(one.planned) or 'no change'}",
                f"    CloudFormation: {one.found}{because}{policy}",
            ]
        super().__init__(
            "\n".join(
                [
                    f"stack {stack}: CloudFormation would do what the plan does not say; it was not executed",
                    *lines,
                    "  next: `ecgctl plan ENV --live` shows the change from what is live, and",
                    f"    `ecgctl diff ENV {stack} --live` the texts: is that what the plan started from?",
                ]
            )
        )


class NotApproved(ApplyFailed):
    """What would happen is not what was approved."""

    def __init__(self, digest: str, approved: Collection[str], effects: Sequence[str]) -> None:
        self.digest, self.approved, self.effects = digest, frozenset(approved), tuple(effects)
        expected = ", ".join(sorted(one[:12] for one in approved)) or "none"
        named = "".join(f"\n  not approved: {effect}" for effect in effects)
        super().__init__(
            f"the plan is {digest[:12]}, approved is {expected}{named}\n"
            f"  next: review `ecgctl plan ENV` once more; nothing was touched"
        )


class Undeployable(ApplyFailed):
    """The plan has what CloudFormation would refuse, or never end, once stacks are under way."""

    def __init__(self, blockers: Sequence[tuple[str, str, str]]) -> None:
        """`blockers`: kind, stack (empty where it is none's) and sentence of each."""
        self.blockers = tuple(blockers)
        super().__init__(
            "\n".join(
                [
                    "this cannot be deployed from what is there; nothing was touched",
                    *(f"  {kind}: {f'stack {stack}: ' * bool(stack)}{sentence}" for kind, stack, sentence in blockers),
                    "  next: change it in generator/, render and commit; docs/plan.md says what else may help",
                ]
            )
        )


class LeaseHeld(ApplyFailed):
    """Another apply is at work on this environment."""

    def __init__(self, holder: str, since: datetime, until: datetime) -> None:
        self.holder, self.since, self.until = holder, since, until
        super().__init__(
            f"{holder} is applying since {since:%Y-%m-%d %H:%M:%S} UTC and has renewed its lease "
            f"until {until:%H:%M:%S} UTC\n"
            f"  next: wait for it, then apply again; if it is dead, its lease ends by itself"
        )


class LeaseLost(ApplyFailed):
    """This apply did not renew its lease in time; it stopped before touching anything else."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(
            f"the lease went to {holder} while this apply stood still; nothing more was started\n"
            f"  next: wait for {holder}, then apply again"
        )


class Interrupted(ApplyFailed):
    """Stopped by the user between two calls."""

    def __init__(self, stack: str) -> None:
        self.stack = stack
        super().__init__(f"stack {stack}: stopped; what CloudFormation has begun goes on, and the next apply adopts it")


class WaveFailed(ApplyFailed):
    """Every stack that failed; `wave` is the first wave that one of them is in."""

    def __init__(self, wave: int, errors: Mapping[str, EcgError]) -> None:
        self.wave, self.errors = wave, dict(errors)
        super().__init__(f"wave {wave} failed\n" + "\n".join(str(error) for error in errors.values()))


class AddressMismatch(ApplyFailed):
    """Publishing would put other bytes at an address than the ones reviewed."""

    def __init__(self, name: str, source: str, wanted: str, found: str) -> None:
        self.name, self.source, self.wanted, self.found = name, source, wanted, found
        super().__init__(
            f"artifact {name}: {source} hashes to {found}, the manifest names {wanted}\n"
            f"  next: ecgctl render, review the difference and commit it"
        )


class Unresolved(EcgError):
    """The manifest holds `unresolved`, and this target has no value of its own."""

    exit_code = 2

    def __init__(self, environment: str, parameters: Sequence[tuple[str, str]]) -> None:
        self.parameters = tuple(parameters)
        names = "\n".join(f"  stack {stack}: {parameter}" for stack, parameter in parameters)
        super().__init__(
            f"values that nobody has resolved yet:\n{names}\n"
            f"  next: ecgctl lock {environment} for what stands in {environment}.lock.yaml, the rest into "
            f"generator/environments/{environment}.py; render and commit"
        )


class MissingOutput(ApplyFailed):
    """A wire leads to an output that the live stack does not have."""

    def __init__(self, stack: str, parameter: str, source: str, output: str) -> None:
        self.stack, self.parameter, self.source, self.output = stack, parameter, source, output
        super().__init__(
            f"stack {stack}: parameter {parameter} is wired from {source}.{output}, which the live stack does not have"
            f"\n  next: ecgctl render --check, then apply again"
        )
