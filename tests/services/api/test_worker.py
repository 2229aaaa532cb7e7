"""The worker: what becomes of a job, of its message and of its objects."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import anyio
import pytest

from ecg_api import jobs
from ecg_api.analysis import OnProgress
from ecg_api.circuit import Circuit, backoff_s
from ecg_api.errors import AnalysisBroken, AnalysisRejected, AnalysisUnavailable, StoreUnavailable
from ecg_api.jobs import Claim, JobState, Progress
from tests.services.api.fake_stores import Calm, FakeClock
from tests.services.api.fakes import LOCAL, RESULT, House, Script

pytestmark = pytest.mark.anyio


def raises(error: Exception) -> Script:
    async def script(on_progress: OnProgress) -> dict[str, Any]:
        raise error

    return script


async def test_a_job_is_analysed_and_its_result_stored(house: House) -> None:
    job = await house.queued()
    await house.work()
    after = house.job(job.id)
    assert (after.state, after.attempts, after.claim) == (JobState.DONE, 1, None)
    assert json.loads(house.objects.objects[f"videos/local/{job.id}/result.json"].body) == RESULT
    assert house.messages() == 0


async def test_progress_is_written_as_it_comes(house: House) -> None:
    seen = []

    async def script(on_progress: OnProgress) -> dict[str, Any]:
        for stage, fraction in (("download", 0.5), ("decode", 0.25)):
            await on_progress(Progress(stage, fraction))
            seen.append(house.job(job.id).progress)
        return RESULT

    house.model.script = script
    job = await house.queued()
    await house.work()
    assert seen == [Progress("download", 0.5), Progress("decode", 0.25)]
    assert house.job(job.id).progress is None


async def test_progress_within_a_stage_is_written_once_a_second() -> None:
    writes = 0

    class Counting(Calm):
        async def after(self, operation: str) -> None:
            nonlocal writes
            writes += operation == "apply"

    house = House(calm=Counting())
    job = await house.queued()

    async def script(on_progress: OnProgress) -> dict[str, Any]:
        nonlocal writes
        writes = 0
        for step in range(40):
            await on_progress(Progress("decode", step / 40))
            house.clock.advance(0.25)
        assert writes in (10, 11)
        return RESULT

    house.model.script = script
    await house.work(house.new_worker(timing=None))
    assert house.job(job.id).state is JobState.DONE


@pytest.mark.parametrize("code", ["truncated_video", "no_trace", "video_too_long", "not_a_video", "some_new_code"])
async def test_the_readers_final_word_fails_the_job_with_its_code(house: House, code: str) -> None:
    house.model.script = raises(AnalysisRejected(code, "It cannot be read."))
    job = await house.queued()
    await house.work()
    after = house.job(job.id)
    assert after.error is not None
    assert (after.state, after.error.code, after.error.message) == (JobState.FAILED, code, "It cannot be read.")
    assert house.messages() == 0
    assert job.key in house.objects.objects, "the upload is kept until deleted"


@pytest.mark.parametrize("error", [AnalysisBroken("the stream ended"), RuntimeError("a bug")])
async def test_a_broken_attempt_is_repeated_and_then_the_job_fails(house: House, error: Exception) -> None:
    house.model.script = raises(error)
    job = await house.queued()
    for attempt in range(1, 5):
        await house.work()
        assert (house.job(job.id).state, house.job(job.id).attempts) == (JobState.QUEUED, attempt)
    await house.work()
    after = house.job(job.id)
    assert after.error is not None
    assert (after.state, after.error.code, after.attempts) == (JobState.FAILED, "attempts_exhausted", 5)
    house.queue.show_all()
    await house.work()
    assert [message.job_id for message in house.queue.dead] == [job.id], "an operator can see it"
    assert len(house.model.asked) == 5


async def test_a_job_recovers_from_broken_attempts(house: House) -> None:
    house.model.script = raises(AnalysisBroken("the replica died"))
    job = await house.queued()
    await house.work()
    house.model.script = House().model.script
    await house.work()
    assert (house.job(job.id).state, house.job(job.id).attempts) == (JobState.DONE, 2)


async def test_twenty_minutes_without_a_model_server_cost_no_attempt_and_no_message(house: House) -> None:
    house.model.script = raises(AnalysisUnavailable("no connection"))
    job = await house.queued()
    began = house.clock.monotonic()
    tries = 0
    while house.clock.monotonic() - began < 1200:
        await house.work()
        tries += 1
        assert house.circuit.is_open
        house.clock.advance(house.circuit.wait_s + 0.01)
        house.circuit.half_close()
        assert (house.job(job.id).state, house.job(job.id).attempts) == (JobState.QUEUED, 0)
    assert tries > 20
    assert house.queue.dead == []
    house.model.script = House().model.script
    house.clock.advance(60)
    await house.work()
    assert (house.job(job.id).state, house.job(job.id).attempts) == (JobState.DONE, 1)


async def test_an_open_circuit_hands_work_back_without_asking(house: House) -> None:
    house.circuit.open()
    job = await house.queued()
    await house.work()
    assert house.model.asked == []
    assert (house.job(job.id).state, house.job(job.id).attempts, house.messages()) == (JobState.QUEUED, 0, 1)


async def test_the_servers_own_wish_prolongs_the_pause(house: House) -> None:
    house.model.script = raises(AnalysisUnavailable("429", retry_after_s=90))
    await house.queued()
    await house.work()
    assert house.circuit.wait_s == pytest.approx(90, abs=1)
    (message,) = house.queue.messages.values()
    assert message.visible_at - house.clock.monotonic() == pytest.approx(90, abs=1)


async def test_a_second_delivery_of_a_finished_job_is_dropped(house: House) -> None:
    job = await house.queued()
    await house.work()
    await house.queue.send(LOCAL, job.id)
    await house.work()
    assert (house.messages(), len(house.model.asked), len(house.objects.puts)) == (0, 1, 1)


async def test_a_duplicate_message_is_put_off_while_the_job_is_being_analysed(house: House) -> None:
    job = await house.queued()
    await house.queue.send(LOCAL, job.id)
    first, duplicate = await house.queue.receive(10, 0, 120)

    async def script(on_progress: OnProgress) -> dict[str, Any]:
        await house.worker.handle(duplicate)
        return RESULT

    house.model.script = script
    await house.worker.handle(first)
    assert (house.job(job.id).state, len(house.model.asked), house.messages()) == (JobState.DONE, 1, 1)
    house.clock.advance(901)
    await house.work()
    assert (len(house.model.asked), house.messages(), house.queue.dead) == (1, 0, [])


async def test_a_duplicate_takes_up_a_job_whose_worker_died_with_its_message(house: House) -> None:
    job = await house.queued()
    await house.queue.send(LOCAL, job.id)
    first, duplicate = await house.queue.receive(10, 0, 120)
    now = house.clock.now()
    claim = Claim("dead", first.message_id, int(now.timestamp()) + 120)
    await house.table.apply(LOCAL, job.id, jobs.claimed(claim, int(now.timestamp())), now)
    await house.queue.delete(first)
    await house.worker.handle(duplicate)
    assert house.job(job.id).state is JobState.ANALYSING
    house.clock.advance(901)
    await house.work()
    assert (house.job(job.id).state, house.messages()) == (JobState.DONE, 0)


async def test_a_redelivery_after_a_crash_keeps_the_result_that_was_stored(house: House) -> None:
    job = await house.queued()
    key = f"videos/local/{job.id}/result.json"

    async def script(on_progress: OnProgress) -> dict[str, Any]:
        await house.objects.put_once(key, b'{"from":"the worker that died"}', "application/json")
        return RESULT

    house.model.script = script
    await house.work()
    assert house.job(job.id).state is JobState.DONE
    assert house.objects.objects[key].body == b'{"from":"the worker that died"}'


@pytest.mark.parametrize("error", [AnalysisBroken("the replica died"), AnalysisRejected("no_trace", "No trace.")])
async def test_the_last_attempt_keeps_the_result_of_one_that_died_before_it_could_say_so(
    house: House, error: Exception
) -> None:
    job = await house.queued()
    house.table.jobs[LOCAL, job.id] = replace(house.job(job.id), attempts=4)
    next(iter(house.queue.messages.values())).seen = 4
    await house.objects.put_once(job.result_place, b"{}", "application/json")
    house.model.script = raises(error)
    await house.work()
    after = house.job(job.id)
    assert (after.state, after.error, after.result_key) == (JobState.DONE, None, job.result_place)
    assert (house.messages(), house.queue.dead) == (0, [])


async def test_a_job_whose_end_was_written_and_not_answered_leaves_no_message() -> None:
    class LostAnswer(Calm):
        async def after(self, operation: str) -> None:
            if operation == "apply" and house.table.changes[-1][1] is JobState.DONE and not house.messages() == 0:
                raise StoreUnavailable("dynamodb", operation, "answer lost")

    house = House(calm=LostAnswer())
    job = await house.queued()
    await house.work()
    assert (house.job(job.id).state, house.messages()) == (JobState.DONE, 0)


async def test_a_message_of_a_job_whose_completion_died_halfway_is_proof_enough(house: House) -> None:
    job = await house.uploaded()
    await house.queue.send(LOCAL, job.id)
    assert house.job(job.id).state is JobState.UPLOADING
    await house.work()
    assert house.job(job.id).state is JobState.DONE
    assert (await house.videos.complete(LOCAL, job.id, {})).state is JobState.DONE


async def test_deleting_during_the_analysis_leaves_nothing_behind(house: House) -> None:
    job = await house.queued()

    async def script(on_progress: OnProgress) -> dict[str, Any]:
        await house.videos.delete(LOCAL, job.id)
        await house.objects.put_once(f"videos/local/{job.id}/overlay.png", b"png", "image/png")
        return RESULT

    house.model.script = script
    await house.work()
    assert house.job(job.id).state is JobState.DELETED
    assert house.objects.objects == {}
    assert house.messages() == 0


async def test_deleting_stops_a_silent_analysis_at_the_next_heartbeat(house: House) -> None:
    job = await house.queued()

    async def script(on_progress: OnProgress) -> dict[str, Any]:
        await house.videos.delete(LOCAL, job.id)
        await anyio.sleep_forever()
        return RESULT

    house.model.script = script
    with anyio.fail_after(5):
        await house.work()
    assert (house.job(job.id).state, house.messages()) == (JobState.DELETED, 0)


async def test_a_message_of_a_deleted_job_clears_up_once_more(house: House) -> None:
    job = await house.queued()
    await house.videos.delete(LOCAL, job.id)
    await house.objects.put_once(f"videos/local/{job.id}/overlay.png", b"late", "image/png")
    await house.work()
    assert (house.objects.objects, house.messages()) == ({}, 0)


async def test_the_message_stays_hidden_for_as_long_as_the_work_takes(house: House) -> None:
    job = await house.queued()

    async def script(on_progress: OnProgress) -> dict[str, Any]:
        for _ in range(3):
            house.clock.advance(100)
            await anyio.sleep(0.03)
            assert await house.queue.receive(10, 0, 120) == ()
        return RESULT

    house.model.script = script
    await house.work()
    assert house.job(job.id).state is JobState.DONE


async def test_stopping_hands_the_work_back_at_once(house: House) -> None:
    job = await house.queued()

    async def script(on_progress: OnProgress) -> dict[str, Any]:
        house.stopping.set()
        await anyio.sleep_forever()
        return RESULT

    house.model.script = script
    with anyio.fail_after(5):
        await house.worker.run()
    assert (house.job(job.id).state, house.job(job.id).attempts, house.messages()) == (JobState.QUEUED, 0, 1)
    assert [message.seen for message in house.queue.messages.values()] == [0]


async def test_the_loop_takes_as_many_jobs_as_it_may_and_outlives_a_failing_queue() -> None:
    class Failing(Calm):
        left = 3

        async def before(self, operation: str) -> None:
            if operation == "receive" and self.left:
                self.left -= 1
                raise StoreUnavailable("sqs", "receive_message", "Throttling")

    house = House(calm=Failing())
    for _ in range(5):
        await house.queued()
    running = most = 0

    async def script(on_progress: OnProgress) -> dict[str, Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(0.01)
        running -= 1
        if len(house.model.asked) == 5:
            house.stopping.set()
        return RESULT

    house.model.script = script
    with anyio.fail_after(10):
        await house.new_worker(concurrency=2).run()
    assert most == 2
    assert sorted(house.model.asked) == sorted(job_id for _, job_id in house.table.jobs)


async def test_an_open_circuit_receives_nothing_until_a_probe_succeeds(house: House) -> None:
    await house.queued()
    house.model.up = False
    house.circuit.open()
    house.clock.advance(3600)
    worker = house.new_worker()
    async with anyio.create_task_group() as group:
        group.start_soon(worker.run)
        await anyio.sleep(0.05)
        assert [message.seen for message in house.queue.messages.values()] == [0]
        house.stopping.set()
    assert house.model.asked == []


async def test_a_store_that_is_away_is_waited_for_while_holding_the_message() -> None:
    class Away(Calm):
        left = 6

        async def before(self, operation: str) -> None:
            if operation in ("apply", "put_once", "delete") and self.left and house.model.asked:
                self.left -= 1
                raise StoreUnavailable("any", operation, "ServiceUnavailable")

    house = House(calm=Away())
    job = await house.queued()
    await house.work()
    assert (house.job(job.id).state, house.job(job.id).attempts, house.messages()) == (JobState.DONE, 1, 0)


async def test_a_message_without_a_job_is_dropped(house: House) -> None:
    await house.queue.send(LOCAL, "unknown")
    await house.work()
    assert (house.messages(), house.model.asked) == (0, [])


async def test_a_message_for_a_job_that_was_never_uploaded_is_left(house: House) -> None:
    job, _ = await house.videos.create(LOCAL, "big.mp4", 100 * 1024**2, "video/mp4")
    house.table.jobs[LOCAL, job.id] = replace(job, state=JobState.CREATED)
    await house.queue.send(LOCAL, job.id)
    await house.work()
    assert (house.messages(), house.model.asked) == (1, [])


async def test_neither_names_nor_results_are_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    job = await house.queued()
    await house.work()
    await house.videos.delete(LOCAL, job.id)
    assert caplog.records
    assert "monitor.mp4" not in caplog.text
    assert all("monitor" not in str(vars(record)) for record in caplog.records)


def test_pauses_grow_to_a_ceiling_with_jitter() -> None:
    longest = [backoff_s(failures, lambda low, high: high) for failures in range(1, 9)]
    assert longest == [1, 2, 4, 8, 16, 30, 30, 30]
    assert backoff_s(3, lambda low, high: low) == 2
    assert backoff_s(10**9, lambda low, high: high) == 30


def test_a_circuit_opens_for_longer_each_time_until_a_success() -> None:
    clock = FakeClock()
    circuit = Circuit(clock.monotonic, lambda low, high: high)
    assert [circuit.open(), circuit.open(), circuit.open()] == [1, 2, 4]
    assert circuit.is_open
    circuit.half_close()
    assert circuit.wait_s == 0
    assert circuit.open() == 8
    circuit.close()
    assert circuit.open() == 1
    assert circuit.open(retry_after_s=120) == 120
    assert circuit.open(retry_after_s=86_400) == 300
