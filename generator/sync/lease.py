"""One apply at a time: a record with an expiry that only conditional writes change.

    free, expired or released -> taken (fence + 1) -> renewed before each act and every third of its life -> released

Each write names the version that it replaces, so of two writers one loses and knows it. The store's own clock decides
about expiry: the clocks of two deploying machines need not agree. A holder that was suspended and wakes up late cannot
renew, and so starts nothing more; what it had started, its successor finds in progress and adopts.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from typing import Protocol
from uuid import uuid4

from generator.sync.errors import CallRefused, LeaseHeld, LeaseLost
from generator.sync.ports import Clock

LIFE_SECONDS = 60.0
"""How long a dead holder keeps others waiting, and how long a live one may stand still."""
_LOOK_SECONDS = 2.0


class WriteConflict(Exception):
    """Someone else has written since the version that the write names. Never reaches the user."""


@dataclass(frozen=True)
class Stored:
    """A record's text and its version (an ETag)."""

    text: str
    version: str


class LeaseStore(Protocol):
    """One small record with compare-and-swap. Methods may raise CallRefused."""

    def read(self) -> Stored | None:
        """The record, or None where there never was one."""

    def write(self, text: str, replacing: str | None) -> str:
        """Write where the version is still `replacing` (None: where there is no record); the new version.

        Raises WriteConflict.
        """

    def now(self) -> datetime:
        """The store's own time, UTC."""


@dataclass(frozen=True)
class LeaseRecord:
    """Who holds the lease."""

    holder: str
    since: datetime
    until: datetime
    fence: int
    """Grows by one with each holder, so that what an earlier one left can be told apart."""
    write: str
    """Unique to each write: after an answer that never came, the writer recognises its own."""
    released: bool = False

    def to_text(self) -> str:
        """JSON."""
        return json.dumps(asdict(self) | {"since": self.since.isoformat(), "until": self.until.isoformat()}, indent=1)

    @staticmethod
    def from_text(text: str) -> "LeaseRecord":
        """Inverse of to_text."""
        data = json.loads(text)
        times = {key: datetime.fromisoformat(data[key]) for key in ("since", "until")}
        return LeaseRecord(**{**data, **times})


class Lease:
    """A lease that this process tries to hold. Threads share it."""

    def __init__(self, store: LeaseStore, holder: str, clock: Clock, life: float = LIFE_SECONDS) -> None:
        self._store, self._holder, self._clock = store, holder, clock
        self._life = timedelta(seconds=life)
        self._lock = Lock()
        self._record: LeaseRecord | None = None
        self._version = ""

    @property
    def fence(self) -> int:
        """The fencing token; 0 while nothing is held."""
        return self._record.fence if self._record else 0

    @contextmanager
    def held(self, waiting: Callable[[LeaseRecord], None] = lambda _: None) -> Iterator["Lease"]:
        """Hold it for the length of a block, renewing it from a thread of its own; released on any way out.

        Raises LeaseHeld, CallRefused.
        """
        self.acquire(waiting)
        done = Event()
        keeper = Thread(target=self._keep, args=(done,), name="lease", daemon=True)
        keeper.start()
        try:
            yield self
        finally:
            done.set()
            keeper.join()
            self.release()

    def acquire(self, waiting: Callable[[LeaseRecord], None] = lambda _: None) -> None:
        """Take it, waiting out a holder that shows no life; a holder that renews is alive. Raises LeaseHeld."""
        first: LeaseRecord | None = None
        while True:
            stored = self._store.read()
            found = LeaseRecord.from_text(stored.text) if stored else None
            now = self._store.now()
            if found is None or found.released or found.until <= now:
                fresh = LeaseRecord(self._holder, now, now + self._life, (found.fence if found else 0) + 1, uuid4().hex)
                with suppress(WriteConflict):
                    return self._put(fresh, stored.version if stored else None)
                continue
            if first is None:
                first = found
                waiting(found)
            elif first.write != found.write:
                raise LeaseHeld(found.holder, found.since, found.until)
            self._clock.sleep(_LOOK_SECONDS)

    def renew(self) -> None:
        """Prove by a write that it is still held, before each act that must not be done twice. Raises LeaseLost."""
        with self._lock:
            if self._record is None:
                raise LeaseLost("nobody")
            now = self._store.now()
            try:
                self._put(replace(self._record, until=now + self._life, write=uuid4().hex), self._version)
            except WriteConflict:
                self._record = None
                stored = self._store.read()
                raise LeaseLost(LeaseRecord.from_text(stored.text).holder if stored else "nobody") from None

    def release(self) -> None:
        """Let others in at once. A failure is no matter: the lease ends by itself."""
        with self._lock, suppress(WriteConflict, CallRefused):
            if self._record is not None:
                gone = replace(self._record, until=self._store.now(), write=uuid4().hex, released=True)
                self._record = None
                self._store.write(gone.to_text(), self._version)

    def _put(self, record: LeaseRecord, replacing: str | None) -> None:
        """Write, and find out after an answer that never came, or a conflict with oneself, who has won."""
        try:
            self._version = self._store.write(record.to_text(), replacing)
        except (WriteConflict, CallRefused) as error:
            if isinstance(error, CallRefused) and not error.uncertain:
                raise
            stored = self._store.read()
            if stored is None or LeaseRecord.from_text(stored.text).write != record.write:
                raise
            self._version = stored.version
        self._record = record

    def _keep(self, done: Event) -> None:
        while not done.wait(self._life.total_seconds() / 3):
            # Lost or out of reach: whoever acts next finds out by itself, before acting.
            with suppress(LeaseLost, CallRefused):
                self.renew()
