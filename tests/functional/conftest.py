"""The embedded AWS, started once for all functional tests, and a way to put small templates into it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from generator.aws.session import Clients
from generator.deployment import apply_desired, committed, target
from generator.local.emulator import Emulator
from generator.model import names
from generator.publish.image import push_tree
from generator.sync.apply import Outcome

PAGES = {
    "index.html": b"<title>home</title>",
    "result.html": b"<title>result</title>",
    "404.html": b"",
    "_next/static/chunks/main-1a2b.js": b"void 0",
}
"""A page that needs no build."""
ROOT = Path(__file__).resolve().parents[2]
_POLL_S = 0.1


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A running emulator with a state directory of its own."""
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def deploy(emulator: Emulator) -> Callable[[], Outcome]:
    """Applies templates_out/dev, as often as it is called."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key, kinds = private.public_key(), (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    emulator.client("secretsmanager").create_secret(
        Name=names.video_key_secret("ecg-project-pipeline-dev"), SecretString=pem
    )
    emulator.client("ec2").create_key_pair(KeyName="model-server-key")
    desired = committed(ROOT, "dev")
    ecr = emulator.client("ecr")
    to = target(
        ROOT,
        desired,
        Clients("us-east-1", dict(emulator.connection.environment())),
        lambda repository, tag, files: push_tree(ecr, repository, tag, files) and None,
        {"VideoPublicKeyPem": key.public_bytes(*kinds).decode(), "ModelServerImageId": "ami-0123456789abcdef0"},
        lambda address: {**PAGES, "site.json": json.dumps({"address": address}).encode()},
    )
    return lambda: apply_desired(desired, to, lambda fact: None)


@pytest.fixture(scope="session")
def deployed(deploy: Callable[[], Outcome]) -> Outcome:
    """What the first apply did; whoever changes the system puts it back."""
    return deploy()


class StackFailed(Exception):
    """A stack did not reach its goal; the message is the reason of the first failure."""


class Stacks:
    """CloudFormation, as the tests need it."""

    def __init__(self, emulator: Emulator) -> None:
        self._api = emulator.client("cloudformation")
        self._names: list[str] = []

    def put(self, name: str, resources: Mapping[str, Any], outputs: Mapping[str, Any] | None = None) -> dict[str, str]:
        """Create or update stack `name`, through change sets as apply does; its outputs.

        Raises StackFailed with the reason that CloudFormation gives.
        """
        template = {
            "Resources": resources,
            "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
        }
        kind = "UPDATE" if name in self._names else "CREATE"
        change_set = f"cs-{len(self._names)}"
        self._api.create_change_set(
            StackName=name,
            ChangeSetName=change_set,
            ChangeSetType=kind,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self._names.append(name)
        self._await_change_set(name, change_set)
        self._api.execute_change_set(StackName=name, ChangeSetName=change_set)
        stack = self._settled(name, "CREATE_COMPLETE", "UPDATE_COMPLETE")
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}

    def _await_change_set(self, name: str, change_set: str) -> None:
        for _ in range(100):
            described = self._api.describe_change_set(StackName=name, ChangeSetName=change_set)
            match described["Status"]:
                case "CREATE_COMPLETE":
                    return
                case "FAILED":
                    raise StackFailed(described["StatusReason"])
            time.sleep(_POLL_S)

    def _settled(self, name: str, *wanted: str) -> dict[str, Any]:
        while True:
            stack: dict[str, Any] = self._api.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(_POLL_S)
        if stack["StackStatus"] not in wanted:
            events = self._api.describe_stack_events(StackName=name)["StackEvents"]
            reasons = [each.get("ResourceStatusReason") for each in reversed(events)]
            raise StackFailed("; ".join(reason for reason in reasons if reason))
        return stack

    def delete(self, name: str) -> None:
        """Delete stack `name` and wait. Raises StackFailed."""
        identity = self._api.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self._api.delete_stack(StackName=name)
        self._names = [each for each in self._names if each != name]
        self._settled(identity, "DELETE_COMPLETE")

    def physical_id(self, name: str, logical_id: str) -> str:
        """What `Ref` gives for a resource."""
        detail = self._api.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        return str(detail["StackResourceDetail"]["PhysicalResourceId"])

    def delete_all(self) -> None:
        """Delete what the test left, newest first."""
        for name in dict.fromkeys(reversed(self._names)):
            self.delete(name)


@pytest.fixture
def stacks(emulator: Emulator) -> Iterator[Stacks]:
    """CloudFormation of the running emulator; stacks that a test leaves are deleted."""
    made = Stacks(emulator)
    yield made
    made.delete_all()


Client = Callable[[str], Any]


@pytest.fixture
def client(emulator: Emulator) -> Client:
    """`client(service)`: a boto3 client as the administrator."""
    return emulator.client
