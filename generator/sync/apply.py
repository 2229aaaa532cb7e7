"""Apply a manifest: each stack as soon as what it needs is done, and the GPU box last.

lease -> ledger: begun -> snapshot -> course: judge, then stack by stack -> box -> ledger: ended
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from generator.model.manifest import Manifest
from generator.sync.course import Course
from generator.sync.errors import CallRefused
from generator.sync.lease import Lease, LeaseRecord
from generator.sync.ledger import Ledger, Result, StackResult
from generator.sync.parameters import require_resolved
from generator.sync.progress import Action, BoxPointed, Report, Waiting, one_at_a_time
from generator.sync.run import AfterWave, Options, Outputs, Run, Target
from generator.sync.snapshot import snapshot

__all__ = ["AfterWave", "Options", "Outcome", "Target", "apply"]

_DEFAULTS = Options()


@dataclass(frozen=True)
class Outcome:
    """What an apply did, by stack, and the outputs that the stacks have now."""

    actions: Mapping[str, Action]
    outputs: Mapping[str, Mapping[str, str]]

    @property
    def changed(self) -> bool:
        """Anything at all was created or updated."""
        return any(action is not Action.UNCHANGED for action in self.actions.values())


def apply(
    manifest: Manifest, files: Mapping[str, str], target: Target, report: Report, options: Options = _DEFAULTS
) -> Outcome:
    """Make the target equal to a manifest.

    `files` are the texts below `templates_out/<env>`, by path. Where a stack fails, those under way are followed to
    their end and left as they became; no other is begun. Raises Unresolved, NotApproved and LeaseHeld before anything
    is touched, WaveFailed with every failure, and what `options.after_wave` raises.
    """
    require_resolved(manifest, target.resolutions)
    if options.approval is not None:
        options.approval.require()
    report = one_at_a_time(report)
    results: dict[str, StackResult] = {}
    with _leased(target, options, report) as lease, _recorded(manifest, files, target, options, results):
        seen = snapshot(manifest, target.stacks, target.side_by_side)
        run = Run(manifest, files, target, options, report, seen, lease)
        course = Course(run, results)
        course.go()
        _point_box(run, course.outputs)
        if options.after_box is not None:
            options.after_box(course.outputs)
        return Outcome(course.actions, course.outputs)


def _point_box(run: Run, outputs: Outputs) -> None:
    manifest, files = run.manifest, run.files
    packages = next(artifact.store for artifact in manifest.artifacts if artifact.name == "agent")
    store = outputs[packages.stack][packages.output]
    run.guard()
    generation = run.target.artifacts.point_box(manifest, files[manifest.serve.config], store)
    run.report(BoxPointed(generation))


@contextmanager
def _leased(target: Target, options: Options, report: Report) -> Iterator[Lease | None]:
    if target.leases is None:
        yield None
        return

    def waiting(record: LeaseRecord) -> None:
        report(Waiting(record.holder, record.until))

    with Lease(target.leases, options.who, target.clock, target.lease_seconds).held(waiting) as lease:
        yield lease


@contextmanager
def _recorded(
    manifest: Manifest,
    files: Mapping[str, str],
    target: Target,
    options: Options,
    results: Mapping[str, StackResult],
) -> Iterator[None]:
    """Write to the ledger that a deployment begins, and what came of it."""
    if target.ledger is None:
        yield
        return
    ledger = Ledger(target.ledger, manifest.name)
    begun = ledger.begin(files, options.who, options.commit, options.digest, options.note)
    try:
        yield
    except BaseException as error:
        result = Result.FAILED if isinstance(error, Exception) else Result.INTERRUPTED
        try:
            ledger.end(begun, result, results, str(error))
        except CallRefused as unwritten:
            error.add_note(f"and the ledger could not be written: {unwritten}")
        raise
    ledger.end(begun, Result.SUCCEEDED, results)
