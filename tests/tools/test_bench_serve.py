"""What the benchmark of serving relies on: the same answers everywhere, no request forgotten, honest figures."""

import asyncio
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import numpy as np
import pytest

from tools.bench_serve import client, report, verdict
from tools.bench_serve.client import Overload, Target
from tools.bench_serve.contenders import (
    BATCHED,
    BEHIND_HAPROXY,
    CONTENDERS,
    LIMIT,
    LITSERVE,
    OURS,
    REQUEST_A_CALL,
    WINDOW_A_CALL,
    Contender,
    loads,
)
from tools.bench_serve.limit import sizes
from tools.bench_serve.measured import Measured
from tools.bench_serve.network import Network, load
from tools.bench_serve.processes import BESIDE, NotStarted, family, serving
from tools.bench_serve.rounds import Bench
from tools.bench_serve.windows import (
    ROOT,
    answer_from_bytes,
    answer_to_bytes,
    from_bytes,
    requests,
    sample_windows,
    to_bytes,
)

A_BEAT, A_VIDEO, MORE_THAN_A_BATCH = 1, 49, 80


# --- what is sent


def test_a_request_has_as_many_windows_as_30_s_of_the_sample_have_beats() -> None:
    windows, a_video = sample_windows()
    truth = json.loads((ROOT / "samples/sweep.truth.json").read_text())
    assert len(windows.samples) == len(truth["beats"])
    assert a_video == round(len(truth["beats"]) * 30 / truth["duration_s"]) == A_VIDEO
    assert np.ptp(windows.samples[:, 75:125], axis=1).min() > 0.3  # each holds a QRS complex


def test_no_two_requests_are_the_same() -> None:
    windows, _ = sample_windows()
    assert len({to_bytes(one) for one in requests(windows, 1, 39)}) == 39


def test_windows_survive_the_wire() -> None:
    (sent,) = requests(sample_windows()[0], 7, 1)
    came = from_bytes(to_bytes(sent))
    np.testing.assert_array_equal(came.samples, sent.samples)
    np.testing.assert_array_equal(came.features, sent.features)
    probabilities = np.eye(5, dtype=np.float32)
    np.testing.assert_array_equal(answer_from_bytes(answer_to_bytes(probabilities)), probabilities)


@pytest.mark.parametrize("length", [0, 1, 1087, 1089])
def test_a_body_that_is_no_whole_number_of_windows_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="are no windows"):
        from_bytes(bytes(length))


# --- the same answers everywhere


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(
        tmp_path, seconds=0.5, workers=1, device="cpu", max_size=64, wait_ms=0, tries=1, others=2, say=lambda _: None
    )


@pytest.mark.parametrize(
    "who",
    [
        # Behind Ray's own proxy every test of an app on Ray runs.
        pytest.param(BEHIND_HAPROXY, marks=pytest.mark.faults),
        BATCHED,
        pytest.param(
            LITSERVE,
            marks=pytest.mark.skipif(
                not (BESIDE / "litserve").exists(), reason="LitServe is installed by `make bench-serve` alone"
            ),
        ),
        REQUEST_A_CALL,
        WINDOW_A_CALL,
    ],
    ids=lambda who: f"{who.runs}{who.path}",
)
def test_every_server_answers_what_the_model_says(bench: Bench, who: Contender) -> None:
    """Twelve callers at once, a batch takes 64 windows: requests are put together, taken apart, and go alone."""
    model, (windows, _) = load(Network.SHIPPED, "cpu"), sample_windows()
    asked = [one for each in (A_BEAT, A_VIDEO, MORE_THAN_A_BATCH) for one in requests(windows, each, 4)]
    settings = bench.settings(Network.SHIPPED)
    with bench.started(settings, who) as server:
        target = Target(server.port, who.path, server.host)

        async def all_at_once() -> list[client.Reply]:
            return await asyncio.gather(*(client.ask_once(target, to_bytes(one)) for one in asked))

        replies = client.run(all_at_once())
        # Ray's own processes listen on every address, and want a token there.
        watched = [pid for pid in family(server.pid) if who is not BEHIND_HAPROXY or program(pid) == "haproxy"]
        heard_at = set().union(*map(listens_at, watched))
    assert [reply.status for reply in replies] == [200] * len(asked)
    for reply, sent in zip(replies, asked, strict=True):
        np.testing.assert_allclose(
            answer_from_bytes(reply.body), model.probabilities(sent.samples, sent.features), atol=1e-5
        )
    assert family(server.pid) == []
    assert heard_at
    assert all(address.startswith("127.") for address in heard_at)


