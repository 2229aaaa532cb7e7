"""Property: whatever order things happen in, and whoever dies when, no job is lost and none has two results.

One tape of numbers, from a seed that hypothesis draws, decides at every operation of every store whether it
happens at once, later, not at all, or happens and its answer is lost, and whether the process that asked dies
right there. The tape is not drawn number by number, since such lists are mostly short and calm.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_api.analysis import OnProgress
from ecg_api.errors import (
    AnalysisBroken,
    AnalysisRejected,
    AnalysisUnavailable,
    Refused,
    StoreUnavailable,
)
from ecg_api.jobs import FINAL, JobState, Progress
from tests.services.api.fake_stores import Calm
from tests.services.api.fakes import LOCAL, RESULT, House

TAPE = st.integers(0, 2**32 - 1).map(lambda seed: Random(seed).choices(range(100), k=200))


class Died(BaseException):
    """The process is gone: nothing of it runs any more, nothing is cleaned up."""


class Storm(Calm):
    """Reads the tape; calm once it is used up, so that every story ends."""

    def __init__(self, tape: Sequence[int], deaths: int) -> None:
        self.tape: Iterator[int] = iter(tape)
        self.deaths = deaths

    def draw(self) -> int:
        return next(self.tape, 0)

    async def before(self, operation: str) -> None:
        await self._blow(operation)

    async def after(self, operation: str) -> None:
        await self._blow(operation)

    async def _blow(self, operation: str) -> None:
        number = self.draw()
        for _ in range(number % 5):
            await asyncio.sleep(0)
        if 88 <= number < 95:
            raise StoreUnavailable("any", operation, "storm")
        if number >= 95 and self.deaths > 0:
            self.deaths -= 1
            raise Died


class Story:
    """Two jobs, their owner, two workers, and what the tape makes of them."""

    def __init__(self, tape: Sequence[int], *, deaths: int, deletes: bool) -> None:
        self.storm = Storm(tape, deaths)
        self.deletes = deletes
        self.house = House(calm=self.storm)
        self.house.model.script = self.analyse
        self.accepted: set[str] = set()
        self.asked_to_delete: set[str] = set()
        self.ids: list[str] = []
        """What the owner was answered; a job whose answer was lost is an unfinished upload, and nobody's loss."""

    async def analyse(self, on_progress: OnProgress) -> dict[str, Any]:
        await on_progress(Progress("decode", 0.5))
        match self.storm.draw():
            case number if 60 <= number < 70:
                raise AnalysisBroken("the replica died")
            case number if 70 <= number < 80:
                raise AnalysisUnavailable("no connection")
            case number if 80 <= number < 84:
                raise AnalysisRejected("no_trace", "no trace")
        await on_progress(Progress("read", 0.5))
        return RESULT

    async def run(self) -> None:
        self.ids = ids = [await self.upload() for _ in range(2)]
        for round_number in range(60):
            tasks = [self.survive(self.complete(job_id)) for job_id in ids if job_id not in self.accepted]
            if self.deletes and round_number < 20:
                tasks += [self.survive(self.delete(job_id)) for job_id in ids if self.storm.draw() % 7 == 6]
            tasks += [self.survive(self.work()) for _ in range(2)]
            await asyncio.gather(*tasks)
            self.house.clock.advance(1000)
            self.house.circuit.half_close()
            if not self.house.queue.messages and self.accepted == set(ids):
                break

    async def upload(self) -> str:
        while True:
            try:
                return (await self.house.uploaded()).id
            except (StoreUnavailable, Died):
                continue

    async def complete(self, job_id: str) -> None:
        """The browser repeats this until it has an answer."""
        with contextlib.suppress(Refused):  # it failed or was deleted meanwhile: also an answer
            await self.house.videos.complete(LOCAL, job_id, {})
        self.accepted.add(job_id)

    async def delete(self, job_id: str) -> None:
        self.asked_to_delete.add(job_id)
        with contextlib.suppress(Refused):  # it is deleted already
            await self.house.videos.delete(LOCAL, job_id)

    async def work(self) -> None:
        worker = self.house.new_worker()
        for delivery in await self.house.queue.receive(2, 0, 120):
            if self.storm.draw() % 11 == 10:
                self.house.queue.show_all()  # its visibility runs out although its worker lives
            await worker.handle(delivery)

    async def survive(self, story: Any) -> None:
        try:
            await story
        except (StoreUnavailable, Died):
            pass
        except BaseExceptionGroup as group:
            if group.split((StoreUnavailable, Died))[1] is not None:
                raise

    def check(self) -> None:
        dead = {message.job_id for message in self.house.queue.dead}
        for job_id in self.ids:
            job = self.house.job(job_id)
            result = f"videos/local/{job_id}/result.json"
            writes = self.house.objects.puts.count(result)
            finished = [state for who, state in self.house.table.changes if who == job_id and state in FINAL]
            finished = [state for state in finished if state is not JobState.DELETED]
            assert len(finished) <= 1, "a job ends once"
            assert job.state in FINAL or job_id in dead, f"{job.state} is lost"
            if job.state is JobState.DONE:
                assert writes == 1, "one result"
                assert result in self.house.objects.objects
            if job.state is JobState.DELETED:
                assert job_id in self.asked_to_delete
            elif job.state is JobState.FAILED:
                assert job.error is not None
                assert job.key in self.house.objects.objects, "the upload is kept until deleted"


def run(tape: Sequence[int], *, deaths: int, deletes: bool, max_receives: int | None = 5) -> Story:
    story = Story(tape, deaths=deaths, deletes=deletes)
    story.house.queue.limit = max_receives
    asyncio.run(story.run())
    story.check()
    return story


@settings(max_examples=120, deadline=None, derandomize=True)
@given(TAPE)
def test_nothing_is_lost_or_doubled_whoever_dies_when(tape: list[int]) -> None:
    run(tape, deaths=1000, deletes=True)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(TAPE)
def test_without_deaths_nothing_of_a_deleted_video_is_left(tape: list[int]) -> None:
    story = run(tape, deaths=0, deletes=True)
    for (_, job_id), job in story.house.table.jobs.items():
        if job.state is JobState.DELETED and job_id not in {m.job_id for m in story.house.queue.dead}:
            asyncio.run(_delete_again(story, job_id))
            left = [key for key in story.house.objects.objects if job_id in key]
            assert left == []


@settings(max_examples=80, deadline=None, derandomize=True)
@given(TAPE)
def test_failing_stores_and_an_absent_model_server_lead_no_message_to_the_dead_letters(tape: list[int]) -> None:
    calm_reader = [number if not 60 <= number < 70 else 0 for number in tape]
    story = run(calm_reader, deaths=0, deletes=False)
    assert story.house.queue.dead == []


@settings(max_examples=80, deadline=None, derandomize=True)
@given(TAPE)
def test_where_only_workers_die_every_job_gets_its_result(tape: list[int]) -> None:
    calm_reader = [number if not 60 <= number < 84 else 0 for number in tape]
    story = run(calm_reader, deaths=1000, deletes=False, max_receives=None)
    assert {story.house.job(job_id).state for job_id in story.ids} == {JobState.DONE}


async def _delete_again(story: Story, job_id: str) -> None:
    """An owner whose request to delete was answered 503 repeats it after the storm."""
    story.storm.tape = iter(())
    await story.survive(story.delete(job_id))
