"""An app really served: a Ray of its own with the box's capacity, the app as serve.yaml declares it, requests at it."""

import json
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from generator.local.processes import Process
from generator.model.serve import Box
from generator.publish.package import SERVE_ROOT
from generator.render.serve import PACKAGES
from generator.workbench.exposition import Batches, batches
from generator.workbench.load import drive
from generator.workbench.measurements import Level, Served
from generator.workbench.objects import ObjectStore, object_store
from generator.workbench.offline import Subject, golden_outcome
from generator.workbench.serve_python import ServePython
from generator.workbench.stages import Outcome, Stage

_HOST = "127.0.1.66"
"""A loopback address other than 127.0.0.1, which Ray would replace with the machine's own."""
_DEADLINE_S = 240.0
_GRACE_S = 45.0
_BUCKET = "videos"
_METRICS_LAG_S = 2.5
_BOX_LOG = "box.log"


@dataclass(frozen=True)
class Videos:
    """What is asked about: file name -> content."""

    contents: Mapping[str, bytes]

    @staticmethod
    def golden(folder: Path) -> "Videos":
        """Inputs of the golden cases that end in a result."""
        found = {}
        for case in sorted(folder.glob("golden/*/expected.json")):
            if "error" not in json.loads(case.read_text(encoding="utf-8")):
                for video in case.parent.glob("input.*"):
                    found[f"{case.parent.name}{video.suffix}"] = video.read_bytes()
        return Videos(found)

    def put(self, objects: ObjectStore) -> list[dict[str, Any]]:
        """Upload them; the bodies of the requests about them."""
        bodies = []
        for name, content in self.contents.items():
            key = f"local/{name}/source"
            objects.put(_BUCKET, key, content)
            bodies.append({"job_id": f"check-{name}", "video": {"bucket": _BUCKET, "key": key}, "options": {}})
        return bodies


@dataclass(frozen=True)
class Plan:
    """Which concurrencies, and for how long each."""

    concurrencies: Sequence[int] = (1, 2, 4, 8)
    seconds: float = 8.0


