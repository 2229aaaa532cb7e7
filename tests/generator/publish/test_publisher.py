"""Publishing, against stores in memory."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pytest
from botocore.exceptions import ClientError

from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest
from generator.model.wiring import Wire
from generator.publish.address import tree_address
from generator.publish.package import agent_package
from generator.publish.publisher import ImageNotPublished, Publisher
from generator.publish.site import SiteReleases
from generator.sync.errors import AddressMismatch

STORE = Wire("storage", "ArtifactsBucketName")
NO_SITE = SiteReleases(None, None, lambda address: {})


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Call")


@dataclass
class Bucket:
    """S3 as far as publishing needs it: conditional puts included."""

    objects: dict[str, bytes] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def head_object(self, Bucket: str, Key: str) -> None:  # noqa: N803  boto3's spelling
        if Key not in self.objects:
            raise refused("404")

    def put_object(self, Key: str, Body: bytes, IfNoneMatch: str = "", **_: object) -> None:  # noqa: N803
        self.log.append(Key)
        if IfNoneMatch == "*" and Key in self.objects:
            raise refused("PreconditionFailed")
        self.objects[Key] = Body


@dataclass
class Repository:
    """ECR as far as publishing needs it."""

    tags: set[str] = field(default_factory=set)

    def describe_images(self, repositoryName: str, imageIds: list[dict[str, str]]) -> dict[str, list[object]]:  # noqa: N803
        if imageIds[0]["imageTag"] not in self.tags:
            raise refused("ImageNotFoundException")
        return {"imageDetails": [{}]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout, as far as publishing needs it."""
    files = {
        "services/api/main.py": "print('api')\n",
        "services/ray_serve/reconciler/loop.py": "print('agent')\n",
        "services/ray_serve/kit/contract.py": "",
        "services/ray_serve/requirements.txt": "ray\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def image(root: Path) -> Artifact:
    return Artifact("api", ArtifactKind.IMAGE, "services/api", tree_address(root, "services/api"), STORE)


def agent(root: Path) -> Artifact:
    source = "services/ray_serve/reconciler"
    return Artifact("agent", ArtifactKind.PACKAGE, source, agent_package(root).address, STORE)


def test_a_package_is_put_under_its_hash_once(root: Path) -> None:
    bucket = Bucket()
    publisher = Publisher(root, "dev", bucket, Repository(), NO_SITE)
    assert publisher.publish(agent(root), "artifacts")
    assert not publisher.publish(agent(root), "artifacts")
    (key,) = bucket.log
    assert key == f"serve/dev/packages/{agent(root).address}"


def test_an_image_is_built_from_exactly_the_files_of_its_source(root: Path) -> None:
    built: dict[str, object] = {}
    publisher = Publisher(root, "dev", Bucket(), Repository(), NO_SITE, lambda *given: built.update(given=given))
    assert publisher.publish(image(root), "repository")
    assert built["given"] == ("repository", image(root).address, {"main.py": b"print('api')\n"})


def test_an_image_that_is_there_is_not_built_again(root: Path) -> None:
    publisher = Publisher(root, "dev", Bucket(), Repository({image(root).address}), NO_SITE)
    assert not publisher.publish(image(root), "repository")


def test_without_a_builder_the_missing_image_is_named_with_the_command_that_builds_it(root: Path) -> None:
    publisher = Publisher(root, "dev", Bucket(), Repository(), NO_SITE)
    with pytest.raises(ImageNotPublished, match="docker buildx build --platform linux/amd64"):
        publisher.publish(image(root), "repository")


@pytest.mark.parametrize(
    ("make", "file"), [(image, "services/api/main.py"), (agent, "services/ray_serve/kit/contract.py")]
)
def test_a_source_that_changed_since_rendering_is_never_published(root: Path, make, file: str) -> None:
    artifact = make(root)
    (root / file).write_text("print('changed')\n")
    bucket = Bucket()
    with pytest.raises(AddressMismatch, match="next: ecgctl render"):
        Publisher(root, "dev", bucket, Repository(), NO_SITE, lambda *_: None).publish(artifact, "store")
    assert bucket.log == []


def test_a_package_that_someone_else_put_meanwhile_is_no_error(root: Path) -> None:
    bucket = Bucket()
    publisher = Publisher(root, "dev", bucket, Repository(), NO_SITE)
    publisher.publish(agent(root), "artifacts")
    bucket.head_object = lambda **_: (_ for _ in ()).throw(refused("404"))  # type: ignore[method-assign]
    assert publisher.publish(agent(root), "artifacts")


def test_the_pointer_is_written_after_the_configuration_that_it_names(root: Path) -> None:
    bucket = Bucket()
    manifest = Manifest(
        name="dev",
        project="ecg",
        region="us-east-1",
        account="unresolved",
        stacks=(),
        artifacts=(
            agent(root),
            Artifact("app", ArtifactKind.PACKAGE, "apps/app", "f" * 64 + ".zip", STORE),
            image(root),
        ),
        serve=ServeManifest("serve.yaml", "0" * 64),
    )
    generation = Publisher(root, "dev", bucket, Repository(), NO_SITE).point_box(
        manifest, "applications: []\n", "artifacts"
    )
    assert [key.rsplit("/", 1)[-1].split(".")[-1] for key in bucket.log] == ["yaml", "json"]
    desired = MappingProxyType(json.loads(bucket.objects["serve/dev/desired.json"]))
    assert desired["generation"] == generation
    assert desired["serve"]["key"] in bucket.objects
    assert desired["agent"]["key"] == f"serve/dev/packages/{agent(root).address}"
    assert [package["name"] for package in desired["packages"]] == ["app"]


def test_the_same_state_has_the_same_generation(root: Path) -> None:
    manifest = Manifest("dev", "ecg", "us-east-1", "unresolved", (), (agent(root),), ServeManifest("serve.yaml", "0"))
    publisher = Publisher(root, "dev", Bucket(), Repository(), NO_SITE)
    assert publisher.point_box(manifest, "a", "s") == publisher.point_box(manifest, "a", "s")
    assert publisher.point_box(manifest, "a", "s") != publisher.point_box(manifest, "b", "s")
