"""The client of the model server, against a real HTTP server on a loopback port."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from ecg_api.analysis import ModelServer, retry_after_s
from ecg_api.errors import AnalysisBroken, AnalysisRejected, AnalysisUnavailable
from ecg_api.jobs import Progress
from tests.services.api.fakes import RESULT

pytestmark = pytest.mark.anyio

PROGRESS = {"event": "progress", "stage": "decode", "fraction": 0.5}
DONE = {"event": "result", "result": RESULT}


def line(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode() + b"\n"


STREAMS: dict[str, list[bytes | float]] = {
    "good": [line(PROGRESS), line(DONE)],
    "no-newline-at-the-end": [line(PROGRESS), line(DONE).strip()],
    "in-pieces": [line(PROGRESS)[:10], 0.05, line(PROGRESS)[10:] + line(DONE)[:7], 0.05, line(DONE)[7:]],
    "blank-lines": [b"\n\n", line(PROGRESS), b"\n", line(DONE)],
    "odd-separators": [line({"event": "result", "result": {**RESULT, "note": "a\u2028b\x85c"}})],
    "out-of-range": [line({**PROGRESS, "fraction": 7}), line(DONE)],
    "rejected": [line(PROGRESS), line({"event": "error", "error": {"code": "no_trace", "message": "no trace"}})],
    "internal": [line({"event": "error", "error": {"code": "internal", "message": "cuda"}})],
    "odd-code": [line({"event": "error", "error": {"code": "No Trace!", "message": "x"}})],
    "garbage": [line(PROGRESS), b"<html>\n"],
    "not-utf8": [b"\xff\xfe\n"],
    "not-an-event": [line({"event": "surprise"})],
    "a-list": [line([1, 2])],
    "nan": [b'{"event":"result","result":{"schema":"ecg-result/v1","x":NaN}}\n'],
    "other-schema": [line({"event": "result", "result": {"schema": "ecg-result/v9"}})],
    "deep": [b"[" * 100_000 + b"\n"],
    "ends-early": [line(PROGRESS)],
    "empty": [],
    "silent": [line(PROGRESS), 2.0, line(DONE)],
    "slow": [piece for _ in range(6) for piece in (line(PROGRESS), 0.15)] + [line(DONE)],
    "breaks-off": [line(PROGRESS), -1.0],
}


def model_server() -> FastAPI:
    app = FastAPI()

    @app.get("/-/healthz")
    async def healthz() -> str:
        return "success"

    @app.post("/ecg_rhythm/analyze")
    async def analyze(request: Request) -> Response:
        body = await request.json()
        case = body["job_id"]
        if case.startswith("status-"):
            retry_after = {"status-429": {"Retry-After": "7"}}.get(case)
            return JSONResponse({"detail": "no"}, int(case[7:]), headers=retry_after)
        if case == "echo":
            return StreamingResponse(
                iter([line({"event": "result", "result": {**RESULT, "asked": body}})]),
                media_type="application/x-ndjson",
            )

        async def pieces() -> AsyncIterator[bytes]:
            for piece in STREAMS[case]:
                if isinstance(piece, bytes):
                    yield piece
                elif piece < 0:
                    raise ConnectionAbortedError
                else:
                    await asyncio.sleep(piece)

        return StreamingResponse(pieces(), media_type="application/x-ndjson")

    return app


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(model_server(), log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


async def analyse(address: str, case: str, **limits: float) -> tuple[dict[str, Any], list[Progress]]:
    seen: list[Progress] = []

    async def on_progress(progress: Progress) -> None:
        seen.append(progress)

    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        model = ModelServer(client, "ecg_rhythm", limits.get("deadline_s", 10.0), limits.get("silence_s", 5.0))
        return await model.analyse(case, "videos", "videos/local/1/source.mp4", on_progress), seen


@pytest.mark.parametrize("case", ["good", "no-newline-at-the-end", "in-pieces", "blank-lines"])
async def test_a_stream_gives_its_progress_and_its_result(address: str, case: str) -> None:
    result, seen = await analyse(address, case)
    assert result == RESULT
    assert seen == [Progress("decode", 0.5)]


async def test_the_request_is_the_contract(address: str) -> None:
    result, _ = await analyse(address, "echo")
    video = {"bucket": "videos", "key": "videos/local/1/source.mp4"}
    assert result["asked"] == {"job_id": "echo", "video": video, "options": {}}


async def test_a_line_ends_at_a_newline_and_nowhere_else(address: str) -> None:
    result, _ = await analyse(address, "odd-separators")
    assert result["note"] == "a\u2028b\x85c"


async def test_a_fraction_is_kept_between_0_and_1(address: str) -> None:
    _, seen = await analyse(address, "out-of-range")
    assert seen == [Progress("decode", 1.0)]


async def test_a_final_error_keeps_its_code(address: str) -> None:
    with pytest.raises(AnalysisRejected) as error:
        await analyse(address, "rejected")
    assert (error.value.code, error.value.message) == ("no_trace", "no trace")


@pytest.mark.parametrize(
    "case",
    [
        "internal",
        "odd-code",
        "garbage",
        "not-utf8",
        "not-an-event",
        "a-list",
        "nan",
        "other-schema",
        "deep",
        "ends-early",
        "empty",
        "breaks-off",
        "status-400",
        "status-500",
    ],
)
async def test_what_makes_no_sense_is_a_broken_attempt(address: str, case: str) -> None:
    with pytest.raises(AnalysisBroken):
        await analyse(address, case)


@pytest.mark.parametrize("case", ["status-404", "status-502", "status-503", "status-504"])
async def test_a_server_that_is_not_up_is_unavailable(address: str, case: str) -> None:
    with pytest.raises(AnalysisUnavailable) as error:
        await analyse(address, case)
    assert error.value.retry_after_s is None


async def test_backpressure_tells_when_to_come_again(address: str) -> None:
    with pytest.raises(AnalysisUnavailable) as error:
        await analyse(address, "status-429")
    assert error.value.retry_after_s == 7.0


async def test_a_refused_connection_is_unavailable_and_not_healthy() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take it
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(AnalysisUnavailable):
            await analyse(address, "good")
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            assert not await ModelServer(client, "ecg_rhythm", 1, 1).healthy()


async def test_a_server_that_answers_is_healthy(address: str) -> None:
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        assert await ModelServer(client, "ecg_rhythm", 1, 1).healthy()


async def test_a_slow_stream_is_fine_as_long_as_it_speaks(address: str) -> None:
    _, seen = await analyse(address, "slow", silence_s=0.5)
    assert len(seen) == 6


async def test_silence_is_a_broken_attempt(address: str) -> None:
    with pytest.raises(AnalysisBroken, match="silent"):
        await analyse(address, "silent", silence_s=0.2)


async def test_the_deadline_ends_even_a_talkative_stream(address: str) -> None:
    with pytest.raises(AnalysisBroken, match=r"no result within 0\.4 s"):
        await analyse(address, "slow", deadline_s=0.4)


def test_retry_after_is_read_in_both_its_forms() -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert retry_after_s("30", now) == 30.0
    assert retry_after_s("Mon, 23 Nov 2026 12:01:00 GMT", now) == 60.0
    assert retry_after_s("Mon, 23 Nov 2026 11:00:00 GMT", now) == 0.0
    for nothing in (None, "", "soon", "-5"):
        assert retry_after_s(nothing, now) is None
