"""API tasks as real processes on the embedded AWS, killed (SIGKILL) at random: nothing is lost, nothing doubled.

`test_thousand_jobs.py` has far more faults, in one process and in virtual time. This one has the real adapters, the
real server and the real end of a process, so that nothing of a task is cleaned up.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from generator.aws.jobs import Files
from generator.local.emulator import Emulator
from tests.functional.conftest import Client, Stacks
from tests.services.api.fakes import MP4

ROOT = Path(__file__).parents[2]
TASKS = 3
KILLED_EVERY_S = 2.5
KILLS = 12
ARRIVE_WITHIN_S = 20.0
SETTLED_WITHIN_S = 300.0
FINAL = ("done", "failed")

RESOURCES: dict[str, Any] = {
    "Videos": {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}},
    "Artifacts": {"Type": "AWS::S3::Bucket"},
    "Dead": {"Type": "AWS::SQS::Queue"},
    "Queue": {
        "Type": "AWS::SQS::Queue",
        "Properties": {"RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 5}},
    },
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("owner", "id")],
            "KeySchema": [
                {"AttributeName": "owner", "KeyType": "HASH"},
                {"AttributeName": "id", "KeyType": "RANGE"},
            ],
        },
    },
}
OUTPUTS = {name: {"Ref": name} for name in RESOURCES}


class Service:
    """Some tasks and the model server, each a process on a port of its own."""

    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self.environment = environment
        self.logs = logs
        self.ports = [_free_port() for _ in range(TASKS)]
        self.tasks: list[subprocess.Popen[bytes] | None] = [None] * TASKS
        self.killed = 0

    def start(self, number: int) -> None:
        self.tasks[number] = _uvicorn("task", self.ports[number], self.environment, self.logs / f"task-{number}")

    def kill(self, number: int) -> None:
        if (task := self.tasks[number]) is not None:
            task.kill()
            task.wait()
            self.killed += 1

    async def storm(self, random: Random) -> None:
        """Kill a task that answers, now and then, and start another in its place, as ECS does."""
        while self.killed < KILLS:
            await asyncio.sleep(random.expovariate(1 / KILLED_EVERY_S))
            number = random.randrange(TASKS)
            if await self._answers(number):
                await asyncio.to_thread(self.kill, number)
                await asyncio.to_thread(self.start, number)

    async def _answers(self, number: int) -> bool:
        """Tell whether a task has started: one that is killed before can lose nothing, and gets nowhere."""
        async with httpx.AsyncClient(trust_env=False) as http:
            try:
                return (await http.get(f"http://127.0.0.1:{self.ports[number]}/health")).is_success
            except httpx.TransportError:
                return False


@contextmanager
def serving(environment: dict[str, str], logs: Path) -> Iterator[Service]:
    port = _free_port()
    model = _uvicorn("model_server", port, environment, logs / "model")
    service = Service({**environment, "MODEL_SERVER_URL": f"http://127.0.0.1:{port}"}, logs)
    try:
        for number in range(TASKS):
            service.start(number)
        yield service
    finally:
        for process in (*service.tasks, model):
            if process is not None:
                process.kill()
                process.wait()


def _uvicorn(program: str, port: int, environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    factory = ["--factory"] if program == "task" else []
    command = ["-m", "uvicorn", f"tests.functional.hurried_task:{program}", *factory, "--port", str(port)]
    with log.open("ab") as out:
        return subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=out, stderr=out)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Owner:
    """Uploads a video, and asks again, another task perhaps, until it is answered."""

    def __init__(self, http: httpx.AsyncClient, ports: list[int], random: Random) -> None:
        self.http, self.ports, self.random = http, ports, random

    async def upload(self, number: int) -> str:
        await asyncio.sleep(self.random.uniform(0, ARRIVE_WITHIN_S))
        new = {"name": f"{number}.mp4", "size": len(MP4), "content_type": "video/mp4"}
        video = await self._insist("/api/videos", json=new, headers={"Idempotency-Key": f"owner-{number}"})
        put = await self.http.put(video["upload"]["url"], content=MP4, headers=video["upload"]["headers"])
        assert put.status_code == 200, put.text
        await self._insist(f"/api/videos/{video['id']}/complete")
        return str(video["id"])

    async def _insist(self, path: str, **request: Any) -> dict[str, Any]:
        while True:
            url = f"http://127.0.0.1:{self.random.choice(self.ports)}{path}"
            try:
                answer = await self.http.post(url, **request)
            except httpx.TransportError:
                await asyncio.sleep(0.3)
                continue
            if answer.is_success:
                return dict(answer.json())
            assert answer.status_code in (409, 503), answer.text
            await asyncio.sleep(0.3)


class Kept:
    """What the stores hold in the end."""

    def __init__(self, client: Client, made: dict[str, str]) -> None:
        self.dynamodb, self.s3, self.made = client("dynamodb"), client("s3"), made

    def jobs(self) -> dict[str, dict[str, Any]]:
        items = self.dynamodb.scan(TableName=self.made["Table"], ConsistentRead=True)["Items"]
        return {item["id"]["S"]: item for item in items if "state" in item}

    def results(self) -> Counter[str]:
        """How often each job's result was written: the bucket keeps every version."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.made["Videos"])
        keys = [version["Key"] for page in pages for version in page.get("Versions", ())]
        return Counter(key.split("/")[2] for key in keys if key.endswith("/result.json"))

    def result_of(self, job_id: str) -> str:
        body = self.s3.get_object(Bucket=self.made["Videos"], Key=f"videos/local/{job_id}/result.json")["Body"].read()
        return str(json.loads(body)["job"])


