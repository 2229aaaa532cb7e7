"""A new version tried on a share of an app's requests, beside the stable one. The reconciler decides, this splits.

    stable ingress   Splitter ---percent---> the canary app's ingress: `as_canary`
                         `--- whatever the canary fails at, the stable version answers
    its user_config  {"canary": {"app", "trial", "percent", "compare"}}, or {"canary": null}; taken in place
    GET /<app>/canary   what came of it, counted by this replica since the trial began

    compare golden   the canary answers its share
            shadow   the stable version answers everything; the canary works on its share too, and both are compared

A caller sees no failure that only the canary has: until there is a result, the stable version can still begin. An
error is what the stable version then did not fail at; so a video that nobody can read is no error of the canary's.
Between the versions go lines of the contract, not objects of Python: two versions of `kit` understand each other.
"""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from kit import logs
from kit.agreement import Agreement
from kit.contract import AnalyzeRequest, ErrorCode, Event, Failure, Progress, Result, ShadowRequest, to_line

Analyze = Callable[[AnalyzeRequest], AsyncIterator[Event]]
Ask = Callable[[str, bytes, bool], AsyncGenerator[bytes, None]]
"""Has the ingress of an app answer a request (as JSON), in the shadow or not; its lines."""

HELLO_S = 5.0
"""A canary's ingress answers at once, before it works. Ray lets requests to an app that is being deleted wait on."""
SILENCE_S = 60.0
"""Longest time between two lines of a canary; the API gives up after 120 s, and the stable version needs some too."""
_MOST_SHADOWS = 4
_HELLO = b"\n"
_LOG = logs.logger("canary")


class Compare(StrEnum):
    """What the canary's share is for."""

    GOLDEN = "golden"
    SHADOW = "shadow"


class Split(BaseModel):
    """`canary` of the ingress's user_config, from the reconciler. Unknown fields are ignored: it may be newer."""

    model_config = ConfigDict(frozen=True)

    app: str
    trial: str
    """Names the trial; counting begins anew with another."""
    percent: float = Field(ge=0, le=100)
    compare: Compare = Compare.GOLDEN


@dataclass(slots=True)
class Tally:
    """What came of the canary's share of the requests."""

    requests: int = 0
    """Those that came to an end, without `busy` and `abandoned`."""
    errors: int = 0
    """The canary failed at them and the stable version did not."""
    mismatches: int = 0
    """In the shadow: results that do not agree."""
    busy: int = 0
    """One of the two was too busy to be compared."""
    abandoned: int = 0
    """The caller left."""
    last: str = ""
    """The latest error or mismatch."""


class CanaryFailed(Exception):
    """The canary gave no result; the message says how."""


class _Busy(Exception):
    """The canary's queue is full."""


