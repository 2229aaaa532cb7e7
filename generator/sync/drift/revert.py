"""Bring drifted resources back to the templates that their stacks run with.

    lease -> ledger: begun -> snapshot -> compute every drift-aware change set, hold each against what was found
          -> execute them in the order of the waves, gate after each -> ledger: ended

Git is not asked here: a stack that is out of sync is brought to Git by `apply`, one that drifted back to itself.
"""

from collections.abc import Iterator, Mapping

from generator.errors import EcgError
from generator.model.manifest import Manifest, StackManifest
from generator.sync.drift.verdict import EnvironmentDrift, StackDrift
from generator.sync.errors import ApplyFailed
from generator.sync.ledger import StackResult
from generator.sync.operation import Prepared, StackOperation
from generator.sync.ports import ResourceChange
from generator.sync.progress import Action, Report, StackFinished
from generator.sync.run import Options, Run, Target
from generator.sync.snapshot import snapshot
from generator.sync.turn import leased, recorded
from generator.sync.verify import Verdict, verdict


class RevertRefused(ApplyFailed):
    """Taking back a stack's drift would do more than that. Its change set was deleted; nothing was executed."""

    def __init__(self, environment: str, stack: str, reasons: Mapping[str, str]) -> None:
        self.environment, self.stack, self.reasons = environment, stack, dict(reasons)
        super().__init__(
            "\n".join(
                [
                    f"stack {stack}: its drift cannot be taken back alone; nothing was executed",
                    *(f"  {name}: {why}" for name, why in reasons.items()),
                    f"  next: set it right by hand, or take the rule out of {environment}.drift.yaml, then look again",
                ]
            )
        )


def revert(
    manifest: Manifest,
    files: Mapping[str, str],
    drift: EnvironmentDrift,
    target: Target,
    report: Report,
    options: Options,
) -> dict[str, Action]:
    """Take back what `drift` found and no rule covers; the stacks that were changed.

    `files` is the tree that is deployed, for the ledger. Raises Suspended, LeaseHeld, RevertRefused, StackNotReady,
    StackFailed, CallRefused, and what `options.after_wave` raises.
    """
    wanted = {stack.name: stack for stack in drift.stacks if stack.reverts}
    if not wanted:
        return {}
    results: dict[str, StackResult] = {}
    name = manifest.name
    with leased(name, target, options, report) as lease, recorded(name, files, target, options, results):
        seen = snapshot(manifest, target.stacks, target.side_by_side)
        run = Run(manifest, files, target, options, report, seen, lease)
        chosen = [stack for wave in manifest.waves for stack in wave if stack.name in wanted]
        prepared = _prepared(run, chosen, wanted)
        return dict(_executed(run, prepared, results))


Operations = list[tuple[StackOperation, Prepared]]


def _prepared(run: Run, chosen: list[StackManifest], wanted: Mapping[str, StackDrift]) -> Operations:
    """All change sets, each judged, before any is executed."""
    done: Operations = []
    try:
        for stack in chosen:
            operation = StackOperation(run, stack)
            one = operation.prepare_revert()
            done.append((operation, one))
            changes = one.change_set.changes if one.change_set else ()
            if reasons := dict(_objections(changes, wanted[stack.name])):
                raise RevertRefused(run.manifest.name, stack.name, reasons)
    except EcgError:
        for operation, one in done:
            operation.abandon(one)
        raise
    return done


def _executed(run: Run, prepared: Operations, results: dict[str, StackResult]) -> Iterator[tuple[str, Action]]:
    clock = run.target.clock
    for operation, one in prepared:
        name, started = one.stack.name, clock.monotonic()
        action, outputs = operation.execute(one)
        seconds = clock.monotonic() - started
        results[name] = StackResult(action.value, round(seconds, 3))
        run.report(StackFinished(name, action, seconds))
        if run.options.after_wave is not None:
            run.options.after_wave(one.stack.wave, (name,), {name: outputs})
        yield name, action


def _objections(changes: tuple[ResourceChange, ...], found: StackDrift) -> Iterator[tuple[str, str]]:
    """What a change set would do besides taking back what was found.

    A resource that is made anew has another id, so what refers to it in its stack may be updated along with it.
    """
    drifted = {one.logical_id: one for one in found.drifted}
    made_anew = any(one.deleted and one.counts for one in found.drifted)
    for change in changes:
        one = drifted.get(change.logical_id)
        worst = verdict(change)
        if worst in (Verdict.REPLACE, Verdict.DELETE):
            yield change.logical_id, f"CloudFormation would {worst.value} it"
        elif one is not None and one.ignored:
            paths = ", ".join(each.difference.path for each in one.ignored)
            yield change.logical_id, f"it would be set back where a rule leaves it alone: {paths}"
        elif one is None and not made_anew:
            yield change.logical_id, "it had not drifted when the stack was looked at"
