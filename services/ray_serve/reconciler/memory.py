"""What the agent remembers over its own death: which generation was good, which failed, which is being tried, and the
Ray that it started."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reconciler.desired import CanaryRule, Desired, Head
from reconciler.front import Front
from reconciler.golden import AppProof, Case
from reconciler.rollout import Step, Told
from reconciler.snapshot import Failure, Memory, Proven
from reconciler.store import write
from reconciler.trial import Outcome, Tally, Trial


@dataclass(frozen=True)
class Session:
    """A running Ray: enough for another agent to take it over."""

    pid: int
    born: str
    """The kernel's start time of that process: a pid alone may have been given to another."""
    dashboard_port: int
    token: str
    head: Head
    metrics_port: int = 8090
    """An agent that wrote none down knew only this one."""


class MemoryFile:
    """`state.json`: readable by its owner only, since Ray's token stands in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[Memory, Session | None]:
        """Empty if there is none, or none that can be read: then the box starts from what Git says."""
        try:
            data = json.loads(self._path.read_bytes())
            memory = Memory(
                good=_desired(data["good"]),
                failed=Failure(**data["failed"]) if data["failed"] else None,
                applied=_told(data["applied"]),
                # Younger than the rest: an agent before them wrote none.
                trial=_trial(data.get("trial")),
                proven={app: _proven(one) for app, one in (data.get("proven") or {}).items()},
            )
            return memory, _session(data["ray"]) if data["ray"] else None
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return Memory(), None

    def save(self, memory: Memory, session: Session | None) -> None:
        """Replace it. Raises OSError."""
        data = {
            "good": memory.good.model_dump() if memory.good else None,
            "failed": vars(memory.failed) if memory.failed else None,
            "applied": vars(memory.applied) if memory.applied else None,
            "trial": _trial_data(memory.trial) if memory.trial else None,
            "proven": {app: asdict(one) for app, one in memory.proven.items()},
            "ray": {**vars(session), "head": vars(session.head)} if session else None,
        }
        write(self._path, json.dumps(data, indent=1).encode(), mode=0o600)


def _session(data: dict[str, Any]) -> Session:
    head = data["head"]
    return Session(**{**data, "head": Head(**{**head, "front": Front(head.get("front", Front.PROXY))})})


def _desired(data: Any) -> Desired | None:
    return Desired.model_validate(data) if data else None


def _told(data: Any) -> Told | None:
    if isinstance(data, str):  # as agents before there were canaries wrote it
        return Told(data)
    return Told(data["generation"], Step(data["step"])) if data else None


def _proven(data: dict[str, Any]) -> Proven:
    proof = data["proof"]
    cases = tuple(Case(**{**one, "differences": tuple(one["differences"])}) for one in proof["cases"])
    return Proven(data["version"], data["at"], AppProof(**{**proof, "cases": cases}))


def _trial_data(trial: Trial) -> dict[str, Any]:
    return {
        "target": trial.target.model_dump(),
        "began": trial.began,
        "seen_s": trial.seen_s,
        "outcome": trial.outcome,
        "rules": {app: rule.model_dump() for app, rule in trial.rules.items()},
        "tallies": {app: {name: vars(one) for name, one in by.items()} for app, by in trial.tallies.items()},
    }


def _trial(data: Any) -> Trial | None:
    if not data:
        return None
    return Trial(
        target=Desired.model_validate(data["target"]),
        began=data["began"],
        seen_s=data["seen_s"],
        outcome=Outcome(data["outcome"]),
        rules={app: CanaryRule.model_validate(rule) for app, rule in data["rules"].items()},
        tallies={app: {name: Tally(**one) for name, one in by.items()} for app, by in data["tallies"].items()},
    )


class Notebook:
    """What is remembered, and its copy on disk. A full disk is told and does not stop the agent."""

    def __init__(self, file: MemoryFile, session: Callable[[], Session | None], trouble: Callable[[str], None]) -> None:
        self._file, self._session, self._trouble = file, session, trouble
        self.memory, self.left = file.load()
        """`left`: the Ray that an agent before this one may have left running."""

    def remember(self, memory: Memory) -> None:
        """From now on."""
        self.memory = memory
        self.write()

    def write(self) -> None:
        """Bring the copy up to date."""
        try:
            self._file.save(self.memory, self._session())
        except OSError as error:
            self._trouble(f"what happened is not remembered over a restart: {error}")
