"""Videos go through prod's fleet on the embedded AWS, and a box of it is lost.

Under the deployed user data the boxes are hurried ones (hurried_box.py); the longer form, with Ray and the real reader,
is one of the faults.
"""

from __future__ import annotations

import random
import ssl
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import httpx
import pytest

from generator.deployment import SystemClock
from generator.local.emulator import Emulator
from generator.local.fargate import Fargate
from generator.local.gpu_box import GpuBox, Tools
from generator.proof_token import proof_token
from generator.sync.proof import Analysis
from generator.video_client import VideoClient
from tests.functional.conftest import ROOT, Deployed
from tests.functional.fleet import Fleet, hurried

JOBS = 12
HOOK_S = 180.0
"""After which a box goes that does not say that it has drained: `drain_seconds` and a minute."""
PATIENCE_S = 900.0
"""For a fleet of real boxes on two busy cores; hurried ones take seconds."""


@pytest.fixture
def host(request: pytest.FixtureRequest, prod: Deployed, tmp_path: Path) -> Iterator[GpuBox]:
    """Tasks and boxes of what is deployed, with Ray in each box or without."""
    emulator = prod.emulator
    tasks = Fargate(emulator.connection, emulator.state_dir, ROOT / ".venv")
    python = ROOT / ".venv-serve" if request.param == "ray" else hurried(tmp_path / "environment")
    boxes = GpuBox(emulator.connection, emulator.state_dir, Tools(ROOT / ".venv-aws/bin", python))
    tasks.start()
    boxes.start()
    yield boxes
    boxes.stop()
    tasks.stop()


class _AnyTask(httpx.BaseTransport):
    """Asks whichever of the API's tasks runs at `http://api`: the page's address is not asked."""

    def __init__(self, emulator: Emulator, prefix: str) -> None:
        self._ecs, self._cluster = emulator.client("ecs"), f"{prefix}-cluster"
        self._http = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=str(emulator.ca_bundle)))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "api":
            request.url = request.url.copy_with(host=self._address(), port=8000)
        return self._http.handle_request(request)

    def _address(self) -> str:
        arns = self._ecs.list_tasks(cluster=self._cluster, desiredStatus="RUNNING")["taskArns"]
        tasks = self._ecs.describe_tasks(cluster=self._cluster, tasks=arns)["tasks"] if arns else []
        found = [task["attachments"][0]["details"] for task in tasks if task["lastStatus"] == "RUNNING"]
        if not found:
            raise httpx.ConnectError("no task runs")
        return next(one["value"] for one in random.choice(found) if one["name"] == "privateIPv4Address")


@pytest.mark.parametrize("host", ["hurried", pytest.param("ray", marks=pytest.mark.faults)], indirect=True)
def test_videos_go_through_the_fleet_and_a_box_that_is_lost_loses_none_and_is_replaced(
    host: GpuBox, prod: Deployed
) -> None:
    emulator, outputs = prod.emulator, prod.outputs
    fleet = Fleet(emulator, outputs["ModelServerGroupName"])
    began = time.monotonic()
    first = fleet.await_serving(2, PATIENCE_S)
    started_s = time.monotonic() - began
    assert len({one["Placement"]["AvailabilityZone"] for one in fleet.instances().values()}) == 2
    token = proof_token(prod.clients, outputs)()

    def analysed(_: int) -> Analysis:
        client = VideoClient(
            "http://api", None, SystemClock(), transport=_AnyTask(emulator, prod.prefix), token=lambda: token
        )
        return client.analyse(ROOT / "samples/sweep.mp4", lambda _: None, PATIENCE_S)

    with ThreadPoolExecutor(JOBS) as owners:
        jobs = [owners.submit(analysed, number) for number in range(JOBS)]
        next(as_completed(jobs))  # six are under way at any time, on both boxes
        lost, began = min(first), time.monotonic()
        host.lose(lost)
        left = sum(not job.done() for job in jobs)
        results = [job.result().result for job in jobs]
        second = fleet.await_serving(2, PATIENCE_S)
        whole_s = time.monotonic() - began
    assert left >= JOBS / 2, "most of them were still to be read"
    assert {one["schema"] for one in results} == {"ecg-result/v1"}
    assert len(second - first) == 1
    assert lost not in second
    dead = emulator.client("sqs").get_queue_attributes(
        QueueUrl=outputs["JobsDeadLetterQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert dead["Attributes"]["ApproximateNumberOfMessages"] == "0"
    # One fewer: Serve drains, and the agent says so long before the hook would run out.
    began = time.monotonic()
    fleet.scale(1)
    fleet.await_serving(1, PATIENCE_S)
    drained_s = time.monotonic() - began
    fleet.scale(2)
    assert drained_s < HOOK_S
    sys.stdout.write(
        f"\nfleet: two boxes in service after {started_s:.0f} s; one lost with {left} of {JOBS} videos to be read, "
        f"{len(results)} read, the group whole again {whole_s:.0f} s later; "
        f"one that had to go drained and gone in {drained_s:.0f} s\n"
    )
