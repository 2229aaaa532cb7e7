"""What the agent remembers over its own death: which generation was good, which failed, and the Ray that it started."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.desired import Desired, Head
from reconciler.snapshot import Failure, Memory
from reconciler.store import write


@dataclass(frozen=True)
class Session:
    """A running Ray: enough for another agent to take it over."""

    pid: int
    born: str
    """The kernel's start time of that process: a pid alone may have been given to another."""
    dashboard_port: int
    token: str
    head: Head


class MemoryFile:
    """`state.json`: readable by its owner only, since Ray's token stands in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[Memory, Session | None]:
        """Empty if there is none, or none that can be read: then the box starts from what Git says."""
        try:
            data = json.loads(self._path.read_bytes())
            failed = Failure(**data["failed"]) if data["failed"] else None
            good = Desired.model_validate(data["good"]) if data["good"] else None
            session = _session(data["ray"]) if data["ray"] else None
            return Memory(good=good, failed=failed, applied=data["applied"]), session
        except (OSError, ValueError, LookupError, TypeError):
            return Memory(), None

    def save(self, memory: Memory, session: Session | None) -> None:
        """Replace it."""
        data = {
            "good": memory.good.model_dump() if memory.good else None,
            "failed": vars(memory.failed) if memory.failed else None,
            "applied": memory.applied,
            "ray": {**vars(session), "head": vars(session.head)} if session else None,
        }
        write(self._path, json.dumps(data, indent=1).encode(), mode=0o600)


def _session(data: dict[str, Any]) -> Session:
    return Session(**{**data, "head": Head(**data["head"])})
