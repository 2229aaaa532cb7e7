"""`python -m reconciler`: made and kept running by the updater. SIGTERM ends Ray too; SIGHUP leaves it serving."""

import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

from kit import logs
from reconciler.actions import StartRay, Wait
from reconciler.fleet_report import FleetReport
from reconciler.golden import HttpProver
from reconciler.gpus import CloudWatch, Gpus, utilization
from reconciler.loop import Reconciler
from reconciler.ray_head import RayHead
from reconciler.reporter import Clock
from reconciler.serve_api import RestServeApi
from reconciler.service import AutoScaling, Metadata, Service, under_way_by_metrics
from reconciler.settings import Settings
from reconciler.store import Bucket, S3Bucket

_BUSY_S = 0.5
"""Between two turns while there is something to do."""


def main() -> int:
    """Run until told to stop."""
    settings = Settings.from_environment(os.environ)
    ended = threading.Event()
    received: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    bucket: Bucket = S3Bucket.from_environment(settings.bucket)
    ray = RayHead(settings, os.environ)
    service = None
    if settings.group:
        service, bucket = _of_a_fleet(settings, ray)
    reconciler = Reconciler(
        settings,
        bucket,
        ray,
        RestServeApi(httpx.Client(trust_env=False)),
        HttpProver(httpx.Client(trust_env=False)),
        Clock(time.monotonic, lambda: datetime.now(UTC)),
        _device(),
        platform.python_version(),
    )
    gpus = Gpus(utilization, CloudWatch(settings.bucket).tell, time.monotonic)
    log = logs.logger("reconciler")
    while not ended.is_set():
        pause = _BUSY_S
        try:
            action = reconciler.turn()
            gpus.turn()
            if service and service.turn(reconciler.serving, reconciler.stop):
                ended.wait()  # the instance is being terminated
            if isinstance(action, StartRay) or (isinstance(action, Wait) and not action.soon):
                pause = settings.poll_s
        except Exception:
            # A bug must not end the agent: Serve goes on, and the log says what happened.
            log.exception("the turn broke off")
            pause = settings.poll_s
        ended.wait(pause)
    if signal.SIGHUP in received:
        reconciler.leave()
    else:
        reconciler.stop()
    return 0


def _of_a_fleet(settings: Settings, ray: RayHead) -> tuple[Service, FleetReport]:
    """What a box in an Auto Scaling group does besides."""

    def under_way() -> int:
        return under_way_by_metrics(ray.session.metrics_port) if ray.session else 0

    metadata = Metadata.from_environment(os.environ)
    report = FleetReport(S3Bucket.from_environment(settings.bucket), settings, metadata.name, lambda: datetime.now(UTC))
    group = AutoScaling.from_environment(settings.group)
    return Service(metadata, group, under_way, time.monotonic, report.leave), report


def _device() -> Callable[[], Mapping[str, Any] | None]:
    """Asks which device models run on, in a process of its own: torch takes seconds and a lot of memory.

    Begins at the first call, and answers None until it knows.
    """
    asking: list[subprocess.Popen[str]] = []

    def device() -> Mapping[str, Any] | None:
        if not asking:
            command = [sys.executable, "-m", "kit.device"]
            folder = Path(__file__).parents[1]
            asking.append(
                subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            )
        (process,) = asking
        if process.poll() is None:
            return None
        told: dict[str, Any] = json.loads(process.communicate()[0] or '{"kind": "unknown", "name": "no torch"}')
        return told

    return device


if __name__ == "__main__":
    sys.exit(main())
