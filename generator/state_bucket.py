"""The bucket of the bootstrap stack, where an environment's lease, ledger and large templates lie."""

import getpass
import os
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from generator.aws.cloudformation import CloudFormation
from generator.aws.lease import S3Lease
from generator.aws.ledger import S3Ledger
from generator.aws.session import Clients
from generator.aws.suspension import S3Suspension
from generator.aws.teardown import CloudFormationRemoval
from generator.aws.templates import S3Templates
from generator.errors import EcgError
from generator.model.manifest import Manifest
from generator.sync.ports import Stacks
from generator.sync.run import Target

_STACK, _OUTPUT, _ROLE = "bootstrap", "StateBucketName", "ServiceRoleArn"


class NoStateBucket(EcgError):
    """There is nowhere to look for lease and ledger."""

    def __init__(self, environment: str, stack: str) -> None:
        self.environment, self.stack = environment, stack
        super().__init__(
            f"{environment} has no stack {stack} with the output {_OUTPUT}\n"
            f"  next: ecgctl bootstrap {environment} --apply, or name a bucket with --bucket"
        )


def deploying(target: Target, manifest: Manifest, clients: Clients, bucket: str = "") -> Target:
    """The target as a deployment wants it: with lease, ledger and room for large templates, and CloudFormation at work
    as its service role. `bucket`: another than the bootstrap stack's.

    Raises NoStateBucket, CallRefused.
    """
    client = clients.make("cloudformation")
    stacks = CloudFormation(client)
    bucket = bucket or state_bucket(manifest, stacks)
    found = stacks.describe(manifest.stack_id(_STACK))
    role = found.outputs.get(_ROLE, "") if found else ""
    s3 = clients.make("s3")
    working = replace(
        target,
        stacks=CloudFormation(client, role_arn=role, large=S3Templates(s3, bucket)),
        removal=CloudFormationRemoval(client, role_arn=role),
    )
    return remembering(working, manifest, s3, bucket)


def state_bucket(manifest: Manifest, stacks: Stacks) -> str:
    """The bucket's name. Raises NoStateBucket, CallRefused."""
    name = manifest.stack_id(_STACK)
    found = stacks.describe(name)
    if found is None or _OUTPUT not in found.outputs:
        raise NoStateBucket(manifest.name, name)
    return found.outputs[_OUTPUT]


def remembering(target: Target, manifest: Manifest, s3: Any, bucket: str) -> Target:
    """The target with a lease, a ledger and a suspension in `bucket`."""
    return replace(
        target,
        leases=S3Lease(s3, bucket, manifest.name),
        ledger=S3Ledger(s3, bucket),
        suspension=S3Suspension(s3, bucket, manifest.name),
    )


def deployer() -> str:
    """Who applies: the run of a GitHub workflow, or a user on a machine."""
    if run := os.environ.get("GITHUB_RUN_ID"):
        return f"{os.environ.get('GITHUB_ACTOR', 'github')} (run {run} of {os.environ.get('GITHUB_REPOSITORY', '?')})"
    return f"{getpass.getuser()}@{socket.gethostname()} (process {os.getpid()})"


def head(root: Path) -> str:
    """The checkout's commit; empty where it is not known."""
    asked = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
