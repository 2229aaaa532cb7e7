"""`serve check` to its end: a Ray of its own, a new app really served, a tiny load. Facts, no timing."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.generator.workbench.copies import PROGRAM, copy_of_the_tree, ecgctl, surroundings

pytestmark = pytest.mark.faults  # a Ray starts: a minute and more on two cores

NAME = "brightness"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = copy_of_the_tree(tmp_path_factory.mktemp("served") / "checkout")
    assert ecgctl(copy, "serve", "new", NAME).returncode == 0
    return copy


@pytest.fixture(scope="module")
def checked(checkout: Path) -> dict[str, Any]:
    load = ("--at-once", "1", "--at-once", "3", "--seconds", "1")
    done = ecgctl(checkout, "serve", "check", NAME, *load, "-o", "json", timeout_s=400)
    assert done.returncode == 0, done.stdout + done.stderr
    (app,) = json.loads(done.stdout)["apps"]
    return dict(app)


def processes_with(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in command:
            found.append(command)
    return found


def test_every_stage_passes(checked: dict[str, Any]) -> None:
    assert [one["stage"] for one in checked["stages"]] == [
        "declaration",
        "schema",
        "imports",
        "golden",
        "served",
        "slo",
    ]
    assert checked["passed"]


def test_each_concurrency_was_driven_and_nothing_failed(checked: dict[str, Any]) -> None:
    levels = checked["served"]["levels"]
    assert [one["concurrency"] for one in levels] == [1, 3]
    assert all(one["answered"] >= one["concurrency"] and not one["errors"] for one in levels)
    assert all(0 < one["p50_ms"] <= one["p99_ms"] for one in levels)


def test_memory_of_each_deployments_replicas_was_seen(checked: dict[str, Any]) -> None:
    memory = checked["served"]["memory_mb"]
    assert sorted(memory) == ["Ingress", "Worker"]
    assert all(len(replicas) == 1 and replicas[0] > 10 for replicas in memory.values())


def test_where_it_ran_and_what_that_says_is_told(checked: dict[str, Any]) -> None:
    assert checked["served"]["device"] == "cpu"
    assert any("not the box's" in one for one in checked["served"]["caveats"])


def test_a_picture_is_drawn(checkout: Path, checked: dict[str, Any]) -> None:
    assert (checkout / f".local/serve-check/{NAME}.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_is_left_running(checked: dict[str, Any]) -> None:
    assert processes_with("ecg-check-") == []


def test_ctrl_c_takes_ray_with_it(checkout: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "serve", "check", NAME, "--seconds", "1"],
        cwd=checkout,
        env=surroundings(checkout),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "golden cases in its replicas" in line:
            break
    assert processes_with("ecg-check-"), said
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode != 0
    assert processes_with("ecg-check-") == []
