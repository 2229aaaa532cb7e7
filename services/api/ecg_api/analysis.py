"""The client of the model server: one POST, answered by a line of JSON for each event.

What can go wrong is told apart by what the worker must do next (see `errors`):

    refused connection, 404 (the app is not deployed), 429, 502, 503, 504    unavailable: try later
    any other status, a broken or silent stream, a line that makes no sense  broken: one attempt is spent
    an error event with a code other than `internal`                         rejected: final

A 500 counts as an attempt, unlike 502 to 504: it is what Ray Serve answers when a replica died over the
request, so a video that kills its reader must run out of attempts some day.
"""

from __future__ import annotations

import email.utils
import json
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx

from ecg_api.errors import AnalysisBroken, AnalysisRejected, AnalysisUnavailable
from ecg_api.jobs import Progress

RESULT_SCHEMA = "ecg-result/v1"
LONGEST_LINE = 64 * 1024 * 1024
"""A result of an hour at 250 Hz is about 12 MB; more than this is no result of ours."""

_UNAVAILABLE = frozenset({404, 429, 502, 503, 504})
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SCHEMA = re.compile(r"[a-z][a-z0-9_-]{0,62}/v[0-9]{1,4}")
_STAGE = re.compile(r"[a-z][a-z0-9_]{0,31}")

OnProgress = Callable[[Progress], Awaitable[None]]


class ModelServer:
    """The app `app` of the model server; `client` has the server's address as its base URL.

    `deadline_s` bounds a whole analysis, `silence_s` the time between two pieces of the answer.
    """

    def __init__(self, client: httpx.AsyncClient, app: str, deadline_s: float, silence_s: float) -> None:
        self._client = client
        self._app = app
        self._deadline_s = deadline_s
        self._timeout = httpx.Timeout(connect=5.0, read=silence_s, write=10.0, pool=5.0)

    async def healthy(self) -> bool:
        """Tell whether Ray Serve answers that it is healthy, within 5 seconds."""
        try:
            with anyio.fail_after(5):
                response = await self._client.get("/-/healthz", timeout=5.0)
        except (httpx.HTTPError, TimeoutError):
            return False
        return response.status_code == httpx.codes.OK

    async def analyse(
        self, job_id: str, bucket: str, key: str, on_progress: OnProgress, app: str | None = None
    ) -> dict[str, Any]:
        """Have the object `key` of `bucket` analysed and return its result document.

        Args:
            job_id: names the job in the model server's own logs.
            bucket: the bucket of the video.
            key: the key of the video.
            on_progress: awaited for each progress event, in order.
            app: another app than the default one.

        Raises:
            AnalysisRejected: the video cannot be read.
            AnalysisUnavailable: the model server cannot be asked now.
            AnalysisBroken: it did not finish.
        """
        body = {"job_id": job_id, "video": {"bucket": bucket, "key": key}, "options": {}}
        try:
            with anyio.fail_after(self._deadline_s):
                return await self._ask(app or self._app, body, on_progress)
        except TimeoutError as error:
            raise AnalysisBroken(f"no result within {self._deadline_s:g} s") from error

    async def _ask(self, app: str, body: dict[str, Any], on_progress: OnProgress) -> dict[str, Any]:
        answered = False
        try:
            async with self._client.stream("POST", f"/{app}/analyze", json=body, timeout=self._timeout) as response:
                answered = True
                if response.status_code in _UNAVAILABLE:
                    raise AnalysisUnavailable(
                        f"the model server answered {response.status_code}",
                        retry_after_s(response.headers.get("Retry-After"), datetime.now(UTC)),
                    )
                if response.status_code != httpx.codes.OK:
                    raise AnalysisBroken(f"the model server answered {response.status_code}")
                async for line in _lines(response):
                    event = _event(line, app == self._app)
                    if isinstance(event, Progress):
                        await on_progress(event)
                    else:
                        return event
            raise AnalysisBroken("the stream ended without a result")
        except httpx.ReadTimeout as error:
            raise AnalysisBroken("the model server fell silent") from error
        except httpx.TransportError as error:
            # Before an answer it is the proxy that is gone; after it, this very analysis died.
            if answered:
                raise AnalysisBroken(f"the stream broke off: {type(error).__name__}") from error
            raise AnalysisUnavailable(f"no connection: {type(error).__name__}") from error


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    # httpx's own line reader also splits at U+2028 and its like, which JSON strings may hold.
    rest = bytearray()
    async for piece in response.aiter_bytes():
        rest += piece
        if b"\n" in piece:
            *lines, last = bytes(rest).split(b"\n")
            for line in lines:
                if line.strip():
                    yield line
            rest = bytearray(last)
        if len(rest) > LONGEST_LINE:
            raise AnalysisBroken(f"a line is longer than {LONGEST_LINE} bytes")
    if rest.strip():
        yield bytes(rest)


def _event(line: bytes, by_default_app: bool) -> Progress | dict[str, Any]:
    """Return a progress event, or the result's document: of our schema, or of a chosen app's own.

    Raises:
        AnalysisRejected: the line is an error event that is final.
        AnalysisBroken: it is an internal error, or no event of the contract.
    """
    try:
        event = json.loads(line, parse_constant=_no_constant)
        match event:
            case {"event": "progress", "stage": str(stage), "fraction": int() | float() as fraction}:
                if not _STAGE.fullmatch(stage) or not math.isfinite(fraction):
                    raise AnalysisBroken("a progress event has no sensible stage or fraction")
                return Progress(stage, min(1.0, max(0.0, float(fraction))))
            case {"event": "result", "result": {"schema": str(schema)} as result} if schema == RESULT_SCHEMA or (
                _SCHEMA.fullmatch(schema) and not by_default_app
            ):
                return dict(result)
            case {"event": "error", "error": {"code": str(code), "message": str(message)}}:
                if code == "internal" or not _CODE.fullmatch(code):
                    raise AnalysisBroken(f"the reader failed: {message[:200]}")
                raise AnalysisRejected(code, message[:500])
    except (ValueError, RecursionError) as error:
        raise AnalysisBroken("a line of the stream is not JSON") from error
    raise AnalysisBroken("a line of the stream is no event of the contract")


def _no_constant(name: str) -> float:
    # Python's reader takes NaN and Infinity, which are no JSON and which no browser would read back.
    raise ValueError(name)


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3); None if it says nothing."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(header) - now).total_seconds())
    except (ValueError, TypeError):
        return None
