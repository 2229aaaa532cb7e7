"""What an app's ingress answers, without Ray around it: routes, golden cases, full queues, bugs."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from ray.serve.exceptions import BackPressureError
from starlette.requests import Request

from kit import ingress
from kit.contract import AnalyzeRequest, Event, GoldenRequest, Progress, Result
from kit.golden import cases
from kit.ingress import AppIngress

ASKED = {"job_id": "j", "video": {"bucket": "videos", "key": "k"}}
APP = Path(ingress.__file__).parents[1] / "apps/signal_quality/app.py"


class FakeMeter:
    def __init__(self) -> None:
        self.outcomes: list[tuple[str, str]] = []

    def ended(self, kind: str, outcome: str) -> None:
        self.outcomes.append((kind, outcome))

    def waited(self, kind: str, seconds: float) -> None:
        pass

    def stage(self, kind: str, stage: str, seconds: float) -> None:
        pass


Answer = Callable[[AnalyzeRequest], AsyncIterator[Event]]


class Toy(AppIngress):
    """An app that answers as it is told."""

    def __init__(self, answer: Answer, app_file: Path = APP) -> None:
        super().__init__(str(app_file))
        self._meter = self.meter = FakeMeter()
        self._answer = answer

    def analyze(self, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        return self._answer(asked)


async def done(asked: AnalyzeRequest) -> AsyncIterator[Event]:
    yield Progress("read", 0.5)
    yield Result({"asked": type(asked).__name__})


def post(toy: Toy, path: str, body: object = None, method: str = "POST") -> tuple[int, dict[str, str], list[Any]]:
    """Status, headers and the lines of an answer."""
    content = [b"" if body is None else json.dumps(body).encode()]

    async def receive() -> dict[str, Any]:
        if not content:
            await asyncio.Event().wait()  # the client stays and says no more
        return {"type": "http.request", "body": content.pop(), "more_body": False}

    async def run() -> tuple[int, dict[str, str], list[Any]]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
        response = await toy(Request(scope, receive))
        await response(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in sent)
        return response.status_code, dict(response.headers), [json.loads(line) for line in text.splitlines()]

    return asyncio.run(run())


def test_an_analysis_is_asked_as_the_caller_asked() -> None:
    toy = Toy(done)
    status, headers, lines = post(toy, "/toy/analyze", ASKED)
    assert (status, headers["content-type"]) == (200, "application/x-ndjson")
    assert lines == [
        {"event": "progress", "stage": "read", "fraction": 0.5},
        {"event": "result", "result": {"asked": "AnalyzeRequest"}},
    ]
    assert toy.meter.outcomes == [("analyze", "done")]


def test_every_golden_case_goes_through_the_apps_own_analyze() -> None:
    seen: list[AnalyzeRequest] = []

    async def answer(asked: AnalyzeRequest) -> AsyncIterator[Event]:
        seen.append(asked)
        async for event in done(asked):
            yield event

    toy = Toy(answer)
    status, _, lines = post(toy, "/signal_quality/golden")
    assert status == 200
    found = cases(APP.parent)
    assert seen == [case.request for case in found]
    assert all(isinstance(one, GoldenRequest) for one in seen)
    assert [line["event"] for line in lines] == ["progress"] * len(found) + ["result"]
    report = lines[-1]["result"]
    assert (report["schema"], report["passed"]) == ("golden/v1", False)
    assert [case["name"] for case in report["cases"]] == [case.name for case in found]
    assert set(toy.meter.outcomes) == {("golden", "done")}


def test_a_bug_in_a_golden_case_is_a_difference_and_the_others_are_tried() -> None:
    async def answer(asked: AnalyzeRequest) -> AsyncIterator[Event]:
        yield Progress("read", 0.0)
        raise RuntimeError("a bug")

    _, _, lines = post(Toy(answer), "/signal_quality/golden")
    report = lines[-1]["result"]
    assert len(report["cases"]) == len(cases(APP.parent))
    assert all(case["differences"][0]["actual"].startswith("internal: ") for case in report["cases"])


def test_an_app_without_golden_cases_says_so(tmp_path: Path) -> None:
    status, _, lines = post(Toy(done, tmp_path / "app.py"), "/toy/golden")
    assert status == 404
    assert "no golden cases" in lines[0]["detail"]


def test_golden_cases_that_cannot_be_read_are_an_error_event(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: Path) -> None:
        raise ingress.GoldenUnreadable("apps/toy/golden/a", "there is no expected.json")

    monkeypatch.setattr(ingress, "cases", unreadable)
    status, _, lines = post(Toy(done), "/toy/golden")
    assert status == 200
    assert lines == [
        {
            "event": "error",
            "error": {"code": "golden_unreadable", "message": "apps/toy/golden/a: there is no expected.json"},
        }
    ]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/toy/golden", 405), ("GET", "/toy/analyze", 405), ("POST", "/toy/gold", 404)],
)
def test_other_methods_and_paths_are_problem_documents(method: str, path: str, status: int) -> None:
    assert post(Toy(done), path, method=method)[0] == status


def busy_for(times: int) -> Answer:
    """An app whose queue is full so many times."""
    left = times

    async def answer(asked: AnalyzeRequest) -> AsyncIterator[Event]:
        nonlocal left
        if left:
            left -= 1
            raise BackPressureError(num_queued_requests=1, max_queued_requests=1)
        async for event in done(asked):
            yield event

    return answer


def test_a_full_queue_is_429_for_a_caller_before_any_event() -> None:
    toy = Toy(busy_for(1))
    status, headers, _ = post(toy, "/toy/analyze", ASKED)
    assert (status, headers["retry-after"]) == (429, "2")
    assert toy.meter.outcomes == [("analyze", "busy")]


def test_golden_cases_wait_for_a_free_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingress, "RETRY_AFTER_S", 0.001)
    status, _, lines = post(Toy(busy_for(3)), "/signal_quality/golden")
    assert status == 200
    assert lines[-1]["event"] == "result"


def test_golden_cases_that_find_no_replica_are_429_and_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingress, "RETRY_AFTER_S", 0.001)
    assert post(Toy(busy_for(10_000)), "/signal_quality/golden")[0] == 429
