"""HTTP in, NDJSON out: what an app's ingress deployment derives from.

    POST /<app>/analyze    the events of the app's `analyze`
    POST /<app>/golden     the app's golden cases, each through that same `analyze`

Everything else gets a problem document (RFC 9457). The first event is awaited before the status is sent: a full queue
is therefore an honest 429. When the client leaves, Ray cancels the request, and with it the iteration of `analyze`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentResponseGenerator
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kit import logs
from kit.contract import AnalyzeRequest, ErrorCode, Event, Failure, to_line
from kit.golden import Analyze, Case, GoldenUnreadable, cases, prove
from kit.metrics import Meter, RayMeter, measured

NDJSON = "application/x-ndjson"
RETRY_AFTER_S = 2
_GOLDEN_TRIES = 15
"""A golden case waits this often for a free replica: half a minute."""
_MOST_BODY = 64 * 1024
_LOG = logs.logger("ingress")


class AppIngress:
    """The ingress of an app: derive from it, say where `app.py` lies, and give `analyze`."""

    def __init__(self, app_file: str) -> None:
        self._app_folder = Path(app_file).parent
        self._meter: Meter = RayMeter()

    def analyze(self, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        """The events of one analysis, the last one a Result or a Failure. Whatever it raises becomes `internal`."""
        raise NotImplementedError

    async def __call__(self, request: Request) -> Response:
        """Answer one HTTP request."""
        action = request.url.path.rpartition("/")[2]
        if action not in ("analyze", "golden"):
            return _problem(404, "there are only POST /<app>/analyze and POST /<app>/golden here")
        if request.method != "POST":
            return _problem(405, "use POST", allow="POST")
        if action == "golden":
            return await self._golden()
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BODY:
                return _problem(
                    413, f"the request body may have {_MOST_BODY} bytes at most; it names a video, it does not hold it"
                )
        try:
            asked = AnalyzeRequest.model_validate_json(body)
        except ValidationError as error:
            wrong = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors()]
            return _problem(422, "the request is not as docs/architecture.md says", errors=wrong)
        return await _streamed(measured(safely(asked, self.analyze), self._meter, "analyze"))

    async def _golden(self) -> Response:
        try:
            # Read for each request: the files are small, and the app may be without any.
            found = await asyncio.to_thread(cases, self._app_folder)
        except GoldenUnreadable as error:
            return await _streamed(_only(Failure(error.code, error.message)))
        if not found:
            return _problem(404, "this app has no golden cases: its folder has no golden/<case>/")
        return await _streamed(self._proof(found))

    def _proof(self, found: tuple[Case, ...]) -> AsyncIterator[Event]:
        return prove(found, lambda asked: measured(_patiently(asked, self.analyze), self._meter, "golden"))


async def passed_on(events: DeploymentResponseGenerator[Event]) -> AsyncIterator[Event]:
    """The events of another deployment's streaming method; whoever stops listening cancels it."""
    try:
        async for event in events:
            yield event
    finally:
        events.cancel()  # does nothing to what has ended


async def safely(asked: AnalyzeRequest, analyze: Analyze) -> AsyncIterator[Event]:
    """Whatever goes wrong becomes the one error event that the contract promises; a full queue is `busy`."""
    try:
        async for event in analyze(asked):
            yield event
    except BackPressureError:
        yield Failure(ErrorCode.BUSY, "all replicas are busy and the queue is full")
    except Exception:
        with logs.job(asked.job_id):
            _LOG.exception("the analysis broke off")
        yield Failure(ErrorCode.INTERNAL, "the analysis broke off; it may be tried again")


async def _patiently(asked: AnalyzeRequest, analyze: Analyze) -> AsyncIterator[Event]:
    """As `safely`, but a full queue is waited for: golden cases run beside the callers' requests."""
    for left in reversed(range(_GOLDEN_TRIES)):
        async for event in safely(asked, analyze):
            if left and isinstance(event, Failure) and event.code == ErrorCode.BUSY:
                await asyncio.sleep(RETRY_AFTER_S)
                break
            yield event
        else:
            return


async def _only(event: Event) -> AsyncIterator[Event]:
    yield event


async def _streamed(events: AsyncIterator[Event]) -> Response:
    first = await anext(events)
    if isinstance(first, Failure) and first.code == ErrorCode.BUSY:
        return _problem(429, first.message, retry_after=str(RETRY_AFTER_S))
    return StreamingResponse(_lines(first, events), media_type=NDJSON, headers={"Cache-Control": "no-store"})


async def _lines(first: Event, rest: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    yield to_line(first)
    async for event in rest:
        yield to_line(event)


def _problem(status: int, detail: str, *, allow: str = "", retry_after: str = "", errors: Any = None) -> Response:
    headers = {name: value for name, value in (("Allow", allow), ("Retry-After", retry_after)) if value}
    body = {"type": "about:blank", "status": status, "detail": detail} | ({"errors": errors} if errors else {})
    return Response(json.dumps(body), status, headers, media_type="application/problem+json")
