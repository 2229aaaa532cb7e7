"""What can go wrong on this machine and can be put right by its user.

LocalError
├── StateDirectoryBusy   another emulator holds the state directory
├── EmulatorFailed       the emulator did not start, or did not stop cleanly
├── NotRunning           there is no emulator to connect to
└── NotHealthy           a stand-in did not become healthy in time
"""

from __future__ import annotations

from pathlib import Path

from generator.errors import EcgError


class LocalError(EcgError):
    """What happened, where, and the next action."""

    exit_code = 3

    def __init__(self, *, what: str, where: str, action: str) -> None:
        super().__init__(f"{what}\n  where: {where}\n  next:  {action}")
        self.what = what
        self.where = where
        self.action = action


class StateDirectoryBusy(LocalError):
    """Another process holds the lock of the state directory; `pid` is 0 where it could not be read."""

    def __init__(self, state_dir: Path, pid: int) -> None:
        super().__init__(
            what=f"the state directory is in use by process {pid or 'unknown'}",
            where=str(state_dir),
            action="stop that process (Ctrl-C in its terminal), or give this one a state directory of its own",
        )
        self.pid = pid


class EmulatorFailed(LocalError):
    """The emulated AWS failed; the tail of its log is part of the message."""

    def __init__(self, what: str, log: Path) -> None:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:] if log.exists() else []
        super().__init__(
            what="\n".join([what, *(f"  | {line}" for line in tail)]),
            where=str(log),
            action="read the log; if its state is broken, remove the state directory and start again",
        )


class NotRunning(LocalError):
    """No emulator runs on the state directory."""

    def __init__(self, state_dir: Path) -> None:
        super().__init__(
            what="the embedded AWS is not running",
            where=str(state_dir),
            action="start it with `ecgctl run` in another terminal",
        )


class NotHealthy(LocalError):
    """A stand-in did not reach its healthy state before the deadline."""
