"""HTTP in, NDJSON out. The app's ingress deployment calls `answer` from its `__call__`."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from pydantic import ValidationError
from ray.serve.exceptions import BackPressureError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kit import logs
from kit.contract import AnalyzeRequest, Event, Failure, to_line

NDJSON = "application/x-ndjson"
RETRY_AFTER_S = 2
_MOST_BODY = 64 * 1024
_LOG = logs.logger("ingress")


async def answer(request: Request, analyze: Callable[[AnalyzeRequest], AsyncIterator[Event]]) -> Response:
    """`POST .../analyze` streams the events of `analyze`; everything else gets a problem document (RFC 9457).

    The first event is awaited before the status is sent: a full queue is therefore an honest 429.
    When the client leaves, Ray cancels this request, and with it the iteration of `analyze`.
    """
    if not request.url.path.endswith("/analyze"):
        return _problem(404, "there is only POST /<app>/analyze here")
    if request.method != "POST":
        return _problem(405, "use POST", allow="POST")
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
    events = _safely(asked, analyze)
    try:
        first = await anext(events)
    except BackPressureError:
        return _problem(429, "all readers are busy and the queue is full", retry_after=str(RETRY_AFTER_S))
    return StreamingResponse(_lines(first, events), media_type=NDJSON, headers={"Cache-Control": "no-store"})


async def _safely(
    asked: AnalyzeRequest, analyze: Callable[[AnalyzeRequest], AsyncIterator[Event]]
) -> AsyncIterator[Event]:
    """Whatever goes wrong becomes the one error event that the contract promises."""
    try:
        async for event in analyze(asked):
            yield event
    except BackPressureError:
        raise
    except Exception:
        with logs.job(asked.job_id):
            _LOG.exception("the analysis broke off")
        yield Failure("internal", "the analysis broke off; it may be tried again")


async def _lines(first: Event, rest: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    yield to_line(first)
    async for event in rest:
        yield to_line(event)


def _problem(status: int, detail: str, *, allow: str = "", retry_after: str = "", errors: Any = None) -> Response:
    headers = {name: value for name, value in (("Allow", allow), ("Retry-After", retry_after)) if value}
    body = {"type": "about:blank", "status": status, "detail": detail} | ({"errors": errors} if errors else {})
    return Response(json.dumps(body), status, headers, media_type="application/problem+json")
