"""The API's client, against an API of a few lines."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import httpx
import jsonschema
import pytest

from ecg_api.views import CompletedUpload
from generator.sync.proof import AnalysisFailed, JobProgress
from generator.video_client import VideoClient
from tests.generator.sync.worlds import FakeClock

ROOT = Path(__file__).resolve().parents[2]
BROKEN = 5
"""Requests that are answered with 503 before one is answered as it should be."""


class Api:
    """Answers as the API does; `states` are what each look at the job finds."""

    def __init__(self, *states: dict[str, object], upload: dict[str, object] | None = None, broken: int = 0) -> None:
        self.states = list(states)
        self.upload = upload or {"kind": "single", "url": "https://s3/put?secret", "headers": {"Content-Type": "t"}}
        self.requests: list[tuple[str, str]] = []
        self.seen: list[httpx.Request] = []
        self.completed: object = None
        self.broken, self.refusals = broken, Counter[tuple[str, str]]()
        self.damaged = 0
        """Uploads that S3 does not keep as they were sent."""
        self.kept: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = (request.method, request.url.path)
        self.requests.append(asked)
        self.seen.append(request)
        if self.refusals[asked] < self.broken:
            self.refusals[asked] += 1
            return httpx.Response(503, text="<html>\n  Service Unavailable\n</html>")
        match asked:
            case "PUT", _:
                digest = hashlib.md5(request.content, usedforsecurity=False).hexdigest()
                damaged, self.damaged = self.damaged > 0, self.damaged - 1
                return httpx.Response(200, headers={**self.kept, "ETag": f'"{"0" * 32 if damaged else digest}"'})
            case "POST", "/api/videos":
                return httpx.Response(201, json={"id": "v1", "upload": self.upload})
            case "POST", "/api/videos/v1/complete":
                self.completed = json.loads(request.content)
                return httpx.Response(200, json={})
            case "GET", "/api/videos/v1/result":
                return httpx.Response(200, json={"schema": "ecg-result/v1"})
            case "GET", "/api/videos/v1":
                return httpx.Response(200, json=self.states.pop(0))
            case "DELETE", "/api/videos/v1":
                return httpx.Response(204)
            case "DELETE", _:
                return httpx.Response(404, json={"code": "video_not_found", "detail": "There is no such video."})
            case "GET", "/api/health" if self.states:
                return httpx.Response(200, json=self.states[0])
        return httpx.Response(404, json={"code": "not_found", "detail": "nothing here"})


def client(api: Api, clock: FakeClock | None = None, at: str | None = None) -> VideoClient:
    transport = httpx.MockTransport(api)
    return VideoClient("https://cdn.example", None, clock or FakeClock(), at=at, transport=transport)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"0123456789")
    return file


def test_a_video_goes_up_is_followed_and_its_result_comes_back(video: Path) -> None:
    api = Api(
        {"state": "queued"},
        {"state": "analysing", "progress": {"stage": "read", "fraction": 0.5}},
        {"state": "done"},
    )
    seen: list[JobProgress] = []
    analysis = client(api).analyse(video, seen.append)
    assert analysis.result == {"schema": "ecg-result/v1"}
    assert seen[2] == JobProgress("v1", "analysing", "read", 0.5)
    assert ("PUT", "/put") in api.requests


def test_the_videos_id_is_reported_before_a_byte_goes_up(video: Path) -> None:
    api, uploads = Api({"state": "done"}), []
    client(api).analyse(video, lambda progress: uploads.append((progress.video, ("PUT", "/put") in api.requests)))
    assert uploads[0] == ("v1", False)


def test_a_large_video_goes_up_in_parts_whose_etags_complete_it(video: Path) -> None:
    parts = [{"number": 1, "url": "https://s3/1"}, {"number": 2, "url": "https://s3/2"}]
    api = Api({"state": "done"}, upload={"kind": "multipart", "upload_id": "u", "part_size": 6, "parts": parts})
    client(api).analyse(video, lambda progress: None)
    digests = [hashlib.md5(part, usedforsecurity=False).hexdigest() for part in (b"012345", b"6789")]
    assert api.completed == {"parts": [{"number": n, "etag": f'"{digest}"'} for n, digest in enumerate(digests, 1)]}
    # The API refuses what it does not know.
    CompletedUpload.model_validate(api.completed)


def test_a_part_that_arrived_damaged_is_sent_again(video: Path) -> None:
    parts = [{"number": 1, "url": "https://s3/1"}, {"number": 2, "url": "https://s3/2"}]
    api = Api({"state": "done"}, upload={"kind": "multipart", "upload_id": "u", "part_size": 6, "parts": parts})
    api.damaged = 2
    client(api).analyse(video, lambda progress: None)
    assert [path for method, path in api.requests if method == "PUT"] == ["/1", "/1", "/1", "/2"]
    assert "0" * 32 not in str(api.completed)


def test_an_upload_that_arrives_damaged_every_time_is_given_up(video: Path) -> None:
    api = Api()
    api.damaged = 10_000
    with pytest.raises(AnalysisFailed, match="damaged: S3 holds other bytes than were sent"):
        client(api).analyse(video, lambda progress: None)
    assert ("POST", "/api/videos/v1/complete") not in api.requests


def test_an_entity_tag_that_is_no_checksum_is_not_taken_for_one(video: Path) -> None:
    """A bucket with keys of KMS, as somebody else's may be."""
    api = Api({"state": "done"})
    api.damaged, api.kept = 1, {"x-amz-server-side-encryption": "aws:kms"}
    client(api).analyse(video, lambda progress: None)
    assert [method for method, _ in api.requests].count("PUT") == 1


