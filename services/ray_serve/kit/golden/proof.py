"""Runs golden cases through whatever answers a request, and reports."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kit.contract import AnalyzeRequest, ErrorCode, Event, Failure, Progress, Result
from kit.golden.cases import Case
from kit.golden.expectations import Difference, compare

SCHEMA = "golden/v1"

Analyze = Callable[[AnalyzeRequest], AsyncIterator[Event]]


@dataclass(frozen=True)
class _Proof:
    """How one case came out."""

    name: str
    seconds: float
    differences: tuple[Difference, ...]

    def to_data(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "passed": not self.differences,
            "seconds": round(self.seconds, 3),
            "differences": [one.to_data() for one in self.differences],
        }


async def prove(
    cases: Sequence[Case],
    analyze: Analyze,
    clock: Callable[[], float] = time.monotonic,
    seen: Callable[[Case, Result | Failure], None] | None = None,
) -> AsyncIterator[Event]:
    """The cases' own progress, one case after the other, and last a Result whose document is the report.

    `analyze` is asked as by a caller. Busy is no verdict on the app: then the last event is that Failure. `seen` is
    told each case's outcome.
    """
    proofs = []
    for case in cases:
        start = clock()
        outcome: Result | Failure = Failure(ErrorCode.INTERNAL, "the analysis ended with neither result nor error")
        async for event in analyze(case.request):
            if isinstance(event, Progress):
                yield event
            else:
                outcome = event
        if isinstance(outcome, Failure) and outcome.code == ErrorCode.BUSY:
            yield outcome
            return
        if seen:
            seen(case, outcome)
        proofs.append(_Proof(case.name, clock() - start, compare(case.expectations, outcome)))
    passed = all(not proof.differences for proof in proofs)
    yield Result({"schema": SCHEMA, "passed": passed, "cases": [proof.to_data() for proof in proofs]})
