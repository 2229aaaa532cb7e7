"""Bad input: a clear code over HTTP and in the job's record, never a 500, and the upload kept until deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from ecg_api.analysis import OnProgress
from ecg_api.errors import AnalysisRejected, Refused
from ecg_api.jobs import JobState
from ecg_api.media import is_movie
from tests.services.api.fake_stores import StoredObject
from tests.services.api.fakes import LOCAL, MP4, SETTINGS, House

pytestmark = pytest.mark.anyio
NEW = {"name": "monitor.mp4", "size": 1000, "content_type": "video/mp4"}
GIB = 1024**3


def _is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    problem = answer.json()
    return (
        (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
        and answer.headers["Content-Type"] == "application/problem+json"
        and problem["type"] == f"/api/problems/{code}"
        and bool(problem["title"])
        and bool(problem["detail"])
    )


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"content_type": "image/png"}, 415, "unsupported_content_type"),
        ({"content_type": "video/webm"}, 415, "unsupported_content_type"),
        ({"content_type": "video/mp4\r\nX: y"}, 415, "unsupported_content_type"),
        ({"size": 0}, 422, "empty_file"),
        ({"size": 2 * GIB + 1}, 413, "file_too_large"),
        ({"size": 10**30}, 413, "file_too_large"),
        ({"size": -1}, 422, "invalid_request"),
        ({"size": True}, 422, "invalid_request"),
        ({"size": "1000"}, 422, "invalid_request"),
        ({"size": 1.5}, 422, "invalid_request"),
        ({"size": None}, 422, "invalid_request"),
        ({"name": ""}, 422, "invalid_request"),
        ({"name": "a" * 256}, 422, "invalid_request"),
        ({"name": "line\nbreak"}, 422, "invalid_request"),
        ({"name": ["a"]}, 422, "invalid_request"),
        ({"owner": "somebody"}, 422, "invalid_request"),
        ({"content_type": ""}, 422, "invalid_request"),
    ],
)
async def test_a_bad_announcement_is_refused_and_leaves_no_job(
    house: House, client: httpx.AsyncClient, change: dict[str, Any], status: int, code: str
) -> None:
    assert _is_problem(await client.post("/api/videos", json={**NEW, **change}), status, code)
    assert house.table.jobs == {}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"name": "\\ud800"}'])
async def test_a_body_that_is_no_announcement_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/api/videos", content=body, headers={"Content-Type": "application/json"})
    assert _is_problem(answer, 422, "invalid_request")


async def test_a_body_that_exhausts_the_parser_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/api/videos", content=b"[" * 50_000, headers=headers)
    assert _is_problem(answer, 422, "invalid_request")


async def test_all_mistakes_are_named_together_and_the_input_is_not_repeated(client: httpx.AsyncClient) -> None:
    problem = (await client.post("/api/videos", json={"name": "Kim\n", "size": "big"})).json()
    assert [mistake["where"] for mistake in problem["errors"]] == ["body.name", "body.size", "body.content_type"]
    assert "Kim" not in str(problem)


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/videos", json={**NEW, "name": "a" * 3_000_000})
    assert _is_problem(answer, 413, "invalid_request")


@pytest.mark.parametrize("name", ["심전도.mp4", "../../etc/passwd", "a'b\"c<d>.mp4", "%2e%2e%2f"])
async def test_a_name_is_only_shown(house: House, client: httpx.AsyncClient, name: str) -> None:
    video = (await client.post("/api/videos", json={**NEW, "name": name})).json()
    assert video["name"] == name
    assert house.job(video["id"]).key == f"videos/local/{video['id']}/source.mp4"


@pytest.mark.parametrize(
    ("declared", "extension"),
    [("video/mp4", "mp4"), ("video/quicktime", "mov"), ("video/x-m4v", "m4v"), ("Video/MP4; codecs=avc1", "mp4")],
)
async def test_the_accepted_types_name_the_object(
    house: House, client: httpx.AsyncClient, declared: str, extension: str
) -> None:
    video = (await client.post("/api/videos", json={**NEW, "content_type": declared})).json()
    assert house.job(video["id"]).key.endswith(f"/source.{extension}")


@pytest.mark.parametrize(
    ("body", "stored_type", "code", "status"),
    [
        (b"", "video/mp4", "empty_file", 422),
        (b"%PDF-1.7\n" + bytes(300), "video/mp4", "not_a_video", 422),
        (b"\x89PNG\r\n\x1a\n" + bytes(300), "video/mp4", "not_a_video", 422),
        (b"\x1a\x45\xdf\xa3" + bytes(300), "video/mp4", "not_a_video", 422),
        (b"texty free text that is no box at all" * 9, "video/mp4", "not_a_video", 422),
        (b"\x00\x00\x00\x18ftypheic" + bytes(300), "video/mp4", "not_a_video", 422),
        (b"\x00\x00\x00\x08", "video/mp4", "not_a_video", 422),
        (MP4, "text/html", "unsupported_content_type", 415),
    ],
)
async def test_a_file_that_is_no_video_fails_the_job_with_the_same_code(
    house: House, client: httpx.AsyncClient, body: bytes, stored_type: str, code: str, status: int
) -> None:
    size = len(body) or 10
    video = (await client.post("/api/videos", json={**NEW, "size": size})).json()
    key = house.job(video["id"]).key
    house.objects.objects[key] = StoredObject(body, stored_type)
    for _ in range(2):  # asking again gets the same answer
        assert _is_problem(await client.post(f"/api/videos/{video['id']}/complete"), status, code)
    job = house.job(video["id"])
    assert job.error is not None
    assert (job.state, job.error.code) == (JobState.FAILED, code)
    shown = (await client.get(f"/api/videos/{video['id']}")).json()
    assert (shown["state"], shown["error"]["code"]) == ("failed", code)
    assert _is_problem(await client.get(f"/api/videos/{video['id']}/result"), status, code)
    assert key in house.objects.objects, "kept until deleted"
    assert house.messages() == 0
    assert (await client.delete(f"/api/videos/{video['id']}")).status_code == 204
    assert house.objects.objects == {}


async def test_a_file_over_the_limit_that_got_past_the_signature_is_refused() -> None:
    small = House(replace(SETTINGS, max_upload_bytes=1000))
    job, _ = await small.videos.create(LOCAL, "a.mp4", 1000, "video/mp4")
    small.objects.objects[job.key] = StoredObject(MP4 + bytes(1000), "video/mp4")
    with pytest.raises(Refused, match="file_too_large"):
        await small.videos.complete(LOCAL, job.id, {})
    assert small.job(job.id).state is JobState.FAILED


@pytest.mark.parametrize("uploaded", [None, MP4[:-1], MP4 + b"x"])
async def test_an_incomplete_upload_can_be_completed_later(
    house: House, client: httpx.AsyncClient, uploaded: bytes | None
) -> None:
    video = (await client.post("/api/videos", json={**NEW, "size": len(MP4)})).json()
    key = house.job(video["id"]).key
    if uploaded is not None:
        house.objects.objects[key] = StoredObject(uploaded, "video/mp4")
    assert _is_problem(await client.post(f"/api/videos/{video['id']}/complete"), 409, "upload_incomplete")
    house.objects.objects[key] = StoredObject(MP4, "video/mp4")
    assert (await client.post(f"/api/videos/{video['id']}/complete")).json()["state"] == "queued"


async def test_parts_of_an_upload_without_parts_are_refused(house: House, client: httpx.AsyncClient) -> None:
    job = await house.uploaded()
    body = {"parts": [{"number": 1, "etag": '"x"'}]}
    assert _is_problem(await client.post(f"/api/videos/{job.id}/complete", json=body), 422, "invalid_request")


@pytest.mark.parametrize(
    "code", ["truncated_video", "no_trace", "video_too_long", "video_too_large", "object_not_found", "not_a_video"]
)
async def test_what_the_reader_refuses_is_told_over_http(house: House, client: httpx.AsyncClient, code: str) -> None:
    async def refuses(on_progress: OnProgress) -> dict[str, Any]:
        raise AnalysisRejected(code, "The reader says no.")

    house.model.script = refuses
    job = await house.queued()
    await house.work()
    assert _is_problem(await client.get(f"/api/videos/{job.id}/result"), 422, code)
    assert (await client.get(f"/api/videos/{job.id}")).json()["error"] == {
        "code": code,
        "message": "The reader says no.",
    }
    assert job.key in house.objects.objects


@pytest.mark.parametrize(
    "video_id",
    ["1", "local", "..%2f..%2fetc", "%00", "01A208F6-A9AF-7FE2-B948-EEDF52D64CCE", "a" * 5000, "%F0%9F%92%A9", "'"],
)
async def test_what_is_no_id_names_no_video(client: httpx.AsyncClient, video_id: str) -> None:
    for method, path in (("GET", ""), ("GET", "/result"), ("GET", "/events"), ("POST", "/complete"), ("DELETE", "")):
        answer = await client.request(method, f"/api/videos/{video_id}{path}")
        assert answer.status_code == 404
        assert answer.json()["code"] in ("video_not_found", "not_found")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=", "cursor=zz", "cursor=" + "0" * 32, "cursor=" + "a" * 65]
)
async def test_a_bad_query_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert _is_problem(await client.get(f"/api/videos?{query}"), 422, "invalid_request")


async def test_wrong_addresses_and_methods_are_problems_too(client: httpx.AsyncClient) -> None:
    assert _is_problem(await client.get("/api/none"), 404, "not_found")
    answer = await client.put("/api/videos", json={})
    assert _is_problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"] or "GET" in answer.headers["Allow"]


def test_the_first_bytes_of_movies_are_known() -> None:
    for box in (b"ftypqt  ", b"ftypisom", b"moov\x00\x00\x00\x6c", b"mdat\x00\x00\x00\x00", b"wide\x00\x00\x00\x00"):
        head = b"\x00\x00\x00\x14" + box + bytes(16)
        assert is_movie(head, 1000)
    assert is_movie(b"\x00\x00\x00\x01mdat" + (1 << 33).to_bytes(8, "big"), 1 << 34)
    assert not is_movie(b"\x00\x00\x00\x14ftyp", 12)