def test_a_failed_job_says_its_code_and_message(video: Path) -> None:
    api = Api({"state": "failed", "error": {"code": "no_trace", "message": "No trace was found."}})
    with pytest.raises(AnalysisFailed, match=r"no_trace: No trace was found\.") as caught:
        client(api).analyse(video, lambda progress: None)
    assert caught.value.code == "no_trace"


def test_a_problem_document_becomes_its_code() -> None:
    with pytest.raises(AnalysisFailed) as caught:
        client(Api()).health()
    assert (caught.value.code, caught.value.transient) == ("not_found", False)


def test_a_job_that_does_not_end_is_given_up_after_the_deadline(video: Path) -> None:
    clock = FakeClock()
    with pytest.raises(AnalysisFailed, match="still queued"):
        client(Api(*[{"state": "queued"}] * 30), clock).analyse(video, lambda progress: None, deadline_s=10)
    assert clock.now == pytest.approx(10, abs=1)


def test_lost_answers_of_every_step_are_asked_for_again(video: Path) -> None:
    api = Api({"state": "done"}, broken=BROKEN)
    sending = client(api)
    sending.delete(sending.analyse(video, lambda progress: None).video)
    assert len(api.refusals) == 6
    assert set(api.refusals.values()) == {BROKEN}


def test_an_api_that_stays_away_is_given_up_and_its_page_is_told_in_one_line(video: Path) -> None:
    clock = FakeClock()
    with pytest.raises(AnalysisFailed) as caught:
        client(Api(broken=10_000), clock).analyse(video, lambda progress: None)
    assert caught.value.reason == "POST /api/videos: 503: <html> Service Unavailable </html>"
    assert clock.now == 60


def test_nobody_there_is_told_as_unreachable() -> None:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    asking = VideoClient("https://cdn.example", None, FakeClock(), transport=httpx.MockTransport(nobody))
    with pytest.raises(AnalysisFailed, match="DELETE /api/videos/v1: unreachable: refused"):
        asking.delete("v1")


def test_health_is_asked_for_once_and_given_as_it_is() -> None:
    api, clock = Api({"status": "healthy"}, broken=1), FakeClock()
    with pytest.raises(AnalysisFailed) as caught:
        client(api, clock).health()
    assert (caught.value.code, caught.value.transient, clock.now) == ("503", True, 0)
    assert client(api).health() == {"status": "healthy"}


def test_a_page_where_json_was_asked_for_is_told_and_no_crash() -> None:
    def front_end(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="<html>Upload a video</html>")

    asking = VideoClient("https://cdn.example", None, FakeClock(), transport=httpx.MockTransport(front_end))
    with pytest.raises(AnalysisFailed, match="no_json: 200 with '<html>Upload a video</html>'"):
        asking.health()


def test_deleting_what_is_gone_already_is_no_mistake() -> None:
    client(Api()).delete("v2")


def test_a_signed_address_stands_in_no_message(video: Path) -> None:
    def refusing(request: httpx.Request) -> httpx.Response:
        return Api()(request) if request.method == "POST" else httpx.Response(403, text="AccessDenied")

    sending = VideoClient("https://cdn.example", None, FakeClock(), transport=httpx.MockTransport(refusing))
    with pytest.raises(AnalysisFailed, match="uploading to S3: 403: AccessDenied") as caught:
        sending.analyse(video, lambda progress: None)
    assert "secret" not in str(caught.value)


def test_an_embedded_aws_is_connected_to_at_its_endpoint_and_asked_for_the_name() -> None:
    api = Api({"status": "healthy"})
    client(api, at="https://127.0.0.1:4567").health()
    [request] = api.seen
    assert (str(request.url), request.headers["Host"]) == ("https://127.0.0.1:4567/api/health", "cdn.example")


