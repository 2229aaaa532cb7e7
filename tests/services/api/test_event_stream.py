"""A job's changes as server-sent events."""

from __future__ import annotations

import json
from typing import Any

import anyio
import httpx
import pytest
from ecg_api import jobs
from ecg_api.analysis import OnProgress
from ecg_api.errors import StoreUnavailable
from ecg_api.event_stream import StreamTiming, job_events
from ecg_api.jobs import Job, JobState, Progress

from tests.services.api.fakes import LOCAL, RESULT, House

pytestmark = pytest.mark.anyio
QUICK = StreamTiming(poll_s=0.005, heartbeat_s=0.02)


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


async def test_a_video_is_followed_to_its_end(house: House, client: httpx.AsyncClient) -> None:
    job = await house.queued()

    async def script(on_progress: OnProgress) -> dict[str, Any]:
        for fraction in (0.25, 0.75):
            await anyio.sleep(0.06)
            await on_progress(Progress("decode", fraction))
        await anyio.sleep(0.06)
        return RESULT

    house.model.script = script
    async with anyio.create_task_group() as group:
        group.start_soon(house.work)
        answer = await client.get(f"/api/videos/{job.id}/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    seen = events(answer.text)
    assert [name for name, _ in seen if name == "progress"] == ["progress", "progress"]
    states = [data["state"] for name, data in seen if name == "state"]
    assert states[-1] == "done"
    assert states == sorted(states, key=["queued", "analysing", "done"].index)
    assert [data["progress"]["fraction"] for name, data in seen if name == "progress"] == [0.25, 0.75]


async def test_a_finished_video_is_told_once_and_the_stream_ends(house: House, client: httpx.AsyncClient) -> None:
    job = await house.queued()
    await house.work()
    answer = await client.get(f"/api/videos/{job.id}/events")
    assert [(name, data["state"]) for name, data in events(answer.text)] == [("state", "done")]


async def test_a_deletion_ends_the_stream(house: House) -> None:
    job = await house.queued()
    stream = job_events(job, lambda: house.videos.get(LOCAL, job.id), house.stopping, QUICK)
    pieces = [(await anext(stream)).decode(), (await anext(stream)).decode()]
    await house.videos.delete(LOCAL, job.id)
    with anyio.fail_after(5):
        pieces += [piece.decode() async for piece in stream]
    assert events("".join(pieces))[-1] == ("state", {"id": job.id, "state": "deleted"})


async def test_a_silent_stream_shows_that_it_lives(house: House) -> None:
    job = await house.queued()
    stream = job_events(job, lambda: house.videos.get(LOCAL, job.id), house.stopping, QUICK)
    with anyio.fail_after(5):
        assert [await anext(stream) for _ in range(4)][2:] == [b": still here\n\n"] * 2
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_stop_of_the_process_ends_the_stream(house: House) -> None:
    job = await house.queued()
    stream = job_events(job, lambda: house.videos.get(LOCAL, job.id), house.stopping, StreamTiming(poll_s=60))
    await anext(stream)
    await anext(stream)
    house.stopping.set()
    with anyio.fail_after(5):
        assert [piece async for piece in stream] == []


async def test_a_table_that_is_away_for_a_moment_does_not_break_the_stream(house: House) -> None:
    job = await house.queued()
    readings = 0

    async def read() -> Job:
        nonlocal readings
        readings += 1
        if readings < 3:
            raise StoreUnavailable("dynamodb", "get_item", "ThrottlingException")
        return jobs.changed(job, jobs.deleted(1), house.clock.now())

    with anyio.fail_after(5):
        pieces = [piece.decode() async for piece in job_events(job, read, house.stopping, QUICK)]
    assert [data["state"] for _, data in events("".join(pieces))] == [JobState.QUEUED, JobState.DELETED]
