"""EC2's stand-in: every running instance is a folder and the services that its deployed user data installs.

As on a real box: user data runs once per instance (cloud-init); the services that it enabled start at every boot; a
stop and start of the instance, say for a new type, restarts the services and does not run user data again; a
terminated or replaced instance is gone with its disk. `systemctl` and `dnf` only record what they were asked.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from generator.local.connection import Connection
from generator.local.metadata import MetadataServer
from generator.local.processes import Process
from generator.local.roles import CredentialsServer, RoleSession
from generator.local.systemd_unit import Unit, parse_unit, unit_file

_log = logging.getLogger(__name__)
_POLL_S = 1.0
_USER_DATA_DEADLINE_S = 300.0
_SERVICE = "ec2.amazonaws.com"
_SHIMS = ("systemctl", "dnf", "yum", "hostnamectl")
_SHIM = '#!/bin/sh\necho "$(basename "$0") $*" >> "$ECG_ROOT/var/log/shims.log"\n'


@dataclass(frozen=True)
class Tools:
    """Where the box's programs come from: `aws` for the updater, and the Python environment that Ray Serve runs in."""

    aws_bin: Path
    python_environment: Path


class GpuBox:
    """Boots the emulated instances from `start` to `stop`. A box's disk is `state_dir/boxes/<instance id>/`."""

    def __init__(self, connection: Connection, state_dir: Path, tools: Tools) -> None:
        self._connection = connection
        self._ec2, self._auto_scaling = connection.client("ec2"), connection.client("autoscaling")
        self._directory = state_dir / "boxes"
        self._tools = tools
        self._credentials, self._metadata = CredentialsServer(), MetadataServer()
        self._boxes: dict[str, _Box] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpu-box", daemon=True)

    def start(self) -> None:
        """Begin to watch for instances."""
        self._thread.start()

    def stop(self) -> None:
        """Stop all services of all boxes; their disks stay, and boot again at the next start."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        for box in self._boxes.values():
            box.shut_down()
        for box in self._boxes.values():
            box.join()
        self._credentials.close()
        self._metadata.close()

    def lose(self, instance: str) -> None:
        """End everything of a box at once, as when its host fails, and have EC2 say so. It does not come back."""
        self._boxes[instance].cut_off()
        self._ec2.terminate_instances(InstanceIds=[instance])

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except (ClientError, BotoCoreError) as error:
                _log.warning("EC2 did not answer: %s", error)
            self._stopping.wait(_POLL_S)

    def _look(self) -> None:
        found = {
            instance["InstanceId"]: instance
            for reservation in self._ec2.describe_instances()["Reservations"]
            for instance in reservation["Instances"]
        }
        members = self._auto_scaling.describe_auto_scaling_instances()["AutoScalingInstances"]
        self._metadata.tell({each["InstanceId"]: each["LifecycleState"] for each in members})
        for identity, box in list(self._boxes.items()):
            instance = found.get(identity)
            running = instance is not None and instance["State"]["Name"] == "running"
            # A start gives a new launch time, so a stop and start between two looks is seen too.
            if not running or (instance is not None and str(instance["LaunchTime"]) != box.launched):
                box.shut_down()
                box.join()
                del self._boxes[identity]
        for identity, instance in found.items():
            if instance["State"]["Name"] == "running" and identity not in self._boxes:
                self._boxes[identity] = self._boot(instance)
        self._clear_disks({identity for identity, each in found.items() if each["State"]["Name"] != "terminated"})

    def _clear_disks(self, existing: set[str]) -> None:
        if self._directory.exists():
            for disk in self._directory.iterdir():
                if disk.name not in existing:
                    shutil.rmtree(disk, ignore_errors=True)

    def _boot(self, instance: Mapping[str, Any]) -> _Box:
        identity = instance["InstanceId"]
        attribute = self._ec2.describe_instance_attribute(InstanceId=identity, Attribute="userData")
        user_data = base64.b64decode(attribute["UserData"].get("Value", ""))
        environment = {**self._connection.surroundings(), **self._metadata.offer(identity)}
        if role := self._role_of(instance):
            environment |= self._credentials.offer(identity, RoleSession(self._connection, role, identity, _SERVICE))
        return _Box(instance, user_data, environment, self._directory / identity, self._tools)

    def _role_of(self, instance: Mapping[str, Any]) -> str | None:
        profile = instance.get("IamInstanceProfile")
        if not profile:
            return None
        name = profile["Arn"].rpartition("/")[2]
        roles = self._connection.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"][
            "Roles"
        ]
        return str(roles[0]["Arn"]) if roles else None


class _Box:
    """One boot of one instance, on a thread of its own."""

    def __init__(
        self,
        instance: Mapping[str, Any],
        user_data: bytes,
        environment: Mapping[str, str],
        root: Path,
        tools: Tools,
    ) -> None:
        self.launched = str(instance["LaunchTime"])
        self._identity = instance["InstanceId"]
        self._user_data = user_data
        self._root = root
        shims = root / "shims"
        self._environment = {
            **environment,
            # Shims first: what would change the machine is only recorded.
            "PATH": f"{shims}:{tools.python_environment / 'bin'}:{tools.aws_bin}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(root),
            "LANG": "C.UTF-8",
            "ECG_ROOT": str(root),
            "ECG_PYTHON_ENV": str(tools.python_environment),
            # The box's address is one of the loopback's, and several boxes may run on one machine.
            "ECG_HTTP_HOST": instance["PrivateIpAddress"],
            "ECG_RAY_PORTS": "auto",
        }
        self._off = threading.Event()
        self._processes: list[Process] = []
        self._services: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._run, name=f"box-{self._identity}", daemon=True)
        self._thread.start()

    def shut_down(self) -> None:
        """Begin to stop its services."""
        self._off.set()

    def cut_off(self) -> None:
        """End its services without a word to them."""
        self._off.set()
        for process in list(self._processes):
            process.kill()

    def join(self) -> None:
        """Wait until nothing of it runs."""
        self._thread.join()
        for service in self._services:
            service.join()

    def _run(self) -> None:
        for name in ("shims", "var/log", "etc/systemd/system", "tmp"):
            (self._root / name).mkdir(parents=True, exist_ok=True)
        for name in _SHIMS:
            shim = self._root / "shims" / name
            shim.write_text(_SHIM, encoding="utf-8")
            shim.chmod(0o755)
        done = self._root / "var/lib/cloud-init-done"
        if not done.exists():
            if not self._first_boot():
                return
            done.parent.mkdir(parents=True, exist_ok=True)
            done.touch()
        for name in self._enabled():
            service = threading.Thread(target=self._keep, args=(name,), name=f"unit-{name}", daemon=True)
            self._services.append(service)
            service.start()

    def _first_boot(self) -> bool:
        """Run user data as cloud-init does; whether it succeeded."""
        if not self._user_data.startswith(b"#!"):
            return True
        script = self._root / "user-data"
        script.write_bytes(self._user_data)
        with (self._root / "var/log/cloud-init-output.log").open("ab") as log:
            process = Process(
                ["/bin/bash", str(script)],
                environment=self._environment,
                directory=self._root,
                output=log.fileno(),
                grace_s=5.0,
            )
            stopper = threading.Timer(_USER_DATA_DEADLINE_S, process.stop)
            stopper.start()
            while process.exit_code() is None and not self._off.wait(0.1):
                pass
            code = process.stop()
            stopper.cancel()
        if code != 0:
            _log.error("user data of %s ended with code %d: see %s", self._identity, code, log.name)
        return code == 0

    def _enabled(self) -> list[str]:
        """The units that user data enabled or started, in order."""
        record = self._root / "var/log/shims.log"
        found: dict[str, None] = {}
        for line in record.read_text(encoding="utf-8").splitlines() if record.exists() else ():
            program, _, arguments = line.partition(" ")
            words = [word for word in arguments.split() if not word.startswith("-")]
            if program == "systemctl" and words[:1] in (["enable"], ["start"], ["restart"]):
                found |= dict.fromkeys(word.removesuffix(".service") for word in words[1:])
        return [name for name in found if unit_file(self._root, name).exists()]

    def _keep(self, name: str) -> None:
        """Run one unit, and start it again as it asks to be."""
        with (self._root / "var/log" / f"{name}.log").open("ab") as journal:
            while not self._off.is_set():
                try:
                    unit = self._unit(name)
                except ValueError as error:
                    journal.write(f"{name}: {error}\n".encode())
                    return
                process = Process(
                    unit.command,
                    environment={**self._environment, **unit.environment},
                    directory=self._below(unit.working_directory),
                    output=journal.fileno(),
                    grace_s=unit.stop_s,
                )
                self._processes.append(process)
                while process.exit_code() is None and not self._off.wait(0.2):
                    pass
                code = process.stop()
                self._processes.remove(process)
                if self._off.is_set() or not unit.starts_again(code):
                    return
                journal.write(f"{name}: ended with code {code}, starts again in {unit.restart_s} s\n".encode())
                journal.flush()
                self._off.wait(unit.restart_s)

    def _unit(self, name: str) -> Unit:
        def read(path: str) -> str | None:
            with contextlib.suppress(FileNotFoundError):
                return self._below(path).read_text(encoding="utf-8")
            return None

        file = unit_file(self._root, name)
        parts = [
            file,
            *sorted(file.parent.glob(f"{file.name}.d/*.conf")),
        ]  # drop-ins come after the unit (systemd.unit(5))
        return parse_unit("\n".join(part.read_text(encoding="utf-8") for part in parts), read)

    def _below(self, path: str | None) -> Path:
        """`path` on the box's disk: user data may have written it with ECG_ROOT before it, or not."""
        if path is None:
            return self._root
        return Path(path) if path.startswith(str(self._root)) else self._root / path.lstrip("/")
