"""Requests at a concurrency: each answer counted once, busy asked again, failures by name."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from generator.workbench.load import drive

RESULT = {"event": "result", "result": {"video": {"duration_s": 4.0}, "app": {"device": "cpu"}}}


@contextmanager
def app(*answers: tuple[int, dict[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
    """Answers in turn, the last one for ever; its address, and what it was asked."""
    asked: list[Any] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                status, event = answers[min(len(asked), len(answers) - 1)]
                asked.append(body)
            self.send_response(status)
            self.send_header("Retry-After", "0.01")
            self.end_headers()
            self.wfile.write(b'{"event": "progress"}\n' + json.dumps(event).encode() + b"\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/app/analyze", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_each_caller_asks_at_least_once_and_every_answer_counts_once() -> None:
    with app((200, RESULT)) as (url, asked):
        load = drive(url, ["a", "b"], 3, 0.0, time.monotonic)
    assert len(load.level.latencies_s) == len(asked) == 3
    assert sorted(set(asked)) == ["a", "b"]
    assert (load.level.video_s, load.devices) == (12.0, frozenset({"cpu"}))


def test_busy_is_asked_again_and_is_no_failure() -> None:
    with app((429, {}), (200, RESULT)) as (url, _):
        load = drive(url, ["a"], 1, 0.3, time.monotonic)
    assert load.level.busy == 1
    assert load.level.latencies_s
    assert load.level.errors == {}


def test_failures_are_counted_by_what_they_are() -> None:
    failure = {"event": "error", "error": {"code": "internal", "message": "no"}}
    with app((200, failure)) as (url, _):
        assert drive(url, ["a"], 1, 0.0, time.monotonic).level.errors == {"internal": 1}
    with app((503, {})) as (url, _):
        assert drive(url, ["a"], 1, 0.0, time.monotonic).level.errors == {"HTTP 503": 1}


def test_an_app_that_is_not_there_is_a_failure_not_a_crash() -> None:
    load = drive("http://127.0.0.1:9/app/analyze", ["a"], 1, 0.0, time.monotonic)
    assert load.level.errors == {"ConnectError": 1}
    assert load.level.latencies_s == ()
