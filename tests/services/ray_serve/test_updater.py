"""The updater as the user data installs it: the text that CloudFormation would hand to the instance, run by bash.

`systemctl` and `aws` are stand-ins on the PATH: the first starts what the unit says, the second copies from a folder.
"""

import hashlib
import io
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from generator.parts.user_data import MOST_BYTES, PLACEHOLDERS, user_data

AGENT = """
import os, pathlib, signal, sys, time
log = pathlib.Path(os.environ["ECG_ROOT"], "agent.log")
def say(text):
    with log.open("a") as file:
        file.write(text + "\\n")
def end(number, _frame):
    say("{name} " + signal.Signals(number).name)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGHUP, end)
say("{name} up " + os.environ["ECG_AGENT_SHA256"][:4])
{then}
"""
STAY = "time.sleep(600)"


def filled_in(text: str) -> str:
    """What `Fn::Sub` makes of it."""
    for name in PLACEHOLDERS:
        text = text.replace(
            f"${{{name}}}", {"ArtifactsBucketName": "artifacts", "Environment": "dev"}.get(name, "eu-x-1")
        )
    return text.replace("${!", "${")


@dataclass
class Instance:
    """A machine that runs its user data."""

    folder: Path
    service: "subprocess.Popen[bytes] | None" = None

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def bucket(self) -> Path:
        return self.folder / "s3/artifacts"

    def boot(self) -> None:
        tools = self.folder / "bin"
        tools.mkdir()
        for name, text in {
            "systemctl": '#!/bin/sh\necho "$@" >>"$ECG_ROOT/systemctl.log"\n',
            "aws": f'#!/bin/sh\n[ "$1 $2 $3" = "s3 cp --only-show-errors" ] || exit 9\n'
            f'exec cp "{self.folder}/s3/${{4#s3://}}" "$5"\n',
        }.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        self.root.mkdir()
        env = {"PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}", "ECG_ROOT": str(self.root)}
        subprocess.run(["bash"], input=filled_in(user_data()), text=True, env=env, check=True)
        unit = (self.root / "etc/systemd/system/ecg-updater.service").read_text()
        told = [line.partition("=")[2] for line in unit.splitlines() if line.startswith("Environment=")]
        settings = dict(one.split("=", 1) for line in told for one in shlex.split(line))
        (command,) = (line.partition("=")[2] for line in unit.splitlines() if line.startswith("ExecStart="))
        extra = {"ECG_POLL_S": "0.2", "ECG_AGENT_TRIAL_S": "2", "ECG_PYTHON_ENV": str(Path(sys.executable).parents[1])}
        self.service = subprocess.Popen(
            shlex.split(command),
            env={**env, **settings, **extra},
            stdout=(self.folder / "journal").open("wb"),
            stderr=subprocess.STDOUT,
        )

    def publish(self, name: str, then: str = STAY, corrupt: bool = False) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("reconciler/__main__.py", AGENT.format(name=name, then=then))
            archive.writestr("requirements.txt", "")
        sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
        key = f"serve/dev/packages/{sha256}.zip"
        for path, content in {
            key: buffer.getvalue() + (b"rot" if corrupt else b""),
            "serve/dev/desired.json": json.dumps({"agent": {"key": key, "sha256": sha256}}).encode(),
        }.items():
            (self.bucket / path).parent.mkdir(parents=True, exist_ok=True)
            (self.bucket / path).write_bytes(content)
        return sha256

    def journal(self) -> str:
        return (self.folder / "journal").read_text()

    def agents(self) -> list[str]:
        log = self.root / "agent.log"
        return log.read_text().splitlines() if log.exists() else []

    def stop(self) -> None:
        if self.service and self.service.poll() is None:
            self.service.send_signal(signal.SIGTERM)
            self.service.wait(30)


def soon(what: Callable[[], object], instance: Instance) -> None:
    end = time.monotonic() + 20
    while not what():
        if time.monotonic() > end:
            raise AssertionError(f"agents: {instance.agents()}\n{instance.journal()}")
        time.sleep(0.05)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    one = Instance(tmp_path)
    yield one
    one.stop()


def test_the_user_data_fits_ec2s_limit() -> None:
    assert len(filled_in(user_data()).encode()) < MOST_BYTES


