"""Runs one program so that nothing of it can outlive us: `python tether.py GRACE_S -- PROGRAM ...`.

The tether is the "sub-reaper" of all its descendants (Linux): a daemon that leaves its parent, as Ray's do, becomes the
tether's child and stays findable. When standard input closes (whoever started the tether is gone) or on SIGTERM, the
program gets SIGTERM, after GRACE_S seconds SIGKILL, and then whatever is left below the tether is ended. The exit code
is the program's.

It is run as a script, with the standard library only, in whichever Python environment starts it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_REST_GRACE_S = 3.0


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def descendants(root: int) -> list[int]:
    """The ids of all processes below `root`, nearest first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The command, in parentheses, may hold anything; the parent is the second field after it.
            parent = int((entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue  # it ended while we looked
        children.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        below = children.get(queue.pop(0), [])
        found += below
        queue += below
    return found


def _reap() -> None:
    """Collect ended orphans, so that they do not stay as zombies."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _end_rest() -> None:
    """End what the program left running."""
    for name in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _REST_GRACE_S
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, name)
            except ProcessLookupError:
                continue
        while time.monotonic() < deadline:
            _reap()
            if not descendants(os.getpid()):
                return
            time.sleep(0.05)


def main(grace_s: float, program: list[str]) -> int:
    """Run `program` to its end, or to ours; its exit code, shell style (128 + signal)."""
    asked = False

    def ask(_: int, __: FrameType | None) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = subprocess.Popen(
        program,
        stdin=subprocess.DEVNULL,
        # Should the tether itself be killed, the program goes with it. We have one thread: a preexec_fn is safe.
        preexec_fn=lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
    )
    deadline = float("inf")
    while child.poll() is None:
        readable = [] if asked else select.select([0], [], [], 0.2)[0]
        if readable and not os.read(0, 1024):
            asked = True
        if asked and deadline == float("inf"):
            deadline = time.monotonic() + grace_s
            child.terminate()
        if time.monotonic() > deadline:
            child.kill()
            child.wait()
        elif asked:
            time.sleep(0.05)
    _end_rest()
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[3:]))
