"""A stack that Git drops, on the embedded AWS: refused until it is named, then gone, but for what it retains.

As in dev; and as in prod, where stacks are protected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from generator.aws.session import Clients
from generator.checkout import STATE
from generator.deployment import Desired
from generator.local.connection import REGION
from generator.local.emulator import Emulator
from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.release import release
from generator.render.yaml_text import dump
from generator.sync.errors import Undeployable
from generator.sync.progress import Fact, StackPruned
from generator.sync.prune import DataWouldBeLost, NotPruned
from generator.sync.teardown import TerminationProtected
from generator.trial.target import running_target

STATE_BUCKET = """\
Resources:
  State: {Type: 'AWS::S3::Bucket', Properties: {BucketName: pruned-dev-state-0}}
Outputs:
  StateBucketName: {Value: !Ref State}
"""
BASE = """\
Resources:
  Note: {Type: 'AWS::SSM::Parameter', Properties: {Name: /pruned/base, Type: String, Value: here}}
Outputs:
  StoreName: {Value: pruned-store}
"""
OLD = """\
Resources:
  Videos: {Type: 'AWS::S3::Bucket', DeletionPolicy: Retain, Properties: {BucketName: pruned-videos}}
  Note: {Type: 'AWS::SSM::Parameter', Properties: {Name: /pruned/note, Type: String, Value: here}}
"""
IMAGES = """\
Resources:
  Images: {Type: 'AWS::ECR::Repository', DeletionPolicy: Retain, Properties: {RepositoryName: pruned-images}}
"""


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def desired(stacks: Mapping[str, str], *prune: str, protected: bool = False) -> Desired:
    """What Git wants: these stacks, and leave to remove some others."""
    serve = "applications: []\n"
    manifest = Manifest(
        name="dev",
        project="pruned",
        region=REGION,
        account="unresolved",
        stacks=tuple(
            StackManifest(name, 0, f"stacks/{name}.yaml", _hash(text), {}, protected=protected)
            for name, text in stacks.items()
        ),
        artifacts=(Artifact("agent", ArtifactKind.PACKAGE, "services", "agent.zip", Wire("base", "StoreName")),),
        serve=ServeManifest("serve.yaml", _hash(serve)),
        prune=prune,
    )
    files = {f"stacks/{name}.yaml": text for name, text in stacks.items()}
    return Desired(manifest, {"manifest.yaml": dump(manifest.to_data()), **files, "serve.yaml": serve})


@dataclass
class Account:
    """The embedded AWS, and the checkout that is deployed to it."""

    root: Path
    emulator: Emulator

    def release(self, wanted: Desired) -> list[Fact]:
        told: list[Fact] = []
        target, clients = running_target(self.root, wanted, self.root / STATE)
        release(self.root, wanted, target, clients, told.append, gated=False, proved=False)
        return told

    def stacks(self) -> set[str]:
        found = self.emulator.client("cloudformation").describe_stacks()["Stacks"]
        return {stack["StackName"].removeprefix("pruned-dev-") for stack in found}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    root = tmp_path_factory.mktemp("checkout")
    (root / "services").mkdir()
    with Emulator(root / STATE) as emulator:
        cloudformation = Clients(REGION, emulator.connection.environment()).make("cloudformation")
        cloudformation.create_stack(StackName="pruned-dev-bootstrap", TemplateBody=STATE_BUCKET)
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName="pruned-dev-bootstrap", WaiterConfig={"Delay": 1}
        )
        s3 = emulator.client("s3")
        s3.create_bucket(Bucket="pruned-store")
        s3.put_object(Bucket="pruned-store", Key="serve/dev/packages/agent.zip", Body=b"")
        yield Account(root, emulator)


def test_a_stack_that_git_drops_is_refused_then_named_then_gone_but_for_its_data(account: Account) -> None:
    account.release(desired({"base": BASE, "old": OLD}))
    with pytest.raises(NotPruned, match="stack:old"):
        account.release(desired({"base": BASE}))
    assert "old" in account.stacks()
    told = account.release(desired({"base": BASE}, "stack:old"))
    [pruned] = [fact for fact in told if isinstance(fact, StackPruned)]
    assert (pruned.stack, pruned.kept) == ("old", ("Videos (AWS::S3::Bucket) pruned-videos",))
    assert "old" not in account.stacks()
    buckets = account.emulator.client("s3").list_buckets()["Buckets"]
    assert "pruned-videos" in {bucket["Name"] for bucket in buckets}


def test_a_later_deployment_with_the_same_leave_finds_nothing_to_remove(account: Account) -> None:
    told = account.release(desired({"base": BASE}, "stack:old"))
    assert not [fact for fact in told if isinstance(fact, StackPruned)]


def test_a_protected_stack_stays_until_somebody_lifts_its_protection(account: Account) -> None:
    held = OLD.replace("pruned-videos", "held-videos").replace("/pruned/note", "/pruned/held")
    account.release(desired({"base": BASE, "held": held}, protected=True))
    with pytest.raises(TerminationProtected, match="termination protection holds pruned-dev-held"):
        account.release(desired({"base": BASE}, "stack:held", protected=True))
    assert "held" in account.stacks()
    cloudformation = account.emulator.client("cloudformation")
    cloudformation.update_termination_protection(StackName="pruned-dev-held", EnableTerminationProtection=False)
    told = account.release(desired({"base": BASE}, "stack:held", protected=True))
    assert [fact.stack for fact in told if isinstance(fact, StackPruned)] == ["held"]


def test_a_plan_that_cannot_be_deployed_is_refused_before_anything_is_touched(account: Account) -> None:
    account.release(desired({"base": BASE, "images": IMAGES}))
    keyed = IMAGES.replace("pruned-images", "pruned-images, EncryptionConfiguration: {EncryptionType: KMS}")
    noted = BASE.replace("Value: here", "Value: there")
    with pytest.raises(Undeployable, match="name-collision: stack images: Images is replaced under the same"):
        account.release(desired({"base": noted, "images": keyed}))
    note = account.emulator.client("ssm").get_parameter(Name="/pruned/base")
    assert note["Parameter"]["Value"] == "here"
    account.release(desired({"base": BASE}, "stack:images"))


def test_a_stack_whose_data_would_go_with_it_stays(account: Account) -> None:
    careless = OLD.replace(" DeletionPolicy: Retain,", "").replace("pruned-videos", "careless-videos")
    account.release(desired({"base": BASE, "careless": careless.replace("/pruned/note", "/pruned/careless")}))
    with pytest.raises(DataWouldBeLost, match="Videos"):
        account.release(desired({"base": BASE}, "stack:careless"))
    assert "careless" in account.stacks()
