"""A box of a fleet in a hurry: Serve's proxy as uvicorn, the agent's part in the group as it is, and no Ray.

Run as `python -m tests.functional.hurried_box`, with what the updater gives the agent. It reads nothing: a video is a
few steps of progress and a result that names its job and the box. What the agent waits for in calm takes a second here.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

import uvicorn

from reconciler import service
from reconciler.service import AutoScaling, Metadata, Service
from tests.functional.streaming import say_line, whole_body

PORT = 8080
READING_S = float(os.environ.get("ECG_HURRIED_READING_S", "2"))
_under_way = 0


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Health, routes, and a reading for every POST."""
    global _under_way
    if scope["type"] != "http":
        return
    body = await whole_body(receive)
    if scope["method"] != "POST":
        routes = json.dumps({"/ecg_rhythm": "ecg_rhythm"}).encode()
        await _say(send, 200, routes if scope["path"] == "/-/routes" else b"success")
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    _under_way += 1
    try:
        job = json.loads(body)["job_id"]
        pause_s = READING_S * Random(job).uniform(0.5, 1.5) / 4
        for step in range(4):
            await say_line(send, {"event": "progress", "stage": "read", "fraction": step / 4})
            await asyncio.sleep(pause_s)
        result = {"schema": "ecg-result/v1", "job": job, "box": os.environ["ECG_HTTP_HOST"]}
        await say_line(send, {"event": "result", "result": result})
        await send({"type": "http.response.body"})
    finally:
        _under_way -= 1


async def _say(send: Any, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


def _member(server: uvicorn.Server) -> None:
    """What the agent does besides serving, until the box may go."""
    service._QUIET_S = 1.0
    box = Service(
        Metadata.from_environment(os.environ),
        AutoScaling.from_environment(os.environ["ECG_GROUP"]),
        lambda: _under_way,
        time.monotonic,
        lambda: None,
    )
    while not box.turn(server.started, lambda: _drained(server)):
        time.sleep(0.3)


def _drained(server: uvicorn.Server) -> None:
    """Say what was under way at the end, beside the box's disk, and end."""
    disk = Path(os.environ["ECG_ROOT"])
    (disk.parents[1] / f"{disk.name}.drained").write_text(str(_under_way), encoding="utf-8")
    server.should_exit = True


def main() -> None:
    """Serve until told to stop."""
    server = uvicorn.Server(uvicorn.Config(app, host=os.environ["ECG_HTTP_HOST"], port=PORT, log_level="warning"))
    threading.Thread(target=_member, args=(server,), daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
