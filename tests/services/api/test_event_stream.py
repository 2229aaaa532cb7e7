"""A job's changes as server-sent events."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import anyio
import httpx
import pytest

from ecg_api import jobs
from ecg_api.analysis import OnProgress
from ecg_api.errors import StoreUnavailable
from ecg_api.event_stream import StreamTiming, job_events
from ecg_api.jobs import Claim, Job, JobState, Progress
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
        await anyio.sleep(0.1)
        await on_progress(Progress("decode", 0.5))
        await anyio.sleep(0.1)
        return RESULT

    house.model.script = script
    async with anyio.create_task_group() as group:
        group.start_soon(house.work)
        answer = await client.get(f"/api/videos/{job.id}/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    states = [data["state"] for name, data in events(answer.text) if name == "state"]
    assert states[-1] == "done"
    assert states == sorted(set(states), key=["queued", "analysing", "done"].index)


async def test_each_change_is_one_event_and_a_renewed_claim_is_none(house: House) -> None:
    job = await house.queued()
    stream = job_events(job, lambda: house.videos.get(LOCAL, job.id), house.stopping, QUICK)
    claim = Claim("t", "m", 100)
    steps = [
        (jobs.claimed(claim, 100), "state", "analysing", None),
        (jobs.progressed("t", Progress("decode", 0.25)), "progress", "analysing", 0.25),
        (jobs.renewed(replace(claim, until=200)), None, "analysing", 0.25),
        (jobs.progressed("t", Progress("decode", 0.75)), "progress", "analysing", 0.75),
        (jobs.done("t", "r"), "state", "done", None),
    ]
    assert b"retry" in await anext(stream)
    assert b"queued" in await anext(stream)
    for change, name, state, fraction in steps:
        await house.table.apply(LOCAL, job.id, change, house.clock.now())
        with anyio.fail_after(5):
            piece = (await anext(stream)).decode()
            while name is not None and piece.startswith(":"):
                piece = (await anext(stream)).decode()
        if name is None:
            assert piece == ": still here\n\n"
            continue
        ((seen, data),) = events(piece)
        progress = data["progress"]["fraction"] if data["progress"] else None
        assert (seen, data["state"], progress) == (name, state, fraction)
    assert [piece async for piece in stream] == []


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


async def test_who_comes_back_is_told_only_what_is_new(house: House, client: httpx.AsyncClient) -> None:
    job = await house.queued()
    await house.work()
    whole = (await client.get(f"/api/videos/{job.id}/events")).text
    seen = next(line.removeprefix("id: ") for line in whole.splitlines() if line.startswith("id: "))
    again = (await client.get(f"/api/videos/{job.id}/events", headers={"Last-Event-ID": seen})).text
    assert "data:" in whole
    assert "data:" not in again
    other = (await client.get(f"/api/videos/{job.id}/events", headers={"Last-Event-ID": "0" * 32})).text
    assert other == whole
