"""What CloudWatch is told in the log's lines, and that each line is one that it takes."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import httpx
import pytest

from ecg_api.errors import AnalysisRejected, StoreUnavailable
from ecg_api.logs import JsonFormatter
from tests.services.api.fake_stores import Calm, StoredObject
from tests.services.api.fakes import LOCAL, MP4, House
from tests.services.api.test_worker import raises

pytestmark = pytest.mark.anyio
HOUR = 3600


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """Every line so far that carries metrics, as it would be printed."""
    caplog.set_level(logging.INFO, logger="ecg_api")
    formatter = JsonFormatter("ecg-dev")

    def read() -> list[dict[str, Any]]:
        printed = [json.loads(formatter.format(record)) for record in caplog.records]
        return [line for line in printed if "_aws" in line]

    return read


def samples(lines: list[dict[str, Any]]) -> list[tuple[str, dict[str, str], float]]:
    """Each metric with its dimensions and its value, as CloudWatch extracts them; fails where it would drop one."""
    found = []
    for line in lines:
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "ecg-dev"
        assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < HOUR
        [dimensions] = directive["Dimensions"]
        assert all(isinstance(line[name], str) and 0 < len(line[name]) <= 1024 for name in dimensions)
        for metric in directive["Metrics"]:
            value = line[metric["Name"]]
            assert isinstance(value, int | float)
            assert metric["Unit"] in ("Count", "Milliseconds", "Seconds")
            found.append((metric["Name"], {name: line[name] for name in dimensions}, value))
    return found


async def test_a_request_is_measured_by_its_method_and_its_routes_pattern(
    house: House, client: httpx.AsyncClient, lines: Any
) -> None:
    job = await house.queued()
    await client.get(f"/api/videos/{job.id}")
    await client.get("/api/somebody-typed-this")
    await client.get("/health")
    where = [where for name, where, _ in samples(lines()) if name == "latency_ms"]
    assert where == [
        {"method": "GET", "route": "/api/videos/{video_id}"},
        {"method": "GET", "route": "unmatched"},
    ], "and health checks are not measured"


async def test_a_fault_is_ours_and_a_refusal_is_none(lines: Any) -> None:
    class Away(Calm):
        async def before(self, operation: str) -> None:
            if operation == "page":
                raise StoreUnavailable("dynamodb", operation, "Throttling")

    from ecg_api.app import build_app

    house = House(calm=Away())
    app = build_app(house.services)
    app.state.services = house.services()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        assert (await client.get("/api/videos")).status_code == 503
        assert (await client.get("/api/videos/unknown")).status_code == 404
    assert [value for name, _, value in samples(lines()) if name == "fault"] == [1, 0]


async def test_a_job_is_measured_from_the_queue_to_its_end(house: House, lines: Any) -> None:
    await house.queued()
    house.clock.advance(42)
    await house.work()
    waited, analysis, ended = samples(lines())
    assert (waited[:2], round(waited[2])) == (("waited_s", {}), 42)
    assert analysis[:2] == ("analysis_s", {"app": "default", "outcome": "stored"})
    assert ended == ("ended", {"code": "done"}, 1)


async def test_each_way_to_fail_is_an_end_of_its_own(house: House, lines: Any) -> None:
    house.model.script = raises(AnalysisRejected("no_trace", "No trace."))
    await house.queued()
    await house.work()
    job = await house.uploaded()
    house.objects.objects[job.key] = StoredObject(bytes(len(MP4)), job.content_type)
    with pytest.raises(Exception, match="not_a_video"):
        await house.videos.complete(LOCAL, job.id, {})
    await house.uploaded()
    house.clock.advance(25 * HOUR)
    await house.sweeper.sweep()
    ends = [where["code"] for name, where, _ in samples(lines()) if name == "ended"]
    assert ends == ["no_trace", "not_a_video", "upload_abandoned"]


async def test_without_a_namespace_the_lines_are_as_they_were(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="ecg_api")
    await client.get("/api/videos")
    [line] = [json.loads(JsonFormatter().format(record)) for record in caplog.records if record.msg == "request"]
    assert (line["route"], line["status"], "_aws" in line, "metrics" in line) == ("/api/videos", 200, False, False)
