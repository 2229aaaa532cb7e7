"""Processes of the stand-ins: started on a tether, stopped without leftovers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from generator.local.tether import descendants

_TETHER = Path(__file__).with_name("tether.py")
# The tether itself needs a moment after the program's grace, to end what the program left.
_SLACK_S = 8.0


class Process:
    """One program below a tether: it ends with us, however we end, and takes its descendants along."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        output: IO[bytes] | int,
        grace_s: float,
    ) -> None:
        """Start `command` with exactly `environment`; `grace_s` seconds lie between SIGTERM and SIGKILL."""
        self._grace_s = grace_s
        self._popen = subprocess.Popen(
            [sys.executable, "-I", str(_TETHER), str(grace_s), "--", *command],
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Out of the terminal's group: Ctrl-C reaches us alone, and we stop things in order.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The tether's process id."""
        return self._popen.pid

    @property
    def output(self) -> IO[bytes] | None:
        """What the program writes, when it was started with PIPE."""
        return self._popen.stdout

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._popen.poll()

    def wait(self) -> int:
        """Wait for its end; the exit code."""
        return self._popen.wait()

    def kill(self) -> None:
        """End it and everything that it started at once: nothing of it gets to say a word."""
        if self._popen.poll() is not None:
            return
        self._popen.send_signal(signal.SIGSTOP)  # or it would collect what we end, and ask the rest to end in order
        for pid in descendants(self._popen.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._popen.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Stop it and everything that it started; the exit code."""
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(self._grace_s + _SLACK_S)
            except subprocess.TimeoutExpired:
                self._popen.kill()  # the kernel then kills the program: its parent-death signal
                self._popen.wait()
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        return self._popen.returncode
