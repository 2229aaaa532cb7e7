"""When a canary is taken back, and when it takes over; and what a golden proof says."""

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from reconciler.desired import CanaryRule, Desired, Item
from reconciler.golden import AppProof, Case, HttpProver, Proof, read
from reconciler.rollout import Told
from reconciler.trial import Counted, Tally, Trial, enough, objection

RULE = CanaryRule(percent=10, minutes=30, max_error_rate=0.05)
ITEM = Item(key="x.zip", sha256="a" * 64)
TRIAL = Trial(Desired(generation="g" * 64, agent=ITEM, serve=ITEM, packages=()), "2026-11-23T12:00:00Z")


@pytest.mark.parametrize(
    ("requests", "bad", "at_the_end", "objected"),
    [
        (0, 0, True, False),
        (1, 1, False, False),  # one of the first 20 may fail: 5 %
        (1, 1, True, True),
        (2, 2, False, True),
        (20, 1, False, False),
        (100, 5, True, False),
        (100, 6, False, True),
    ],
)
def test_errors_count_against_the_allowed_rate(requests: int, bad: int, at_the_end: bool, objected: bool) -> None:
    assert bool(objection("toy", RULE, Tally(requests, errors=bad), at_the_end)) is objected


def test_mismatches_count_as_errors_do() -> None:
    assert objection("toy", RULE, Tally(30, errors=1, mismatches=1, last="bpm: 70 and 140"), False) == (
        "toy: of 30 requests to the canary 1 failed where the last good version did not and 1 had another result (6.7%,"
        " allowed are 5.0%); the last one: bpm: 70 and 140"
    )


def test_where_no_error_is_allowed_the_first_one_is_the_last() -> None:
    strict = CanaryRule(percent=10, minutes=30, max_error_rate=0)
    assert objection("toy", strict, Tally(1, errors=1), False)
    assert not objection("toy", strict, Tally(1000), True)


def test_it_is_enough_after_the_declared_minutes() -> None:
    assert not enough(RULE, 1799.0)
    assert enough(RULE, 1800.0)


def test_counts_of_replicas_add_up_and_each_replaces_its_own() -> None:
    trial = TRIAL
    for replica, tally in (("a", Tally(5, 1)), ("b", Tally(7)), ("a", Tally(9, 2, last="internal: x"))):
        trial = trial.with_count("toy", Counted(replica, True, trial.name, tally))
    assert trial.of("toy") == Tally(16, 2, last="internal: x")


def test_what_was_counted_in_another_trial_is_not_taken() -> None:
    assert TRIAL.with_count("toy", Counted("a", True, "an earlier one", Tally(5, 5))) == TRIAL


PASSED = {"name": "clean", "passed": True, "seconds": 1.5, "differences": []}
DIFFERENCE = {"path": "heart_rate_bpm.mean", "expected": 97.8, "actual": None, "tolerance": 1.0}
FAILED = {"name": "noisy", "passed": False, "seconds": 2.0, "differences": [DIFFERENCE]}


def report(*cases: dict[str, Any], passed: bool = True) -> str:
    result = {"schema": "golden/v1", "passed": passed, "cases": cases}
    return json.dumps({"event": "result", "result": result})


PROGRESS = json.dumps({"event": "progress", "stage": "read", "fraction": 0.5})


def test_cases_that_pass_are_a_proof() -> None:
    assert read([PROGRESS, report(PASSED)]) == AppProof(True, (Case("clean", True, 1.5),))


def test_what_differs_is_told_in_words() -> None:
    proof = read([report(PASSED, FAILED, passed=False)])
    assert isinstance(proof, AppProof)
    assert proof.reason == "golden case noisy: heart_rate_bpm.mean is null, expected 97.8 within 1"


