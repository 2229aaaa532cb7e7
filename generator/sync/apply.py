"""Apply a manifest: waves in order, the stacks of a wave side by side.

    lease -> ledger: begun -> snapshot -> each wave: prepare all, execute all, artifacts, gate -> box -> ledger: ended

Nothing of a wave is executed before every change set of it was computed and judged.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

from generator.errors import EcgError
from generator.model.manifest import Artifact, Manifest, StackManifest
from generator.sync.errors import StackFailed, StackNotReady, WaveFailed
from generator.sync.ledger import StackResult
from generator.sync.operation import Prepared, StackOperation
from generator.sync.parameters import require_resolved
from generator.sync.progress import (
    Action,
    ArtifactPublished,
    BoxPointed,
    Fact,
    Report,
    StackFinished,
    StackGaveUp,
    WaveStarted,
)
from generator.sync.prune import prune
from generator.sync.run import AfterWave, Options, Run, Target
from generator.sync.snapshot import snapshot
from generator.sync.turn import leased, recorded

__all__ = ["AfterWave", "Options", "Outcome", "Target", "apply"]

T = TypeVar("T")

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

    `files` are the texts below `templates_out/<env>`, by path. Stacks of a wave that did not fail are left as they
    became; waves after a failed one are not started. Raises Unresolved, NotApproved, Suspended and LeaseHeld before
    anything is touched, WaveFailed with every failure of the wave, and what `options.after_publish` and
    `options.after_wave` raise.
    """
    require_resolved(manifest, target.resolutions)
    if options.approval is not None:
        options.approval.require()
    report = _one_at_a_time(report)
    results: dict[str, StackResult] = {}
    name = manifest.name
    with leased(name, target, options, report) as lease, recorded(name, files, target, options, results):
        seen = snapshot(manifest, target.stacks, target.side_by_side)
        return _Waves(Run(manifest, files, target, options, report, seen, lease), results).go()


class _Waves:
    """The waves of one run, and what came of them so far."""

    def __init__(self, run: Run, results: dict[str, StackResult]) -> None:
        self._run, self._results = run, results
        self._actions: dict[str, Action] = {}
        self._outputs: dict[str, Mapping[str, str]] = {}
        self._published: set[str] = set()

    def go(self) -> Outcome:
        run = self._run
        for number, wave in enumerate(run.manifest.waves):
            names = tuple(stack.name for stack in wave)
            run.report(WaveStarted(number, names))
            self._apply(number, wave)
            self._publish()
            if run.options.after_wave is not None:
                run.options.after_wave(number, names, self._outputs)
        self._point_box()
        if run.options.after_box is not None:
            run.options.after_box(self._outputs)
        if run.options.pruning is not None:
            prune(run, run.options.pruning)
        return Outcome(self._actions, self._outputs)

    def _apply(self, number: int, wave: tuple[StackManifest, ...]) -> None:
        started = self._run.target.clock.monotonic()
        operations = {stack.name: StackOperation(self._run, stack) for stack in wave}
        with self._threads() as pool:
            waiting = {name: pool.submit(one.prepare, self._outputs) for name, one in operations.items()}
            prepared, errors = self._gathered(waiting)
            if errors:
                for name, one in prepared.items():
                    operations[name].abandon(one)
                self._gave_up(errors, started)
                for name, error in errors.items():
                    self._run.report(StackGaveUp(name, _status(error), self._results[name].seconds))
                raise WaveFailed(number, errors)
            running = {name: pool.submit(self._execute, operations[name], one) for name, one in prepared.items()}
            done, errors = self._gathered(running)
        for name, (action, outputs) in done.items():
            self._actions[name], self._outputs[name] = action, outputs
        if errors:
            self._gave_up(errors, started)
            raise WaveFailed(number, errors)

    def _execute(self, operation: StackOperation, prepared: Prepared) -> tuple[Action, Mapping[str, str]]:
        clock, name = self._run.target.clock, prepared.stack.name
        started = clock.monotonic()
        try:
            action, outputs = operation.execute(prepared)
        except EcgError as error:
            self._run.report(StackGaveUp(name, _status(error), clock.monotonic() - started))
            raise
        seconds = clock.monotonic() - started
        self._results[name] = StackResult(action.value, round(seconds, 3))
        self._run.report(StackFinished(name, action, seconds))
        return action, outputs

    def _gave_up(self, errors: Mapping[str, EcgError], started: float) -> None:
        seconds = round(self._run.target.clock.monotonic() - started, 3)
        self._results.update({name: StackResult("failed", seconds) for name in errors})

    def _publish(self) -> None:
        """Artifacts go right after the wave that made their store, before the wave that runs them."""
        published: list[tuple[Artifact, str]] = []
        for artifact in self._run.manifest.artifacts:
            if artifact.name not in self._published and artifact.store.stack in self._outputs:
                store = self._outputs[artifact.store.stack][artifact.store.output]
                self._run.guard()
                fresh = self._run.target.artifacts.publish(artifact, store)
                self._published.add(artifact.name)
                published.append((artifact, store))
                self._run.report(ArtifactPublished(artifact.name, artifact.address, fresh))
        if self._run.options.after_publish is not None:
            for artifact, store in published:
                self._run.options.after_publish(artifact, store)

    def _point_box(self) -> None:
        manifest, files = self._run.manifest, self._run.files
        packages = manifest.box_store
        assert packages is not None  # noqa: S101  rendering names the agent always
        store = self._outputs[packages.stack][packages.output]
        self._run.guard()
        generation = self._run.target.artifacts.point_box(manifest, files[manifest.serve.config], store)
        self._run.report(BoxPointed(generation))

    @contextmanager
    def _threads(self) -> Iterator[ThreadPoolExecutor]:
        """Threads that end at their next wait when the user stops the run."""
        with ThreadPoolExecutor(self._run.target.side_by_side) as pool:
            try:
                yield pool
            except EcgError:
                raise
            except BaseException:
                self._run.stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    @staticmethod
    def _gathered(futures: Mapping[str, "Future[T]"]) -> tuple[dict[str, T], dict[str, EcgError]]:
        done: dict[str, T] = {}
        errors: dict[str, EcgError] = {}
        for name, future in futures.items():
            try:
                done[name] = future.result()
            except EcgError as error:
                errors[name] = error
        return done, errors


def _status(error: EcgError) -> str:
    """A word for a row of the tree."""
    return error.stack.status if isinstance(error, StackFailed | StackNotReady) else type(error).__name__


def _one_at_a_time(report: Report) -> Report:
    """Stacks report from threads of their own; who listens need not know."""
    lock = Lock()

    def locked(fact: Fact) -> None:
        with lock:
            report(fact)

    return locked
