"""kill -9 of an apply against the embedded AWS: the next apply converges, and nobody has to do anything by hand."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from generator.local.emulator import Emulator
from tests.conftest import FaultTable
from tests.functional.killed_apply import files

BUCKET = "killed-ledger"
ROOT = Path(__file__).resolve().parents[2]
NEVER = 0

# Two of the calls of an update, spread over it: after a change set was computed, and after one was executed. `make
# test-faults` takes every call.
SOME = (15, 17, 19, 30)


@pytest.fixture(scope="module")
def aws(emulator: Emulator) -> Emulator:
    emulator.client("s3").create_bucket(Bucket=BUCKET)
    done = applied(emulator, "10", NEVER)
    assert done.returncode == 0, done.stderr
    return emulator


def applied(emulator: Emulator, version: str, at: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.functional.killed_apply", str(emulator.state_dir), BUCKET, version, str(at)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def left_over(cloudformation: Any, stack: str) -> list[str]:
    found = cloudformation.list_change_sets(StackName=stack)["Summaries"]
    return [one["ChangeSetName"] for one in found if one["ExecutionStatus"] == "AVAILABLE"]


def outcomes(emulator: Emulator) -> list[str]:
    s3 = emulator.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix="deployments/dev/")["Contents"]]
    ends = [key for key in keys if not key.endswith(".begun.json")]
    return [json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["result"] for key in ends]


def check_convergence(emulator: Emulator, at: int) -> None:
    version = str(100 + at)
    killed = applied(emulator, version, at)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = applied(emulator, version, NEVER)
    assert again.returncode == 0, again.stderr
    cloudformation = emulator.client("cloudformation")
    for stack in ("queues", "notes"):
        name = f"killed-dev-{stack}"
        live = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        assert live["StackStatus"] == "UPDATE_COMPLETE"
        assert left_over(cloudformation, name) == []
        assert cloudformation.get_template(StackName=name)["TemplateBody"] == files(version)[f"{stack}.yaml"]
    note = emulator.client("ssm").get_parameter(Name="/killed/note")["Parameter"]["Value"]
    assert note.endswith(version)
    assert outcomes(emulator)[-1] == "succeeded"


@pytest.mark.fault
@pytest.mark.parametrize("at", SOME)
def test_after_a_kill_the_next_apply_converges(aws: Emulator, at: int, faults: FaultTable) -> None:
    check_convergence(aws, at)
    faults.add("kill -9 of a real apply, at each call")


@pytest.mark.faults
@pytest.mark.parametrize("at", [at for at in range(1, 37) if at not in SOME])
def test_after_a_kill_at_any_call_the_next_apply_converges(aws: Emulator, at: int, faults: FaultTable) -> None:
    check_convergence(aws, at)
    faults.add("kill -9 of a real apply, at each call")


@pytest.mark.fault
def test_a_template_that_is_valid_and_cannot_be_deployed_leaves_the_stack_as_it_was(
    aws: Emulator, faults: FaultTable
) -> None:
    """The queue's visibility timeout is a number for cfn-lint; more than twelve hours is only refused by SQS."""
    before = aws.client("cloudformation").get_template(StackName="killed-dev-queues")["TemplateBody"]
    failed = applied(aws, "99999999", NEVER)
    assert "WaveFailed" in failed.stderr or "StackFailed" in failed.stderr
    assert aws.client("cloudformation").get_template(StackName="killed-dev-queues")["TemplateBody"] == before
    assert outcomes(aws)[-1] == "failed"
    mended = applied(aws, "60", NEVER)
    assert mended.returncode == 0, mended.stderr
    faults.add("a template that is valid and fails in deployment")