def test_many_differences_are_cut() -> None:
    proof = read([report({**FAILED, "differences": [DIFFERENCE] * 12}, passed=False)])
    assert isinstance(proof, AppProof)
    assert proof.reason.endswith("and 7 more")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([report()], "it ran none"),
        ([report(PASSED, passed=False)], "it says that they failed, and not which"),
        ([json.dumps({"event": "error", "error": {"code": "golden_unreadable", "message": "m"}})], "golden_unreadable"),
        (["{"], "cannot be read"),
        ([json.dumps({"event": "result", "result": {"schema": "golden/v2"}})], "is not golden/v1"),
        ([json.dumps({"event": "result", "result": {"schema": "golden/v1", "passed": True}})], "cannot be read"),
        ([report({"name": "x"})], "cannot be read"),
        ([f'{{"event": "progress", "stage": "{"x" * 9_000_000}"}}'], "more than"),
    ],
)
def test_whatever_else_an_app_says_is_no_proof(lines: list[str], reason: str) -> None:
    proof = read(lines)
    assert isinstance(proof, AppProof)
    assert not proof.passed
    assert reason in proof.reason


@pytest.mark.parametrize("lines", [[], [PROGRESS], [json.dumps({"event": "error", "error": {"code": "busy"}})]])
def test_what_passes_may_be_asked_again(lines: list[str]) -> None:
    assert isinstance(read(lines), str)


class Ticking:
    """A clock on which each pause takes its time at once."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


TOLD = Told("g")


def proof_of(answer: Callable[[httpx.Request], httpx.Response], deadline_s: float = 60, **urls: str) -> Proof:
    clock = Ticking()
    prover = HttpProver(httpx.Client(transport=httpx.MockTransport(answer)), lambda: clock.now, clock.sleep)
    prover.begin(TOLD, urls or {"toy": "http://box/toy/golden"}, deadline_s)
    for thread in threading.enumerate():
        if thread.name == "golden":
            thread.join(10)
    proof = prover.proof()
    assert proof
    return proof


def test_each_app_is_asked_at_its_own_address() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url.path}")
        return httpx.Response(200, text=report(PASSED) + "\n")

    proof = proof_of(answer, toy="http://box/toy--canary/golden", other="http://box/other/golden")
    assert seen == ["POST /toy--canary/golden", "POST /other/golden"]
    assert (proof.done, proof.reason, set(proof.apps)) == (True, "", {"toy", "other"})


def test_a_busy_app_and_a_lost_connection_are_asked_again() -> None:
    answers = iter(
        [httpx.Response(429), httpx.Response(503), httpx.ConnectError("refused"), httpx.Response(200, text="")]
    )

    def answer(_: httpx.Request) -> httpx.Response:
        one = next(answers, None) or httpx.Response(200, text=report(PASSED))
        if isinstance(one, Exception):
            raise one
        return one

    assert proof_of(answer).reason == ""


def test_an_app_that_never_answers_has_failed_at_the_deadline() -> None:
    proof = proof_of(lambda _: httpx.Response(503), deadline_s=30)
    assert (proof.done, proof.reason) == (True, "toy: its golden cases: no answer within 30 s; it answered 503")


def test_an_app_that_only_ever_makes_progress_has_failed_at_the_deadline() -> None:
    clock = Ticking()

    def lines() -> Any:
        while True:
            clock.now += 1
            yield (PROGRESS + "\n").encode()

    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=lines())))
    prover = HttpProver(client, lambda: clock.now, clock.sleep)
    assert "no answer within 30 s" in prover.ask("http://box/toy/golden", 30.0, 30.0).reason


def test_an_app_whose_notes_promise_cases_that_it_has_not_has_failed() -> None:
    assert "answered 404" in proof_of(lambda _: httpx.Response(404)).reason


def test_what_was_forgotten_is_no_proof_of_what_came_after() -> None:
    gate = threading.Event()

    def answer(_: httpx.Request) -> httpx.Response:
        gate.wait(10)
        return httpx.Response(200, text=report(FAILED, passed=False))

    prover = HttpProver(httpx.Client(transport=httpx.MockTransport(answer)))
    prover.begin(TOLD, {"toy": "http://box/toy/golden"}, 60)
    (thread,) = (one for one in threading.enumerate() if one.name == "golden")
    assert prover.proof() == Proof(TOLD)
    prover.forget()
    gate.set()
    thread.join(10)
    assert prover.proof() is None
