"""Look, decide, act, report; one action a turn. Everything outside comes in through the constructor."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, assert_never

from kit import logs
from reconciler.decide import Accept, Action, Apply, Fetch, Reject, StartRay, StopRay, Wait, decide
from reconciler.desired import Desired, Head, ServeConfig, Unreadable, parse_desired, parse_serve
from reconciler.memory import MemoryFile, Session
from reconciler.report import Facts, box_json, conditions, since, stamp
from reconciler.serve_api import Refused, ServeApi, Unavailable
from reconciler.settings import Settings
from reconciler.snapshot import AppState, Failure, Memory, Ray, Snapshot
from reconciler.store import Bucket, FetchError, Shelf

_LOG = logs.logger("reconciler")
_FETCH_AGAIN_S = 20.0
_REPORT_EVERY_S = 60.0
_RAY_START_S = 180.0
"""A Ray whose API does not answer for so long is started anew."""


class RayProcess(Protocol):
    """What the loop needs of `RayHead`."""

    session: Session | None

    def adopt(self, session: Session | None) -> bool:
        """Take over a Ray left running; False if it is gone."""

    def start(self, head: Head) -> Session:
        """Start one."""

    def alive(self) -> bool:
        """Is its process there?"""

    def stop(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Clock:
    """`monotonic` for waiting, `wall` for telling."""

    monotonic: Callable[[], float]
    wall: Callable[[], datetime]


class Reconciler:
    """Keeps one box at its desired state. Call `turn` again and again, and `stop` or `leave` at the end."""

    def __init__(
        self,
        settings: Settings,
        bucket: Bucket,
        ray: RayProcess,
        serve: ServeApi,
        clock: Clock,
        device: Callable[[], Mapping[str, Any] | None],
        python: str,
    ) -> None:
        self._settings, self._bucket, self._ray, self._serve, self._clock = settings, bucket, ray, serve, clock
        self._device, self._python = device, python
        self._known_device: Mapping[str, Any] | None = None
        self._shelf = Shelf(settings.packages)
        self._file = MemoryFile(settings.state / "state.json")
        self._desired: Desired | None = None
        self._etag: str | None = None
        self._fetch_error: str | None = None
        self._fetch_again_at = 0.0
        self._trouble: str | None = None
        self._silent_since = clock.monotonic()
        self._ray_version: str | None = None
        self._errors: deque[Mapping[str, str]] = deque(maxlen=10)
        self._moments: dict[str, tuple[bool, str]] = {}
        self._reported: Mapping[str, Any] | None = None
        self._reported_at = 0.0
        self._memory, left = self._file.load()
        if ray.adopt(left):
            assert left is not None  # noqa: S101 adopt said so
            _LOG.info("took over a running Ray", extra={"pid": left.pid})
            self._memory = replace(self._memory, started_with=left.head, applied_at=clock.monotonic())
        else:
            self._memory = replace(self._memory, applied=None)

    def turn(self) -> Action:
        """One action towards the desired state, then a report if there is something new."""
        self._trouble = None
        self._poll()
        snapshot = self._look()
        action = decide(snapshot)
        try:
            self._act(action)
        except (Unavailable, OSError) as error:
            self._in_trouble(f"{type(action).__name__}: {error}")
        self._report(self._look() if not isinstance(action, Wait) else snapshot)
        return action

    def stop(self) -> None:
        """End Ray, and say so."""
        self._ray.stop()
        self._remember(replace(self._memory, applied=None, started_with=None))
        self._report(self._look())

    def leave(self) -> None:
        """Go, and leave Ray serving: the next agent takes it over."""
        self._remember(self._memory)

    def _poll(self) -> None:
        try:
            version = self._bucket.get(self._settings.desired_key, unless_etag=self._etag)
            if version is not None:
                self._desired = parse_desired(version.content)
                # Remembered only now: what could not be read is read again, it may have been half an upload.
                self._etag = version.etag
                self._fetch_error, self._fetch_again_at = None, 0.0
                _LOG.info("desired", extra={"generation": self._desired.generation})
                self._forgive(self._desired)
        except (FetchError, Unreadable) as error:
            self._in_trouble(str(error))

    def _forgive(self, desired: Desired) -> None:
        """Once Git has asked for something else, what failed may be tried again."""
        failed = self._memory.failed
        if failed is not None and failed.generation != desired.generation:
            self._remember(replace(self._memory, failed=None))

    def _look(self) -> Snapshot:
        heads: dict[str, Head] = {}
        unreadable: dict[str, str] = {}
        wanted: frozenset[str] = frozenset()
        for one in (self._desired, self._memory.good):
            if one is None or not all(self._shelf.holds(item) for item in one.items):
                continue
            try:
                config = self._config(one)
            except Unreadable as error:
                unreadable[one.generation] = str(error)
                continue
            heads[one.generation] = config.head
            if one.generation == self._memory.applied:
                wanted = frozenset(config.versions)
        ray, apps = self._ask_ray()
        head = self._memory.started_with
        return Snapshot(
            now=self._clock.monotonic(),
            desired=self._desired,
            heads=heads,
            unreadable=unreadable,
            ray=ray,
            apps=apps,
            wanted_apps=wanted,
            http_ready=bool(ray is Ray.UP and apps and head and self._serve.http_ready(head.host, head.port)),
            memory=self._memory,
            fetch_error=self._fetch_error,
            fetch_again_at=self._fetch_again_at,
            deadline_s=self._settings.deadline_s,
        )

    def _config(self, one: Desired) -> ServeConfig:
        url = f"file://{self._settings.packages.absolute()}/"
        return parse_serve(self._shelf.read(one.serve), url, self._settings.http_host)

    def _ask_ray(self) -> tuple[Ray, Mapping[str, AppState] | None]:
        session = self._ray.session
        if session is None or not self._ray.alive():
            if session is not None:
                self._note("Ray's process is gone; see ray.log on the box")
                self._end_ray()
            return Ray.DOWN, None
        try:
            apps = self._serve.apps(session)
            if self._ray_version is None:
                self._ray_version = self._serve.ray_version(session)
        except (Unavailable, Refused) as error:
            if self._clock.monotonic() - self._silent_since > _RAY_START_S:
                self._note(f"Ray has not answered for {_RAY_START_S:g} s and is started anew: {error}")
                self._end_ray()
                return Ray.DOWN, None
            return Ray.STARTING, None
        self._silent_since = self._clock.monotonic()
        return Ray.UP, apps

    def _act(self, action: Action) -> None:
        match action:
            case Wait():
                pass
            case Fetch(target):
                self._fetch(target)
            case StartRay(head):
                _LOG.info("starting Ray", extra=vars(head))
                self._ray.start(head)
                self._silent_since = self._clock.monotonic()
                self._remember(replace(self._memory, started_with=head, applied=None))
            case StopRay(why):
                _LOG.info("stopping Ray", extra={"why": why})
                self._end_ray()
            case Apply(target):
                self._apply(target)
            case Accept(target):
                _LOG.info("healthy", extra={"generation": target.generation})
                before = self._memory.good or target
                self._remember(replace(self._memory, good=target, failed=None))
                # One back is kept too: a revert is then there at once.
                self._shelf.keep_only({*target.items, *before.items, *(self._desired or target).items})
            case Reject(generation, message):
                self._reject(generation, message)
            case _:
                assert_never(action)

    def _fetch(self, target: Desired) -> None:
        try:
            for item in target.items:
                self._shelf.fetch(item, self._bucket)
        except FetchError as error:
            self._fetch_error = str(error)
            self._fetch_again_at = self._clock.monotonic() + _FETCH_AGAIN_S
            self._note(self._fetch_error)
        else:
            self._fetch_error, self._fetch_again_at = None, 0.0

    def _apply(self, target: Desired) -> None:
        session = self._ray.session
        if session is None:
            return
        _LOG.info("applying", extra={"generation": target.generation})
        try:
            self._serve.put(session, self._config(target).body)
        except Refused as error:
            self._reject(target.generation, f"Ray refused the configuration: {error}")
            return
        self._remember(replace(self._memory, applied=target.generation, applied_at=self._clock.monotonic()))

    def _reject(self, generation: str, message: str) -> None:
        self._note(message)
        self._remember(replace(self._memory, failed=Failure(generation, message)))

    def _end_ray(self) -> None:
        self._ray.stop()
        self._ray_version = None
        self._remember(replace(self._memory, applied=None, started_with=None))

    def _remember(self, memory: Memory) -> None:
        self._memory = memory
        self._file.save(memory, self._ray.session)

    def _in_trouble(self, what: str) -> None:
        if self._trouble is None:
            self._trouble = what
        self._note(what)

    def _note(self, what: str) -> None:
        if not self._errors or self._errors[0]["message"] != what[:4000]:
            _LOG.error(what)
            self._errors.appendleft({"at": stamp(self._clock.wall()), "message": what[:4000]})

    def _report(self, snapshot: Snapshot) -> None:
        if snapshot.http_ready and self._known_device is None:
            # Not before: asking loads torch, and a box that is coming up has better use for its processors.
            self._known_device = self._device()
        facts = Facts(
            agent=self._settings.agent,
            python=self._python,
            ray=self._ray_version,
            device=self._known_device,
            errors=tuple(self._errors),
            trouble=self._trouble,
        )
        judged = conditions(snapshot, facts)
        self._moments = since(judged, self._moments, self._clock.wall())
        report = box_json(snapshot, facts, judged, self._moments)
        fresh = self._clock.monotonic() - self._reported_at < _REPORT_EVERY_S
        if report == self._reported and fresh:
            return
        content = json.dumps({**report, "updated_at": stamp(self._clock.wall())}, indent=1, ensure_ascii=False)
        try:
            self._bucket.put(self._settings.observed_key, content.encode())
        except FetchError as error:
            self._note(str(error))
            return
        self._reported, self._reported_at = report, self._clock.monotonic()
