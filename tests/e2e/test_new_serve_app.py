"""A new Serve app on its way: `serve new`, a commit, `apply`; nothing else. On the whole local system, some minutes."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from generator.checkout import STATE
from generator.local.connection import Connection
from tests.generator.workbench.copies import PROGRAM, commit, copy_of_the_tree, ecgctl, surroundings

pytestmark = pytest.mark.faults  # minutes: the whole system comes up first

NAME = "brightness"
DEADLINE_S = 420
_LAST_LINE = "aws cloudformation list-stacks"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout whose system is up, deployed as it is."""
    copy = copy_of_the_tree(tmp_path_factory.mktemp("app") / "checkout")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "run"],
        cwd=copy,
        env=surroundings(copy),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said, started = "", time.monotonic()
    try:
        for line in process.stdout:
            said += line
            if _LAST_LINE in line or time.monotonic() - started > DEADLINE_S:
                break
        assert _LAST_LINE in said, said[-6000:]
        yield copy
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)


@pytest.fixture(scope="module")
def applied(checkout: Path) -> str:
    """What apply said after `serve new` and a commit."""
    made = ecgctl(checkout, "serve", "new", NAME)
    assert made.returncode == 0, made.stderr
    commit(checkout, f"Add {NAME}")
    done = ecgctl(checkout, "apply", "dev", "--local", timeout_s=DEADLINE_S)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def report(checkout: Path) -> dict[str, Any]:
    s3 = Connection.running(checkout / STATE).client("s3")
    (bucket,) = (one["Name"] for one in s3.list_buckets()["Buckets"] if "artifacts" in one["Name"])
    found: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key="observed/dev/box.json")["Body"].read())
    return found


def test_a_new_app_reaches_the_running_box_through_a_commit_and_apply(checkout: Path, applied: str) -> None:
    assert "proved: the sample was read" in applied
    status = ecgctl(checkout, "serve", "status", "dev", NAME, "--local", "-o", "json")
    told = json.loads(status.stdout)
    assert status.returncode == 0, status.stdout
    assert told["apps"][NAME]["status"] == "RUNNING"
    assert told["apps"][NAME]["version"] == told["wanted"][NAME]


def test_it_passes_its_golden_case_there(checkout: Path, applied: str) -> None:
    http = report(checkout)["http"]
    answer = httpx.post(f"http://{http['host']}:{http['port']}/{NAME}/golden", timeout=120, trust_env=False)
    last = json.loads(answer.text.splitlines()[-1])
    assert last["result"]["passed"], last


def test_the_apps_that_were_there_still_run(checkout: Path, applied: str) -> None:
    done = ecgctl(checkout, "serve", "status", "dev", "--local")
    assert done.returncode == 0, done.stdout
    assert {"ecg_rhythm", "signal_quality", NAME} <= {line.split()[0] for line in done.stdout.splitlines()[1:]}


def test_history_tells_with_which_deployment_it_came(checkout: Path, applied: str) -> None:
    done = ecgctl(checkout, "serve", "history", "dev", NAME, "--local", "-o", "json")
    newest, *earlier = json.loads(done.stdout)
    assert newest["versions"][NAME]
    assert [one["versions"][NAME] for one in earlier] == [None] * len(earlier)
    assert earlier


def test_there_is_no_version_to_take_a_new_app_back_to(checkout: Path, applied: str) -> None:
    done = ecgctl(checkout, "serve", "rollback", "dev", NAME, "--local")
    assert done.returncode == 2
    assert "no earlier successful deployment had it otherwise" in done.stderr


def test_the_commands_of_rollback_bring_the_earlier_version_back(checkout: Path, applied: str) -> None:
    """They are run as printed, but for what needs an origin; `serve history` then names the earlier version."""
    before = json.loads(ecgctl(checkout, "serve", "history", "dev", NAME, "--local", "-o", "json").stdout)
    model = checkout / f"services/ray_serve/apps/{NAME}/model.py"
    model.write_text(model.read_text() + "\n# a second version\n")
    assert ecgctl(checkout, "render").returncode == 0
    commit(checkout, "Change it")
    assert ecgctl(checkout, "apply", "dev", "--local", "--no-proof", timeout_s=DEADLINE_S).returncode == 0
    said = ecgctl(checkout, "serve", "rollback", "dev", NAME, "--local").stdout
    commands = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    (restore,) = (one for one in commands if one.startswith("git restore"))
    subprocess.run(restore.split(), cwd=checkout, check=True, env=surroundings(checkout))
    assert ecgctl(checkout, "render").returncode == 0
    rendered = (checkout / "templates_out/dev/serve.yaml").read_text()
    assert before[0]["versions"][NAME] in rendered
