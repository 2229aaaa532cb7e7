"""What one owner cannot do to the service, and what every answer carries."""

from __future__ import annotations

import logging

import httpx
import pytest

from ecg_api.app import SECURITY_HEADERS
from ecg_api.jobs import JobState, Owner
from ecg_api.limits import RateLimit
from tests.services.api.fake_stores import FakeClock
from tests.services.api.fakes import LOCAL, MP4, SMALL_PARTS, House
from tests.services.api.tokens_made import FakeProvider, bearer, token

pytestmark = pytest.mark.anyio
NEW = {"name": "monitor.mp4", "size": len(MP4), "content_type": "video/mp4"}


async def test_who_asks_too_often_waits_and_nobody_else_does(house: House) -> None:
    house.access = FakeProvider().access()
    house.limit = RateLimit(2, 5, house.clock.monotonic)
    async with _http(house) as client:
        ada = [(await client.get("/api/videos", headers=bearer(token("ada")))) for _ in range(6)]
        assert [answer.status_code for answer in ada] == [200] * 5 + [429]
        assert (ada[5].json()["code"], ada[5].headers["Retry-After"]) == ("too_many_requests", "1")
        assert (await client.get("/api/videos", headers=bearer(token("eve")))).status_code == 200
        house.clock.advance(1)
        assert (await client.get("/api/videos", headers=bearer(token("ada")))).status_code == 200


def _http(house: House) -> httpx.AsyncClient:
    from ecg_api.app import build_app

    app = build_app(house.services)
    app.state.services = house.services()
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api")


async def test_the_load_balancers_questions_are_never_refused(house: House) -> None:
    house.limit = RateLimit(1, 1, house.clock.monotonic)
    async with _http(house) as client:
        assert {(await client.get("/health")).status_code for _ in range(20)} == {200}


def test_the_long_run_is_what_was_allowed() -> None:
    clock = FakeClock()
    limit = RateLimit(10, 20, clock.monotonic)
    allowed = 0
    for _ in range(1000):  # 100 a second for 10 seconds
        allowed += limit.take(LOCAL) == 0
        clock.advance(0.01)
    assert allowed == pytest.approx(20 + 10 * 10, abs=2)


def test_any_number_of_owners_takes_a_bounded_table() -> None:
    clock = FakeClock()
    limit = RateLimit(1, 1, clock.monotonic, most=100)
    for number in range(10_000):
        limit.take(Owner(f"owner-{number}"))
    assert len(limit._buckets) == 100
    assert limit.take(Owner("owner-9999")) > 0, "who asked lately is remembered"


@pytest.mark.parametrize("path", ["/health", "/api/videos", "/api/videos/none", "/nothing", "/api/openapi.json"])
async def test_every_answer_is_guarded_against_being_taken_for_a_page(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert {name: headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "Cache-Control" in headers


async def test_who_read_what_is_written_down_without_names(
    house: House, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    job = await house.queued()
    with caplog.at_level(logging.INFO, logger="ecg_api.audit"):
        await client.get(f"/api/videos/{job.id}/result")
        await client.get("/health")
    [line] = [vars(record) for record in caplog.records if record.name == "ecg_api.audit"]
    seen = {name: line[name] for name in ("owner", "method", "route", "job_id", "status")}
    assert seen == {
        "owner": "local",
        "method": "GET",
        "route": "/api/videos/{video_id}/result",
        "job_id": job.id,
        "status": 409,
    }
    assert job.name not in str(line)


async def test_a_repeated_announcement_begins_one_video(house: House, client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "4c1f-1"}
    first = (await client.post("/api/videos", json=NEW, headers=key)).json()
    again = (await client.post("/api/videos", json=NEW, headers=key)).json()
    assert first["id"] == again["id"]
    assert len(house.table.jobs) == 1
    other = (await client.post("/api/videos", json=NEW, headers={"Idempotency-Key": "4c1f-2"})).json()
    assert other["id"] != first["id"]
    assert (await client.post("/api/videos", json=NEW)).json()["id"] not in (first["id"], other["id"])


async def test_a_repeated_announcement_of_a_large_file_opens_one_upload() -> None:
    house = House(SMALL_PARTS)
    async with _http(house) as client:
        large, key = {**NEW, "size": 3 * 1024 * 1024}, {"Idempotency-Key": "k"}
        answers = [(await client.post("/api/videos", json=large, headers=key)).json() for _ in range(2)]
    assert answers[0]["upload"]["upload_id"] == answers[1]["upload"]["upload_id"]
    assert len(house.objects.uploads) == 1


async def test_an_idempotency_key_is_one_requests_and_one_owners(house: House) -> None:
    house.access = FakeProvider().access()
    async with _http(house) as client:
        headers = {"Idempotency-Key": "k", **bearer(token("ada"))}
        first = (await client.post("/api/videos", json=NEW, headers=headers)).json()
        other = await client.post("/api/videos", json={**NEW, "size": 7}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        eve = await client.post("/api/videos", json=NEW, headers={**headers, **bearer(token("eve"))})
        assert (eve.status_code, eve.json()["id"] == first["id"]) == (201, False)


async def test_a_repeated_announcement_never_opens_what_is_already_queued(
    house: House, client: httpx.AsyncClient
) -> None:
    """Else the same key would give out an address to exchange the file behind the analysis' back."""
    key = {"Idempotency-Key": "k"}
    video = (await client.post("/api/videos", json=NEW, headers=key)).json()
    job = house.job(video["id"])
    from dataclasses import replace

    for state in (JobState.QUEUED, JobState.DONE, JobState.DELETED):
        house.table.jobs[LOCAL, job.id] = replace(job, state=state)
        again = await client.post("/api/videos", json=NEW, headers=key)
        assert (again.status_code, again.json()["code"]) == (409, "conflict")


async def test_a_key_is_free_again_after_a_day(house: House, client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    first = (await client.post("/api/videos", json=NEW, headers=key)).json()
    house.clock.advance(86_500)
    assert (await client.post("/api/videos", json={**NEW, "size": 7}, headers=key)).json()["id"] != first["id"]


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\u00e9"])
async def test_a_key_that_is_no_key_is_refused(client: httpx.AsyncClient, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode())]
    assert (await client.post("/api/videos", json=NEW, headers=headers)).status_code == 422
