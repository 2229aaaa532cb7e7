"""A GPU box for tests: the agent from its published package, S3 from MiniStack, and a real Ray. Loopback only."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import httpx
import yaml

from generator.model.serve import Box, Front, ServeApp
from generator.publish.package import Package, agent_package, app_folders, app_package
from generator.publish.tracked import tracked_files
from generator.render.serve import serve_config
from reconciler.ray_head import _family

ROOT = Path(__file__).resolve().parents[3]
ARTIFACTS, VIDEOS = "artifacts", "videos"
FRONT = Front(os.environ.get("ECG_TEST_FRONT", Front.HAPROXY))
"""What takes the box's requests: the faults are tried behind either."""


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])


@contextmanager
def ministack(folder: Path) -> "Iterator[tuple[str, subprocess.Popen[bytes]]]":
    """S3 on a free loopback port; its endpoint and its process."""
    port = free_port()
    env = {"PATH": os.defpath, "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "HOME": str(folder)}
    env |= {"SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "WARNING"}
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [str(ROOT / ".venv-aws/bin/ministack")], env=env, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(url), 60, "MiniStack")
        yield url, process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_ministack/ready", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def wait_for(what: Any, seconds: float, name: str) -> Any:
    """Poll until `what()` is true; its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := what():
            return value
        time.sleep(0.25)
    raise AssertionError(f"{name}: not within {seconds} s")


@dataclass
class Asked:
    """What callers got while something else happened."""

    versions: list[str] = field(default_factory=list)
    failed: list[object] = field(default_factory=list)


@dataclass
class TestBox:
    """What a test does with it."""

    __test__ = False

    repository: Path
    root: Path
    s3: Any
    http: str
    env: dict[str, str]
    store: "subprocess.Popen[bytes]"
    process: "subprocess.Popen[bytes] | None" = None

    def publish(self, apps: Sequence[ServeApp], corrupt: bool = False, **http: Any) -> str:
        """Pack and point the box at these apps, as `apply` does; returns the generation.

        `corrupt`: the apps' packages lose their last bytes on the way. `http`: more of `http_options`.
        """
        port = int(self.http.rsplit(":", 1)[1])
        packages = {app.name: app_package(self.repository, app) for app in apps}
        addresses = {name: one.address for name, one in packages.items() if one}
        config = serve_config(apps, addresses, Box(cpus=4, gpus=1, front=FRONT), app_folders(self.repository, apps))
        config["http_options"] |= {"port": port, **http}
        serve = yaml.safe_dump(config).encode()
        agent = agent_package(self.repository)
        state: dict[str, Any] = {
            "apiVersion": "gitops.ecg/v1",
            "kind": "BoxState",
            "agent": self._put(f"serve/dev/packages/{agent.address}", agent.content),
            "serve": self._put(f"serve/dev/config/{hashlib.sha256(serve).hexdigest()}.yaml", serve),
            "packages": [{"name": name, **self._put_package(one, corrupt)} for name, one in packages.items() if one],
        }
        generation = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
        self._put("serve/dev/desired.json", json.dumps({**state, "generation": generation}).encode())
        return generation

    def _put_package(self, package: Package, corrupt: bool) -> dict[str, str]:
        key = f"serve/dev/packages/{package.address}"
        told = self._put(key, package.content)
        if corrupt:
            self._put(key, package.content[:-7])
        return told

    def _put(self, key: str, content: bytes) -> dict[str, str]:
        self.s3.put_object(Bucket=ARTIFACTS, Key=key, Body=content)
        return {"key": key, "sha256": hashlib.sha256(content).hexdigest()}

    def start(self) -> None:
        """Run the agent from its package, as the updater would."""
        folder = self.root / "opt/ecg/agent"
        with zipfile.ZipFile(BytesIO(agent_package(self.repository).content)) as archive:
            archive.extractall(folder)
        with (self.root / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "reconciler"], cwd=folder, env=self.env, stdout=log, stderr=subprocess.STDOUT
            )

    def edit(self, app: str, old: str, new: str) -> None:
        """A merge that changes one line of an app."""
        source = self.repository / f"services/ray_serve/apps/{app}/app.py"
        text = source.read_text()
        assert old in text
        source.write_text(text.replace(old, new))

    def ray(self) -> dict[str, Any]:
        """The Ray that the agent started, as its state file tells: pid, ports, token."""
        told: dict[str, Any] = json.loads((self.root / "var/lib/ecg/state.json").read_text())["ray"]
        return told

    def processes(self, title: str) -> list[int]:
        """Ray's own processes whose command line begins so, or has a part that ends so."""
        found = []
        for pid in _family(self.ray()["pid"]):
            with suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
                if command[0].startswith(title) or any(part.endswith(title) for part in command[:3]):
                    found.append(pid)
        return found

    def restart_after_a_kill(self) -> None:
        """The agent alone is killed; Ray is a session of its own."""
        assert self.process
        self.process.kill()
        self.process.wait()
        self.start()

    def kill_everything(self) -> None:
        """What a power cut does to the agent and to Ray."""
        assert self.process
        pid = self.ray()["pid"]
        self.process.kill()
        self.process.wait()
        for one in (pid, *_family(pid)):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)

    @contextmanager
    def without_s3(self) -> Iterator[None]:
        """S3 accepts connections and says nothing."""
        self.store.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.store.send_signal(signal.SIGCONT)

    def agent_log(self) -> str:
        return (self.root / "agent.log").read_text()

    def observed(self) -> dict[str, Any]:
        try:
            body = self.s3.get_object(Bucket=ARTIFACTS, Key="observed/dev/box.json")["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return {}
        report: dict[str, Any] = json.loads(body)
        return report

    def condition(self, kind: str) -> dict[str, str]:
        return next((one for one in self.observed().get("conditions", ()) if one["type"] == kind), {})

    def settled(self, generation: str, seconds: float) -> dict[str, Any]:
        """Wait until the box serves this generation; its report."""

        def settled() -> dict[str, Any] | None:
            report = self.observed()
            there = {"wanted": generation, "applied": generation, "good": generation}
            return report if report.get("generation") == there else None

        try:
            report: dict[str, Any] = wait_for(settled, seconds, "the box")
        except AssertionError as error:
            told = json.dumps(self.observed(), indent=1)
            raise AssertionError(f"{error}\n{told}\n{self.agent_log()[-4000:]}") from error
        return report

    def upload(self, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket=VIDEOS, Key=key, Body=content)

    def ask(self, app: str, key: str, **options: Any) -> dict[str, Any]:
        """The body of a request."""
        return {"job_id": "job-1", "video": {"bucket": VIDEOS, "key": key}, "options": options}

    def analyze(self, app: str, key: str, **options: Any) -> list[dict[str, Any]]:
        """The events of one analysis."""
        answer = httpx.post(
            f"{self.http}/{app}/analyze", json=self.ask(app, key, **options), timeout=120, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.text.splitlines()]

    @contextmanager
    def asking(self, app: str) -> Iterator[Asked]:
        """Two callers ask this app again and again."""
        asked, ended = Asked(), threading.Event()

        def keep_asking() -> None:
            while not ended.wait(0.02):
                try:
                    last = self.analyze(app, "videos/local/1/source.txt")[-1]
                    asked.versions.append(last["result"]["app"]["version"])
                except (AssertionError, httpx.HTTPError, KeyError) as error:
                    asked.failed.append(error)

        callers = [threading.Thread(target=keep_asking) for _ in range(2)]
        for one in callers:
            one.start()
        try:
            yield asked
        finally:
            ended.set()
            for one in callers:
                one.join()

    def stop(self) -> None:
        """SIGTERM, as systemd does; it takes its Ray with it."""
        if self.process:
            self.process.terminate()
            self.process.wait(90)


def repository_copy(to: Path) -> Path:
    """This repository's Serve side with the toy apps beside the real ones."""
    source, target = ROOT / "services/ray_serve", to / "services/ray_serve"
    for name in tracked_files(source):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)
    for name in ("toy", "steady"):
        shutil.copytree(Path(__file__).parent / name, target / "apps" / name)
    return to


@contextmanager
def running_box(folder: Path, host: str = "127.0.1.77") -> Iterator[TestBox]:
    """A box whose agent runs; nothing is published to it yet."""
    with ministack(folder) as (endpoint, store):
        aws = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        for bucket in (ARTIFACTS, VIDEOS):
            s3.create_bucket(Bucket=bucket)
        root = folder / "box"
        root.mkdir()
        port = free_port(host)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ECG_ROOT": str(root),
            "ECG_ARTIFACTS_BUCKET": ARTIFACTS,
            "ECG_ENVIRONMENT": "dev",
            "ECG_HTTP_HOST": host,
            "ECG_RAY_PORTS": "auto",
            "ECG_POLL_S": "0.5",
            **aws,
        }
        box = TestBox(repository_copy(folder / "repository"), root, s3, f"http://{host}:{port}", env, store)
        try:
            box.start()
            yield box
        finally:
            box.stop()
