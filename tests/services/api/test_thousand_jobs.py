"""Nothing is lost and nothing is doubled, in the whole service, whatever fails meanwhile.

`test_worker_interleavings.py` looks for the one order of events that breaks a promise, in two jobs; this one counts
what becomes of many, through HTTP, with the application's own lifespan and the real client of the model server.
"""

from __future__ import annotations

import logging
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.services.api.stormy_service import StormyService
from tests.services.api.virtual_time import run

DOC = Path(__file__).parents[3] / "docs/reliability.md"


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="ecg_api")
    caplog.set_level(logging.CRITICAL, logger="httpx")


def stormy(jobs: int, seed: int) -> StormyService:
    """Return the service as the storm left it."""
    random.seed(seed)  # pauses are jittered by the module's own generator
    service = StormyService(jobs, seed)
    run(service.run)
    return service


def table_of(service: StormyService) -> str:
    """Return what happened, as it stands in docs/reliability.md."""
    ends = Counter(
        f"ended {job.state}" + (f", {job.error.code}" if job.error else "") for job in service.table.jobs.values()
    )
    rows: dict[str, int] = {
        "jobs": len(service.table.jobs),
        "tasks killed": service.ended["killed"],
        "tasks stopped": service.ended["stopped"],
        **dict(sorted(service.weather.seen.items())),
        "deliveries": service.queue.delivered,
        "dead letters": len(service.queue.dead),
        "dead letters of jobs that are done": len(service.dead_and_done()),
        "results written": sum(key.endswith("/result.json") for key in service.objects.puts),
        **dict(sorted(ends.items())),
        "failed with a result": len(service.denied()),
        "lost": len(service.lost()),
        "duplicated": len(service.duplicated()),
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:{width}} {count:6}" for name, count in rows.items())


def judge(service: StormyService, jobs: int) -> None:
    assert len(service.table.jobs) == jobs
    assert service.lost() == []
    assert service.duplicated() == []
    assert service.denied() == []
    assert service.dead_and_done() == []


def test_a_hundred_jobs_in_a_storm_are_neither_lost_nor_doubled() -> None:
    service = stormy(100, seed=1)
    judge(service, 100)
    assert service.ended["killed"] > 0
    assert {"DynamoDB, error", "S3, error", "SQS, error", "model server, 503"} <= set(service.weather.seen)


@pytest.mark.faults
def test_a_thousand_jobs_in_a_storm_are_neither_lost_nor_doubled() -> None:
    service = stormy(1000, seed=7)
    table = table_of(service)
    sys.stdout.write(f"\n{table}\n")
    judge(service, 1000)
    assert table in DOC.read_text(encoding="utf-8"), "docs/reliability.md has the table as it is printed"
