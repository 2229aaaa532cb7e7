"""The API over HTTP: what a browser sees from the first request to the deletion."""

from __future__ import annotations

import json

import httpx
import pytest

from ecg_api import jobs
from ecg_api.app import build_app
from ecg_api.asking import owner
from ecg_api.errors import PROBLEMS, Code, StoreUnavailable
from ecg_api.jobs import Claim, JobState, Owner, Progress
from ecg_api.uploads import part_sizes
from tests.services.api.fake_stores import Calm, StoredObject, with_part
from tests.services.api.fakes import LOCAL, MP4, RESULT, SMALL_PARTS, House

pytestmark = pytest.mark.anyio
NEW = {"name": "monitor.mp4", "size": len(MP4), "content_type": "video/mp4"}


@pytest.mark.parametrize("path", ["/health", "/api/health"])
async def test_health_is_exactly_as_specified(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.text) == (200, '{"status":"healthy","service":"backend"}')


async def test_ready_tells_of_the_stores_and_of_the_model_server(house: House, client: httpx.AsyncClient) -> None:
    assert (await client.get("/ready")).json() == {"status": "ready", "model_server": "available"}
    house.circuit.open()
    assert (await client.get("/ready")).json() == {"status": "ready", "model_server": "unavailable"}


async def test_a_single_upload_from_announcement_to_deletion(house: House, client: httpx.AsyncClient) -> None:
    created = await client.post("/api/videos", json=NEW)
    video = created.json()
    assert created.status_code == 201
    assert created.headers["Location"] == video["links"]["self"] == f"/api/videos/{video['id']}"
    assert (video["state"], video["upload"]["kind"]) == ("uploading", "single")
    assert video["upload"]["headers"] == {"Content-Type": "video/mp4"}

    key = f"videos/local/{video['id']}/source.mp4"
    house.objects.objects[key] = StoredObject(MP4, "video/mp4")
    completed = await client.post(f"/api/videos/{video['id']}/complete")
    assert (completed.status_code, completed.json()["state"]) == (200, "queued")
    assert completed.json()["links"]["source"] == f"/{key}"

    early = await client.get(f"/api/videos/{video['id']}/result")
    assert (early.status_code, early.json()["code"], early.headers["Retry-After"]) == (409, "result_not_ready", "2")

    await house.work()
    done = (await client.get(f"/api/videos/{video['id']}")).json()
    assert (done["state"], done["links"]["result"]) == ("done", f"/api/videos/{video['id']}/result")
    assert (await client.get(done["links"]["result"])).json() == RESULT

    assert (await client.delete(done["links"]["self"])).status_code == 204
    for method, path in (("GET", ""), ("GET", "/result"), ("GET", "/events"), ("POST", "/complete"), ("DELETE", "")):
        gone = await client.request(method, f"/api/videos/{video['id']}{path}")
        assert (gone.status_code, gone.json()["code"]) == (404, "video_not_found")
    assert house.objects.objects == {}
    assert (await client.get("/api/videos")).json() == {"videos": [], "next_cursor": None}


@pytest.fixture
def parts_house() -> House:
    return House(SMALL_PARTS)


async def _client(house: House) -> httpx.AsyncClient:
    app = build_app(house.services)
    app.state.services = house.services()
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api")


async def test_a_large_upload_goes_in_parts(parts_house: House) -> None:
    async with await _client(parts_house) as client:
        body = MP4 + bytes(1024 * 1024)
        video = (await client.post("/api/videos", json={**NEW, "size": len(body)})).json()
        upload = video["upload"]
        assert (video["state"], upload["kind"], upload["part_size"]) == ("uploading", "multipart", 1024 * 1024)
        assert [(part["number"], part["size"]) for part in upload["parts"]] == [(1, 1024 * 1024), (2, len(MP4))]
        halves = (body[: 1024 * 1024], body[1024 * 1024 :])
        parts = [
            {"number": number, "etag": with_part(parts_house.objects, upload["upload_id"], number, half)}
            for number, half in enumerate(halves, 1)
        ]
        complete = f"/api/videos/{video['id']}/complete"
        for wrong, code in (
            ([], "upload_incomplete"),
            (parts[:1], "upload_incomplete"),
            ([parts[0], {"number": 2, "etag": '"other"'}], "upload_incomplete"),
            ([*parts, {"number": 3, "etag": '"x"'}], "invalid_request"),
            ([parts[0], parts[0]], "invalid_request"),
            ([{"number": 0, "etag": '"x"'}], "invalid_request"),
            ([{"number": 1, "etag": "a b"}], "invalid_request"),
        ):
            refused = await client.post(complete, json={"parts": wrong})
            assert refused.json()["code"] == code, wrong
            assert parts_house.job(video["id"]).state is JobState.UPLOADING
        done = await client.post(complete, json={"parts": parts[::-1]})
        assert done.json()["state"] == "queued"
        assert (await client.post(complete, json={"parts": parts})).json()["state"] == "queued"
        assert parts_house.messages() == 1


async def test_deleting_during_an_upload_throws_its_parts_away(parts_house: House) -> None:
    async with await _client(parts_house) as client:
        video = (await client.post("/api/videos", json={**NEW, "size": 2_000_000})).json()
        assert (await client.delete(f"/api/videos/{video['id']}")).status_code == 204
    assert parts_house.objects.uploads == {}


