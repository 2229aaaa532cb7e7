"""A house of fakes, and HTTP to the application that stands on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from ecg_api.app import build_app
from tests.services.api.fakes import House


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio only."""
    return "asyncio"


@pytest.fixture
def house() -> House:
    """Everything the application stands on, in memory."""
    return House()


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to the application, without its worker: tests let it work when they want."""
    app = build_app(house.services)
    app.state.services = house.services()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        yield client
