"""What a request's events tell Prometheus, and that nothing of them is lost on the way."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from kit import metrics
from kit.contract import Event, Failure, Progress, Result
from kit.metrics import measured


class FakeMeter:
    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def ended(self, kind: str, outcome: str) -> None:
        self.told.append(("ended", kind, outcome))

    def waited(self, kind: str, seconds: float) -> None:
        self.told.append(("waited", kind, seconds))

    def stage(self, kind: str, stage: str, seconds: float) -> None:
        self.told.append((stage, kind, seconds))


def told(*timed: tuple[float, Event], asked_at: float = 0.0, takes: int = 99) -> list[tuple[object, ...]]:
    """What the meter hears of events at these seconds, of which a caller takes so many."""
    clock: Iterator[float] = iter([asked_at, *(at for at, _ in timed)])

    async def events() -> AsyncIterator[Event]:
        for _, event in timed:
            yield event

    async def run() -> list[tuple[object, ...]]:
        meter = FakeMeter()
        stream = measured(events(), meter, "analyze", lambda: next(clock))
        seen = []
        for _ in range(takes):
            try:
                seen.append(await anext(stream))
            except StopAsyncIteration:
                break
        assert seen == [event for _, event in timed][:takes]
        await stream.aclose()  # type: ignore[attr-defined]
        return meter.told

    return asyncio.run(run())


def test_a_request_tells_how_long_it_waited_what_each_stage_took_and_how_it_ended() -> None:
    assert told(
        (2.0, Progress("download", 0.0)),
        (2.5, Progress("download", 1.0)),
        (3.0, Progress("read", 0.0)),
        (7.0, Result({})),
    ) == [
        ("waited", "analyze", 2.0),
        ("download", "analyze", 1.0),
        ("read", "analyze", 4.0),
        ("ended", "analyze", "done"),
    ]


def test_a_refusal_counts_by_its_code_and_ends_the_stage_that_it_came_in() -> None:
    assert told((1.0, Progress("read", 0.0)), (3.0, Failure("no_trace", "m")))[1:] == [
        ("read", "analyze", 2.0),
        ("ended", "analyze", "no_trace"),
    ]


def test_who_leaves_early_is_abandoned() -> None:
    assert told((1.0, Progress("read", 0.0)), (3.0, Result({})), takes=1)[-1] == ("ended", "analyze", "abandoned")


def test_a_full_queue_is_no_waiting_time() -> None:
    assert told((0.01, Failure("busy", "m"))) == [("ended", "analyze", "busy")]


def test_an_answer_without_progress_is_metered_too() -> None:
    assert told((1.0, Result({}))) == [("waited", "analyze", 1.0), ("ended", "analyze", "done")]


NAMES = sorted(
    value for name, value in vars(metrics).items() if name.isupper() and re.fullmatch(r"ecg_\w+", str(value))
)


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_is_documented_by_the_name_that_prometheus_sees(name: str) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/serve-apps.md").read_text()
    assert f"`ray_{name}" in page