def program(pid: int) -> str:
    return Path(f"/proc/{pid}/exe").resolve().name


def listens_at(pid: int) -> set[str]:
    """The addresses at which that process accepts TCP connections."""
    files = {str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in files:
                octets = bytes.fromhex(local.partition(":")[0])[::-1]
                found.add(".".join(map(str, octets)))
    return found


def test_the_larger_network_is_the_same_in_every_process() -> None:
    windows, _ = sample_windows()
    one, other = (load(Network.MILLION, "cpu") for _ in range(2))
    first = one.probabilities(windows.samples, windows.features)
    np.testing.assert_array_equal(first, other.probabilities(windows.samples, windows.features))
    assert np.isfinite(first).all()


def test_a_server_that_does_not_start_tells_why_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(NotStarted, match="KeyError: 'ECG_BENCH_NETWORK'"),
        serving("tools.bench_serve.servers.batched", Target(1, "/"), b"", {}, tmp_path / "log"),
    ):
        raise AssertionError("it started")


# --- the client


Respond = Callable[[int], tuple[int, str]]
"""The number of a request, from 0 -> status and Retry-After."""


@contextmanager
def answering(respond: Respond) -> Iterator[Target]:
    """A server in a thread of its own; status 0 hangs up."""
    ports: Queue[int] = Queue()
    ended = threading.Event()
    numbers = itertools.count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                status, retry_after = respond(next(numbers))
                if not status:
                    return
                extra = f"Retry-After: {retry_after}\r\n" if retry_after else ""
                writer.write(f"HTTP/1.1 {status} x\r\n{extra}Content-Length: 2\r\n\r\nok".encode())
        except asyncio.IncompleteReadError:
            pass  # the client hung up
        finally:
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(ended.wait)
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        yield Target(ports.get(timeout=10), "/")
    finally:
        ended.set()
        thread.join()


def overloaded(respond: Respond, patience_s: float = 20.0) -> Overload:
    with answering(respond) as target:
        return client.run(client.open_loop(target, [b"x"], 100, 0.2, patience_s))


class TestClient:
    def test_whoever_is_told_to_come_again_does_and_is_not_lost(self) -> None:
        seen = overloaded(lambda number: (429, "0.05") if number < 10 else (200, ""))
        assert (seen.sent, seen.answered, seen.turned_away, seen.lost) == (20, 20, 10, 0)
        assert max(seen.latencies_s) >= 0.05  # the waiting counts

    def test_nobody_comes_again_before_the_time_that_was_named(self) -> None:
        seen = overloaded(lambda number: (429, "0.4") if number < 20 else (200, ""))
        assert min(seen.latencies_s) >= 0.4

    def test_a_connection_that_breaks_is_counted_and_its_request_comes_again(self) -> None:
        seen = overloaded(lambda number: (0, "") if number == 3 else (200, ""))
        assert (seen.answered, seen.broken, seen.lost) == (20, 1, 0)

    @pytest.mark.parametrize(("status", "retry_after"), [(500, ""), (429, "")])
    def test_a_refusal_that_names_no_time_loses_the_request(self, status: int, retry_after: str) -> None:
        seen = overloaded(lambda number: (status, retry_after) if number == 0 else (200, ""))
        assert (seen.answered, seen.lost) == (19, 1)
        assert seen.reasons == [f"{status} without Retry-After: b'ok'"]

    def test_who_is_sent_away_until_the_patience_ends_is_lost(self) -> None:
        seen = overloaded(lambda _: (429, "0.1"), patience_s=0.5)
        assert (seen.answered, seen.lost) == (0, 20)

    def test_a_closed_loop_keeps_so_many_requests_under_way_and_no_more(self) -> None:
        with answering(lambda _: (200, "")) as target:
            seen = client.run(client.closed_loop(target, [b"x", b"y"], 3, 0.2))
        assert len(seen.latencies_s) > 3
        assert sum(seen.latencies_s) <= 3 * seen.seconds

    def test_a_closed_loop_that_is_refused_measures_nothing(self) -> None:
        with answering(lambda _: (404, "")) as target, pytest.raises(ExceptionGroup) as raised:
            client.run(client.closed_loop(target, [b"x"], 1, 0.2))
        assert raised.group_contains(client.Broken, match="answered 404")


