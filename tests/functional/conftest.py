"""The embedded AWS, started once for all functional tests, and a way to put small templates into it.

Tests of an environment take `environment` and run in each: dev is in the AWS that all tests share, prod in one of its
own, because many tests take the first that they find.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from generator.aws.session import Clients
from generator.deployment import apply_desired, committed, target
from generator.desired import environment as settings_of
from generator.local.emulator import Emulator
from generator.local.system import KEY_PAIR_NAME, LocalSystem
from generator.local.viewer import viewer_url
from generator.model.environment import Environment
from generator.publish.image import push_tree
from generator.sync.apply import Outcome
from tests.functional.specified import SPECIFIED, Specified

PAGES = {
    "index.html": b"<title>home</title>",
    "result.html": b"<title>result</title>",
    "404.html": b"",
    "_next/static/chunks/main-1a2b.js": b"void 0",
}
"""A page that needs no build."""
ROOT = Path(__file__).resolve().parents[2]
LONG_FORM_OF_PROD = pytest.param("prod", marks=pytest.mark.faults)
"""prod's turn in tests whose small trees differ little from dev's: with `make test-faults`, since it takes minutes."""
_POLL_S = 0.1


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A running emulator with a state directory of its own."""
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


class Deployed:
    """An environment in an embedded AWS, as its first apply has left it; whoever changes it puts it back."""

    def __init__(self, emulator: Emulator, name: str) -> None:
        self.emulator, self.name = emulator, name
        self.desired = committed(ROOT, name)
        self.settings: Environment = settings_of(ROOT, name)
        system = LocalSystem(emulator.state_dir)
        system.keep_video_key(emulator.connection, self.prefix)
        emulator.client("ec2").create_key_pair(KeyName=KEY_PAIR_NAME)
        ecr = emulator.client("ecr")
        self._to = target(
            ROOT,
            self.desired,
            self.clients,
            lambda repository, tag, files: push_tree(ecr, repository, tag, files) and None,
            system.resolutions(),
            lambda address: {**PAGES, "site.json": json.dumps({"address": address}).encode()},
        )
        self.first = self.apply()

    def apply(self) -> Outcome:
        """Apply what is committed."""
        return apply_desired(self.desired, self._to, lambda _: None)

    @property
    def prefix(self) -> str:
        """What its names begin with."""
        return self.settings.prefix

    @property
    def clients(self) -> Clients:
        """The AWS that it is in."""
        return Clients("us-east-1", self.emulator.environment())

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """Every output of every stack; their names are unique."""
        return {name: value for stack in self.first.outputs.values() for name, value in stack.items()}

    @property
    def page(self) -> str:
        """The page's address here."""
        return viewer_url(self.outputs["DistributionDomainName"], self.emulator.connection.port)


@pytest.fixture(scope="session")
def dev(emulator: Emulator) -> Deployed:
    """templates_out/dev, in the AWS that other tests use as well."""
    return Deployed(emulator, "dev")


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """templates_out/prod, in an AWS of its own."""
    with Emulator(tmp_path_factory.mktemp("prod")) as running:
        yield Deployed(running, "prod")


@pytest.fixture(scope="session", params=["dev", "prod"])
def environment(request: pytest.FixtureRequest) -> Deployed:
    """Each environment, one after the other."""
    found: Deployed = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def specified(environment: Deployed) -> Specified:
    """What the environment is to be."""
    return SPECIFIED[environment.name]


@pytest.fixture(scope="session")
def out(environment: Deployed) -> Mapping[str, str]:
    """The environment's outputs."""
    return environment.outputs


@pytest.fixture(scope="session")
def api(environment: Deployed) -> Any:
    """`api(service)`: a boto3 client of the environment's AWS."""
    return functools.cache(environment.emulator.client)


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
