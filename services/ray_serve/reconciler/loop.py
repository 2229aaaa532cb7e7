"""Look, decide, act, report; one action a turn. Everything outside comes in through the constructor."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, assert_never

from kit import logs
from reconciler.actions import Accept, Action, Apply, Fetch, Promote, Prove, Reject, StartRay, StopRay, Unsplit, Wait
from reconciler.decide import decide
from reconciler.desired import CanaryRule, Desired, ServeConfig, Unreadable
from reconciler.golden import Prover
from reconciler.lookout import Lookout, RayProcess
from reconciler.memory import MemoryFile, Notebook
from reconciler.reporter import Clock, Reporter
from reconciler.rollout import Step, Told, body, route_of
from reconciler.serve_api import Refused, ServeApi, Unavailable, http_url
from reconciler.settings import Settings
from reconciler.snapshot import Failure, Proven, Snapshot
from reconciler.store import Bucket, FetchError, Shelf
from reconciler.trial import OVER, Outcome, Trial

_LOG = logs.logger("reconciler")


class Reconciler:
    """Keeps one box at its desired state. Call `turn` again and again, and `stop` or `leave` at the end."""

    def __init__(
        self,
        settings: Settings,
        bucket: Bucket,
        ray: RayProcess,
        serve: ServeApi,
        prover: Prover,
        clock: Clock,
        device: Callable[[], Mapping[str, Any] | None],
        python: str,
    ) -> None:
        self._settings, self._bucket, self._ray, self._serve = settings, bucket, ray, serve
        self._prover, self._clock = prover, clock
        self._shelf = Shelf(settings.packages)
        self._reporter = Reporter(settings, bucket, clock, device, python)
        file = MemoryFile(settings.state / "state.json")
        self._notebook = Notebook(file, lambda: ray.session, self._reporter.in_trouble)
        self._lookout = Lookout(
            settings,
            bucket,
            self._shelf,
            ray,
            serve,
            prover,
            clock,
            self._notebook,
            self._reporter,
            self._end_ray,
        )
        memory, left = self._notebook.memory, self._notebook.left
        if ray.adopt(left):
            assert left is not None  # noqa: S101 adopt said so
            _LOG.info("took over a running Ray", extra={"pid": left.pid})
            self._notebook.memory = replace(memory, started_with=left.head, applied_at=clock.monotonic())
        else:
            self._notebook.memory = replace(memory, applied=None)

    @property
    def serving(self) -> bool:
        """Whether all apps serve, of a generation whose golden cases have passed on this box."""
        return self._notebook.memory.good is not None and self._reporter.ready

    def turn(self) -> Action:
        """One action towards the desired state, then a report if there is something new."""
        self._reporter.new_turn()
        self._lookout.poll()
        snapshot = self._lookout.look()
        self._note_proof(snapshot)
        action = decide(snapshot)
        try:
            self._act(action)
        except (Unavailable, OSError) as error:
            self._reporter.in_trouble(f"{type(action).__name__}: {error}")
        if not self._lookout.out_of_reach:
            # Where S3 does not answer, waiting for that twice a turn would keep nobody's eye on Ray.
            self._report(self._lookout.look() if not isinstance(action, Wait) else snapshot)
        return action

    def stop(self) -> None:
        """End Ray, and say so."""
        self._end_ray()
        self._report(self._lookout.look())

    def leave(self) -> None:
        """Go, and leave Ray serving: the next agent takes it over."""
        self._notebook.write()

    def _act(self, action: Action) -> None:
        match action:
            case Wait():
                pass
            case Fetch(target):
                self._fetch(target)
            case StartRay(head):
                _LOG.info("starting Ray", extra=vars(head))
                self._ray.start(head)
                self._lookout.ray_starts()
                self._remember(started_with=head, applied=None)
            case StopRay(why):
                _LOG.info("stopping Ray", extra={"why": why})
                self._end_ray()
            case Apply(target, step, tried):
                self._apply(target, step, tried)
            case Unsplit(trial):
                self._tell(trial.target, Step.ASIDE, trial.rules, trial)
            case Prove(target, apps):
                self._prove(target, apps)
            case Promote(target):
                self._end_trial(target.generation, Outcome.PASSED)
            case Accept(target):
                self._accept(target)
            case Reject(generation, message, refused):
                self._reject(Failure(generation, message, refused))
            case _:
                assert_never(action)

    def _fetch(self, target: Desired) -> None:
        try:
            for item in target.items:
                self._shelf.fetch(item, self._bucket)
        except FetchError as error:
            self._lookout.fetched(str(error))
            self._reporter.note(str(error))
        else:
            self._lookout.fetched(None)

    def _apply(self, target: Desired, step: Step, tried: Mapping[str, CanaryRule]) -> None:
        trial = self._notebook.memory.trial
        going_on = trial and trial.target.generation == target.generation and trial.outcome not in OVER
        if tried and not going_on:
            trial = Trial(target, self._clock.stamp, dict(tried))
        if trial and step is Step.SPLIT and trial.outcome is Outcome.PROVING:
            trial = replace(trial, outcome=Outcome.TRYING, began=self._clock.stamp)
        self._tell(target, step, tried, trial)

    def _tell(self, target: Desired, step: Step, tried: Mapping[str, CanaryRule], trial: Trial | None) -> None:
        session = self._ray.session
        if session is None:
            return
        _LOG.info("applying", extra={"generation": target.generation, "step": step})
        document = body(self._good(), self._lookout.config(target), step, tried, trial.name if trial else "")
        # First that it is not known: an agent that dies here must not take what was before for what is.
        self._remember(applied=None, trial=trial)
        self._prover.forget()
        try:
            self._serve.put(session, document)
        except Refused as error:
            self._reject(Failure(target.generation, f"Ray refused the configuration: {error}", refused=True))
            return
        self._remember(applied=Told(target.generation, step), applied_at=self._clock.monotonic())
        self._lookout.applied()

    def _good(self) -> ServeConfig | None:
        good = self._notebook.memory.good
        try:
            return self._lookout.config(good) if good else None
        except (Unreadable, OSError):
            return None  # as `decide` saw it

    def _prove(self, target: Desired, apps: frozenset[str]) -> None:
        memory = self._notebook.memory
        told, head = memory.applied, memory.started_with
        if told is None or head is None:
            return
        config, trial = self._lookout.config(target), self._notebook.memory.trial
        url, tried = http_url(head.host, head.port), trial.rules if trial else {}
        urls = {name: f"{url}{route_of(config, name, told.step, tried)}/golden" for name in sorted(apps)}
        _LOG.info("proving", extra={"apps": sorted(apps)})
        self._prover.begin(told, urls, self._settings.golden_s)

    def _note_proof(self, snapshot: Snapshot) -> None:
        """Keep what the golden cases came to, for the report."""
        proof, told = snapshot.proof, snapshot.memory.applied
        config = snapshot.configs.get(told.generation) if told else None
        if proof is None or proof.told != told or config is None:
            return
        known = snapshot.memory.proven
        new = {
            name: Proven(config.apps[name].version, self._clock.stamp, one)
            for name, one in proof.apps.items()
            if name not in known or (known[name].version, known[name].proof) != (config.apps[name].version, one)
        }
        if new:
            self._remember(proven={name: one for name, one in {**known, **new}.items() if name in config.apps})

    def _accept(self, target: Desired) -> None:
        _LOG.info("healthy", extra={"generation": target.generation})
        self._end_trial(target.generation, Outcome.PROMOTED)
        memory = self._notebook.memory
        before = memory.good or target
        self._remember(good=target, failed=None)
        # One back is kept too: a revert is then there at once.
        self._shelf.keep_only({*target.items, *before.items, *(self._lookout.desired or target).items})

    def _reject(self, failure: Failure) -> None:
        self._reporter.note(failure.message)
        self._end_trial(failure.generation, Outcome.REVERTED)
        self._remember(failed=failure)

    def _end_trial(self, generation: str, outcome: Outcome) -> None:
        trial = self._notebook.memory.trial
        if trial and trial.target.generation == generation and trial.outcome not in OVER:
            _LOG.info("the canary's trial", extra={"generation": generation, "outcome": outcome})
            self._remember(trial=replace(trial, outcome=outcome))

    def _end_ray(self) -> None:
        self._ray.stop()
        self._remember(applied=None, started_with=None)

    def _remember(self, **changes: Any) -> None:
        self._notebook.remember(replace(self._notebook.memory, **changes))

    def _report(self, snapshot: Snapshot) -> None:
        self._reporter.write(snapshot, self._lookout.ray_version)
