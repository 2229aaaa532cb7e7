"""The stacks of one apply, each on its way as soon as what it needs is done.

    judged    every change set whose inputs are final is computed and judged before anything at all is executed
    begun     once each stack that feeds it is deployed, the artifacts kept there are published and its gate has passed:
              change set -> execute -> artifacts that it keeps, scanned -> gate
    failed    nothing more begins; what runs is followed to its end; change sets that nobody executes are deleted

A wave is how far a stack is from the beginning, and holds nothing up: a stack waits for what feeds it, not for the
slowest of the wave before.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from threading import RLock

from generator.errors import EcgError
from generator.model.manifest import Manifest, StackManifest
from generator.sync.errors import Interrupted, MissingOutput, StackFailed, StackNotReady, WaveFailed
from generator.sync.ledger import StackResult
from generator.sync.operation import Prepared, StackOperation
from generator.sync.progress import (
    Action,
    ArtifactPublished,
    StackBegun,
    StackFinished,
    StackGaveUp,
    WaveStarted,
)
from generator.sync.run import Outputs, Run


class Course:
    """The stacks of one run, and what came of them so far. Its threads share it."""

    def __init__(self, run: Run, results: dict[str, StackResult]) -> None:
        self._run, self._results = run, results
        self._operations = {stack.name: StackOperation(run, stack) for stack in run.manifest.stacks}
        self._needs = needs(run.manifest)
        self._waiting = [stack for wave in run.manifest.waves for stack in wave]
        self._judged: dict[str, Prepared] = {}
        self._tasks: list[Future[None]] = []
        self._told: set[int] = set()
        self._done: set[str] = set()
        self._failed: dict[str, EcgError] = {}
        self._unfit: list[EcgError] = []
        """What artifacts and gates raised: what is deployed cannot be used."""
        self._lock = RLock()
        self.actions: dict[str, Action] = {}
        self.outputs: dict[str, Mapping[str, str]] = {}

    def go(self) -> None:
        """Bring every stack to where Git wants it.

        Raises what publishing or a gate raised, else WaveFailed with every failure.
        """
        with self._threads() as pool:
            self._judge(pool)
            self._begin(pool)
            # It grows while it is walked: whoever ends a stack has begun those that waited for it.
            for task in self._tasks:
                task.result()
        assert self._over or not self._waiting  # noqa: S101  what is needed is in an earlier wave: no circle
        if self._over:
            for name, prepared in self._judged.items():
                self._operations[name].abandon(prepared)
        if self._unfit:
            raise self._unfit[0]
        if self._failed:
            raise WaveFailed(min(s.wave for s in self._run.manifest.stacks if s.name in self._failed), self._failed)

    @property
    def _over(self) -> bool:
        """Nothing more is begun."""
        return bool(self._failed or self._unfit or self._run.stopped.is_set())

    def _judge(self, pool: Executor) -> None:
        """Prepare the stacks whose inputs nothing in this run can change."""
        stay = staying(self._run)
        first = [stack for stack in self._waiting if stack.name not in stay and stack.needs <= stay.keys()]
        started = self._run.target.clock.monotonic()
        tasks = [pool.submit(self._operations[stack.name].prepare, stay) for stack in first]
        for stack, task in zip(first, tasks, strict=True):
            try:
                self._judged[stack.name] = task.result()
            except EcgError as error:
                self._tell(stack.wave)
                self._gave_up(stack, error, started)

    def _begin(self, pool: Executor) -> None:
        """Set on their way the stacks that have what they need."""
        with self._lock:
            ready = [] if self._over else [s for s in self._waiting if self._needs[s.name] <= self._done]
            for stack in ready:
                self._waiting.remove(stack)
                self._tell(stack.wave)
                self._tasks.append(pool.submit(self._bring, stack, pool))

    def _bring(self, stack: StackManifest, pool: Executor) -> None:
        try:
            if self._deploy(stack) and self._fit(stack):
                with self._lock:
                    self._done.add(stack.name)
                self._begin(pool)
        except BaseException:
            self._run.stopped.set()
            raise

    def _deploy(self, stack: StackManifest) -> bool:
        """The stack itself; whether that worked."""
        name, clock = stack.name, self._run.target.clock
        started = clock.monotonic()
        self._run.report(StackBegun(name))
        try:
            with self._lock:
                outputs = dict(self.outputs)
                prepared = self._judged.pop(name, None)
            operation = self._operations[name]
            action, live = operation.execute(prepared or operation.prepare(outputs))
        except EcgError as error:
            self._gave_up(stack, error, started)
            return False
        seconds = clock.monotonic() - started
        with self._lock:
            self.actions[name], self.outputs[name] = action, live
            self._results[name] = StackResult(action.value, round(seconds, 3))
        self._run.report(StackFinished(name, action, seconds))
        return True

    def _fit(self, stack: StackManifest) -> bool:
        """What others expect of a stack that is deployed: its artifacts are there, and it works."""
        with self._lock:
            outputs = dict(self.outputs)
            if self._over:
                return False
        try:
            self._publish(stack, outputs)
            if self._run.options.after_wave is not None:
                self._run.options.after_wave(stack.wave, (stack.name,), outputs)
        except Interrupted:
            return False
        except EcgError as error:
            self._stop(unfit=error)
            return False
        return True

    def _publish(self, stack: StackManifest, outputs: Outputs) -> None:
        kept = [one for one in self._run.manifest.artifacts if one.store.stack == stack.name]
        stores = {one.name: outputs[stack.name][one.store.output] for one in kept}
        for artifact in kept:
            self._run.guard()
            fresh = self._run.target.artifacts.publish(artifact, stores[artifact.name])
            self._run.report(ArtifactPublished(artifact.name, artifact.address, fresh))
        if self._run.options.after_publish is not None:
            for artifact in kept:
                self._run.options.after_publish(artifact, stores[artifact.name])

    def _gave_up(self, stack: StackManifest, error: EcgError, started: float) -> None:
        seconds = self._run.target.clock.monotonic() - started
        with self._lock:
            self._failed[stack.name] = error
            self._results[stack.name] = StackResult("failed", round(seconds, 3))
        self._stop()
        self._run.report(StackGaveUp(stack.name, _status(error), seconds))

    def _stop(self, unfit: EcgError | None = None) -> None:
        with self._lock:
            if unfit is not None:
                self._unfit.append(unfit)
        if self._run.options.given_up is not None:
            self._run.options.given_up.set()

    def _tell(self, wave: int) -> None:
        if wave not in self._told:
            self._told.add(wave)
            self._run.report(WaveStarted(wave, tuple(s.name for s in self._run.manifest.stacks if s.wave == wave)))

    @contextmanager
    def _threads(self) -> Iterator[Executor]:
        """Threads that end at their next wait when the user stops the run."""
        with self._run.target.threads(self._run.target.side_by_side) as pool:
            try:
                yield pool
            except BaseException:
                self._run.stopped.set()
                self._stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def needs(manifest: Manifest) -> Mapping[str, frozenset[str]]:
    """Stack -> the stacks that have to be done before it begins: those whose outputs feed it, and those that keep an
    artifact whose address it names."""
    waves = {stack.name: stack.wave for stack in manifest.stacks}
    return {
        stack.name: stack.needs.union(
            artifact.store.stack
            for artifact in manifest.artifacts
            if artifact.address in stack.parameters.values() and waves[artifact.store.stack] < stack.wave
        )
        for stack in manifest.stacks
    }


def staying(run: Run) -> Outputs:
    """The outputs that nothing in this run changes: of stacks that are as Git wants, as is all that feeds them."""
    stay: dict[str, Mapping[str, str]] = {}
    for stack in (stack for wave in run.manifest.waves for stack in wave):
        live = run.snapshot.stacks[stack.name].live
        if live is not None and stack.needs <= stay.keys():
            with suppress(MissingOutput):
                if run.snapshot.stacks[stack.name].is_already(run.request(stack, stay)):
                    stay[stack.name] = live.outputs
    return stay


def _status(error: EcgError) -> str:
    """A word for a row of the tree."""
    return error.stack.status if isinstance(error, StackFailed | StackNotReady) else type(error).__name__
