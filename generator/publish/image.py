"""An OCI image of one layer, pushed and pulled through ECR's own layer API.

A Docker engine is not needed for what the local system runs: the tree of files at an image's address. The image is a
real one (config, manifest and one gzip tar layer, OCI image specification 1.1), yet without a base: it runs only where
the interpreter is there already.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from botocore.exceptions import ClientError

_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
# ECR takes parts of at most 20 MiB and at least 5 MiB, but for the last.
_PART_BYTES = 10 * 1024 * 1024

#: Fetches a URL's bytes.
Fetch = Callable[[str], bytes]


class ImageNotFound(Exception):
    """Nothing to pull at `repository:tag`; the message is the one that a container engine would give."""

    def __init__(self, repository: str, tag: str, detail: str) -> None:
        super().__init__(f"failed to resolve reference {repository}:{tag}: {detail}")
        self.repository = repository
        self.tag = tag


def layer_of(files: Mapping[str, bytes]) -> bytes:
    """A gzip tar of `files` (path below the root -> content): equal files give equal bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size = len(files[path])
            entry.mode = 0o755 if files[path].startswith(b"#!") else 0o644
            tar.addfile(entry, io.BytesIO(files[path]))
    return gzip.compress(raw.getvalue(), compresslevel=6, mtime=0)


def files_of(layer: bytes) -> dict[str, bytes]:
    """The regular files of a gzip tar layer. Raises ValueError where a path leads out of the root."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as tar:
        for entry in tar:
            path = PurePosixPath(entry.name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"the layer holds {entry.name!r}, which leads out of its root")
            content = tar.extractfile(entry) if entry.isfile() else None
            if content is not None:
                found[str(path)] = content.read()
    return found


def push_tree(ecr: Any, repository: str, tag: str, files: Mapping[str, bytes]) -> str:
    """Push `files` as `repository:tag` with the ECR client `ecr`; the image's digest (`sha256:...`).

    Layers that the repository holds already are not sent again. Raises botocore's ClientError.
    """
    layer = layer_of(files)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [_digest(gzip.decompress(layer))]},
        },
        sort_keys=True,
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST_TYPE,
            "config": {"mediaType": _CONFIG_TYPE, "digest": _digest(config), "size": len(config)},
            "layers": [{"mediaType": _LAYER_TYPE, "digest": _digest(layer), "size": len(layer)}],
        },
        sort_keys=True,
    )
    for blob in (config, layer):
        _push_blob(ecr, repository, blob)
    ecr.put_image(
        repositoryName=repository, imageManifest=manifest, imageManifestMediaType=_MANIFEST_TYPE, imageTag=tag
    )
    return _digest(manifest.encode())


def pull_tree(ecr: Any, repository: str, tag: str, fetch: Fetch | None = None) -> tuple[str, dict[str, bytes]]:
    """The digest and the files of `repository:tag`; later layers win. Raises ImageNotFound."""
    fetch = fetch or _fetch
    try:
        answer = ecr.batch_get_image(
            repositoryName=repository,
            imageIds=[{"imageTag": tag}],
            acceptedMediaTypes=[_MANIFEST_TYPE, "application/vnd.docker.distribution.manifest.v2+json"],
        )
    except ClientError as error:
        raise ImageNotFound(repository, tag, error.response["Error"]["Message"]) from error
    if not answer["images"]:
        raise ImageNotFound(repository, tag, "not found")
    manifest = answer["images"][0]["imageManifest"]
    files: dict[str, bytes] = {}
    for described in json.loads(manifest)["layers"]:
        url = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=described["digest"])["downloadUrl"]
        layer = fetch(url)
        if _digest(layer) != described["digest"]:
            raise ImageNotFound(repository, tag, f"the layer {described['digest']} is damaged")
        files |= files_of(layer)
    return _digest(manifest.encode()), files


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _push_blob(ecr: Any, repository: str, blob: bytes) -> None:
    digest = _digest(blob)
    known = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])["layers"]
    if any(layer["layerAvailability"] == "AVAILABLE" for layer in known):
        return
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    for first in range(0, len(blob), _PART_BYTES):
        part = blob[first : first + _PART_BYTES]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload,
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - ECR's own presigned address
        content: bytes = answer.read()
    return content
