"""Two programs of `test_killed_tasks`, run by uvicorn: an API task in a hurry, and a model server that reads nothing.

The task is the API as it is deployed, but that what takes it minutes (a dead worker's message comes again, a sweep)
takes seconds, so that a test can wait for it.
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import timedelta
from random import Random
from typing import Any

from fastapi import FastAPI

from ecg_api import logs
from ecg_api.app import build_app
from ecg_api.attempt import WorkerTiming
from ecg_api.services import make_services
from ecg_api.settings import Settings
from ecg_api.sweep import Patience
from tests.functional.streaming import say_line, whole_body

TIMING = WorkerTiming(poll_s=1, visibility_s=5, heartbeat_s=1.0, duplicate_s=10)
PATIENCE = Patience(claim=timedelta(seconds=5), queued=timedelta(seconds=10), every_s=4.0)
APP = "ecg_rhythm"


def task() -> FastAPI:
    """The API."""
    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log_level)
    return build_app(lambda: make_services(settings, TIMING, PATIENCE))


async def model_server(scope: Any, receive: Any, send: Any) -> None:
    """Streams some progress for two to five seconds, then a result that names its job."""
    if scope["type"] != "http":
        return
    body = await whole_body(receive)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == f"/{APP}/analyze":
        job_id = json.loads(body)["job_id"]
        pause_s = Random(job_id).uniform(2, 5) / 4
        for step in range(4):
            await asyncio.sleep(pause_s)
            await say_line(send, {"event": "progress", "stage": "read", "fraction": step / 4})
        await say_line(send, {"event": "result", "result": {"schema": "ecg-result/v1", "job": job_id}})
    await send({"type": "http.response.body"})
