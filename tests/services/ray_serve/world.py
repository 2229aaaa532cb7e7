"""A box made of memory: bucket, Ray, golden cases and clock, and the agent that keeps it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from reconciler.actions import Action, Wait
from reconciler.capacity import Resources
from reconciler.desired import Head
from reconciler.golden import AppProof, Case, Proof
from reconciler.loop import Reconciler
from reconciler.memory import Session
from reconciler.reporter import Clock
from reconciler.rollout import Told
from reconciler.serve_api import Refused, Unavailable
from reconciler.settings import Settings
from reconciler.snapshot import AppState, AppStatus
from reconciler.store import FetchError, OutOfReach, Version
from reconciler.trial import Counted, Tally

PACKAGE = b"a zip, as far as this test knows"


@dataclass
class MemoryBucket:
    """`Bucket` in memory, with an S3 that can be pulled out."""

    objects: dict[str, bytes] = field(default_factory=dict)
    reachable: bool = True
    calls: int = 0

    def get(self, key: str, unless_etag: str | None = None) -> Version | None:
        self.calls += 1
        if not self.reachable:
            raise OutOfReach("no route to S3")
        if key not in self.objects:
            raise FetchError(f"{key}: NoSuchKey")
        version = Version(self.objects[key], hashlib.md5(self.objects[key]).hexdigest())
        return None if version.etag == unless_etag else version

    def put(self, key: str, content: bytes) -> None:
        self.calls += 1
        if not self.reachable:
            raise OutOfReach("no route to S3")
        self.objects[key] = content


@dataclass
class FakeRay:
    """`RayProcess` and `ServeApi` in one: what is put runs at the second look, unless told how it goes."""

    session: Session | None = None
    living: bool = False
    answers: bool = True
    refuses: str | None = None
    outcome: Callable[[str], AppState] | None = None
    told: list[Mapping[str, Any]] = field(default_factory=list)
    started: list[Head] = field(default_factory=list)
    stopped: int = 0
    adoptable: bool = False
    room: tuple[Resources, ...] = (Resources(cpus=4, gpus=1, memory_mb=8192),)
    tally: Tally = field(default_factory=Tally)
    """What the ingress has counted of its canary since the trial began."""
    trial: str | None = None
    deaf: bool = False
    """The ingress does not say what it counts."""

    def adopt(self, session: Session | None) -> bool:
        if session is None or not self.adoptable:
            return False
        self.session, self.living = session, True
        return True

    def start(self, head: Head) -> Session:
        self.started.append(head)
        self.told.clear()
        self.living = True
        self.session = Session(1, "1", 8265, "token", head)
        return self.session

    def alive(self) -> bool:
        return self.living

    def stop(self) -> None:
        self.stopped += 1
        self.session, self.living = None, False

    def ray_version(self, session: Session) -> str:
        return "2.60.0"

    def apps(self, session: Session) -> Mapping[str, AppState]:
        if not self.answers:
            raise Unavailable("connection refused")
        if not self.told:
            return {}
        return {one["name"]: self._app(one) for one in self.told[-1]["applications"]}

    def _app(self, told: Mapping[str, Any]) -> AppState:
        version = told["args"]["version"]
        if self.outcome:
            return self.outcome(version)
        return AppState(AppStatus.RUNNING, "", told["route_prefix"], version, {})

    def put(self, session: Session, config: Mapping[str, Any]) -> None:
        if self.refuses:
            raise Refused(self.refuses)
        self.told.append(config)

    def http_ready(self, host: str, port: int) -> bool:
        return bool(self.told)

    def nodes(self, session: Session) -> tuple[Resources, ...]:
        return self.room

    def counted(self, host: str, port: int, route: str) -> Counted | None:
        if self.deaf:
            return None
        app = next((one for one in self.told[-1]["applications"] if one["route_prefix"] == route), None)
        split = app and app["deployments"][0].get("user_config", {}).get("canary")
        self.trial = split["trial"] if split else self.trial
        return Counted("replica-1", bool(split), self.trial, self.tally)

    def names(self) -> list[str]:
        """The apps of the last document."""
        return [one["name"] for one in self.told[-1]["applications"]]

    def split(self) -> dict[str, Any] | None:
        """What the stable ingress was last told of a canary."""
        config = self.told[-1]["applications"][0]["deployments"][0].get("user_config", {})
        return dict(config["canary"]) if config.get("canary") else None


@dataclass
class FakeProver:
    """`Prover` whose proofs are done at once, or when the test says so."""

    verdicts: dict[str, AppProof] = field(default_factory=dict)
    slow: bool = False
    asked: list[Mapping[str, str]] = field(default_factory=list)
    now: Proof | None = None
    later: Proof | None = None

    def begin(self, told: Told, urls: Mapping[str, str], deadline_s: float) -> None:
        self.asked.append(urls)
        passed = AppProof(True, (Case("clean", True, 0.5),))
        self.now = Proof(told, {name: self.verdicts.get(name, passed) for name in urls}, done=True)
        if self.slow:
            self.later, self.now = self.now, Proof(told)

    def finish(self) -> None:
        """What was slow is done."""
        self.slow, self.now = False, self.later

    def forget(self) -> None:
        self.now = None

    def proof(self) -> Proof | None:
        return self.now


@dataclass
class FakeClock:
    now: float = 1000.0

    def clock(self) -> Clock:
        start = datetime(2026, 11, 23, tzinfo=UTC)
        return Clock(lambda: self.now, lambda: start + timedelta(seconds=self.now))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class World:
    """A box and what surrounds it."""

    root: Path
    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    ray: FakeRay = field(default_factory=FakeRay)
    prover: FakeProver = field(default_factory=FakeProver)
    clock: FakeClock = field(default_factory=FakeClock)
    http_host: str | None = None

    def agent(self) -> Reconciler:
        settings = Settings(
            bucket="artifacts", environment="dev", agent="e" * 64, root=self.root, http_host=self.http_host
        )
        return Reconciler(
            settings,
            self.bucket,
            self.ray,
            self.ray,
            self.prover,
            self.clock.clock(),
            lambda: {"kind": "cpu", "name": "CPU"},
            "3.11.7",
        )

    def publish(
        self,
        version: str,
        port: int = 8080,
        package: bytes = PACKAGE,
        cpus: float = 0.5,
        http: Mapping[str, Any] | None = None,
        **notes: Any,
    ) -> str:
        """What `apply` does after a merge; returns the generation. `notes`: on the app, beside its version."""
        address = sha256(PACKAGE) + ".zip"
        serve = yaml.safe_dump(
            {
                "http_options": {"host": "0.0.0.0", "port": port, **(http or {})},
                "applications": [
                    {
                        "name": "ecg_rhythm",
                        "route_prefix": "/ecg_rhythm",
                        "import_path": "apps.ecg_rhythm.app:build",
                        "runtime_env": {"working_dir": f"file:///var/lib/ecg/packages/{address}"},
                        "args": {"version": version},
                        "deployments": [
                            {
                                "name": "Ingress",
                                "num_replicas": 1,
                                "max_surge_percent": 100,
                                "ray_actor_options": {"num_cpus": cpus},
                            }
                        ],
                    }
                ],
                "x-ecg": {"box": {"cpus": 4, "gpus": 1}, "apps": {"ecg_rhythm": {"version": version, **notes}}},
            }
        ).encode()
        serve_key = f"serve/dev/config/{sha256(serve)}.yaml"
        items = {
            "serve": {"key": serve_key, "sha256": sha256(serve)},
            "agent": {"key": "serve/dev/packages/agent.zip", "sha256": "e" * 64},
            "packages": [
                {"name": "ecg_rhythm", "key": f"serve/dev/packages/{address}", "sha256": sha256(PACKAGE)},
            ],
        }
        rest = {"apiVersion": "gitops.ecg/v1", "kind": "BoxState", **items}
        generation = sha256(json.dumps(rest, sort_keys=True).encode())
        self.bucket.objects[serve_key] = serve
        self.bucket.objects[f"serve/dev/packages/{address}"] = package
        self.bucket.objects["serve/dev/desired.json"] = json.dumps({**rest, "generation": generation}).encode()
        return generation

    def observed(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.bucket.objects["observed/dev/box.json"])
        return report

    def condition(self, type_: str) -> dict[str, str]:
        return next(one for one in self.observed()["conditions"] if one["type"] == type_)


def settle(agent: Reconciler, most: int = 20) -> Action:
    """Turn until it only waits."""
    for _ in range(most):
        action = agent.turn()
        if isinstance(action, Wait) and not action.soon:
            return action
    raise AssertionError(f"still busy after {most} turns: {action}")
