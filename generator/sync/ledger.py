"""What was deployed: one record when an apply begins, one when it ends, neither ever changed.

    deployments/{env}/{began}-{id}.begun.json    who, commit, digest, and the tree as paths and hashes
    deployments/{env}/{began}-{id}.json          the same, and what came of it
    deployed/{env}/{sha256}                      each file of a deployed tree, by content

A beginning without an end is an apply that was killed. The files make an older revision deployable without Git.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol
from uuid import uuid4

from generator.sync.errors import CallRefused

_STAMP = "%Y%m%dT%H%M%S"


class LedgerStore(Protocol):
    """Texts under keys that are written once. Methods may raise CallRefused."""

    def add(self, key: str, text: str) -> None:
        """Write, unless the key exists: what is there stays."""

    def read(self, key: str) -> str | None:
        """The text, or None where there is none."""

    def keys(self, prefix: str) -> Sequence[str]:
        """Keys that begin with `prefix`, in order."""

    def now(self) -> datetime:
        """UTC."""


class Result(StrEnum):
    """What came of a deployment."""

    RUNNING = "running"
    """It began, and its end is not written: it runs, or it was killed."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class StackResult:
    """What happened to one stack."""

    action: str
    """`created`, `updated`, `unchanged` or `failed`."""
    seconds: float


@dataclass(frozen=True)
class Deployment:
    """One apply."""

    id: str
    environment: str
    who: str
    commit: str
    """The Git revision that was applied; empty where it is not known."""
    digest: str
    """The plan's digest; empty where nobody planned."""
    began: datetime
    files: Mapping[str, str] = field(default_factory=dict)
    """Path below `templates_out/<env>` -> SHA-256."""
    note: str = ""
    result: Result = Result.RUNNING
    ended: datetime | None = None
    stacks: Mapping[str, StackResult] = field(default_factory=dict)
    error: str = ""

    @property
    def key(self) -> str:
        """Where its records lie, without their endings: sorted by the time at which it began."""
        return f"deployments/{self.environment}/{self.began.strftime(_STAMP)}.{self.began.microsecond:06d}Z-{self.id}"

    @property
    def seconds(self) -> float | None:
        """How long it took; None while its end is not known."""
        return (self.ended - self.began).total_seconds() if self.ended else None

    def to_text(self) -> str:
        """JSON."""
        ended = self.ended.isoformat() if self.ended else None
        return json.dumps(asdict(self) | {"began": self.began.isoformat(), "ended": ended}, indent=1)

    @staticmethod
    def from_text(text: str) -> "Deployment":
        """Inverse of to_text; keys of later releases are left aside."""
        data: dict[str, Any] = json.loads(text)
        known = {name: data[name] for name in Deployment.__dataclass_fields__ if name in data}
        known["began"] = datetime.fromisoformat(data["began"])
        known["ended"] = datetime.fromisoformat(data["ended"]) if data.get("ended") else None
        known["result"] = Result(data["result"])
        known["stacks"] = {name: StackResult(**one) for name, one in data.get("stacks", {}).items()}
        return Deployment(**known)


class Ledger:
    """The deployments of one environment."""

    def __init__(self, store: LedgerStore, environment: str) -> None:
        self._store, self._environment = store, environment

    def begin(self, files: Mapping[str, str], who: str, commit: str, digest: str, note: str = "") -> Deployment:
        """Keep the tree's files and write that a deployment begins. Raises CallRefused: nothing is done unrecorded."""
        hashes = {path: sha256(text.encode()).hexdigest() for path, text in sorted(files.items())}
        kept = {key.rpartition("/")[2] for key in self._store.keys(self._file_key(""))}
        for path, digest_of in hashes.items():
            if digest_of not in kept:
                self._store.add(self._file_key(digest_of), files[path])
        begun = Deployment(
            uuid4().hex[:8], self._environment, who, commit, digest, self._store.now(), files=hashes, note=note
        )
        self._store.add(f"{begun.key}.begun.json", begun.to_text())
        return begun

    def end(self, begun: Deployment, result: Result, stacks: Mapping[str, StackResult], error: str = "") -> Deployment:
        """Write what came of a deployment."""
        ended = replace(begun, result=result, ended=self._store.now(), stacks=dict(stacks), error=error)
        self._store.add(f"{begun.key}.json", ended.to_text())
        return ended

    def history(self, limit: int = 20) -> tuple[Deployment, ...]:
        """The last deployments, newest first."""
        keys = self._store.keys(f"deployments/{self._environment}/")
        # The end of a deployment sorts after its beginning, and says all that the beginning does.
        newest = {key.removesuffix(".json").removesuffix(".begun"): key for key in sorted(keys, key=_end_last)}
        chosen = sorted(newest, reverse=True)[:limit]
        texts = [self._store.read(newest[name]) for name in chosen]
        return tuple(Deployment.from_text(text) for text in texts if text is not None)

    def last_good(self) -> Deployment | None:
        """The last deployment that succeeded; None where none did lately."""
        return next((one for one in self.history(limit=50) if one.result is Result.SUCCEEDED), None)

    def files(self, deployment: Deployment) -> dict[str, str]:
        """The tree that was deployed, by path. Raises CallRefused where a file is missing or altered."""
        return {path: self._file(path, digest) for path, digest in deployment.files.items()}

    def file(self, deployment: Deployment, path: str) -> str | None:
        """One file of the tree that was deployed; None where it had none of that path. Raises CallRefused."""
        digest = deployment.files.get(path)
        return None if digest is None else self._file(path, digest)

    def _file(self, path: str, digest: str) -> str:
        text = self._store.read(self._file_key(digest))
        if text is None or sha256(text.encode()).hexdigest() != digest:
            found = "missing" if text is None else "not what was deployed"
            raise CallRefused(
                f"{self._file_key(digest)} ({path}) is {found}\n  next: roll back through Git: ecgctl rollback ENV REV"
            )
        return text

    def _file_key(self, digest: str) -> str:
        return f"deployed/{self._environment}/{digest}"


def _end_last(key: str) -> tuple[str, bool]:
    return key.removesuffix(".json").removesuffix(".begun"), not key.endswith(".begun.json")
