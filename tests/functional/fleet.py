"""An Auto Scaling group as its API tells it, its boxes through the load balancer, and boxes in a hurry to be in it."""

from __future__ import annotations

import json
import os
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from generator.local.emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]


def hurried(environment: Path, reading_s: float = 2.0) -> Path:
    """Make a Python environment whose `python` is a hurried box, whatever it is asked to run."""
    python = environment / "bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f"""#!/bin/sh
export PYTHONPATH='{ROOT}{os.pathsep}{ROOT / "services/ray_serve"}' ECG_HURRIED_READING_S={reading_s:g}
exec '{ROOT / ".venv/bin/python"}' -m tests.functional.hurried_box
""",
        encoding="utf-8",
    )
    python.chmod(0o755)
    return environment


class Fleet:
    """One group; `balancer` is the address before it."""

    def __init__(self, emulator: Emulator, group: str, balancer: str = "") -> None:
        self.scaling, self.ec2 = emulator.client("autoscaling"), emulator.client("ec2")
        self._group, self._balancer = group, balancer

    def states(self) -> dict[str, str]:
        [group] = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self._group])["AutoScalingGroups"]
        return {one["InstanceId"]: one["LifecycleState"] for one in group["Instances"]}

    def serving(self) -> set[str]:
        return {name for name, state in self.states().items() if state == "InService"}

    def scale(self, number: int) -> None:
        self.scaling.update_auto_scaling_group(AutoScalingGroupName=self._group, MinSize=number, DesiredCapacity=number)

    def refuses(self) -> bool:
        """Whether nobody listens where the load balancer was."""
        with socket.socket() as probe:
            return probe.connect_ex((self._balancer, 8080)) != 0

    def await_serving(self, number: int, seconds: float = 90.0) -> set[str]:
        """Until exactly so many boxes are in the group and in service."""
        eventually(lambda: set(self.states().values()) == {"InService"} and len(self.states()) == number, seconds)
        return self.serving()

    def instances(self) -> dict[str, Any]:
        found = self.ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
        return {one["InstanceId"]: one for each in found["Reservations"] for one in each["Instances"]}

    def read(self, job: str) -> str:
        """The box that read it."""
        body = json.dumps({"job_id": job}).encode()
        request = urllib.request.Request(f"http://{self._balancer}:8080/ecg_rhythm/analyze", body)
        with urllib.request.urlopen(request, timeout=60) as answer:
            events = [json.loads(line) for line in answer]
        assert [one["event"] for one in events] == ["progress"] * 4 + ["result"]
        return str(events[-1]["result"]["box"])


def eventually(there: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.2)
