"""An image that the embedded ECR finds vulnerable, through `release`: published, and not run.

dev overwrites tags and stops at CRITICAL, prod does neither overwrite nor go on at HIGH.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from generator.aws.session import Clients
from generator.checkout import STATE
from generator.deployment import Desired
from generator.local.connection import REGION
from generator.local.emulator import Emulator
from generator.model.manifest import Artifact, ArtifactKind, Manifest, ScanThreshold, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.publish.address import tree_address
from generator.release import release
from generator.render.yaml_text import dump
from generator.sync.progress import Fact, ImageScanned, Noted
from generator.sync.scan import ImageVulnerable
from generator.trial.target import running_target
from tests.functional.conftest import LONG_FORM_OF_PROD

STATE_BUCKET = """\
Resources:
  State: {Type: 'AWS::S3::Bucket', Properties: {BucketName: !Sub '${AWS::StackName}-state-0'}}
Outputs:
  StateBucketName: {Value: !Ref State}
"""
REGISTRY = """\
Resources:
  Repository:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: scanned-api
      ImageTagMutability: TAGS
      EmptyOnDelete: true
      ImageScanningConfiguration: {ScanOnPush: true}
Outputs:
  RepositoryName: {Value: !Ref Repository}
  StoreName: {Value: scanned-store}
"""
SERVICE = """\
Parameters:
  RepositoryName: {Type: String}
  ImageTag: {Type: String}
Resources:
  Runs: {Type: 'AWS::SSM::Parameter', Properties: {Name: /scanned/runs, Type: String, Value: !Ref ImageTag}}
"""
THRESHOLDS = {"dev": ScanThreshold.CRITICAL, "prod": ScanThreshold.HIGH}
TAGS = {"dev": "MUTABLE", "prod": "IMMUTABLE"}


def finding(name: str, severity: str) -> dict[str, object]:
    """As ECR's basic scan tells it."""
    attributes = [{"key": "package_name", "value": "openssl"}, {"key": "package_version", "value": "3.0.1"}]
    return {"name": name, "severity": severity, "uri": f"https://s.example/{name}", "attributes": attributes}


@dataclass
class Account:
    """The embedded AWS, and a checkout with an image of its own."""

    root: Path
    emulator: Emulator
    name: str

    def release(self, source: str, *severities: str) -> list[Fact]:
        """Deploy an image of this source. `severities`: of what its scan finds; none: it cannot be scanned."""
        folder = self.root / "services/api"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "main.py").write_text(source)
        if severities:
            found = {
                "findings": [finding(f"CVE-{number}", each) for number, each in enumerate(severities)],
                "findingSeverityCounts": {each: severities.count(each) for each in severities},
            }
            scan = {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": found}
            (folder / "scan-findings.json").write_text(json.dumps(scan))
        told: list[Fact] = []
        wanted = self._desired()
        target, clients = running_target(self.root, wanted, self.root / STATE)
        release(self.root, wanted, target, clients, told.append, gated=False, proved=False)
        return told

    @property
    def address(self) -> str:
        return tree_address(self.root, "services/api")

    @property
    def runs(self) -> str:
        """The address of the image that the service runs."""
        return str(self.emulator.client("ssm").get_parameter(Name="/scanned/runs")["Parameter"]["Value"])

    def _desired(self) -> Desired:
        registry_text = REGISTRY.replace("TAGS", TAGS[self.name])
        files = {"stacks/registry.yaml": registry_text, "stacks/service.yaml": SERVICE}
        files["serve.yaml"] = "applications: []\n"
        digests = {path: sha256(text.encode()).hexdigest() for path, text in files.items()}
        wires: dict[str, Wire | str] = {"RepositoryName": Wire("registry", "RepositoryName"), "ImageTag": self.address}
        registry, service = (f"stacks/{name}.yaml" for name in ("registry", "service"))
        store = Wire("registry", "RepositoryName")
        manifest = Manifest(
            name=self.name,
            project="scanned",
            region=REGION,
            account="unresolved",
            stacks=(
                StackManifest("registry", 0, registry, digests[registry], {}),
                StackManifest("service", 1, service, digests[service], wires),
            ),
            artifacts=(
                Artifact("api", ArtifactKind.IMAGE, "services/api", self.address, store, THRESHOLDS[self.name]),
                Artifact("agent", ArtifactKind.PACKAGE, "services", "agent.zip", Wire("registry", "StoreName")),
            ),
            serve=ServeManifest("serve.yaml", digests["serve.yaml"]),
        )
        return Desired(manifest, {**files, "manifest.yaml": dump(manifest.to_data())})


@pytest.fixture(scope="module", params=["dev", LONG_FORM_OF_PROD])
def account(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Account]:
    name, stack = request.param, f"scanned-{request.param}-bootstrap"
    root = tmp_path_factory.mktemp("checkout")
    with Emulator(root / STATE) as emulator:
        cloudformation = Clients(REGION, emulator.connection.environment()).make("cloudformation")
        cloudformation.create_stack(StackName=stack, TemplateBody=STATE_BUCKET)
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        s3 = emulator.client("s3")
        s3.create_bucket(Bucket="scanned-store")
        s3.put_object(Bucket="scanned-store", Key=f"serve/{name}/packages/agent.zip", Body=b"")
        yield Account(root, emulator, name)


def test_a_tree_without_an_operating_system_runs_with_a_note_that_it_was_not_scanned(account: Account) -> None:
    told = account.release("one")
    assert account.runs == account.address
    [said] = [fact.text for fact in told if isinstance(fact, Noted) and "scan" in fact.text]
    assert said.startswith("image api goes on without a scan: UNSUPPORTED_IMAGE: UnsupportedImageError")


def test_a_vulnerable_image_is_published_and_not_run_until_it_has_changed(account: Account) -> None:
    account.release("one")
    before = account.address
    severe = ("HIGH", "CRITICAL") if account.name == "dev" else ("MEDIUM", "HIGH")
    for _ in ("fresh", "there already"):
        with pytest.raises(
            ImageVulnerable, match=rf"{severe[1]} CVE-1 in openssl 3.0.1: https://s.example/CVE-1\n  next:"
        ):
            account.release("two", *severe)
    assert account.runs == before != account.address
    [image] = account.emulator.client("ecr").describe_images(
        repositoryName="scanned-api", imageIds=[{"imageTag": account.address}]
    )["imageDetails"]
    assert image["imageTags"] == [account.address]
    told = account.release("three", severe[0])
    assert account.runs == account.address
    assert [fact.counts for fact in told if isinstance(fact, ImageScanned)] == [{severe[0]: 1}]
