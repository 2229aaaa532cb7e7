"""Requests that schemathesis makes from the OpenAPI document: no 5xx, and every answer as it is documented.

Every other request about a video asks for one that is there; the rest ask for whatever was made up.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from ecg_api.app import build_app
from tests.services.api.fakes import House

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
"""Not: that whatever fits the schema is accepted, since a file's rules say more than a schema can."""

bounded = settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@asynccontextmanager
async def _without_a_worker(app: FastAPI) -> AsyncIterator[None]:
    yield


def _app() -> FastAPI:
    app = build_app(House().services)
    app.router.lifespan_context = _without_a_worker
    return app


async def _video(house: House) -> str:
    """Have a video analysed and return its id."""
    job = await house.queued()
    await house.work()
    return job.id


app = _app()
schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
there = itertools.cycle((True, False))


def ask(case: schemathesis.Case) -> None:
    """Ask, and hold the answer against the document."""
    house = House()
    if "video_id" in case.path_parameters and next(there):
        case.path_parameters["video_id"] = asyncio.run(_video(house))
    app.state.services = replace(house.services(), stopping=anyio.Event())  # each request has an event loop of its own
    # A schema of server-sent events is that of the whole text for us, and of each event for schemathesis.
    as_text = [checks.response_schema_conformance] if case.path.endswith("/events") else []
    case.call_and_validate(checks=CHECKS, excluded_checks=as_text)


@schema.parametrize()
@bounded
def test_whatever_is_asked_is_answered_as_documented(case: schemathesis.Case) -> None:
    ask(case)


@pytest.mark.faults
@schema.parametrize()
@settings(bounded, max_examples=60)
def test_whatever_is_asked_sixty_times_is_answered_as_documented(case: schemathesis.Case) -> None:
    ask(case)