# --- figures


def seen(who: Contender, load: str, number: int, rate: float) -> Measured:
    """A server's processes use 30 us a window and the client 10; the limit uses 20."""
    server, client = (20.0, None) if who is LIMIT else (30.0, 10.0)
    return Measured(who.name, "shipped", load, number, rate, 5.0, 9.0, server, client, 0, 0.0)


ROUNDS = [
    *(seen(LIMIT, "video", number, rate) for number, rate in enumerate((100, 50, 100))),
    *(seen(OURS, "video", number, rate) for number, rate in enumerate((90, 45, 80))),
    *(seen(LITSERVE, "video", number, 60) for number in range(3)),
    *(seen(WINDOW_A_CALL, "video", number, 10) for number in range(3)),
    *(seen(LIMIT, "small", number, 100) for number in range(3)),
    *(seen(OURS, "small", number, 20) for number in range(3)),
]


def test_a_ratio_is_the_median_of_each_rounds_own() -> None:
    (row,) = (one for one in verdict.rows(ROUNDS, [OURS]) if one.load == "video")
    assert row.windows_per_s == 80
    assert row.of_limit == 0.9  # 0.9, 0.9 and 0.8: the slow round spoils both sides of it


def test_what_processor_time_alone_allows_counts_the_client_too() -> None:
    (row,) = (one for one in verdict.rows(ROUNDS, [OURS]) if one.load == "video")
    assert row.by_cpu == 0.5


def test_targets_are_met_missed_or_unknown() -> None:
    found = {one.text: one for one in verdict.targets(ROUNDS, [verdict.Overloaded(OURS.name, 4.0, Overload(lost=1))])}
    assert {text.removeprefix(f"{OURS.name}: "): one.met for text, one in found.items()} == {
        "16 videos at once, of the limit": True,
        "16 videos, times FastAPI, a window a call": True,
        "16 videos, times LitServe": True,
        "64 small requests at once, of the limit": False,
        "lost at twice its capacity": False,
    }


def test_the_text_marks_what_is_missed_and_says_what_is_not_in_the_path() -> None:
    told = report.text("shipped", verdict.rows(ROUNDS, CONTENDERS), verdict.targets(ROUNDS, []), loads())
    (line,) = (one for one in told.splitlines() if "64 small requests" in one)
    assert line.startswith("MISSED ")
    assert line.endswith("0.20  wanted >= 0.6")
    assert "16 at once, 49 windows a request" in told
    assert "Not in the path: S3, decoding, reading the trace" in report.IN_THE_PATH


@pytest.mark.parametrize(
    ("in_flight", "processes", "most", "found"),
    [(784, 2, 512, [392, 196, 98, 49]), (784, 1, 512, [512, 256, 128, 64, 32]), (64, 2, 512, [32]), (1, 2, 512, [1])],
)
def test_the_limit_tries_what_requests_bring_and_smaller_batches(
    in_flight: int, processes: int, most: int, found: list[int]
) -> None:
    assert sizes(in_flight, processes, most) == found


@pytest.mark.faults
def test_the_command_measures_prints_and_writes(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    flags = ["--rounds", "1", "--seconds", "0.3", "--workers", "1", "--networks", "shipped", "--json", str(written)]
    command = [sys.executable, "-m", "tools.bench_serve", *flags, "--only", "limit", "batched"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "FastAPI, batches in process" in done.stdout
    told = json.loads(written.read_text())["shipped"]
    assert {(one["contender"], one["load"]) for one in told["rounds"]} == {
        (who.name, load.name) for who in (LIMIT, BATCHED) for load in loads()
    }
    assert all(one["windows_per_s"] > 0 for one in told["rows"])