@pytest.mark.parametrize(
    ("answers", "missing"),
    [
        ([[]], "id"),
        ([{"id": "v1"}], "upload"),
        ([{"id": "v1", "upload": {"kind": "single", "url": "https://s3/put"}}], "headers"),
        ([{"id": "v1", "upload": {"kind": "multipart", "part_size": 9}}], "parts"),
        ([{"id": "v1", "upload": {"kind": "single", "url": "https://s3/put", "headers": {}}}, {}, {}, {}], "state"),
    ],
)
def test_an_api_that_forgot_its_contract_failed_and_is_no_bug_of_the_client(
    video: Path, answers: list[object], missing: str
) -> None:
    left = list(answers)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=left.pop(0)))
    with pytest.raises(AnalysisFailed, match=f"unexpected_answer: there is no '{missing}' in it"):
        VideoClient("https://cdn.example", None, FakeClock(), transport=transport).analyse(video, lambda progress: None)


@pytest.mark.parametrize("body", [b"[]", b'"oops"', b"null", b"{"])
def test_a_refusal_that_is_no_problem_document_is_told_by_its_status(body: bytes) -> None:
    def refusing(_: httpx.Request) -> httpx.Response:
        return httpx.Response(503, content=body, headers={"Content-Type": "application/json"})

    asking = VideoClient("https://cdn.example", None, FakeClock(), transport=httpx.MockTransport(refusing))
    with pytest.raises(AnalysisFailed) as caught:
        asking.health()
    assert (caught.value.code, caught.value.transient) == ("503", True)


def test_whoever_has_a_token_shows_it_to_the_api_and_not_to_s3(video: Path) -> None:
    api = Api({"state": "done"})
    made = iter(("t1", "t2"))
    transport, clock = httpx.MockTransport(api), FakeClock()
    sending = VideoClient("https://cdn.example", None, clock, transport=transport, token=lambda: next(made))
    sending.analyse(video, lambda progress: None)
    shown = {(request.url.host, request.headers.get("Authorization")) for request in api.seen}
    assert shown == {("cdn.example", "Bearer t1"), ("s3", None)}
    clock.sleep(1801)
    sending.delete("v1")
    assert api.seen[-1].headers["Authorization"] == "Bearer t2"


def test_health_is_asked_for_without_a_token() -> None:
    def never() -> str:
        raise AssertionError("health needs no token")

    api = Api({"status": "healthy"})
    transport = httpx.MockTransport(api)
    VideoClient("https://cdn.example", None, FakeClock(), transport=transport, token=never).health()


def test_everything_that_the_client_asks_for_stands_in_the_openapi_document(video: Path) -> None:
    document = json.loads((ROOT / "services/api/openapi.json").read_text(encoding="utf-8"))
    api = Api({"state": "done"})
    transport = httpx.MockTransport(api)
    asking = VideoClient("https://cdn.example", None, FakeClock(), transport=transport)
    asking.delete(asking.analyse(video, lambda progress: None, app="signal_quality").video)
    asked = [request for request in api.seen if request.url.host == "cdn.example"]
    assert len(asked) == 5
    for request in asked:
        operation = document["paths"][request.url.path.replace("/v1", "/{video_id}")][request.method.lower()]
        if content := operation.get("requestBody", {}).get("content"):
            schema = {**content["application/json"]["schema"], "components": document["components"]}
            jsonschema.validate(json.loads(request.content), schema)


READ = {
    ("/api/videos", "post", "201"): {"id", "upload"},
    ("/api/videos/{video_id}", "get", "200"): {"state"},
}
"""What the client cannot do without in each answer. The result is handed on as it is."""
READ_OF = {
    "SingleUploadView": {"url", "headers"},
    "MultipartUploadView": {"part_size", "parts"},
    "PartView": {"number", "url"},
    "ProgressView": {"stage", "fraction"},
    "ErrorView": {"code", "message"},
    "Problem": {"code", "detail"},
}


def test_what_the_client_reads_is_promised_by_the_openapi_document() -> None:
    document = json.loads((ROOT / "services/api/openapi.json").read_text(encoding="utf-8"))
    schemas = document["components"]["schemas"]
    for (path, method, status), fields in READ.items():
        content = document["paths"][path][method]["responses"][status]["content"]
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert fields <= set(schemas[name]["required"]), name
    for name, fields in READ_OF.items():
        assert fields <= set(schemas[name]["required"]), name
    uploads = [schemas[name]["properties"]["kind"]["const"] for name in ("SingleUploadView", "MultipartUploadView")]
    assert uploads == ["single", "multipart"]
    assert {"progress", "error"} <= set(schemas["VideoView"]["properties"]), "read where they are there"


def test_an_announcement_that_is_repeated_is_the_same_one(video: Path) -> None:
    api = Api({"state": "done"}, broken=2)
    client(api).analyse(video, lambda progress: None)
    keys = [request.headers["Idempotency-Key"] for request in api.seen if request.url.path == "/api/videos"]
    assert (len(keys), len(set(keys))) == (3, 1)