@dataclass(frozen=True)
class Running:
    """A Ray that serves one app."""

    http: str
    dashboard: str
    metrics: str
    token: str

    def replicas(self, app: str) -> dict[str, list[int]]:
        """Process ids by deployment."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.dashboard}/api/serve/applications/"
        found = httpx.get(url, headers=headers, timeout=30, trust_env=False).json()["applications"][app]["deployments"]
        return {name: [int(one["pid"]) for one in data["replicas"] if one.get("pid")] for name, data in found.items()}

    def batches(self, app: str) -> Batches | None:
        """Once the figures of what has ended are out."""
        time.sleep(_METRICS_LAG_S)
        try:
            return batches(httpx.get(self.metrics, timeout=10, trust_env=False).text, app)
        except httpx.HTTPError:
            return None


class DidNotServe(Exception):
    """Ray did not get the app to run; the stage tells it."""

    def __init__(self, message: str, log: str) -> None:
        self.message, self.log = message, log
        super().__init__(message)


def serve_and_measure(
    root: Path, subject: Subject, python: ServePython, box: Box, videos: Videos, plan: Plan, tell: Callable[[str], None]
) -> tuple[Outcome, Served | None]:
    """Start, prove with the golden cases in the replicas, drive, stop. `tell` hears what is being done."""
    name, start = subject.app.name, time.monotonic()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="ecg-check-", ignore_cleanup_errors=True) as folder,
            object_store(Path(folder) / "objects") as objects,
        ):
            bodies = videos.put(objects)
            tell(f"starting Ray with {box.cpus} CPUs and {box.gpus} GPU")
            with running(root, subject, python, box, Path(folder), objects) as ray:
                started_s = time.monotonic() - start
                url = f"{ray.http}{subject.app.route}"
                tell("golden cases in its replicas")
                proof = _golden(f"{url}/golden", f"{subject.app.folder}/golden")
                if not proof.passed:
                    return proof, None
                served = _measured(ray, name, f"{url}/analyze", bodies, plan, started_s, tell)
    except DidNotServe as failed:
        where = f"Ray Serve, app {name!r}" + (f"\n{failed.log}" if failed.log else "")
        return Outcome(
            Stage.SERVED, False, failed.message, where, "mend what the traceback names, then check again"
        ), None
    words = f"ran after {started_s:.0f} s; golden cases passed in its replicas; {len(plan.concurrencies)} concurrencies"
    return Outcome(Stage.SERVED, True, words, seconds=time.monotonic() - start), served


@contextmanager
def running(
    root: Path, subject: Subject, python: ServePython, box: Box, folder: Path, objects: ObjectStore
) -> Iterator[Running]:
    """A Ray that serves the app, ended with all that it started however this ends. Raises DidNotServe."""
    assert subject.package is not None  # noqa: S101  the declaration has passed
    state = folder / "box"
    (folder / "packages").mkdir(parents=True)
    state.mkdir()
    (folder / "packages" / subject.package.address).write_bytes(subject.package.content)
    port = _free_port()
    config = subject.config
    config["http_options"] |= {"host": _HOST, "port": port}
    for application in config["applications"]:
        environment = application["runtime_env"]
        environment["working_dir"] = environment["working_dir"].replace(PACKAGES, f"file://{folder}/packages/")
    spec = folder / "spec.json"
    spec.write_text(
        json.dumps(
            {
                "config": config,
                "cpus": box.cpus,
                "gpus": box.gpus,
                "state": str(state),
                "host": _HOST,
                "deadline_s": _DEADLINE_S,
            }
        ),
        encoding="utf-8",
    )
    with (folder / _BOX_LOG).open("wb") as log:
        process = Process(
            python.command("ray_box.py", str(spec)),
            environment=python.environment(root / SERVE_ROOT, objects.url),
            directory=folder,
            output=log.fileno(),
            grace_s=_GRACE_S,
        )
        try:
            facts = _facts(process, state / "facts.json", folder)
            yield Running(f"http://{_HOST}:{port}", facts["dashboard"], facts["metrics"], facts["token"])
        finally:
            process.stop()


def _facts(process: Process, path: Path, folder: Path) -> Mapping[str, Any]:
    end = time.monotonic() + _DEADLINE_S + 30
    while not path.exists():
        if process.exit_code() is not None or time.monotonic() > end:
            raise DidNotServe("the box's program ended before it told anything", _tail(folder / _BOX_LOG))
        time.sleep(0.1)
    facts: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if facts["status"] != "RUNNING":
        raise DidNotServe(facts["message"], "")
    return facts


def _golden(url: str, folder: str) -> Outcome:
    try:
        answer = httpx.post(url, timeout=300, trust_env=False)
        last = json.loads(answer.text.splitlines()[-1])
    except (httpx.HTTPError, ValueError, IndexError) as error:
        return Outcome(
            Stage.SERVED, False, f"POST {url}: {error}", folder, "see that the ingress derives from AppIngress"
        )
    if last.get("event") != "result":
        return Outcome(Stage.SERVED, False, f"golden cases in its replicas: {last}", folder, "mend the app")
    return replace(golden_outcome(last["result"], folder), stage=Stage.SERVED)


def _measured(
    ray: Running,
    name: str,
    url: str,
    bodies: Sequence[Any],
    plan: Plan,
    started_s: float,
    tell: Callable[[str], None],
) -> Served:
    clock = time.monotonic
    tell("warming up")
    drive(url, bodies, 1, 0.0, clock)
    levels: list[Level] = []
    devices: set[str] = set()
    before = ray.batches(name)
    for concurrency in plan.concurrencies:
        tell(f"{concurrency} at once for {plan.seconds:g} s")
        load = drive(url, bodies, concurrency, plan.seconds, clock)
        devices |= load.devices
        after = ray.batches(name)
        seen = after.since(before or Batches()) if after else None
        before = after
        levels.append(replace(load.level, batches=seen))
    memory = {
        deployment: [peak for pid in pids if (peak := _peak_mb(pid)) is not None]
        for deployment, pids in ray.replicas(name).items()
    }
    answered = sum(len(level.latencies_s) for level in levels)
    video_s = sum(level.video_s for level in levels) / answered if answered else 0.0
    return Served(started_s, tuple(levels), memory, ", ".join(sorted(devices)) or "unknown", video_s)


def _peak_mb(pid: int) -> float | None:
    """Most resident memory that a process ever had, MiB; None where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((_HOST, 0))
        return int(one.getsockname()[1])


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"  | {line}" for line in lines[-15:])
