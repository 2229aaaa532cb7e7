"""The API's image: built and run where an engine is, and its Dockerfile read where none is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.services.api.api_process import ENVIRONMENT, SOURCE

DOCKERFILE = (SOURCE / "Dockerfile").read_text(encoding="utf-8")
LARGEST = 200_000_000
"""In bytes, unpacked: what a task has to fetch is less than half of it."""


def test_botocore_keeps_the_services_that_are_asked_and_no_other() -> None:
    asked = set(re.findall(r'session\.client\("(\w+)"', (SOURCE / "ecg_api/services.py").read_text(encoding="utf-8")))
    assert set(re.findall(r"! -name (\w+)", DOCKERFILE)) == asked


def test_the_image_runs_as_nobody_in_particular_and_without_what_built_it() -> None:
    stages = DOCKERFILE.split("\nFROM ")
    assert len(stages) == 3, "one that builds, one that runs"
    assert "pip" not in stages[-1]
    assert re.search(r"^USER \d+$", stages[-1], re.MULTILINE), (
        "a number: Fargate cannot look a name up before it starts"
    )


@pytest.fixture(scope="module")
def engine() -> str:
    """Podman or docker, if it works."""
    for name in ("podman", "docker"):
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return name
    pytest.skip("neither podman nor docker works here: the image is not built")


@pytest.fixture(scope="module")
def image(engine: str) -> Iterator[str]:
    """The image, built from scratch if need be; removed at the end."""
    name = f"ecg-api-test:{uuid.uuid4().hex[:8]}"
    form = ["--format", "docker"] if engine == "podman" else []
    built = _engine(engine, "build", *form, "--tag", name, str(SOURCE), check=False)
    if built.returncode != 0 and re.search(r"pinging container registry|failed to resolve source", built.stderr):
        pytest.skip(f"the base image cannot be fetched: {built.stderr.strip().splitlines()[-1]}")
    assert built.returncode == 0, built.stderr
    yield name
    _engine(engine, "rmi", "--force", name)


@pytest.mark.faults
def test_the_image_is_small_and_healthy_on_a_file_system_that_it_cannot_write_to(engine: str, image: str) -> None:
    [described] = json.loads(_engine(engine, "image", "inspect", image).stdout)
    variables = [
        part
        for name, value in {**ENVIRONMENT, "SIGN_IN": "none", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}.items()
        for part in ("--env", f"{name}={value}")
    ]
    name = f"ecg-api-{uuid.uuid4().hex[:8]}"
    _engine(engine, "run", "--detach", "--name", name, "--read-only", "--cap-drop", "ALL", *variables, image)
    try:
        until = time.monotonic() + 60
        while (asked := _inside(engine, name, "curl", "-fsS", "http://localhost:8000/health")).returncode:
            assert time.monotonic() < until, _engine(engine, "logs", name).stderr
            time.sleep(0.5)
        assert json.loads(asked.stdout) == {"status": "healthy", "service": "backend"}
        assert _inside(engine, name, "id", "-u").stdout.strip() == "10001"
        assert _inside(engine, name, "touch", "/srv/app/x").returncode != 0
        for tool in ("gcc", "make", "/srv/venv/bin/pip"):
            assert _inside(engine, name, "sh", "-c", f"command -v {tool}").returncode != 0
        _engine(engine, "stop", "--time", "30", name)
        [after] = json.loads(_engine(engine, "inspect", name).stdout)
        assert after["State"]["ExitCode"] in (0, 143), "it ended when it was asked to, and was not killed"
    finally:
        _engine(engine, "rm", "--force", name)
    assert described["Size"] < LARGEST, f"{described['Size'] / 1e6:.0f} MB"


def _inside(engine: str, name: str, *command: str) -> subprocess.CompletedProcess[str]:
    return _engine(engine, "exec", name, *command, check=False)


def _engine(engine: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done: Any = subprocess.run([engine, *arguments], capture_output=True, text=True, check=False, timeout=600)
    assert not check or done.returncode == 0, done.stderr
    return done  # type: ignore[no-any-return]
