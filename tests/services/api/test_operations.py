"""How apps and environment do, as the page and operators see it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ecg_api.errors import StoreUnavailable
from tests.services.api.fake_stores import Calm, StoredObject
from tests.services.api.fakes import MP4, House

pytestmark = pytest.mark.anyio
CANARY = {"version": "b.zip", "verdict": "trying", "percent": 10}


def box(house: House, *, age_s: float = 30.0, **apps: dict[str, Any]) -> dict[str, Any]:
    """A report as the reconciler writes it, `age_s` seconds old."""
    at = house.clock.now().timestamp() - age_s
    from datetime import UTC, datetime

    return {
        "kind": "BoxObserved",
        "updated_at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "apps": {
            name: {"status": "RUNNING", "message": "", "route": f"/{name}", "version": "a.zip", **told}
            for name, told in apps.items()
        },
    }


async def _apps(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/api/apps")
    assert answer.status_code == 200
    return dict(answer.json())


async def test_the_apps_are_those_that_the_box_reports(house: House, client: httpx.AsyncClient) -> None:
    house.reports.box_report = box(house, signal_quality={}, ecg_rhythm={"canary": CANARY})
    found = await _apps(client)
    assert (found["as_of"], found["stale"]) == (house.reports.box_report["updated_at"], False)
    assert found["apps"] == [
        {
            "name": "ecg_rhythm",
            "route_prefix": "/ecg_rhythm",
            "version": "a.zip",
            "state": "healthy",
            "reason": None,
            "canary": CANARY,
            "default": True,
        },
        {
            "name": "signal_quality",
            "route_prefix": "/signal_quality",
            "version": "a.zip",
            "state": "healthy",
            "reason": None,
            "canary": None,
            "default": False,
        },
    ]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("DEPLOYING", "deploying"),
        ("NOT_STARTED", "deploying"),
        ("UNHEALTHY", "degraded"),
        ("DEPLOY_FAILED", "degraded"),
        ("SOMETHING_NEW", "unknown"),
    ],
)
async def test_an_app_that_is_not_healthy_says_why(
    house: House, client: httpx.AsyncClient, status: str, state: str
) -> None:
    message = "Traceback (most recent call last):\n  ...\nOSError: no such file"
    house.reports.box_report = box(house, ecg_rhythm={"status": status, "message": message})
    [app] = (await _apps(client))["apps"]
    assert (app["state"], app["reason"]) == (state, f"{status}: OSError: no such file")


async def test_what_a_silent_box_said_is_not_taken_for_true(house: House, client: httpx.AsyncClient) -> None:
    house.reports.box_report = box(house, age_s=181, ecg_rhythm={})
    found = await _apps(client)
    [app] = found["apps"]
    assert (found["stale"], app["state"]) == (True, "unknown")
    assert app["reason"].startswith("The box has not reported since 2026-11-23 11:56")


async def test_before_the_box_reports_there_are_no_apps(client: httpx.AsyncClient) -> None:
    assert await _apps(client) == {"apps": [], "as_of": None, "stale": True}


async def test_a_chosen_app_analyses_the_video(house: House, client: httpx.AsyncClient) -> None:
    house.reports.box_report = box(house, ecg_rhythm={}, signal_quality={})
    new = {"name": "a.mp4", "size": len(MP4), "content_type": "video/mp4", "app": "signal_quality"}
    video = (await client.post("/api/videos", json=new)).json()
    assert video["app"] == "signal_quality"
    house.objects.objects[f"videos/local/{video['id']}/source.mp4"] = StoredObject(MP4, "video/mp4")
    await client.post(f"/api/videos/{video['id']}/complete")
    await house.work()
    assert house.model.apps == ["signal_quality"]


@pytest.mark.parametrize("app", ["other", "ecg_rhythm__canary", "../admin", "-", "a/b", ""])
async def test_an_app_that_the_box_does_not_report_is_refused(
    house: House, client: httpx.AsyncClient, app: str
) -> None:
    house.reports.box_report = box(house, ecg_rhythm={})
    new = {"name": "a.mp4", "size": len(MP4), "content_type": "video/mp4", "app": app}
    answer = await client.post("/api/videos", json=new)
    assert (answer.status_code, answer.json()["code"] in ("unknown_app", "invalid_request")) == (422, True)
    assert (await client.post("/api/videos", json={**new, "app": "ecg_rhythm"})).status_code == 201


async def test_the_default_app_can_be_asked_for_while_the_box_is_silent(client: httpx.AsyncClient) -> None:
    new = {"name": "a.mp4", "size": len(MP4), "content_type": "video/mp4", "app": "ecg_rhythm"}
    assert (await client.post("/api/videos", json=new)).status_code == 201


async def test_operators_see_status_box_and_queues(house: House, client: httpx.AsyncClient) -> None:
    house.reports.box_report = box(house, ecg_rhythm={})
    now = house.clock.now().isoformat()
    house.reports.status_report = {"kind": "EnvironmentStatus", "at": now, "monthly_cost_usd": 612.5}
    await house.queued()
    seen = (await client.get("/api/ops/status")).json()
    assert seen.pop("as_of")
    assert seen == {
        "environment": "dev",
        "status": house.reports.status_report,
        "status_stale": False,
        "box": house.reports.box_report,
        "box_stale": False,
        "queue": {"waiting": 1, "in_flight": 0, "dead_letters": 0},
        "monthly_cost_usd": 612.5,
    }


async def test_what_is_missing_or_does_not_answer_is_null_and_stale(client: httpx.AsyncClient) -> None:
    class Away(Calm):
        async def before(self, operation: str) -> None:
            if operation in ("box", "depth"):
                raise StoreUnavailable("s3", operation, "SlowDown")

    house = House(calm=Away())
    app_services = house.services()
    from ecg_api.app import build_app

    app = build_app(house.services)
    app.state.services = app_services
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as away:
        seen = (await away.get("/api/ops/status")).json()
    assert (seen["box"], seen["box_stale"], seen["queue"], seen["status_stale"]) == (None, True, None, True)
    assert seen["monthly_cost_usd"] is None


async def test_a_status_of_yesterday_is_stale(house: House, client: httpx.AsyncClient) -> None:
    house.reports.status_report = {"at": "2026-11-22T12:00:00+00:00"}
    seen = (await client.get("/api/ops/status")).json()
    assert (seen["status"], seen["status_stale"]) == (house.reports.status_report, True)
