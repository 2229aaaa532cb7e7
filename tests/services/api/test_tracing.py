"""Traces: a real process, a collector on loopback, and what may not stand in them."""

from __future__ import annotations

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.services.api.api_process import ENVIRONMENT, SOURCE, process

TYPED = "what-somebody-typed"


class Collector(http.server.ThreadingHTTPServer):
    """Takes what is exported; `spans` by name, each with its attributes and the name of the span above it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.bodies: list[bytes] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        found = [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        names = {span.span_id: span.name for span in found}
        return [
            (
                span.name,
                names.get(span.parent_span_id),
                {each.key: each.value.string_value or each.value.int_value for each in span.attributes},
            )
            for span in found
        ]


class _Taking(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        assert self.path == "/v1/traces"
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_process_that_is_told_a_collector_sends_its_traces_and_the_last_of_them_too(
    collector: Collector, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with process(log, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as (running, url):
        answer = httpx.get(f"{url}/api/videos?cursor={TYPED}", trust_env=False)
        assert answer.status_code == 422
        assert httpx.get(f"{url}/{TYPED}", trust_env=False).status_code == 404
        answer = httpx.get(f"{url}/api/videos", trust_env=False, timeout=60)
        assert answer.status_code == 503
        running.send_signal(signal.SIGTERM)
        running.wait(timeout=30)
    spans = collector.spans()
    assert [(name, above) for name, above, _ in spans if name == "dynamodb.query"] == [
        ("dynamodb.query", "GET /api/videos")
    ]
    [read] = [held for name, _, held in spans if name == "GET /api/videos" and "error.type" in held]
    assert (read["http.route"], read["http.response.status_code"]) == ("/api/videos", 503)
    assert not [name for name, _, held in spans if held.get("http.route") == "/health"]
    assert not [body for body in collector.bodies if TYPED.encode() in body]
    assert '"trace_id": "' in log.read_text()


def test_a_collector_that_is_away_holds_nothing_up(tmp_path: Path) -> None:
    with socket.socket() as nothing:
        nothing.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{nothing.getsockname()[1]}"
        with process(tmp_path / "log", OTEL_EXPORTER_OTLP_ENDPOINT=away) as (running, url):
            assert httpx.get(f"{url}/api/config", trust_env=False).status_code == 200
            running.send_signal(signal.SIGTERM)
            running.wait(timeout=20)


def test_without_a_collector_nothing_of_the_sdk_is_imported() -> None:
    """Not by the traces, and not by FastAPI, whatever else the environment says of telemetry."""
    program = (
        "import sys, ecg_api.main as m; m.create_app();"
        "print(sorted(n for n in sys.modules if n.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))))"
    )
    environment = {**ENVIRONMENT, "PATH": os.environ["PATH"], "FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=SOURCE, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_collector_is_asked_over_http() -> None:
    from ecg_api.errors import SettingsError
    from ecg_api.settings import Settings

    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_ENDPOINT must begin with http"):
        Settings.from_environment({**ENVIRONMENT, "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"})
    assert not Settings.from_environment(ENVIRONMENT).traces
