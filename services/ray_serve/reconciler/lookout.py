"""Sees the world: the bucket's pointer, the shelf, Ray, the ingresses. Makes the Snapshot to decide from."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from kit import logs
from reconciler.capacity import Resources
from reconciler.desired import Desired, Head, ServeConfig, Unreadable, parse_desired, parse_serve
from reconciler.golden import Prover
from reconciler.memory import Notebook, Session
from reconciler.reporter import Clock, Reporter
from reconciler.rollout import Step, Told, body, canaries, route_of
from reconciler.serve_api import Refused, ServeApi, Unavailable
from reconciler.settings import Settings
from reconciler.snapshot import AppState, AppStatus, Ray, Snapshot
from reconciler.store import Bucket, FetchError, OutOfReach, Shelf
from reconciler.trial import OVER, Outcome, Trial

_LOG = logs.logger("reconciler")
_FETCH_AGAIN_S = 20.0
_RAY_START_S = 180.0
"""A Ray whose API does not answer for so long is started anew."""
_LONGEST_TURN_S = 30.0
"""Of the time between two looks at a canary no more counts: a machine that slept has seen nothing."""


class RayProcess(Protocol):
    """What the agent needs of `RayHead`."""

    session: Session | None

    def adopt(self, session: Session | None) -> bool:
        """Take over a Ray left running; False if it is gone."""

    def start(self, head: Head) -> Session:
        """Start one."""

    def alive(self) -> bool:
        """Is its process there?"""

    def stop(self) -> None:
        """End it."""


class Lookout:
    """One box's view of the world. `poll` at the beginning of a turn, `look` as often as needed."""

    def __init__(
        self,
        settings: Settings,
        bucket: Bucket,
        shelf: Shelf,
        ray: RayProcess,
        serve: ServeApi,
        prover: Prover,
        clock: Clock,
        notebook: Notebook,
        reporter: Reporter,
        end_ray: Callable[[], None],
    ) -> None:
        self._settings, self._bucket, self._shelf, self._ray, self._serve = settings, bucket, shelf, ray, serve
        self._prover, self._clock, self._notebook, self._reporter = prover, clock, notebook, reporter
        self._end_ray = end_ray
        self._parsed: dict[str, ServeConfig] = {}
        self._etag: str | None = None
        self._fetch_error: str | None = None
        self._fetch_again_at = 0.0
        self._answered_at = self._healthy_at = self._watched_at = clock.monotonic()
        self.desired: Desired | None = None
        self.ray_version: str | None = None
        self.out_of_reach = False
        """S3 did not answer in this turn."""

    def poll(self) -> None:
        """Read the pointer, if it has changed."""
        self.out_of_reach = False
        try:
            version = self._bucket.get(self._settings.desired_key, unless_etag=self._etag)
            if version is not None:
                self.desired = parse_desired(version.content)
                # Remembered only now: what could not be read is read again, it may have been half an upload.
                self._etag = version.etag
                self.fetched(None)
                _LOG.info("desired", extra={"generation": self.desired.generation})
                self._forgive(self.desired)
        except (FetchError, Unreadable) as error:
            self.out_of_reach = isinstance(error, OutOfReach)
            self._reporter.in_trouble(str(error))

    def fetched(self, error: str | None) -> None:
        """What was wanted is on the box, or is not and is tried again later."""
        self._fetch_error = error
        self._fetch_again_at = self._clock.monotonic() + _FETCH_AGAIN_S if error else 0.0

    def ray_starts(self) -> None:
        """It has from now on to answer."""
        self._answered_at = self._clock.monotonic()
        self.ray_version = None

    def applied(self) -> None:
        """What was told has from now on to come up."""
        self._healthy_at = self._clock.monotonic()

    def config(self, one: Desired) -> ServeConfig:
        """What a generation on the shelf asks of Ray. Raises Unreadable and OSError."""
        if one.serve.sha256 not in self._parsed:
            url = f"file://{self._settings.packages.absolute()}/"
            self._parsed[one.serve.sha256] = parse_serve(self._shelf.read(one.serve), url, self._settings.http_host)
        return self._parsed[one.serve.sha256]

    def look(self) -> Snapshot:
        """The world as it is now."""
        ray, apps = self._ask_ray()
        memory = self._notebook.memory
        configs, unreadable = self._configs()
        head, told = memory.started_with, memory.applied
        good = configs.get(memory.good.generation) if memory.good else None
        config = configs.get(told.generation) if told else None
        rules = memory.trial.rules if memory.trial else {}
        applications = body(good, config, told.step, rules)["applications"] if config and told else ()
        snapshot = Snapshot(
            now=self._clock.monotonic(),
            desired=self.desired,
            configs=configs,
            unreadable=unreadable,
            ray=ray,
            apps=apps,
            wanted_apps=frozenset(str(one["name"]) for one in applications),
            http_ready=bool(ray is Ray.UP and apps and head and self._serve.http_ready(head.host, head.port)),
            memory=memory,
            fetch_error=self._fetch_error,
            fetch_again_at=self._fetch_again_at,
            deadline_s=self._settings.deadline_s,
            nodes=self._nodes(ray),
            proof=self._prover.proof(),
            healthy_at=self._healthy_at,
        )
        return self._with_trial(self._with_splitters(snapshot))

    def _forgive(self, desired: Desired) -> None:
        """Once Git has asked for something else, what failed may be tried again."""
        memory = self._notebook.memory
        if memory.failed is not None and memory.failed.generation != desired.generation:
            memory = replace(memory, failed=None)
        trial = memory.trial
        if trial and trial.outcome not in OVER and trial.target.generation != desired.generation:
            memory = replace(memory, trial=replace(trial, outcome=Outcome.WITHDRAWN))
        if memory is not self._notebook.memory:
            self._notebook.remember(memory)

    def _configs(self) -> tuple[dict[str, ServeConfig], dict[str, str]]:
        """Of the generations that the box may be at, or go to, those that lie on it completely."""
        memory = self._notebook.memory
        configs: dict[str, ServeConfig] = {}
        unreadable: dict[str, str] = {}
        for one in (self.desired, memory.good, memory.trial.target if memory.trial else None):
            if one is None or not all(self._shelf.holds(item) for item in one.items):
                continue
            try:
                configs[one.generation] = self.config(one)
            except Unreadable as error:
                unreadable[one.generation] = str(error)
        return configs, unreadable

    def _ask_ray(self) -> tuple[Ray, Mapping[str, AppState] | None]:
        session = self._ray.session
        if session is None or not self._ray.alive():
            if session is not None:
                self._reporter.note("Ray's process is gone; see ray.log on the box")
                self._end_ray()
            return Ray.DOWN, None
        try:
            apps = self._serve.apps(session)
            if self.ray_version is None:
                self.ray_version = self._serve.ray_version(session)
        except (Unavailable, Refused) as error:
            if self._clock.monotonic() - self._answered_at > _RAY_START_S:
                self._reporter.note(f"Ray has not answered for {_RAY_START_S:g} s and is started anew: {error}")
                self._end_ray()
                return Ray.DOWN, None
            return Ray.STARTING, None
        self._answered_at = self._clock.monotonic()
        return Ray.UP, apps

    def _nodes(self, ray: Ray) -> tuple[Resources, ...] | None:
        """Asked only while something new is to be applied."""
        session, told = self._ray.session, self._notebook.memory.applied
        settled = self.desired is None or (told is not None and told.generation == self.desired.generation)
        if ray is not Ray.UP or session is None or settled:
            return None
        try:
            return self._serve.nodes(session)
        except (Unavailable, Refused) as error:
            self._reporter.note(f"what Ray has to give away is not known: {error}")
            return None

    def _with_splitters(self, snapshot: Snapshot) -> Snapshot:
        """With the apps that could try new code, where it is to be decided whether they do."""
        memory, desired = snapshot.memory, snapshot.desired
        if desired is None or memory.good is None or memory.started_with is None or not snapshot.http_ready:
            return snapshot
        good, target = snapshot.configs.get(memory.good.generation), snapshot.configs.get(desired.generation)
        decided = memory.trial is not None and memory.trial.target.generation == desired.generation
        told = memory.applied
        good_runs = told is not None and (told.step is not Step.WHOLE or told.generation == memory.good.generation)
        if good is None or target is None or decided or not good_runs:
            return snapshot
        head = memory.started_with
        asked = canaries(good, target, target.apps).keys() - canaries(good, target).keys()
        able = {
            name
            for name in asked
            if self._serve.counted(head.host, head.port, route_of(good, name, Step.WHOLE, {})) is not None
        }
        return replace(snapshot, can_split=frozenset(able))

    def _with_trial(self, snapshot: Snapshot) -> Snapshot:
        """With what the ingresses have counted of the canaries, and the time that this has been going on."""
        elapsed = min(snapshot.now - self._watched_at, _LONGEST_TURN_S)
        self._watched_at = snapshot.now
        memory = snapshot.memory
        trial, told, head = memory.trial, memory.applied, memory.started_with
        at_rest = trial is None or (trial.outcome in OVER and told is not None and told.step is Step.WHOLE)
        if trial is None or at_rest or head is None or not snapshot.http_ready:
            return snapshot
        trial, splitting = self._counted(trial, head, snapshot.configs.get(trial.target.generation))
        split = told == Told(trial.target.generation, Step.SPLIT) and trial.outcome is Outcome.TRYING
        if split and splitting and _all_run(snapshot):
            trial = replace(trial, seen_s=trial.seen_s + elapsed)
            self._healthy_at = snapshot.now
        if trial != memory.trial:
            self._notebook.remember(replace(memory, trial=trial))
        return replace(snapshot, memory=self._notebook.memory, splitting=splitting, healthy_at=self._healthy_at)

    def _counted(self, trial: Trial, head: Head, config: ServeConfig | None) -> tuple[Trial, bool]:
        splitting = False
        for name in trial.rules if config else ():
            assert config is not None  # noqa: S101 see above
            counted = self._serve.counted(head.host, head.port, route_of(config, name, Step.WHOLE, trial.rules))
            if counted:
                trial = trial.with_count(name, counted)
                splitting = splitting or counted.splitting
        return trial, splitting


def _all_run(snapshot: Snapshot) -> bool:
    apps = snapshot.apps or {}
    return all(name in apps and apps[name].status is AppStatus.RUNNING for name in snapshot.wanted_apps)
