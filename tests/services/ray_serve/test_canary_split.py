"""What a stable ingress does with the canary's share: `kit.canary` without Ray."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from ray.serve.exceptions import BackPressureError

from kit import canary
from kit.agreement import Agreement
from kit.canary import Splitter
from kit.contract import AnalyzeRequest, Event, Failure, Progress, Result, ShadowRequest, VideoObject, to_line
from kit.ingress import AppIngress
from kit.storage import ReadOnlyObjects, objects_of

ASKED = AnalyzeRequest(job_id="job-1", video=VideoObject(bucket="videos", key="videos/local/1/source.mp4"))
STABLE = Result({"by": "stable"})
CANARY = Result({"by": "canary"})
HALFWAY = Progress("read", 0.5)

Story = tuple[Event | Exception, ...]


def ingress(*story: Event | Exception) -> Callable[[AnalyzeRequest], AsyncIterator[Event]]:
    """An app's `analyze` that goes like this."""

    async def analyze(asked: AnalyzeRequest) -> AsyncIterator[Event]:
        for step in story:
            await asyncio.sleep(0)
            if isinstance(step, Exception):
                raise step
            yield step

    return analyze


def asking(*story: Event | Exception, silent: bool = False) -> canary.Ask:
    """A canary app whose ingress answers like this."""

    async def ask(app: str, body: bytes, shadow: bool) -> AsyncGenerator[bytes, None]:
        assert app == "toy--canary"
        assert AnalyzeRequest.model_validate_json(body) == ASKED
        if silent:
            await asyncio.sleep(60)
        yield b"\n"
        async for event in ingress(*story)(ASKED):
            yield to_line(event)

    return ask


def splitter(ask: canary.Ask, compare: str = "golden", drawn: float = 0.0) -> Splitter:
    one = Splitter(ask, BackPressureError, draw=lambda: drawn)
    one.configure({"canary": {"app": "toy--canary", "trial": "t1", "percent": 10, "compare": compare}})
    return one


def answers(one: Splitter, *stable: Event | Exception) -> list[Event]:
    async def run() -> list[Event]:
        events = [event async for event in one.over(ingress(*stable))(ASKED)]
        await asyncio.gather(*one._comparing)
        return events

    return asyncio.run(run())


def counts(one: Splitter) -> dict[str, Any]:
    """What was counted, without zeros."""
    told = one.report("r")
    return {key: told[key] for key in ("requests", "errors", "mismatches", "busy", "abandoned") if told[key]}


def test_without_a_canary_requests_are_only_passed_on() -> None:
    one = Splitter(asking(CANARY), BackPressureError)
    for told in (None, {}, {"canary": None}):
        one.configure(told)
        assert answers(one, HALFWAY, STABLE) == [HALFWAY, STABLE]
    assert one.report("r")["splitting"] is False


def test_the_canary_answers_its_share_and_the_stable_version_the_rest() -> None:
    assert answers(splitter(asking(HALFWAY, CANARY), drawn=0.099), STABLE) == [HALFWAY, CANARY]
    assert answers(splitter(asking(CANARY), drawn=0.1), STABLE) == [STABLE]


FAILURES: dict[str, Story] = {
    "a bug": (RuntimeError("a bug"),),
    "a bug after some progress": (HALFWAY, RuntimeError("a bug")),
    "internal": (HALFWAY, Failure("internal", "broke off")),
    "it ends without a result": (HALFWAY,),
    "it refuses what can be read": (Failure("no_trace", "there is no trace"),),
}


@pytest.mark.parametrize("story", FAILURES.values(), ids=FAILURES)
def test_what_fails_on_the_canary_is_answered_by_the_stable_version(story: Story) -> None:
    one = splitter(asking(*story))
    assert answers(one, STABLE)[-1] == STABLE
    assert counts(one) == {"requests": 1, "errors": 1}
    assert one.report("r")["last"]


