"""Hands off: during an incident people change things, and no machine takes that back.

While an environment is suspended, `apply` and the reverting of drift refuse, for everybody but who says so on purpose.
It ends by itself, so that nobody has to remember.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol

from generator.sync.errors import ApplyFailed


@dataclass(frozen=True)
class Suspension:
    """Who keeps the machines off, why, and until when."""

    who: str
    reason: str
    since: datetime
    until: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it is still on."""
        return now < self.until

    @property
    def words(self) -> str:
        """A sentence for status."""
        return f"suspended until {self.until:%Y-%m-%d %H:%M} UTC by {self.who}: {self.reason}"

    def to_text(self) -> str:
        """JSON."""
        return json.dumps(asdict(self) | {"since": self.since.isoformat(), "until": self.until.isoformat()}, indent=1)

    @staticmethod
    def from_text(text: str) -> "Suspension":
        """Inverse of to_text."""
        data = json.loads(text)
        times = {key: datetime.fromisoformat(data[key]) for key in ("since", "until")}
        return Suspension(data["who"], data["reason"], **times)


class SuspensionStore(Protocol):
    """One small record. Methods may raise CallRefused."""

    def read(self) -> Suspension | None:
        """The last suspension, over or not; None where there never was one."""

    def write(self, suspension: Suspension) -> None:
        """Replace it. The store keeps what was there as an older version."""

    def now(self) -> datetime:
        """The store's own time, UTC."""


class Suspended(ApplyFailed):
    """The environment is suspended; nothing was touched."""

    def __init__(self, environment: str, suspension: Suspension) -> None:
        self.environment, self.suspension = environment, suspension
        super().__init__(
            f"{environment} is {suspension.words}\n"
            f"  next: ecgctl resume {environment} when the incident is over; --while-suspended to go on regardless"
        )


def standing(store: SuspensionStore) -> Suspension | None:
    """The suspension that is on now. Raises CallRefused."""
    found = store.read()
    return found if found is not None and found.holds(store.now()) else None