async def _storm(service: Service, jobs: int, kept: Kept, trust: str, random: Random) -> list[str]:
    """Have `jobs` videos uploaded and analysed while tasks are killed; their ids."""
    context = ssl.create_default_context(cafile=trust)
    async with httpx.AsyncClient(verify=context, timeout=30, trust_env=False) as http:
        storm = asyncio.create_task(service.storm(random))
        owners = [Owner(http, service.ports, Random(number)) for number in range(jobs)]
        promised = await asyncio.gather(*(owner.upload(number) for number, owner in enumerate(owners)))
        until = time.monotonic() + SETTLED_WITHIN_S
        while time.monotonic() < until:
            states = {job_id: item["state"]["S"] for job_id, item in (await asyncio.to_thread(kept.jobs)).items()}
            if all(states[job_id] in FINAL for job_id in promised):
                break
            await asyncio.sleep(0.5)
        assert storm.done(), f"all was settled after {service.killed} of {KILLS} kills: have more jobs"
        storm.result()
    return list(promised)


@pytest.fixture
def made(stacks: Stacks, client: Client) -> Iterator[dict[str, str]]:
    """Buckets, queues and table; a bucket has to be empty to be deleted."""
    names = stacks.put("killed-tasks", RESOURCES, OUTPUTS)
    yield names
    Files(client("s3"), names["Videos"]).erase("")


@pytest.mark.faults
def test_tasks_that_are_killed_lose_nothing_and_double_nothing(
    emulator: Emulator, made: dict[str, str], client: Client, tmp_path: Path
) -> None:
    jobs = 150
    kept = Kept(client, made)
    environment = {
        **emulator.connection.environment(),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'services/api'}",
        "ENVIRONMENT": "dev",
        "SIGN_IN": "none",
        "S3_BUCKET_NAME": made["Videos"],
        "ARTIFACTS_BUCKET_NAME": made["Artifacts"],
        "JOBS_TABLE_NAME": made["Table"],
        "JOBS_QUEUE_URL": made["Queue"],
        "JOBS_DEAD_LETTER_QUEUE_URL": made["Dead"],
        "DISTRIBUTION_ID": "E1",
        "DISTRIBUTION_DOMAIN_NAME": "d1.cloudfront.net",
        "VIDEO_KEY_ID": "K1",
        "VIDEO_KEY_SECRET_NAME": "none",
        "RATE_PER_S": "1000",
        "RATE_BURST": "1000",
        "WORKER_CONCURRENCY": "4",
    }
    with serving(environment, tmp_path) as service:
        promised = asyncio.run(_storm(service, jobs, kept, str(emulator.ca_bundle), Random(7)))
        found, results = kept.jobs(), kept.results()
        ended = Counter(found[job_id]["state"]["S"] for job_id in promised)
        lost = [
            job_id
            for job_id in promised
            if found[job_id]["state"]["S"] not in FINAL
            or (found[job_id]["state"]["S"] == "failed" and "error" not in found[job_id])
            or (found[job_id]["state"]["S"] == "done" and kept.result_of(job_id) != job_id)
        ]
        doubled = [job_id for job_id, times in results.items() if times > 1]
        denied = [job_id for job_id in results if found[job_id]["state"]["S"] == "failed"]
    rows = {
        "jobs": len(promised),
        "tasks killed": service.killed,
        "attempts": sum(int(item["attempts"]["N"]) for item in found.values()),
        "ended done": ended["done"],
        "ended failed": ended["failed"],
        "failed with a result": len(denied),
        "lost": len(lost),
        "duplicated": len(doubled),
    }
    sys.stdout.write("\n" + "".join(f"{name:24}{count:6}\n" for name, count in rows.items()))
    assert len(set(promised)) == jobs
    assert (lost, doubled, denied) == ([], [], [])
    assert rows["attempts"] > jobs, "some were killed in the middle of an attempt"
