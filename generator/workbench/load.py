"""Requests at a served app, always so many under way, for a while."""

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from generator.workbench.measurements import Level

_ANSWER_S = 300.0
BUSY = 429


@dataclass
class _Tally:
    """What the callers have seen; each appends, which needs no lock."""

    latencies_s: list[float] = field(default_factory=list)
    video_s: list[float] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Load:
    """One level, and what its results said they ran on."""

    level: Level
    devices: frozenset[str]


def drive(url: str, bodies: Sequence[Any], concurrency: int, seconds: float, clock: Callable[[], float]) -> Load:
    """Post `bodies` in turn to `url`, `concurrency` at a time, until `seconds` have passed; what began is waited for.

    Each caller asks at least once. A 429 is asked again after its Retry-After, and its wait counts for nothing.
    """
    tally, start, turn = _Tally(), clock(), itertools.count()
    stop = threading.Event()

    def caller() -> None:
        with httpx.Client(trust_env=False, timeout=_ANSWER_S) as client:
            once = False
            while not stop.is_set() and (not once or clock() - start < seconds):
                wait_s = _ask(client, url, bodies[next(turn) % len(bodies)], tally, clock)
                once = True
                if wait_s and stop.wait(min(wait_s, max(0.0, seconds - (clock() - start)))):
                    return

    threads = [threading.Thread(target=caller, name=f"caller-{number}", daemon=True) for number in range(concurrency)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        stop.set()
    level = Level(
        concurrency,
        clock() - start,
        tuple(tally.latencies_s),
        len(tally.busy),
        dict(Counter(tally.errors)),
        sum(tally.video_s),
    )
    return Load(level, frozenset(tally.devices))


def _ask(client: httpx.Client, url: str, body: Any, tally: _Tally, clock: Callable[[], float]) -> float:
    """One request; seconds to wait before the next one."""
    asked = clock()
    try:
        answer = client.post(url, json=body)
        took = clock() - asked
        if answer.status_code == BUSY:
            tally.busy.append(1)
            return float(answer.headers.get("Retry-After", "1"))
        if answer.status_code != httpx.codes.OK:
            tally.errors.append(f"HTTP {answer.status_code}")
            return 0.5
        last = json.loads(answer.text.splitlines()[-1])
    except (httpx.HTTPError, ValueError, IndexError) as error:
        tally.errors.append(type(error).__name__)
        return 0.5
    if last.get("event") != "result":
        tally.errors.append(str(last.get("error", {}).get("code", "no result")))
        return 0.0
    result = last["result"]
    tally.latencies_s.append(took)
    tally.video_s.append(float((result.get("video") or {}).get("duration_s") or 0.0))
    tally.devices.append(str((result.get("app") or {}).get("device") or "unknown"))
    return 0.0
