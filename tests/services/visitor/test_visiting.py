"""What a visit takes for a site that works, and what for a broken one."""

import ast
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from generator.environments.prod import ENVIRONMENT
from services.visitor import index
from services.visitor.index import SiteBroken, handler, visit
from tests.generator.stacks.built import build

HEALTHY = {
    "/": (200, "<!doctype html><title>ECG</title>"),
    "/api/health": (200, '{"status":"healthy","service":"backend"}'),
    "/api/me": (401, "{}"),
    "/videos/nobody/nothing": (403, "MissingKey"),
}


@pytest.fixture
def answers() -> dict[str, tuple[int, str]]:
    return dict(HEALTHY)


@pytest.fixture
def site(answers: dict[str, tuple[int, str]]) -> Iterator[str]:
    """A server that answers as `answers` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[self.path]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_site_that_works_passes(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE", site)
    handler({}, None)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/", 200, "a listing of a bucket"),
        ("/", 503, "<title>"),
        ("/api/health", 200, '{"status": "starting"}'),
        ("/api/health", 200, "<html>"),
        ("/api/health", 200, "[]"),
        ("/api/health", 502, '{"status": "healthy"}'),
        ("/api/me", 200, "{}"),
        ("/videos/nobody/nothing", 200, "a video"),
        ("/videos/nobody/nothing", 404, "asked for nothing"),
    ],
)
def test_one_wrong_answer_is_a_broken_site_and_is_named(
    site: str, answers: dict[str, tuple[int, str]], path: str, status: int, body: str
) -> None:
    answers[path] = status, body
    with pytest.raises(SiteBroken) as caught:
        visit(site)
    [line] = str(caught.value).splitlines()
    assert line.startswith(f"{path}: ")
    assert line.endswith(f"got {status}: {body!r}")


def test_all_that_is_wrong_is_told_together_and_no_answer_is_wrong() -> None:
    with pytest.raises(SiteBroken) as caught:
        visit("http://127.0.0.1:1")
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == list(HEALTHY)
    assert all("no answer" in line for line in lines)


def test_the_template_holds_the_script_as_it_is_and_it_needs_nothing_installed() -> None:
    source = open(index.__file__, encoding="utf-8").read()  # noqa: PTH123, SIM115
    code = build(ENVIRONMENT).properties("observability", "Visitor")["Code"]
    assert code == {"Handler": "index.handler", "Script": source}
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= set(sys.stdlib_module_names)