def test_a_canary_whose_app_is_gone_is_waited_for_for_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray lets such a request wait for ever."""
    monkeypatch.setattr(canary, "HELLO_S", 0.05)
    one = splitter(asking(CANARY, silent=True))
    assert answers(one, STABLE) == [STABLE]
    assert "silent for 0.05 s" in one.report("r")["last"]


def test_what_neither_can_read_is_no_error_of_the_canary() -> None:
    refusal = Failure("no_trace", "there is no trace")
    one = splitter(asking(refusal))
    assert answers(one, refusal) == [refusal]
    assert counts(one) == {"requests": 1}


def test_when_the_stable_version_fails_too_nobody_is_blamed() -> None:
    one = splitter(asking(Failure("no_trace", "x")))
    answers(one, Failure("internal", "S3 is away"))
    assert counts(one) == {"busy": 1}


def test_a_busy_canary_passes_the_request_on_and_is_not_blamed() -> None:
    for busy in (Failure("busy", "full"), BackPressureError(1, 1)):
        one = splitter(asking(busy))
        assert answers(one, STABLE) == [STABLE]
        assert counts(one) == {"busy": 1}


def test_when_all_are_busy_and_nothing_was_sent_the_answer_is_still_a_429() -> None:
    with pytest.raises(BackPressureError):
        answers(splitter(asking(RuntimeError())), BackPressureError(1, 1))


def test_when_all_are_busy_after_some_progress_the_caller_may_try_again() -> None:
    last = answers(splitter(asking(HALFWAY, RuntimeError())), BackPressureError(1, 1))[-1]
    assert isinstance(last, Failure)
    assert last.code == "internal"


def test_a_caller_who_leaves_is_counted_as_such() -> None:
    one = splitter(asking(HALFWAY, CANARY))

    async def leave() -> None:
        events = one.over(ingress(STABLE))(ASKED)
        async with aclosing(events):  # type: ignore[type-var]
            async for _ in events:
                return

    asyncio.run(leave())
    assert counts(one) == {"abandoned": 1}


def test_a_line_that_is_no_event_is_a_failure_of_the_canary() -> None:
    async def ask(app: str, body: bytes, shadow: bool) -> AsyncGenerator[bytes, None]:
        yield b'{"event": "resul'

    one = splitter(ask)
    assert answers(one, STABLE) == [STABLE]
    assert counts(one) == {"requests": 1, "errors": 1}


def test_counting_begins_anew_with_another_trial_and_outlives_the_end_of_one() -> None:
    one = splitter(asking(CANARY))
    answers(one, STABLE)
    one.configure({"canary": None})
    assert (one.report("r")["trial"], one.report("r")["requests"]) == ("t1", 1)
    one.configure({"canary": {"app": "toy--canary", "trial": "t2", "percent": 10}})
    assert (one.report("r")["trial"], one.report("r")["requests"]) == ("t2", 0)


def test_a_setting_that_is_not_understood_is_refused() -> None:
    with pytest.raises(ValidationError):
        Splitter(asking(), BackPressureError).configure({"canary": {"app": "x", "trial": "t", "percent": 300}})


def test_in_the_shadow_the_stable_version_answers_and_equal_results_agree() -> None:
    one = splitter(asking(HALFWAY, Result({"bpm": 71.0, "app": "v2"})), "shadow")
    stable = Result({"bpm": 70.0, "app": "v1"})
    assert answers(one, HALFWAY, stable) == [HALFWAY, stable]
    assert counts(one) == {"requests": 1}


def test_in_the_shadow_another_result_is_a_mismatch() -> None:
    one = splitter(asking(Result({"bpm": 140.0})), "shadow")
    assert answers(one, Result({"bpm": 70.0})) == [Result({"bpm": 70.0})]
    assert counts(one) == {"requests": 1, "mismatches": 1}
    assert one.report("r")["last"] == "bpm: 70.0 and 140.0"


def test_in_the_shadow_a_failure_is_counted_and_nobody_sees_it() -> None:
    one = splitter(asking(RuntimeError("a bug")), "shadow")
    assert answers(one, STABLE) == [STABLE]
    assert counts(one) == {"requests": 1, "errors": 1}


def test_in_the_shadow_nothing_is_compared_where_the_stable_version_broke_off() -> None:
    one = splitter(asking(CANARY), "shadow")
    with pytest.raises(RuntimeError):
        answers(one, RuntimeError("a bug"))
    assert counts(one) == {"abandoned": 1}


def test_slow_shadows_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "HELLO_S", 0.2)
    one = splitter(asking(CANARY, silent=True), "shadow")

    async def many() -> None:
        for _ in range(10):
            assert [event async for event in one.over(ingress(STABLE))(ASKED)] == [STABLE]
        await asyncio.gather(*one._comparing)

    asyncio.run(many())
    assert counts(one)["busy"] == 10 - canary._MOST_SHADOWS


class Ingress(AppIngress):
    def __init__(self, story: Story) -> None:
        super().__init__(__file__)
        self.story, self.asked = story, list[AnalyzeRequest]()

    def analyze(self, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        self.asked.append(asked)
        return ingress(*self.story)(asked)


def lines(one: Ingress, shadow: bool) -> list[bytes]:
    async def run() -> list[bytes]:
        return [line async for line in one.as_canary(ASKED.model_dump_json().encode(), shadow)]

    return asyncio.run(run())


def test_a_canary_says_hello_before_it_works() -> None:
    first, last = lines(Ingress((CANARY,)), shadow=False)
    assert (first, json.loads(last)["event"]) == (b"\n", "result")


def test_a_full_queue_behind_the_canary_is_told_as_busy() -> None:
    assert json.loads(lines(Ingress((BackPressureError(1, 1),)), shadow=False)[-1])["error"]["code"] == "busy"


def test_what_works_in_the_shadow_writes_nothing() -> None:
    """Its overlay would replace the one that belongs to the answer."""
    one = Ingress((CANARY,))
    lines(one, shadow=True)
    lines(one, shadow=False)
    shadow, usual = one.asked
    written: list[str] = []

    class Store:
        def download(self, *_: object) -> int:
            return 7

        def put(self, bucket: str, key: str, content: bytes, content_type: str) -> None:
            written.append(key)

    for asked in (shadow, usual):
        objects = objects_of(asked, Store(), Path())  # type: ignore[arg-type]
        objects.put("videos", f"{type(asked).__name__}.png", b"", "image/png")
        assert objects.download("videos", "k", None, 0, lambda _: None) == 7  # type: ignore[arg-type]
    assert isinstance(shadow, ShadowRequest)
    assert isinstance(objects_of(shadow, Store(), Path()), ReadOnlyObjects)  # type: ignore[arg-type]
    assert written == ["AnalyzeRequest.png"]


SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "numbers within the tolerance": ({"a": 100.0}, {"a": 104.0}),
    "small numbers": ({"a": 0.0}, {"a": 0.005}),
    "whole and broken numbers": ({"a": 2}, {"a": 2.0}),
    "what names the version": ({"app": {"version": "1"}, "timings_s": 1}, {"app": {"version": "2"}, "timings_s": 9}),
    "nested": ({"a": [{"b": "N"}, None]}, {"a": [{"b": "N"}, None]}),
}
DIFFERENT: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "numbers": ({"a": 100.0}, {"a": 106.0}, "a: 100.0 and 106.0"),
    "a class": ({"beats": [{"class": "N"}]}, {"beats": [{"class": "V"}]}, "beats.0.class: 'N' and 'V'"),
    "a length": ({"beats": [1, 2]}, {"beats": [1]}, "beats: 2 and 1 entries"),
    "a gap": ({"a": None}, {"a": 1.0}, "a: None and 1.0"),
    "a missing key": ({"a": 1}, {}, "a: 1 and None"),
    "true is not one": ({"a": True}, {"a": 1}, "a: True and 1"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_these_agree(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert Agreement().differences(one, other) == ()


@pytest.mark.parametrize(("one", "other", "said"), DIFFERENT.values(), ids=DIFFERENT)
def test_these_do_not_agree(one: dict[str, Any], other: dict[str, Any], said: str) -> None:
    assert Agreement().differences(one, other) == (said,)


def test_only_the_first_differences_are_told() -> None:
    assert len(Agreement().differences({"a": list(range(10))}, {"a": list(range(100, 110))})) == 3