def test_parts_cover_the_file_and_stay_within_s3s_limits() -> None:
    mib = 1024**2
    for size in (1, mib, 64 * mib + 1, 2 * 1024 * mib, 5 * 1024 * 1024 * mib):
        parts = part_sizes(size, 16 * mib)
        assert sum(parts) == size
        assert len(parts) <= 10_000
        assert all(part == parts[0] for part in parts[:-1])
        assert parts[-1] <= parts[0]


async def test_lists_are_newest_first_and_go_on_at_the_cursor(house: House, client: httpx.AsyncClient) -> None:
    made = []
    for _ in range(5):
        made.append((await client.post("/api/videos", json=NEW)).json()["id"])
        house.clock.advance(1)
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/api/videos", params=query)).json()
        seen += [video["id"] for video in page["videos"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]
    assert cursor is None


async def test_an_unchanged_video_is_not_sent_again(house: House, client: httpx.AsyncClient) -> None:
    job = await house.queued()
    first = await client.get(f"/api/videos/{job.id}")
    tag = {"If-None-Match": first.headers["ETag"]}
    again = await client.get(f"/api/videos/{job.id}", headers=tag)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    await house.work()
    changed = await client.get(f"/api/videos/{job.id}", headers=tag)
    assert (changed.status_code, changed.json()["state"]) == (200, "done")
    result = await client.get(f"/api/videos/{job.id}/result")
    tag = {"If-None-Match": f'"other", W/{result.headers["ETag"]}'}
    assert (await client.get(f"/api/videos/{job.id}/result", headers=tag)).status_code == 304


async def test_progress_is_shown(house: House, client: httpx.AsyncClient) -> None:
    job = await house.queued()
    await house.table.apply(LOCAL, job.id, jobs.claimed(Claim("t", "m", 100), 100), house.clock.now())
    await house.table.apply(LOCAL, job.id, jobs.progressed("t", Progress("decode", 0.4)), house.clock.now())
    video = (await client.get(f"/api/videos/{job.id}")).json()
    assert (video["state"], video["progress"]) == ("analysing", {"stage": "decode", "fraction": 0.4})


async def test_another_owner_sees_nothing(house: House) -> None:
    """One dependency decides who asks; `test_access.py` has the tokens behind it."""
    job = await house.queued()
    app = build_app(house.services)
    app.state.services = house.services()
    app.dependency_overrides[owner] = lambda: Owner("somebody-else")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as other:
        assert (await other.get(f"/api/videos/{job.id}")).status_code == 404
        assert (await other.delete(f"/api/videos/{job.id}")).status_code == 404
        assert (await other.get("/api/videos")).json()["videos"] == []
        mine = (await other.post("/api/videos", json=NEW)).json()
    assert ("somebody-else", mine["id"]) in house.table.jobs
    assert house.job(job.id).state is JobState.QUEUED


async def test_a_request_keeps_the_id_that_it_came_with(client: httpx.AsyncClient) -> None:
    kept = await client.get("/api/videos/none", headers={"X-Request-ID": "from-the-cdn-1"})
    assert kept.headers["X-Request-ID"] == kept.json()["request_id"] == "from-the-cdn-1"
    made = await client.get("/health", headers={"X-Request-ID": "no spaces, no\ttabs"})
    assert len(made.headers["X-Request-ID"]) == 32


async def test_every_code_explains_itself(client: httpx.AsyncClient) -> None:
    codes = (await client.get("/api/problems")).json()
    assert {entry["code"] for entry in codes} == {code.value for code in PROBLEMS} == {code.value for code in Code}
    for entry in codes:
        assert (await client.get(f"/api/problems/{entry['code']}")).json() == entry
    assert (await client.get("/api/problems/none")).json()["code"] == "not_found"


async def test_a_store_that_is_away_is_a_503_that_says_when_to_repeat() -> None:
    class Away(Calm):
        async def before(self, operation: str) -> None:
            raise StoreUnavailable("dynamodb", operation, "ThrottlingException")

    async with await _client(House(calm=Away())) as client:
        for method, path in (("POST", ""), ("GET", ""), ("GET", "/01a208f6-a9af-7fe2-b948-eedf52d64cce")):
            answer = await client.request(method, f"/api/videos{path}", json=NEW if method == "POST" else None)
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (503, "service_unavailable")
            assert answer.headers["Retry-After"] == "5"
            assert "Throttling" not in json.dumps(problem)
        ready = await client.get("/ready")
        assert (ready.status_code, ready.json()["code"]) == (503, "service_unavailable")


async def test_a_bug_is_a_problem_document_without_a_trace() -> None:
    class Bug(Calm):
        async def before(self, operation: str) -> None:
            raise KeyError("secret detail")

    async with await _client(House(calm=Bug())) as client:
        answer = await client.get("/api/videos")
        assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
        assert answer.json()["code"] == "internal"
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text


async def test_a_deletion_that_s3_interrupted_can_be_repeated() -> None:
    class Once(Calm):
        failing = False

        async def before(self, operation: str) -> None:
            if operation == "remove_all" and self.failing:
                self.failing = False
                raise StoreUnavailable("s3", operation, "SlowDown")

    calm = Once()
    house = House(calm=calm)
    job = await house.queued()
    calm.failing = True
    async with await _client(house) as client:
        assert (await client.delete(f"/api/videos/{job.id}")).status_code == 503
        assert (await client.get(f"/api/videos/{job.id}")).status_code == 404, "gone for readers at once"
        assert (await client.delete(f"/api/videos/{job.id}")).status_code == 204
        assert house.objects.objects == {}
        assert (await client.delete(f"/api/videos/{job.id}")).status_code == 404
