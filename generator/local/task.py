"""One Fargate task: the container that its deployed task definition describes, as a process of this machine."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from generator.local.connection import Connection
from generator.local.container_log import ContainerLog
from generator.local.health_check import HealthCheck, Verdict
from generator.local.processes import Process
from generator.local.roles import CredentialsServer, RoleSession
from generator.publish.image import ImageNotFound, pull_tree

SERVICE = "ecs-tasks.amazonaws.com"
_DEFAULT_STOP_TIMEOUT_S = 30.0


class CannotStart(Exception):
    """Why a task stops before it runs; the message is its stop reason, worded as ECS words it."""


@dataclass(frozen=True)
class Surroundings:
    """What every task has around it: the emulator, the keys' server, the Python environment, and where to write."""

    administrator: Connection
    credentials: CredentialsServer
    python_environment: Path
    directory: Path


class Task:
    """Runs one task to its end on a thread of its own, and reports each step to ECS, as its agent does."""

    def __init__(
        self,
        task: Mapping[str, Any],
        definition: Mapping[str, Any],
        surroundings: Surroundings,
        ended: Callable[[bool], None],
    ) -> None:
        """`ended(failed)` is called once, from the task's thread."""
        self.arn: str = task["taskArn"]
        self._cluster = task["clusterArn"]
        self._id = self.arn.rpartition("/")[2]
        self._address = _address_of(task)
        self._definition = definition
        self._around = surroundings
        self._ended = ended
        self._directory = surroundings.directory / self._id
        self._ecs = surroundings.administrator.client("ecs")
        self._asked = threading.Event()
        self._process: Process | None = None
        self._silent = False
        self._thread = threading.Thread(target=self._run, name=f"task-{self._id[:8]}", daemon=True)
        self._thread.start()

    def stop(self, *, silent: bool = False) -> None:
        """Ask it to stop: SIGTERM, `stopTimeout`, SIGKILL. When `silent`, ECS is not told."""
        self._silent = self._silent or silent
        self._asked.set()

    def join(self) -> None:
        """Wait until nothing of it runs."""
        self._thread.join()

    def _run(self) -> None:
        failed = True
        container = self._definition["containerDefinitions"][0]
        try:
            environment, log = self._prepare(container)
            if not self._asked.is_set():
                failed = self._live(container, environment, log)
        except CannotStart as error:
            self._report(status="STOPPED", reason=str(error))
        except Exception as error:
            self._report(status="STOPPED", reason=f"ResourceInitializationError: {type(error).__name__}: {error}")
        finally:
            self._around.credentials.withdraw(self._id)
            shutil.rmtree(self._directory / "root", ignore_errors=True)
            self._ended(failed and not self._asked.is_set())
        if self._asked.is_set() and self._process is None:
            self._report(status="STOPPED", reason="")

    def _prepare(self, container: Mapping[str, Any]) -> tuple[dict[str, str], ContainerLog]:
        """Pull the image, fetch secrets, open the log: everything before the process."""
        if len(self._definition["containerDefinitions"]) != 1:
            raise CannotStart("ResourceInitializationError: the stand-in runs tasks of one container only")
        self._report(status="ACTIVATING")
        execution = RoleSession(
            self._around.administrator, self._definition["executionRoleArn"], self._id, SERVICE
        ).connection()
        self._digest, files = self._pull(execution, container["image"])
        root = self._directory / "root"
        for path, content in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            if content.startswith(b"#!"):
                target.chmod(0o755)
        return self._environment(container, execution), self._log(container, execution)

    def _pull(self, execution: Connection, image: str) -> tuple[str, dict[str, bytes]]:
        repository, _, tag = image.partition("/")[2].rpartition(":")
        try:
            return pull_tree(execution.client("ecr"), repository, tag, fetch=_fetch_with(execution))
        except ImageNotFound as error:
            raise CannotStart(f"CannotPullContainerError: pull image manifest: {image}: {error}") from error

    def _environment(self, container: Mapping[str, Any], execution: Connection) -> dict[str, str]:
        environment = {
            "PATH": f"{self._around.python_environment / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._directory),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self._around.administrator.surroundings(),
        }
        if role := self._definition.get("taskRoleArn"):
            session = RoleSession(self._around.administrator, role, self._id, SERVICE)
            try:
                session.answer()
            except ClientError as error:
                raise CannotStart(f"ResourceInitializationError: unable to assume the task role: {error}") from error
            environment |= self._around.credentials.offer(self._id, session)
        environment |= {each["name"]: each["value"] for each in container.get("environment", ())}
        for secret in container.get("secrets", ()):
            try:
                value = execution.client("secretsmanager").get_secret_value(SecretId=secret["valueFrom"])
            except ClientError as error:
                raise CannotStart(f"ResourceInitializationError: unable to pull secrets: {error}") from error
            environment[secret["name"]] = value["SecretString"]
        return environment

    def _log(self, container: Mapping[str, Any], execution: Connection) -> ContainerLog:
        path = self._directory / f"{container['name']}.log"
        settings = container.get("logConfiguration") or {}
        if settings.get("logDriver") != "awslogs":
            return ContainerLog(path)
        options = settings["options"]
        stream = f"{options.get('awslogs-stream-prefix', '')}/{container['name']}/{self._id}".lstrip("/")
        try:
            return ContainerLog(path, execution.client("logs"), options["awslogs-group"], stream)
        except ClientError as error:
            raise CannotStart(
                f"ResourceInitializationError: failed to validate logger args: create stream: {error}"
            ) from error

    def _live(self, container: Mapping[str, Any], environment: Mapping[str, str], log: ContainerLog) -> bool:
        """Run the process to its end; whether it failed, that is: ended without having been asked to."""
        command = [*container.get("entryPoint", ()), *container.get("command", ())]
        if not command:
            raise CannotStart("CannotStartContainerError: the task definition names no command")
        # The task has this loopback address to itself, as it would have its own network interface.
        here = [part.replace("0.0.0.0", self._address) for part in command]  # noqa: S104 - it is what is replaced
        root = self._directory / "root"
        root.mkdir(parents=True, exist_ok=True)
        process = self._process = Process(
            here,
            environment=environment,
            directory=root,
            output=subprocess.PIPE,
            grace_s=float(container.get("stopTimeout", _DEFAULT_STOP_TIMEOUT_S)),
        )
        assert process.output is not None  # noqa: S101 - PIPE was asked for
        reader = threading.Thread(target=log.follow, args=(process.output,), daemon=True)
        reader.start()
        change = {"containerName": container["name"], "imageDigest": self._digest, "runtimeId": str(process.pid)}
        self._report(status="RUNNING", containers=[change])
        gone = threading.Event()
        if check := container.get("healthCheck"):
            self._watch(container["name"], HealthCheck.deployed(check, self._address), gone, environment, root)
        while process.exit_code() is None and not self._asked.wait(0.2):
            pass
        gone.set()
        asked = self._asked.is_set()
        code = process.stop()
        reader.join(5.0)
        self._report(
            status="STOPPED",
            reason="" if asked else f"Essential container in task exited with code {code}",
            containers=[{"containerName": container["name"], "exitCode": code}],
        )
        return not asked

    def _watch(
        self, name: str, check: HealthCheck, gone: threading.Event, environment: Mapping[str, str], root: Path
    ) -> None:
        def report(verdict: Verdict) -> None:
            if not gone.is_set():
                self._ecs.submit_container_state_change(
                    cluster=self._cluster, task=self.arn, containerName=name, status=verdict
                )

        threading.Thread(
            target=check.watch,
            args=(report, gone),
            kwargs={"environment": environment, "directory": root},
            name=f"health-{self._id[:8]}",
            daemon=True,
        ).start()

    def _report(self, **change: Any) -> None:
        if self._silent:
            return
        # A task whose cluster is gone has nobody left to report to.
        with contextlib.suppress(ClientError):
            self._ecs.submit_task_state_change(cluster=self._cluster, task=self.arn, **change)


def _address_of(task: Mapping[str, Any]) -> str:
    for attachment in task["attachments"]:
        for detail in attachment["details"]:
            if detail["name"] == "privateIPv4Address":
                return str(detail["value"])
    raise ValueError(f"the task {task['taskArn']} has no network interface")


def _fetch_with(connection: Connection) -> Callable[[str], bytes]:
    """A fetcher that trusts the emulator's authority."""
    import ssl
    import urllib.request

    trust = ssl.create_default_context(cafile=str(connection.ca_bundle))

    def fetch(url: str) -> bytes:
        with urllib.request.urlopen(url, timeout=60, context=trust) as answer:  # noqa: S310 - the emulator's registry
            content: bytes = answer.read()
        return content

    return fetch
