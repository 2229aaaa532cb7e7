"""Puts artifacts where their manifest says, as `sync.ports.Artifacts`. Nothing that exists is ever overwritten."""

import base64
import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import aws, error_code
from generator.errors import EcgError
from generator.model.manifest import API_VERSION, Artifact, ArtifactKind, Manifest
from generator.publish.address import tree_address
from generator.publish.package import Package, package_of
from generator.publish.site import SiteReleases
from generator.publish.sources import sources
from generator.publish.tracked import tracked_files
from generator.sync.errors import AddressMismatch

BuildImage = Callable[[str, str, Mapping[str, bytes]], None]
"""(repository, tag, files of the source) -> the image is in the repository."""


class ImageNotPublished(EcgError):
    """No image at the address, and this target has no builder of its own."""

    def __init__(self, repository: str, tag: str) -> None:
        self.repository, self.tag = repository, tag
        super().__init__(
            f"ECR repository {repository} holds no image {tag}\n"
            f"  next: docker buildx build --platform linux/amd64 --push -t <registry>/{repository}:{tag} services/api"
        )


def needs_image(repository: str, tag: str, _: Mapping[str, bytes]) -> None:
    """The builder of a real account: images are built by the workflow, with Docker, before apply."""
    raise ImageNotPublished(repository, tag)


class Publisher:
    """Publishes what a checkout holds, after checking that it is what the manifest names.

    `revision`: build from this commit of the checkout, as a manifest of promoted artifacts asks for.
    """

    def __init__(
        self,
        root: Path,
        environment: str,
        s3: Any,
        ecr: Any,
        site: SiteReleases,
        build_image: BuildImage = needs_image,
        revision: str = "",
    ) -> None:
        self._root, self._revision, self._site = root, revision, site
        self._prefix = f"serve/{environment}"
        self._s3, self._ecr, self._build_image = s3, ecr, build_image

    def publish(self, artifact: Artifact, store: str) -> bool:
        """Publish an artifact unless its address exists in `store`; True where it had to be.

        Raises AddressMismatch where the source is not what the manifest names, SourcesMissing, AwsRefused.
        """
        match artifact.kind:
            case ArtifactKind.IMAGE:
                return self._publish_image(artifact, store)
            case ArtifactKind.PACKAGE:
                return self._publish_package(artifact, store)
            case ArtifactKind.SITE:
                return self._publish_site(artifact, store)

    def show_site(self, site: Artifact, store: str, distribution: str) -> bool:
        """Put the published release live; True where another one was. Raises AwsRefused."""
        return self._site.go_live(store, site.address, distribution)

    def point_box(self, manifest: Manifest, serve_config: str, store: str) -> str:
        """Write the Serve configuration under its hash, then the pointer to it; a box never sees half of it."""
        config = serve_config.encode()
        digest = sha256(config).hexdigest()
        config_key = f"{self._prefix}/config/{digest}.yaml"
        packages = [
            {"name": artifact.name, "key": self._package_key(artifact), "sha256": artifact.address.removesuffix(".zip")}
            for artifact in manifest.artifacts
            if artifact.kind is ArtifactKind.PACKAGE
        ]
        agent = next(package for package in packages if package["name"] == "agent")
        wanted = {
            "apiVersion": API_VERSION,
            "kind": "BoxState",
            "agent": {"key": agent["key"], "sha256": agent["sha256"]},
            "serve": {"key": config_key, "sha256": digest},
            "packages": [package for package in packages if package is not agent],
        }
        generation = sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
        with aws(f"publishing the box's state to {store}"):
            self._put(store, config_key, config)
            self._s3.put_object(
                Bucket=store,
                Key=f"{self._prefix}/desired.json",
                Body=json.dumps({**wanted, "generation": generation}, indent=1).encode(),
                ContentType="application/json",
            )
        return generation

    def _publish_image(self, artifact: Artifact, repository: str) -> bool:
        with aws(f"looking for image {artifact.address} in {repository}"):
            try:
                tag = {"imageTag": artifact.address}
                if self._ecr.describe_images(repositoryName=repository, imageIds=[tag])["imageDetails"]:
                    return False
            except ClientError as error:
                if error_code(error) != "ImageNotFoundException":
                    raise
        with sources(self._root, self._revision) as root:
            _require(artifact, tree_address(root, artifact.source))
            base = root / artifact.source
            files = {path: (base / path).read_bytes() for path in tracked_files(base)}
        with aws(f"publishing image {artifact.address} to {repository}"):
            self._build_image(repository, artifact.address, files)
        return True

    def _publish_package(self, artifact: Artifact, bucket: str) -> bool:
        key = self._package_key(artifact)
        with aws(f"looking for {key} in {bucket}"):
            try:
                self._s3.head_object(Bucket=bucket, Key=key)
                return False
            except ClientError as error:
                if error_code(error) not in ("404", "NoSuchKey", "NotFound"):
                    raise
        with sources(self._root, self._revision) as root:
            package: Package = package_of(root, artifact.name, artifact.source)
        _require(artifact, package.address)
        with aws(f"publishing {key} to {bucket}"):
            self._put(bucket, key, package.content)
        return True

    def _publish_site(self, artifact: Artifact, bucket: str) -> bool:
        if self._site.has(bucket, artifact.address):
            return False
        with sources(self._root, self._revision) as root:
            _require(artifact, tree_address(root, artifact.source))
        self._site.keep(bucket, artifact.address)
        return True

    def _put(self, bucket: str, key: str, body: bytes) -> None:
        """Write an object whose key holds its hash: whoever was first wrote the same bytes."""
        try:
            self._s3.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                IfNoneMatch="*",
                ChecksumSHA256=base64.b64encode(sha256(body).digest()).decode(),
            )
        except ClientError as error:
            if error_code(error) not in ("PreconditionFailed", "412"):
                raise

    def _package_key(self, artifact: Artifact) -> str:
        return f"{self._prefix}/packages/{artifact.address}"


def _require(artifact: Artifact, found: str) -> None:
    if found != artifact.address:
        raise AddressMismatch(artifact.name, artifact.source, artifact.address, found)