class Splitter:
    """Splits the requests of one replica of an ingress. Without `canary` in the user_config it only passes them on.

    `busy` is what both versions raise where their queue is full.
    """

    def __init__(
        self,
        ask: Ask,
        busy: type[Exception],
        agreement: Agreement | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._ask, self._busy, self._draw = ask, busy, draw
        self._agreement = agreement or Agreement()
        self._split: Split | None = None
        self._trial: str | None = None
        self._tally = Tally()
        self._shadows: set[asyncio.Task[Any]] = set()
        self._comparing: set[asyncio.Task[Any]] = set()

    def configure(self, user_config: Mapping[str, Any] | None) -> None:
        """Take the user_config of the ingress. Raises pydantic's ValidationError; Ray then reports it."""
        told = (user_config or {}).get("canary")
        self._split = Split.model_validate(told) if told else None
        if self._split and self._split.trial != self._trial:
            self._trial, self._tally = self._split.trial, Tally()

    def report(self, replica: str) -> dict[str, Any]:
        """What `GET /<app>/canary` answers: this replica's counts, also after the split has ended."""
        return {"replica": replica, "splitting": self._split is not None, "trial": self._trial, **asdict(self._tally)}

    def over(self, stable: Analyze) -> Analyze:
        """`stable`, with the canary's share split off."""
        return partial(self._analyze, stable)

    def _analyze(self, stable: Analyze, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        split = self._split
        if split is None or self._draw() * 100 >= split.percent:
            return stable(asked)
        tried = self._shadowed if split.compare is Compare.SHADOW else self._tried
        return tried(split, self._tally, stable, asked)

    async def _tried(self, split: Split, tally: Tally, stable: Analyze, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        settled = begun = False
        failure: Failure | None = None
        try:
            try:
                async with aclosing(self._events(split, asked, shadow=False)) as events:
                    async for event in events:
                        if isinstance(event, Failure):
                            failure = event
                            break
                        if isinstance(event, Result):
                            tally.requests += 1
                            settled = True
                        begun = True
                        yield event
            except CanaryFailed as error:
                failure = Failure(ErrorCode.INTERNAL, str(error))
            except _Busy:
                tally.busy += 1
                settled = True
                failure = Failure(ErrorCode.BUSY, "")
            if failure is None:
                return
            async for event in self._instead(stable, asked, begun):
                if not settled and not isinstance(event, Progress):
                    _count(tally, failure, event)
                    settled = True
                yield event
        except Exception:
            # The stable version's own: neither can be blamed.
            if not settled:
                tally.busy += 1
                settled = True
            raise
        finally:
            if not settled:
                tally.abandoned += 1

    async def _instead(self, stable: Analyze, asked: AnalyzeRequest, begun: bool) -> AsyncIterator[Event]:
        """The stable version's events. Once a line is out, nothing may be raised any more: then it is a Failure."""
        try:
            async for event in stable(asked):
                begun = True
                yield event
        except self._busy:
            if not begun:
                raise
            yield Failure(ErrorCode.INTERNAL, "all replicas are busy; it may be tried again")

    async def _shadowed(
        self, split: Split, tally: Tally, stable: Analyze, asked: AnalyzeRequest
    ) -> AsyncIterator[Event]:
        if len(self._shadows) >= _MOST_SHADOWS:
            # A canary that is slower than the stable version must not pile up.
            tally.busy += 1
            async for event in stable(asked):
                yield event
            return
        shadow = _kept(self._shadows, self._outcome(split, asked))
        answer: Event | None = None
        try:
            async for event in stable(asked):
                answer = None if isinstance(event, Progress) else event
                yield event
        finally:
            if answer is None:
                tally.abandoned += 1
                shadow.cancel()
            else:
                _kept(self._comparing, self._compare(tally, answer, shadow))

    async def _outcome(self, split: Split, asked: AnalyzeRequest) -> Event | None:
        """The canary's last word; None where it was too busy."""
        try:
            async with aclosing(self._events(split, asked, shadow=True)) as events:
                async for event in events:
                    if not isinstance(event, Progress):
                        return event
        except CanaryFailed as error:
            return Failure(ErrorCode.INTERNAL, str(error))
        except _Busy:
            pass
        return None

    async def _compare(self, tally: Tally, stable: Event, shadow: "asyncio.Task[Event | None]") -> None:
        canary = await shadow
        match stable, canary:
            case _, None:
                tally.busy += 1
            case Result(ours), Result(theirs):
                tally.requests += 1
                if differences := self._agreement.differences(ours, theirs):
                    tally.mismatches += 1
                    tally.last = "; ".join(differences)
            case _, Failure():
                _count(tally, canary, stable)
            case _:
                # It read what the stable version could not; whether rightly so, nobody here can tell.
                tally.requests += 1

    async def _events(self, split: Split, asked: AnalyzeRequest, shadow: bool) -> AsyncGenerator[Event, None]:
        """The canary's events. Raises CanaryFailed and _Busy."""
        patience = HELLO_S
        try:
            async with aclosing(self._ask(split.app, asked.model_dump_json().encode(), shadow)) as lines:
                while True:
                    line = await asyncio.wait_for(anext(lines), patience)
                    patience = SILENCE_S
                    if line != _HELLO:
                        event = _event(line)
                        if isinstance(event, Failure) and event.code == ErrorCode.BUSY:
                            raise _Busy
                        yield event
                        if not isinstance(event, Progress):
                            return
        except (CanaryFailed, _Busy):
            raise
        except StopAsyncIteration:
            raise CanaryFailed("it ended with neither result nor error") from None
        except TimeoutError:
            raise CanaryFailed(f"it was silent for {patience:g} s") from None
        except self._busy:
            raise _Busy from None
        except Exception as error:
            raise CanaryFailed(f"{type(error).__name__}: {str(error)[:200]}") from error


async def lines(body: bytes, shadow: bool, analyze: Analyze, busy: type[Exception]) -> AsyncIterator[bytes]:
    """An ingress answers as a canary: an empty line at once, then the contract's. Raises what `analyze` does.

    `body` is the caller's request as JSON; in the shadow nobody gets the answer, and nothing is to be written.
    """
    yield _HELLO
    asked = (ShadowRequest if shadow else AnalyzeRequest).model_validate_json(body)
    try:
        async for event in analyze(asked):
            yield to_line(event)
    except busy:
        yield to_line(Failure(ErrorCode.BUSY, "all replicas of the canary are busy"))


def _kept(among: set[asyncio.Task[Any]], work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    """Begun, and held until it ends: asyncio itself would let it be collected."""
    task = asyncio.ensure_future(work)
    among.add(task)
    task.add_done_callback(among.discard)
    return task


def _count(tally: Tally, canary: Failure, stable: Event) -> None:
    """Blame the canary for its failure, unless the stable version did no better."""
    if (
        isinstance(stable, Failure)
        and stable.code in {ErrorCode.INTERNAL, ErrorCode.BUSY}
        and stable.code != canary.code
    ):
        tally.busy += 1  # nobody knows what the stable version would have said
        return
    tally.requests += 1
    if isinstance(stable, Failure) and stable.code == canary.code:
        return
    tally.errors += 1
    tally.last = f"{canary.code}: {canary.message}"
    _LOG.warning("the canary failed and the stable version did not", extra={"reason": tally.last})


def _event(line: bytes) -> Event:
    try:
        match json.loads(line):
            case {"event": "progress", "stage": str(stage), "fraction": int() | float() as fraction}:
                return Progress(stage, fraction)
            case {"event": "result", "result": dict(result)}:
                return Result(result)
            case {"event": "error", "error": {"code": str(code), "message": str(message)}}:
                return Failure(code, message)
    except ValueError:
        pass
    raise CanaryFailed("a line of it is no event of the contract")
