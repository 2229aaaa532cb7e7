"""Fargate's stand-in: an ECS agent that runs every task of the emulated ECS as processes of this machine.

It sees tasks through ECS's own API and reports through the calls of ECS's own agent; when to start and to stop tasks
is decided by the emulated ECS (plugin/agent.py). Change the deployed task definition and what runs here changes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from generator.local.connection import Connection
from generator.local.roles import CredentialsServer
from generator.local.task import Surroundings, Task

_log = logging.getLogger(__name__)
_POLL_S = 0.5
_CALL_S = 3.0
_DESCRIBED_AT_ONCE = 100
_LONGEST_PAUSE_S = 30.0


class Fargate:
    """Runs tasks from `start` to `stop`. Tasks' files and logs lie under `state_dir/tasks/<task id>/`."""

    def __init__(self, connection: Connection, state_dir: Path, python_environment: Path) -> None:
        """`python_environment` is the virtual environment whose programs stand for those inside the image."""
        self._ecs = connection.client("ecs")
        self._credentials = CredentialsServer()
        self._around = Surroundings(connection, self._credentials, python_environment, state_dir / "tasks")
        self._tasks: dict[str, Task] = {}
        # Failures of a task definition since it last ran well, and when it may be tried again.
        self._failures: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fargate", daemon=True)

    def start(self) -> None:
        """Begin; returns when ECS knows that there is an agent."""
        self._ecs.discover_poll_endpoint()
        self._thread.start()

    def stop(self) -> None:
        """Stop every task and wait until nothing of them runs. ECS is not told: it would start them again."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        for task in self._tasks.values():
            task.stop(silent=True)
        for task in list(self._tasks.values()):
            task.join()
        self._credentials.close()

    def _run(self) -> None:
        called = 0.0
        while not self._stopping.wait(_POLL_S):
            try:
                if time.monotonic() - called > _CALL_S:
                    self._ecs.discover_poll_endpoint()
                    called = time.monotonic()
                self._look()
            except (ClientError, BotoCoreError) as error:
                _log.warning("ECS did not answer: %s", error)

    def _look(self) -> None:
        for cluster in self._ecs.list_clusters()["clusterArns"]:
            wanted = self._ecs.list_tasks(cluster=cluster)["taskArns"]
            ours = [arn for arn in self._tasks if _cluster_of(arn) == cluster.rpartition("/")[2]]
            arns = sorted({*wanted, *ours})
            for first in range(0, len(arns), _DESCRIBED_AT_ONCE):
                described = self._ecs.describe_tasks(cluster=cluster, tasks=arns[first : first + _DESCRIBED_AT_ONCE])
                for task in described["tasks"]:
                    self._attend(task)
                for missing in described["failures"]:
                    self._drop(missing["arn"])

    def _attend(self, task: dict[str, Any]) -> None:
        arn, definition = task["taskArn"], task["taskDefinitionArn"]
        running = self._tasks.get(arn)
        if task["desiredStatus"] == "STOPPED":
            if running is not None:
                running.stop()
        elif running is None and task["lastStatus"] == "PENDING" and time.monotonic() >= self._pause(definition):
            described = self._ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]

            def ended(failed: bool) -> None:
                self._tasks.pop(arn, None)
                if failed:
                    self._failures[definition] += 1
                    pause = min(2.0 ** (self._failures[definition] - 3), _LONGEST_PAUSE_S)
                    self._not_before[definition] = time.monotonic() + pause

            self._tasks[arn] = Task(task, described, self._around, ended)
        if task.get("healthStatus") == "HEALTHY":
            self._failures.pop(definition, None)
            self._not_before.pop(definition, None)

    def _pause(self, definition: str) -> float:
        """When the next task of `definition` may start: later after each failure, as ECS throttles restarts."""
        return self._not_before.get(definition, 0.0)

    def _drop(self, arn: str) -> None:
        if running := self._tasks.get(arn):
            running.stop(silent=True)


def _cluster_of(task_arn: str) -> str:
    return task_arn.split("/")[1]
