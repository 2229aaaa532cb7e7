"""kill -9 of an apply against the embedded AWS: the next apply converges, and nobody has to do anything by hand."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from generator.local.emulator import Emulator
from tests.conftest import FaultTable
from tests.functional.conftest import LONG_FORM_OF_PROD
from tests.functional.killed_apply import files

BUCKET = "killed-ledger"
ROOT = Path(__file__).resolve().parents[2]
NEVER = 0

# Two of the calls of an update, spread over it: after a change set was computed, and after one was executed. `make
# test-faults` takes every call.
SOME = (15, 17, 19, 30)


@dataclass(frozen=True)
class Account:
    """The embedded AWS, and the environment that is applied to it: dev, or prod, whose stacks are protected."""

    emulator: Emulator
    name: str

    def client(self, service: str) -> Any:
        return self.emulator.client(service)

    def stack(self, name: str) -> str:
        return f"killed-{self.name}-{name}"

    def applied(self, version: str, at: int) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "tests.functional.killed_apply", str(self.emulator.state_dir)]
        command += [BUCKET, self.name, version, str(at)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def bucket(emulator: Emulator) -> None:
    emulator.client("s3").create_bucket(Bucket=BUCKET)


@pytest.fixture(scope="module", params=["dev", LONG_FORM_OF_PROD])
def aws(emulator: Emulator, bucket: None, request: pytest.FixtureRequest) -> Account:
    account = Account(emulator, request.param)
    done = account.applied("10", NEVER)
    assert done.returncode == 0, done.stderr
    return account


def left_over(cloudformation: Any, stack: str) -> list[str]:
    found = cloudformation.list_change_sets(StackName=stack)["Summaries"]
    return [one["ChangeSetName"] for one in found if one["ExecutionStatus"] == "AVAILABLE"]


def outcomes(aws: Account) -> list[str]:
    s3 = aws.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"deployments/{aws.name}/")["Contents"]]
    ends = [key for key in keys if not key.endswith(".begun.json")]
    return [json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["result"] for key in ends]


def check_convergence(aws: Account, at: int) -> None:
    version = str(100 + at)
    killed = aws.applied(version, at)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = aws.applied(version, NEVER)
    assert again.returncode == 0, again.stderr
    cloudformation = aws.client("cloudformation")
    for stack in ("queues", "notes"):
        name = aws.stack(stack)
        live = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        assert (live["StackStatus"], live["EnableTerminationProtection"]) == ("UPDATE_COMPLETE", aws.name == "prod")
        assert left_over(cloudformation, name) == []
        assert cloudformation.get_template(StackName=name)["TemplateBody"] == files(version)[f"{stack}.yaml"]
    note = aws.client("ssm").get_parameter(Name=f"/{aws.stack('notes')}")["Parameter"]["Value"]
    assert note.endswith(version)
    assert outcomes(aws)[-1] == "succeeded"


@pytest.mark.fault
@pytest.mark.parametrize("at", SOME)
def test_after_a_kill_the_next_apply_converges(aws: Account, at: int, faults: FaultTable) -> None:
    check_convergence(aws, at)
    faults.add("kill -9 of a real apply, at each call")


@pytest.mark.faults
@pytest.mark.parametrize("at", [at for at in range(1, 37) if at not in SOME])
def test_after_a_kill_at_any_call_the_next_apply_converges(aws: Account, at: int, faults: FaultTable) -> None:
    check_convergence(aws, at)
    faults.add("kill -9 of a real apply, at each call")


@pytest.mark.fault
def test_a_template_that_is_valid_and_cannot_be_deployed_leaves_the_stack_as_it_was(
    aws: Account, faults: FaultTable
) -> None:
    """The queue's visibility timeout is a number for cfn-lint; more than twelve hours is only refused by SQS."""
    before = aws.client("cloudformation").get_template(StackName=aws.stack("queues"))["TemplateBody"]
    failed = aws.applied("99999999", NEVER)
    assert "WaveFailed" in failed.stderr or "StackFailed" in failed.stderr
    assert aws.client("cloudformation").get_template(StackName=aws.stack("queues"))["TemplateBody"] == before
    assert outcomes(aws)[-1] == "failed"
    mended = aws.applied("60", NEVER)
    assert mended.returncode == 0, mended.stderr
    faults.add("a template that is valid and fails in deployment")
