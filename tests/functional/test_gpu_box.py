"""EC2's stand-in: deployed user data runs once, its service runs as long as the instance does, as the role it has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.local.emulator import Emulator
from generator.local.gpu_box import GpuBox, Tools
from tests.functional.conftest import Client, Stacks

ROOT = Path(__file__).resolve().parents[2]

USER_DATA = """#!/bin/bash
set -euo pipefail
mkdir -p "$ECG_ROOT/opt" "$ECG_ROOT/etc/systemd/system"
echo once >> "$ECG_ROOT/opt/boots"
cat > "$ECG_ROOT/opt/agent.py" <<'END'
import os, pathlib, time, boto3
root = pathlib.Path(os.environ["ECG_ROOT"])
who = boto3.client("sts").get_caller_identity()["Arn"]
with (root / "opt/runs").open("a") as runs:
    runs.write(f"{who} {os.environ['GREETING']}\\n")
if not (root / "opt/crashed").exists():
    (root / "opt/crashed").touch()
    raise SystemExit(1)
time.sleep(60)
END
cat > "$ECG_ROOT/etc/systemd/system/agent.service" <<END
[Service]
Environment="GREETING=hello there"
ExecStart=/usr/bin/env python "$ECG_ROOT/opt/agent.py"
Restart=always
RestartSec=100ms
TimeoutStopSec=5
END
dnf install -y something
systemctl enable --now agent
"""


@pytest.fixture
def box(emulator: Emulator) -> Iterator[GpuBox]:
    running = GpuBox(emulator.connection, emulator.state_dir, Tools(ROOT / ".venv-aws/bin", ROOT / ".venv"))
    running.start()
    yield running
    running.stop()


def _resources(**properties: Any) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "agent-role",
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            },
        },
        "Profile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "Role"}]}},
        "Box": {
            "Type": "AWS::EC2::Instance",
            "Properties": {
                "ImageId": "ami-0123456789abcdef0",
                "InstanceType": "g4dn.xlarge",
                "IamInstanceProfile": {"Ref": "Profile"},
                "UserData": {"Fn::Base64": USER_DATA},
                **properties,
            },
        },
    }


def _eventually(there: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_a_box_boots_restarts_and_goes_with_its_instance(
    box: GpuBox, emulator: Emulator, stacks: Stacks, client: Client
) -> None:
    stacks.put("agent", _resources())
    identity = stacks.physical_id("agent", "Box")
    disk = emulator.state_dir / "boxes" / identity
    _eventually(lambda: len(_lines(disk / "opt/runs")) == 2)
    run = _lines(disk / "opt/runs")[-1]
    assert f":assumed-role/agent-role/{identity} hello there" in run, "the profile's role, after one crash"
    assert "dnf install -y something" in _lines(disk / "var/log/shims.log")

    stacks.put("agent", _resources(InstanceType="g5.xlarge"))
    _eventually(lambda: len(_lines(disk / "opt/runs")) == 3)
    assert _lines(disk / "opt/boots") == ["once"], "a stop and start does not run user data again"

    stacks.delete("agent")
    _eventually(lambda: not disk.exists())
