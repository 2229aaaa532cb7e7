"""The golden proof: each new or changed app answers inputs whose outputs are known, before it counts as good.

    POST /<app>/golden  ->  progress lines, then {"event": "result", "result": {"schema": "golden/v1", ...}}

It takes as long as its videos do, so it runs in a thread beside the loop. A full queue, a lost connection and whatever
else passes are asked again until the deadline; what the app itself says is final.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from reconciler.rollout import Told

SCHEMA = "golden/v1"
_MOST_TOLD = 5
_MOST_BYTES = 8 * 1024 * 1024
_AGAIN_S = 2.0


@dataclass(frozen=True)
class Case:
    """One golden input; `differences` in words."""

    name: str
    passed: bool
    seconds: float
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class AppProof:
    """What an app's golden cases came to; `problem` where they could not be run to their end."""

    passed: bool
    cases: tuple[Case, ...] = ()
    problem: str = ""

    @property
    def reason(self) -> str:
        """Why it did not pass; empty if it did."""
        if self.passed:
            return ""
        told = [f"golden case {one.name}: {'; '.join(one.differences)}" for one in self.cases if not one.passed]
        return "\n".join(told) or f"its golden cases: {self.problem or 'it says that they failed, and not which'}"


@dataclass(frozen=True)
class Proof:
    """The apps that have answered so far, of what Ray was told; `done` when there will be no more."""

    told: Told
    apps: Mapping[str, AppProof] = field(default_factory=dict)
    done: bool = False

    @property
    def reason(self) -> str:
        """Why not all passed; empty while nothing has failed."""
        return "\n".join(f"{name}: {one.reason}" for name, one in self.apps.items() if not one.passed)


class Prover(Protocol):
    """What the loop needs of the proof."""

    def begin(self, told: Told, urls: Mapping[str, str], deadline_s: float) -> None:
        """Prove these apps, each at its URL, all within the deadline; gives up on what it was at."""

    def forget(self) -> None:
        """Give up on what it is at; what it came to is of what ran before."""

    def proof(self) -> Proof | None:
        """The latest one begun, unless it was to be forgotten."""


class HttpProver:
    """`Prover` over HTTP, in a thread."""

    def __init__(
        self,
        client: httpx.Client,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._clock, self._sleep = client, clock, sleep
        self._lock = threading.Lock()
        self._proof: Proof | None = None
        self._latest: object = None

    def begin(self, told: Told, urls: Mapping[str, str], deadline_s: float) -> None:
        """See `Prover`."""
        mine = object()
        with self._lock:
            self._latest, self._proof = mine, Proof(told)
        arguments = (mine, told, dict(urls), self._clock() + deadline_s, deadline_s)
        threading.Thread(target=self._prove, args=arguments, name="golden", daemon=True).start()

    def forget(self) -> None:
        """See `Prover`."""
        with self._lock:
            self._latest, self._proof = None, None

    def proof(self) -> Proof | None:
        """See `Prover`."""
        with self._lock:
            return self._proof

    def _prove(self, mine: object, told: Told, urls: Mapping[str, str], end: float, deadline_s: float) -> None:
        proofs: dict[str, AppProof] = {}
        for name, url in urls.items():
            try:
                proofs[name] = self.ask(url, end, deadline_s, lambda: self._latest is mine)
            except Exception as error:  # a thread that ends silently would be waited for
                proofs[name] = AppProof(False, problem=f"{type(error).__name__}: {error}")
            with self._lock:
                if self._latest is not mine:
                    return
                self._proof = Proof(told, dict(proofs), done=len(proofs) == len(urls))

    def ask(self, url: str, end: float, deadline_s: float, wanted: Callable[[], bool] = lambda: True) -> AppProof:
        """One app's proof, until `end` on the clock, and while it is `wanted`."""
        problem = "no time was left"
        while wanted() and (left := end - self._clock()) > 0:
            try:
                timeout = httpx.Timeout(left, connect=min(5.0, left))
                with self._client.stream("POST", url, timeout=timeout) as answer:
                    if answer.status_code == 200:
                        lines = self._until(answer.iter_lines(), end)
                        found = read(lines)
                    elif answer.status_code in {404, 405}:
                        return AppProof(
                            False, problem=f"POST {url} answered {answer.status_code}: it can prove nothing"
                        )
                    else:
                        found = f"it answered {answer.status_code}"
            except httpx.HTTPError as error:
                found = f"{type(error).__name__}: {error}"
            except TimeoutError:
                break
            if isinstance(found, AppProof):
                return found
            problem = found
            self._sleep(_AGAIN_S)
        return AppProof(False, problem=f"no answer within {deadline_s:g} s; {problem}")

    def _until(self, lines: Iterable[str], end: float) -> Iterable[str]:
        for line in lines:
            yield line
            if self._clock() > end:
                raise TimeoutError


def read(lines: Iterable[str]) -> AppProof | str:
    """The app's own word; a string says why it may be asked again."""
    size = 0
    for line in lines:
        size += len(line)
        if size > _MOST_BYTES:
            return AppProof(False, problem=f"its answer has more than {_MOST_BYTES} bytes")
        try:
            match json.loads(line):
                case {"event": "progress"}:
                    continue
                case {"event": "result", "result": {"schema": schema} as result} if schema == SCHEMA:
                    return _report(result)
                case {"event": "error", "error": {"code": "busy"}}:
                    return "all its replicas are busy"
                case {"event": "error", "error": {"code": str(code), "message": str(message)}}:
                    return AppProof(False, problem=f"{code}: {message}")
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            return AppProof(False, problem=f"its answer cannot be read: {type(error).__name__}: {error}")
        return AppProof(False, problem=f"its answer is not {SCHEMA}: {line[:200]}")
    return "its answer ended without a result"


def _report(result: Mapping[str, Any]) -> AppProof:
    cases = tuple(
        Case(
            str(one["name"]),
            bool(one["passed"]),
            float(one["seconds"]),
            tuple(_difference(each) for each in one["differences"][:_MOST_TOLD])
            + ((f"and {more} more",) if (more := len(one["differences"]) - _MOST_TOLD) > 0 else ()),
        )
        for one in result["cases"]
    )
    if result["passed"] is not True:
        return AppProof(False, cases)
    if not cases:
        return AppProof(False, problem="it ran none")
    return AppProof(all(one.passed for one in cases), cases)


def _difference(one: Mapping[str, Any]) -> str:
    tolerance = one.get("tolerance")
    within = f" within {tolerance:g}" if isinstance(tolerance, int | float) and tolerance else ""
    return f"{one['path']} is {_short(one['actual'])}, expected {_short(one['expected'])}{within}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
