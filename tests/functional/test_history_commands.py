"""`ecgctl history` and `ecgctl rollback` against the embedded AWS, with a tree of one small stack.

In dev, and in prod, whose stacks are protected.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from generator.aws.session import Clients
from generator.checkout import STATE, TEMPLATES
from generator.commands.history import history, rollback
from generator.deployment import committed
from generator.local.connection import REGION
from generator.local.emulator import Emulator
from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.render.writer import write_tree
from generator.state_bucket import remembering
from generator.sync.apply import Options, apply
from generator.trial.target import running_target
from tests.functional.conftest import LONG_FORM_OF_PROD

BUCKET = "state-of-history"
NOTE = """Resources:
  Note:
    Type: AWS::SSM::Parameter
    Properties: {{Name: /history/note, Type: String, Value: "{text}"}}
Outputs:
  Store: {{Value: {bucket}}}
"""


class Checkout:
    """A checkout whose tree is one stack, and the emulator beside it."""

    def __init__(self, root: Path, emulator: Emulator, name: str) -> None:
        self.root, self._emulator, self._name = root, emulator, name

    def deploy(self, text: str, commit: str) -> None:
        self._write(text)
        desired = committed(self.root, self._name)
        target, _ = running_target(self.root, desired, self.root / STATE)
        s3 = Clients(REGION, self._emulator.connection.environment()).make("s3")
        target = remembering(target, desired.manifest, s3, BUCKET)
        options = Options(who="alice", commit=commit, digest="d")
        apply(desired.manifest, desired.files, target, lambda _: None, options)

    def run(self, command: Any, *arguments: str) -> str:
        given = [self._name, *arguments, "--local", "--bucket", BUCKET, "--root", str(self.root)]
        done = CliRunner().invoke(command, given, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    def note(self) -> str:
        return str(self._emulator.client("ssm").get_parameter(Name="/history/note")["Parameter"]["Value"])

    def _write(self, text: str) -> None:
        template, serve = NOTE.format(text=text, bucket=BUCKET), "applications: []\n"
        manifest = Manifest(
            name=self._name,
            project="history",
            region=REGION,
            account="unresolved",
            stacks=(StackManifest("note", 0, "stacks/note.yaml", _hash(template), {}, protected=self._name == "prod"),),
            artifacts=(Artifact("agent", ArtifactKind.PACKAGE, "services", "agent.zip", Wire("note", "Store")),),
            serve=ServeManifest("serve.yaml", _hash(serve)),
        )
        files = {"manifest.yaml": yaml.safe_dump(manifest.to_data()), "stacks/note.yaml": template, "serve.yaml": serve}
        write_tree(self.root / TEMPLATES / self._name, files)


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module", params=["dev", LONG_FORM_OF_PROD])
def checkout(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Checkout]:
    root = tmp_path_factory.mktemp("checkout")
    (root / "services").mkdir()
    (root / "generator/environments").mkdir(parents=True)
    with Emulator(root / STATE) as emulator:
        s3 = emulator.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=f"serve/{request.param}/packages/agent.zip", Body=b"")
        made = Checkout(root, emulator, request.param)
        made.deploy("one", "a" * 40)
        made.deploy("two", "b" * 40)
        yield made


def test_history_shows_the_newest_deployment_first(checkout: Checkout) -> None:
    lines = checkout.run(history).splitlines()
    assert [line.split()[6] for line in lines[1:3]] == ["b" * 12, "a" * 12]


def test_history_as_json_says_what_happened_to_each_stack(checkout: Checkout) -> None:
    newest = json.loads(checkout.run(history, "-o", "json"))[0]
    assert (newest["result"], newest["stacks"]["note"]["action"]) == ("succeeded", "updated")


def test_rollback_prints_what_reverts_it_in_git_and_touches_nothing(checkout: Checkout) -> None:
    said = checkout.run(rollback)
    assert f"git revert --no-edit {'a' * 12}..{'b' * 12}" in said
    assert checkout.note() == "two"


def test_rollback_now_applies_the_older_tree_and_is_itself_recorded(checkout: Checkout) -> None:
    assert "rolled back" in checkout.run(rollback, "aaaa", "--now")
    assert checkout.note() == "one"
    newest = json.loads(checkout.run(history, "-o", "json"))[0]
    assert newest["commit"] == "a" * 40
    assert newest["note"].startswith("rollback to ")
    # And back: what was deployed last is now the older tree.
    assert "rolled back" in checkout.run(rollback, "--now")
    assert checkout.note() == "two"
