"""Apply a manifest: each stack as soon as what it needs is done, and the GPU box last.

lease -> ledger: begun -> snapshot -> course: judge, then stack by stack -> box -> ledger: ended
"""

from collections.abc import Mapping
from dataclasses import dataclass

from generator.model.manifest import Manifest
from generator.sync.course import Course
from generator.sync.ledger import StackResult
from generator.sync.parameters import require_resolved
from generator.sync.progress import Action, BoxPointed, Report, SiteShown, one_at_a_time
from generator.sync.prune import prune
from generator.sync.run import AfterWave, Options, Outputs, Run, Target
from generator.sync.snapshot import snapshot
from generator.sync.turn import leased, recorded

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
    their end and left as they became; no other is begun. Raises Unresolved, NotApproved, Suspended and LeaseHeld
    before anything is touched, WaveFailed with every failure, and what `options.after_publish` and
    `options.after_wave` raise.
    """
    require_resolved(manifest, target.resolutions)
    if options.approval is not None:
        options.approval.require()
    report = one_at_a_time(report)
    results: dict[str, StackResult] = {}
    name = manifest.name
    with leased(name, target, options, report) as lease, recorded(name, files, target, options, results):
        seen = snapshot(manifest, target.stacks, target.side_by_side)
        run = Run(manifest, files, target, options, report, seen, lease)
        course = Course(run, results)
        course.go()
        _point_box(run, course.outputs)
        _show_sites(run, course.outputs)
        if options.after_box is not None:
            options.after_box(course.outputs)
        if options.pruning is not None:
            prune(run, options.pruning)
        return Outcome(course.actions, course.outputs)


def _show_sites(run: Run, outputs: Outputs) -> None:
    """After everything that the pages call."""
    for site in run.manifest.artifacts:
        if site.edge is None:
            continue
        run.guard()
        store, distribution = (outputs[wire.stack][wire.output] for wire in (site.store, site.edge))
        if run.target.artifacts.show_site(site, store, distribution):
            run.report(SiteShown(site.name, site.address))


def _point_box(run: Run, outputs: Outputs) -> None:
    manifest, files = run.manifest, run.files
    packages = manifest.box_store
    assert packages is not None  # noqa: S101  rendering names the agent always
    store = outputs[packages.stack][packages.output]
    run.guard()
    generation = run.target.artifacts.point_box(manifest, files[manifest.serve.config], store)
    run.report(BoxPointed(generation))
