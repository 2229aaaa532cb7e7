"""The whole local system as `ecgctl run` starts it, for tests that ask it from outside."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from generator.local.connection import Connection
from generator.trial.target import running_site, signed_in
from generator.video_client import VideoClient

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 420
_LAST_LINE = "aws cloudformation list-stacks"


@dataclass(frozen=True)
class Running:
    """A started system and what its run printed; `url` is where the page is."""

    environment: str
    process: subprocess.Popen[str]
    said: str
    state: Path
    url: str
    client: VideoClient
    connection: Connection


@contextmanager
def started(state: Path, environment: str = "dev") -> Iterator[Running]:
    """Run an environment with all state in a folder of its own, and stop as Ctrl-C does unless that has been done."""
    command = [str(Path(sys.executable).parent / "ecgctl"), "run", environment, "--state", str(state)]
    # A shell's background job ignores Ctrl-C, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    assert process.stdout is not None
    began = time.monotonic()
    for line in process.stdout:
        lines.append(line)
        if _LAST_LINE in line or time.monotonic() - began > DEADLINE_S:
            break
    said = "".join(lines)
    if _LAST_LINE not in said:
        process.kill()
        pytest.fail(f"the system did not come up:\n{said[-6000:]}")
    connection = Connection.running(state)
    url, pool = running_site(connection)
    try:
        yield Running(environment, process, said, state, url, signed_in(url, connection, pool), connection)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=90)
