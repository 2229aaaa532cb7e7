"""The ASGI application: routes, problem documents, request ids, and the worker beside them."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import signal
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import anyio
from anyio import to_thread
from fastapi import FastAPI, HTTPException
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecg_api import ids, problems, routes, routes_operation, routes_people
from ecg_api.errors import Code
from ecg_api.logs import request_id
from ecg_api.metrics import REQUESTS
from ecg_api.principals import Principal
from ecg_api.services import Services
from ecg_api.tracing import EXPORT_S, NO_TRACES, Traces, note_job

log = logging.getLogger(__name__)
audit = logging.getLogger("ecg_api.audit")
"""Who asked for what of which video, and with what success; no names, no contents."""

LARGEST_BODY = 2 * 1024 * 1024
"""In bytes: 10,000 parts with their tags are about 1 MB; videos never come this way."""

STOP_S = 20.0
"""What the worker gets to hand its jobs back; ECS kills 30 s after it asked to stop."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # No answer is a page: nothing may be loaded from it, run in it, or shown around it.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}

_REQUEST_ID = re.compile(r"[A-Za-z0-9._=-]{1,64}")


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, with errors as they are sent."""
        if self.openapi_schema is None:
            self.openapi_schema = problems.described(super().openapi())
        return self.openapi_schema


def build_app(make_services: Callable[[], Services], traces: Traces = NO_TRACES) -> FastAPI:
    """Return the application; `make_services` is called when it starts, in the event loop that it runs in."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = make_services()
        app.state.services = services
        async with services.model_client, services.provider_client, anyio.create_task_group() as group:
            group.start_soon(_work, services)
            group.start_soon(services.sweeper.run, services.stopping, random.uniform)
            with stopping_on_signals(services.stopping):
                yield
            services.stopping.set()
            group.cancel_scope.deadline = anyio.current_time() + STOP_S
        if traces is not NO_TRACES:
            with anyio.move_on_after(EXPORT_S):
                await to_thread.run_sync(traces.end, abandon_on_cancel=True)

    app = _Api(
        title="ECG video API",
        version="1",
        description="Takes ECG videos in and reads the signal out of them. Research and education use only; "
        "not a medical device.",
        lifespan=lifespan,
        # Below /api, so that the CDN leads there. The interactive pages are off: they load foreign scripts.
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        telemetry=traces.telemetry,
    )
    for part in (routes_operation, routes_people, routes):
        app.include_router(part.router)
    problems.install(app)
    app.add_middleware(RequestLog)
    return app


async def _work(services: Services) -> None:
    services.health.worker_runs = True
    try:
        await services.worker.run()
    except Exception:
        # Readiness tells; the process goes on answering meanwhile.
        log.exception("the worker crashed")
    finally:
        services.health.worker_runs = False


@contextmanager
def stopping_on_signals(stopping: anyio.Event) -> Iterator[None]:
    """Set `stopping` as soon as the process is asked to end, then do what was to be done on that signal.

    uvicorn ends the lifespan only after the last answer is sent, and a stream of events has no end of its own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def on_signal(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stopping.set)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class RequestLog:
    """Gives each request an id, limits its body, logs it, guards its answer; makes what nobody foresaw a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        identity = wanted if _REQUEST_ID.fullmatch(wanted) else uuid.uuid4().hex
        token = request_id.set(identity)
        began, status = time.perf_counter(), 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update({**SECURITY_HEADERS, "X-Request-ID": identity})
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > LARGEST_BODY:
                # Raised where the route reads its body, so it becomes a problem document like any other.
                raise HTTPException(413, f"The body is larger than {LARGEST_BODY} bytes.")
            return message

        try:
            await self._app(scope, receive_limited, send_marked)
        except Exception:
            log.exception("unforeseen error")
            if status:
                raise  # too late for another answer: the connection must break
            detail = "This is a fault of the service; it has been logged."
            await problems.problem_response(scope["path"], Code.INTERNAL, detail)(scope, receive, send_marked)
        finally:
            self._write(scope, status, time.perf_counter() - began)
            request_id.reset(token)

    @staticmethod
    def _write(scope: Scope, status: int, seconds: float) -> None:
        # The route's pattern, not the path: whatever somebody typed there stays out of the logs.
        route = getattr(scope.get("route"), "path", "unmatched")
        line = {"method": scope["method"], "route": route, "status": status, "latency_ms": round(seconds * 1000, 1)}
        video_id = scope.get("path_params", {}).get("video_id", "")
        if ids.is_id(video_id):
            line["job_id"] = video_id
            note_job(video_id)
        asking = scope.get("state", {}).get("principal")
        if isinstance(asking, Principal):
            audit.info("asked", extra={**line, "owner": asking.owner})
        quiet = route in ("/health", "/api/health", "/ready") and status < 400
        measured = {"fault": int(status >= 500), "metrics": REQUESTS}
        log.log(logging.DEBUG if quiet else logging.INFO, "request", extra={**line, **measured})
