"""What the sweep settles, and what it must leave alone."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ecg_api import jobs
from ecg_api.errors import StoreUnavailable
from ecg_api.ids import new_id
from ecg_api.jobs import Claim, Job, JobState
from ecg_api.sweep import MOST_REMOVED, Patience, Sweeper, Swept
from tests.services.api.fake_stores import Calm, StoredObject
from tests.services.api.fakes import LOCAL, SMALL_PARTS, House

pytestmark = pytest.mark.anyio
HOUR = 3600


async def test_an_upload_that_nobody_completes_fails_after_a_day_and_leaves_nothing(house: House) -> None:
    job = await house.uploaded()
    house.clock.advance(23 * HOUR)
    assert await house.sweeper.sweep() == Swept()
    house.clock.advance(2 * HOUR)
    assert await house.sweeper.sweep() == Swept(uploads=1)
    assert house.job(job.id).error is not None
    assert (house.job(job.id).state, house.job(job.id).error.code) == (JobState.FAILED, "upload_abandoned")  # type: ignore[union-attr]
    assert house.objects.objects == {}
    assert await house.sweeper.sweep() == Swept()


async def test_the_parts_of_an_abandoned_upload_are_thrown_away() -> None:
    house = House(SMALL_PARTS)
    await house.videos.create(LOCAL, "a.mp4", 3 * 1024 * 1024, "video/mp4")
    created, _ = await house.videos.create(LOCAL, "b.mp4", 3 * 1024 * 1024, "video/mp4")
    house.table.jobs[LOCAL, created.id] = replace(created, state=JobState.CREATED, upload_id=None)
    house.clock.advance(25 * HOUR)
    assert await house.sweeper.sweep() == Swept(uploads=2)
    assert len(house.objects.uploads) == 1, "the one that no job knows is S3's lifecycle rule's business"


async def _left(house: House, attempts: int) -> Job:
    """A job whose worker died while it analysed, and whose message is in the dead-letter queue."""
    job = await house.queued()
    claim = Claim("t", "m", int(house.clock.monotonic()) + 120)
    await house.table.apply(LOCAL, job.id, jobs.claimed(claim, 0), house.clock.now())
    house.table.jobs[LOCAL, job.id] = replace(house.job(job.id), attempts=attempts)
    house.queue.messages.clear()
    return house.job(job.id)


async def test_a_video_whose_worker_died_at_the_last_delivery_is_analysed_after_all(house: House) -> None:
    job = await _left(house, attempts=2)
    house.clock.advance(10 * 60)
    assert await house.sweeper.sweep() == Swept(), "its message may yet come again"
    house.clock.advance(30 * 60)
    assert await house.sweeper.sweep() == Swept(claims=1)
    assert (house.job(job.id).state, house.messages()) == (JobState.QUEUED, 1)
    await house.work()
    assert house.job(job.id).state is JobState.DONE


async def test_one_that_was_tried_often_enough_fails_with_a_reason(house: House) -> None:
    job = await _left(house, attempts=5)
    house.clock.advance(HOUR)
    assert await house.sweeper.sweep() == Swept(claims=1)
    assert house.job(job.id).error == jobs.Failure(
        "attempts_exhausted", "The analysis was tried 5 times and failed each time."
    )
    assert house.messages() == 0


@pytest.mark.parametrize("attempts", [2, 5])
async def test_one_whose_worker_died_after_it_had_stored_the_result_is_done(house: House, attempts: int) -> None:
    job = await _left(house, attempts)
    await house.objects.put_once(job.result_place, b'{"from":"the worker that died"}', "application/json")
    house.clock.advance(HOUR)
    assert await house.sweeper.sweep() == Swept(claims=1)
    after = house.job(job.id)
    assert (after.state, after.result_key, after.error, after.claim) == (JobState.DONE, job.result_place, None, None)
    assert house.model.asked == []
    assert await house.videos.result(LOCAL, job.id) == b'{"from":"the worker that died"}'


async def test_dead_letters_that_ask_nothing_of_an_operator_any_more_are_dropped(house: House) -> None:
    done, failed, deleted = [await house.queued() for _ in range(3)]
    house.queue.dead = list(house.queue.messages.values())
    house.queue.messages.clear()
    for job, state in ((done, JobState.DONE), (failed, JobState.FAILED), (deleted, JobState.DELETED)):
        house.table.jobs[LOCAL, job.id] = replace(house.job(job.id), state=state)
    assert await house.sweeper.sweep() == Swept(letters=2)
    assert [letter.job_id for letter in house.queue.dead] == [failed.id]
    house.clock.advance(HOUR)
    assert await house.sweeper.sweep() == Swept()


async def test_a_worker_that_lives_is_left_alone(house: House) -> None:
    job = await _left(house, attempts=1)
    house.clock.advance(HOUR)
    claim = Claim("t", "m", int(house.clock.monotonic()) + 120)
    await house.table.apply(LOCAL, job.id, jobs.renewed(claim), house.clock.now())
    assert await house.sweeper.sweep() == Swept()
    assert house.job(job.id).claim == claim


async def test_a_lost_message_is_sent_again_once_the_queue_is_empty(house: House) -> None:
    job, other = await house.queued(), await house.queued()
    house.queue.messages.pop("m1")
    house.clock.advance(HOUR)
    assert await house.sweeper.sweep() == Swept(), "the queue still has work, and this may be among it"
    await house.work()
    assert await house.sweeper.sweep() == Swept(messages=1)
    await house.work()
    assert {house.job(one.id).state for one in (job, other)} == {JobState.DONE}


async def test_objects_without_a_job_go_and_those_with_one_stay(house: House) -> None:
    job = await house.queued()
    stray = new_id(house.clock.now())
    for key in (f"videos/local/{stray}/source.mp4", f"videos/local/{stray}/result.json", "videos/local/notes/a.txt"):
        house.objects.objects[key] = StoredObject(b"x", "video/mp4")
    house.clock.advance(23 * HOUR)
    assert (await house.sweeper.sweep()).folders == 0
    house.clock.advance(2 * HOUR)
    assert (await house.sweeper.sweep()).folders == 1
    assert sorted(house.objects.objects) == [job.key, "videos/local/notes/a.txt"]


async def test_one_sweep_never_empties_the_bucket(house: House) -> None:
    for _ in range(MOST_REMOVED + 5):
        house.objects.objects[f"videos/gone/{new_id(house.clock.now())}/source.mp4"] = StoredObject(b"x", "video/mp4")
    house.clock.advance(48 * HOUR)
    assert (await house.sweeper.sweep()).folders == MOST_REMOVED
    assert len(house.objects.objects) == 5


async def test_a_video_that_was_deleted_in_the_middle_leaves_nothing(house: House) -> None:
    job = await house.queued()
    await house.table.apply(LOCAL, job.id, jobs.deleted(0), house.clock.now())
    house.clock.advance(48 * HOUR)
    assert (await house.sweeper.sweep()).folders == 1
    assert house.objects.objects == {}


async def test_a_sweep_that_fails_is_tried_again_and_ends_with_the_process() -> None:
    class Away(Calm):
        times = 0

        async def before(self, operation: str) -> None:
            if operation == "depth":
                self.times += 1
                raise StoreUnavailable("sqs", operation, "Throttling")

    calm = Away()
    house = House(calm=calm)
    sweeper = Sweeper(
        house.table,
        house.queue,
        house.dead_letters,
        house.objects,
        house.clock.now,
        patience=replace(Patience(), every_s=0.01),
    )
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(sweeper.run, house.stopping, lambda low, high: low)
            while calm.times < 3:
                await anyio.sleep(0.005)
            house.stopping.set()