def test_the_user_data_shows_reviewers_the_updater_itself() -> None:
    text = filled_in(user_data())
    updater = Path(__file__).parents[3] / "services/ray_serve/updater"
    assert (updater / "updater.py").read_text() in text
    assert (updater / "ecg-updater.service").read_text() in text
    assert len((updater / "updater.py").read_text().splitlines()) < 150


def test_cloudformation_finds_only_its_own_placeholders() -> None:
    import re

    assert set(re.findall(r"\$\{(?!!)([^}]*)\}", user_data())) == PLACEHOLDERS


def test_user_data_installs_and_starts_one_service(instance: Instance) -> None:
    sha256 = instance.publish("one")
    instance.boot()
    assert (instance.root / "systemctl.log").read_text() == "daemon-reload\nenable --now ecg-updater\n"
    soon(lambda: instance.agents() == [f"one up {sha256[:4]}"], instance)


def test_a_new_agent_takes_over_and_leaves_ray_serving(instance: Instance) -> None:
    instance.publish("one")
    instance.boot()
    soon(lambda: len(instance.agents()) == 1, instance)
    sha256 = instance.publish("two")
    soon(lambda: instance.agents()[1:] == ["one SIGHUP", f"two up {sha256[:4]}"], instance)


def test_an_agent_that_does_not_stay_up_gives_way_to_the_one_before(instance: Instance) -> None:
    first = instance.publish("one")
    instance.boot()
    soon(lambda: len(instance.agents()) == 1, instance)
    instance.publish("two", then="raise SystemExit(3)")
    soon(lambda: instance.agents()[-1:] == [f"one up {first[:4]}"] and len(instance.agents()) == 4, instance)
    assert "does not stay up; back to" in instance.journal()


def test_a_corrupt_agent_is_never_run(instance: Instance) -> None:
    instance.publish("one")
    instance.boot()
    soon(lambda: len(instance.agents()) == 1, instance)
    instance.publish("two", corrupt=True)
    soon(lambda: "is corrupt: its SHA-256 is" in instance.journal(), instance)
    assert len(instance.agents()) == 1


def test_without_s3_the_running_agent_stays(instance: Instance) -> None:
    instance.publish("one")
    instance.boot()
    soon(lambda: len(instance.agents()) == 1, instance)
    instance.bucket.rename(instance.folder / "s3/gone")
    soon(lambda: "trying again" in instance.journal(), instance)
    assert len(instance.agents()) == 1


def test_an_agent_that_dies_is_started_again(instance: Instance) -> None:
    instance.publish("one", then="time.sleep(3); raise SystemExit(1)")
    instance.boot()
    soon(lambda: len(instance.agents()) == 2, instance)


def test_stopping_the_service_ends_the_agent_and_its_ray(instance: Instance) -> None:
    instance.publish("one")
    instance.boot()
    soon(lambda: len(instance.agents()) == 1, instance)
    instance.stop()
    assert instance.agents()[-1] == "one SIGTERM"


def test_programs_and_state_lie_below_the_root(instance: Instance) -> None:
    sha256 = instance.publish("one")
    instance.boot()
    soon(lambda: len(instance.agents()) == 1, instance)
    assert (instance.root / f"opt/ecg/agents/{sha256}/reconciler/__main__.py").is_file()
    assert stat.S_ISREG((instance.root / "opt/ecg/updater.py").stat().st_mode)


def test_agents_before_the_last_are_removed(instance: Instance) -> None:
    instance.publish("one")
    instance.boot()
    soon(lambda: len(instance.agents()) == 1, instance)
    kept = set()
    for name in ("two", "three"):
        sha256 = instance.publish(name)
        up = [f"{name} up {sha256[:4]}"]
        soon(lambda up=up: instance.agents()[-1:] == up, instance)
        kept.add(sha256)
    soon(lambda: {path.name for path in (instance.root / "opt/ecg/agents").iterdir()} == kept, instance)


def test_the_reconciler_reads_what_the_unit_sets() -> None:
    from reconciler.settings import Settings

    unit = textwrap.dedent(user_data())
    assert all(f'"{name}=' in unit for name in ("ECG_ROOT", "ECG_ARTIFACTS_BUCKET", "ECG_ENVIRONMENT"))
    assert Settings.from_environment({"ECG_ARTIFACTS_BUCKET": "b", "ECG_ENVIRONMENT": "dev"}).root == Path("/")
