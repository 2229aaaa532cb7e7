"""Programs on a tether: nothing of them outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from generator.local.processes import Process

# A program that ignores SIGTERM and has a grandchild in a session of its own, as a daemon would.
STUBBORN = """
import os, pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
daemon = "import subprocess; quiet = subprocess.DEVNULL; print(" \\
    "subprocess.Popen(['sleep', '60'], stdout=quiet, start_new_session=True).pid)"
grandchild = subprocess.run([sys.executable, "-c", daemon], stdout=subprocess.PIPE, text=True).stdout.strip()
pathlib.Path("pids").write_text(f"{os.getpid()} {grandchild}")
time.sleep(60)
"""


def _start(directory: Path, code: str, grace_s: float) -> Process:
    return Process(
        [sys.executable, "-c", code],
        environment={"PATH": os.environ["PATH"]},
        directory=directory,
        output=subprocess.DEVNULL,
        grace_s=grace_s,
    )


def _pids(directory: Path) -> list[int]:
    deadline = time.monotonic() + 20
    while not (directory / "pids").exists() or not (directory / "pids").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return [int(word) for word in (directory / "pids").read_text().split()]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 10
    while any(map(_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(_alive, pids))


def test_stop_ends_a_stubborn_program_and_its_daemons(tmp_path: Path) -> None:
    process = _start(tmp_path, STUBBORN, grace_s=0.3)
    pids = _pids(tmp_path)
    assert all(map(_alive, pids))
    assert process.stop() == 128 + signal.SIGKILL
    assert _gone(pids)


def test_killing_the_tether_ends_the_program(tmp_path: Path) -> None:
    process = _start(tmp_path, STUBBORN, grace_s=5)
    program = _pids(tmp_path)[0]
    os.kill(process.pid, signal.SIGKILL)
    assert _gone([program])
    os.kill(_pids(tmp_path)[1], signal.SIGKILL)
    process.stop()


def test_the_exit_code_is_the_programs(tmp_path: Path) -> None:
    process = _start(tmp_path, "raise SystemExit(7)", grace_s=1)
    assert process.wait() == 7
    process.stop()


def test_kill_ends_a_program_and_its_daemons_before_they_can_say_a_word(tmp_path: Path) -> None:
    polite = STUBBORN.replace("signal.SIG_IGN", "lambda *_: pathlib.Path('said').touch()")
    process = _start(tmp_path, polite, grace_s=30)
    pids = _pids(tmp_path)
    process.kill()
    assert _gone(pids)
    assert process.wait() == 128 + signal.SIGKILL
    assert not (tmp_path / "said").exists()
