"""The API's client, against an API of a few lines."""

import json
from pathlib import Path

import httpx
import pytest

from generator.trial.client import AnalysisFailed, Progress, VideoClient


class Api:
    """Answers as the API does; `states` are what each look at the job finds."""

    def __init__(self, *states: dict[str, object], upload: dict[str, object] | None = None) -> None:
        self.states = list(states)
        self.upload = upload or {"kind": "single", "url": "https://s3/put", "headers": {"Content-Type": "video/mp4"}}
        self.requests: list[tuple[str, str]] = []
        self.completed: object = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request.method, request.url.path))
        match request.method, request.url.path:
            case "PUT", _:
                return httpx.Response(200, headers={"ETag": '"e"'})
            case "POST", "/api/videos":
                return httpx.Response(201, json={"id": "v1", "upload": self.upload})
            case "POST", "/api/videos/v1/complete":
                self.completed = json.loads(request.content)
                return httpx.Response(200, json={})
            case "GET", "/api/videos/v1/result":
                return httpx.Response(200, json={"schema": "ecg-result/v1"})
            case "GET", "/api/videos/v1":
                return httpx.Response(200, json=self.states.pop(0))
        return httpx.Response(404, json={"code": "not_found", "detail": "nothing here"})


def client(api: Api) -> VideoClient:
    return VideoClient("https://cdn.example", None, transport=httpx.MockTransport(api), poll_seconds=0)


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
    seen: list[Progress] = []
    analysis = client(api).analyse(video, seen.append)
    assert analysis.result == {"schema": "ecg-result/v1"}
    assert seen[1] == Progress("analysing", "read", 0.5)
    assert ("PUT", "/put") in api.requests


def test_a_large_video_goes_up_in_parts_whose_etags_complete_it(video: Path) -> None:
    parts = [{"number": 1, "url": "https://s3/1"}, {"number": 2, "url": "https://s3/2"}]
    api = Api({"state": "done"}, upload={"kind": "multipart", "upload_id": "u", "part_size": 6, "parts": parts})
    client(api).analyse(video, lambda progress: None)
    assert api.completed == {
        "upload_id": "u",
        "parts": [{"number": 1, "etag": '"e"'}, {"number": 2, "etag": '"e"'}],
    }


def test_a_failed_job_says_its_code_and_message(video: Path) -> None:
    api = Api({"state": "failed", "error": {"code": "no_trace", "message": "No trace was found."}})
    with pytest.raises(AnalysisFailed, match=r"no_trace: No trace was found\.") as caught:
        client(api).analyse(video, lambda progress: None)
    assert caught.value.code == "no_trace"


def test_a_problem_document_becomes_its_code(video: Path) -> None:
    with pytest.raises(AnalysisFailed) as caught:
        client(Api()).health()
    assert caught.value.code == "not_found"


def test_a_job_that_does_not_end_is_given_up_after_the_deadline(video: Path) -> None:
    api = Api(*[{"state": "queued"}] * 3)
    with pytest.raises(AnalysisFailed, match="still queued"):
        client(api).analyse(video, lambda progress: None, deadline_s=-1)
