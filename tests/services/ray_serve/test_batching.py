"""Requests of several callers in one batch: bounded in units and memory, in order, and each caller gets its own."""

import asyncio
import contextvars
from collections.abc import Sequence

import numpy as np
import pytest
from pydantic import ValidationError

from kit.batching import Batcher, BatchPolicy, apart, in_slices


class Model:
    """Doubles numbers, one batch at a time; holds each until `free` is set."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.free = asyncio.Event()
        self.free.set()

    async def run(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await self.free.wait()
        return [2 * item for item in items]


def batcher(model: Model, **policy: float) -> Batcher[int, int]:
    """A request is a number, and has as many units."""
    one: Batcher[int, int] = Batcher(model.run, int)
    one.configure(BatchPolicy.model_validate(policy))
    return one


def asked(*numbers: int, **policy: float) -> tuple[list[int], list[list[int]]]:
    """Answers and batches when all ask at once."""

    async def run() -> tuple[list[int], list[list[int]]]:
        model = Model()
        one = batcher(model, **policy)
        return await asyncio.gather(*(one(number) for number in numbers)), model.batches

    return asyncio.run(run())


# --- policy


def test_batch_settings_come_as_declared() -> None:
    declared = {"max_size": 512, "wait_ms": 10, "max_mb": 64, "unit_kb": 65}
    assert BatchPolicy.of({"batching": declared}) == BatchPolicy(max_size=512, wait_ms=10, max_mb=64, unit_kb=65)


def test_a_misspelt_batch_setting_is_refused() -> None:
    with pytest.raises(ValidationError):
        BatchPolicy.of({"batching": {"max_szie": 512}})


def test_without_a_limit_of_memory_the_count_alone_counts() -> None:
    assert BatchPolicy(max_size=512).most_units(measured_bytes=1e12) == 512


@pytest.mark.parametrize(
    ("unit_kb", "measured", "most"),
    [
        (64.0, None, 160),  # 10 MiB of 64 KiB each
        (1.0, None, 512),  # memory for more than the count allows
        (64.0, 32 * 1024.0, 320),  # what was measured wins
        (20_000.0, None, 1),  # one must go, or nothing ever would
        (None, None, 512),  # nothing known of a unit
    ],
)
def test_memory_bounds_a_batch_by_what_a_unit_takes(unit_kb: float | None, measured: float | None, most: int) -> None:
    assert BatchPolicy(max_size=512, max_mb=10, unit_kb=unit_kb).most_units(measured) == most


# --- batches


def test_callers_share_a_batch_and_each_gets_its_own_answer() -> None:
    answers, batches = asked(3, 1, 2, max_size=100, wait_ms=5)
    assert answers == [6, 2, 4]
    assert batches == [[3, 1, 2]]


def test_a_batch_holds_no_more_units_than_allowed_and_keeps_the_order_of_arrival() -> None:
    _, batches = asked(4, 4, 4, 1, max_size=8, wait_ms=5)
    assert batches == [[4, 4], [4, 1]]


def test_a_batch_holds_no_more_memory_than_allowed() -> None:
    _, batches = asked(4, 4, 4, max_size=100, wait_ms=5, max_mb=1, unit_kb=128)
    assert batches == [[4, 4], [4]]


def test_a_request_larger_than_a_batch_goes_alone() -> None:
    _, batches = asked(1, 50, 1, max_size=8, wait_ms=5)
    assert batches == [[1], [50], [1]]


def test_a_request_without_units_is_answered_too() -> None:
    assert asked(0, max_size=8, wait_ms=0) == ([0], [[0]])


def test_while_the_model_is_busy_the_next_batch_gathers() -> None:
    async def run() -> list[list[int]]:
        model = Model()
        one = batcher(model, max_size=100, wait_ms=0)
        model.free.clear()
        waiting = [asyncio.create_task(one(1))]
        await asyncio.sleep(0.02)
        for number in (2, 3, 4):
            waiting.append(asyncio.create_task(one(number)))
            await asyncio.sleep(0.01)
        model.free.set()
        await asyncio.gather(*waiting)
        return model.batches

    assert asyncio.run(run()) == [[1], [2, 3, 4]]


def test_a_full_batch_does_not_wait() -> None:
    async def run() -> None:
        one = batcher(Model(), max_size=4, wait_ms=10_000)
        await asyncio.wait_for(asyncio.gather(one(2), one(2)), 2)

    asyncio.run(run())


def test_who_left_takes_no_place_in_a_batch() -> None:
    async def run() -> list[list[int]]:
        model = Model()
        one = batcher(model, max_size=100, wait_ms=30)
        stays, leaves = asyncio.create_task(one(1)), asyncio.create_task(one(2))
        await asyncio.sleep(0)
        leaves.cancel()
        assert await stays == 2
        return model.batches

    assert asyncio.run(run()) == [[1]]


def test_what_the_model_raises_reaches_every_caller_of_that_batch_and_nobody_else() -> None:
    async def fails_once(items: Sequence[int]) -> list[int]:
        if 13 in items:
            raise RuntimeError("bad luck")
        return list(items)

    async def run() -> list[object]:
        one: Batcher[int, int] = Batcher(fails_once, int)
        one.configure(BatchPolicy(max_size=14, wait_ms=5))
        return await asyncio.gather(one(13), one(1), one(5), return_exceptions=True)

    first, second, third = asyncio.run(run())
    assert isinstance(first, RuntimeError)
    assert isinstance(second, RuntimeError)
    assert third == 5


def test_a_model_that_loses_an_answer_is_a_bug_that_is_told() -> None:
    async def loses_one(items: Sequence[int]) -> list[int]:
        return list(items)[1:]

    async def run() -> None:
        one: Batcher[int, int] = Batcher(loses_one, int)
        await one(1)

    with pytest.raises(RuntimeError, match="1 requests and was given 0 answers"):
        asyncio.run(run())


def test_a_batch_belongs_to_no_single_caller() -> None:
    """The worker is started by one request, whose log context must not mark the batches of others."""
    job: contextvars.ContextVar[str] = contextvars.ContextVar("job", default="none")
    seen: list[str] = []

    async def look(items: Sequence[int]) -> list[int]:
        seen.append(job.get())
        return list(items)

    async def run() -> None:
        job.set("mine")
        one: Batcher[int, int] = Batcher(look, int)
        await one(1)

    asyncio.run(run())
    assert seen == ["none"]


def test_new_settings_hold_from_the_next_batch_on() -> None:
    async def run() -> list[list[int]]:
        model = Model()
        one = batcher(model, max_size=1, wait_ms=0)
        await asyncio.gather(one(1), one(1))
        one.configure(BatchPolicy(max_size=2, wait_ms=5))
        await asyncio.gather(one(1), one(1))
        return model.batches

    assert asyncio.run(run()) == [[1], [1], [1, 1]]


def test_batches_are_counted_and_metered() -> None:
    class Meter:
        def __init__(self) -> None:
            self.told: list[tuple[int, int]] = []

        def batch(self, requests: int, units: int, waited_s: float) -> None:
            assert 0 <= waited_s < 5
            self.told.append((requests, units))

    async def run() -> tuple[list[tuple[int, int]], dict[tuple[int, int], int]]:
        meter = Meter()
        one: Batcher[int, int] = Batcher(Model().run, int, meter=meter)
        await asyncio.gather(one(3), one(0))
        return meter.told, dict(one.seen)

    assert asyncio.run(run()) == ([(2, 3)], {(2, 3): 1})


# --- slices


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 100])
def test_slices_bound_what_the_model_sees_and_change_nothing(rows: int) -> None:
    seen: list[int] = []

    def double(array: np.ndarray) -> np.ndarray:
        seen.append(len(array))
        return array * 2

    array = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
    assert np.array_equal(in_slices(double, 8, array), array * 2)
    assert max(seen) <= 8


@pytest.mark.parametrize("sizes", [[3], [0, 2, 0, 5], [1, 1, 1]])
def test_each_request_gets_its_own_rows_back(sizes: list[int]) -> None:
    rows = np.arange(sum(sizes), dtype=np.float32)
    parts = apart(rows, sizes)
    assert [len(part) for part in parts] == sizes
    assert np.array_equal(np.concatenate(parts), rows)
