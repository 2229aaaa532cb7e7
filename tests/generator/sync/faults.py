"""Faults at the boundary between apply and the world: at call number n, this goes wrong, once."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from threading import Condition, RLock
from typing import Any

from generator.sync.errors import CallRefused


class Killed(BaseException):
    """The process is gone: it makes no further call, not even to clean up."""


class Fault(Enum):
    """What goes wrong."""

    KILLED_BEFORE = "kill -9 before the call"
    KILLED_AFTER = "kill -9 after the call"
    THROTTLED = "throttling, retries used up"
    SERVER_ERROR = "500, nothing happened"
    LOST_ANSWER = "timeout after success"
    EXPIRED = "credentials expire"


@dataclass
class Boundary:
    """Counts the calls of one apply, whichever port they go through, and lets one of them fail."""

    fault: Fault | None = None
    at: int = -1
    calls: int = 0
    fired: str = ""
    """The call that failed; empty while none has."""
    _dead: bool = False
    _lock: RLock = field(default_factory=RLock)

    def call(self, name: str, method: Callable[[], Any]) -> Any:
        with self._lock:
            self.calls += 1
            here = self.calls == self.at and self.fault is not None
            if here:
                self.fired = name
        if self._dead:
            raise Killed
        match self.fault if here else None:
            case Fault.KILLED_BEFORE:
                self._dead = True
                raise Killed
            case Fault.KILLED_AFTER:
                method()
                self._dead = True
                raise Killed
            case Fault.THROTTLED:
                raise CallRefused(f"{name}: Throttling: Rate exceeded")
            case Fault.SERVER_ERROR:
                raise CallRefused(f"{name}: InternalFailure", uncertain=True)
            case Fault.LOST_ANSWER:
                method()
                raise CallRefused(f"{name}: ReadTimeoutError", uncertain=True)
        if self.fault is Fault.EXPIRED and self.calls >= self.at >= 0:
            self.fired = self.fired or name
            raise CallRefused(f"{name}: ExpiredToken: sign in again, then apply again")
        return method()

    def around(self, port: Any) -> Any:
        """The port, seen through this boundary."""
        return Through(port, self.call)


class Through:
    """Passes each method of a port through a function; a clock's look costs nothing and cannot fail."""

    def __init__(self, port: Any, call: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._port, self._call = port, call

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name == "now":
            return method
        return lambda *arguments: self._call(name, lambda: method(*arguments))


class Turns:
    """Lets several applies run in one world, one call at a time, in an order that a seed decides."""

    def __init__(self, names: list[str], seed: int) -> None:
        self._random = random.Random(seed)
        self._alive = list(names)
        self._next = self._random.choice(names)
        self._changed = Condition()

    def around(self, name: str, port: Any) -> Any:
        """A port, as the apply of this name sees it."""

        def call(_: str, method: Callable[[], Any]) -> Any:
            with self._changed:
                self._changed.wait_for(lambda: self._next == name, timeout=20)
                try:
                    return method()
                finally:
                    self._hand_over()

        return Through(port, call)

    def leave(self, name: str) -> None:
        """This apply is over."""
        with self._changed:
            self._alive.remove(name)
            if self._alive:
                self._hand_over()

    def _hand_over(self) -> None:
        self._next = self._random.choice(self._alive)
        self._changed.notify_all()
