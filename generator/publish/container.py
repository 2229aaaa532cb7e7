"""The API's image, built for Fargate's platform by the container engine of this machine and pushed to ECR.

It is built from the files that were hashed for its address, in a folder of their own: nothing else of the checkout can
get into it, and a file that changed in the meantime cannot either.
"""

import base64
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from generator.errors import EcgError
from generator.publish.publisher import BuildImage, ImageNotPublished

PLATFORM = "linux/amd64"
"""What the task definition's RuntimePlatform asks for."""


class ImageBuildFailed(EcgError):
    """The container engine could not build or push."""

    def __init__(self, command: Sequence[str], output: str) -> None:
        self.command, self.output = tuple(command), output
        end = "\n".join(f"  {line}" for line in output.strip().splitlines()[-15:])
        super().__init__(
            f"{' '.join(command[:3])} ... failed\n{end}\n  next: {command[0]} build --platform {PLATFORM} services/api"
        )


def engine_builder(ecr: Any, which: Callable[[str], str | None] = shutil.which) -> BuildImage:
    """A builder with docker's buildx or, without docker, podman.

    It raises ImageNotPublished where there is neither, ImageBuildFailed, AwsRefused.
    """

    def build(repository: str, tag: str, files: Mapping[str, bytes]) -> None:
        engine = next((program for program in ("docker", "podman") if which(program)), None)
        if engine is None:
            raise ImageNotPublished(repository, tag)
        registry, user, secret = _sign_in(ecr)
        image = f"{registry}/{repository}:{tag}"
        _run([engine, "login", "--username", user, "--password-stdin", registry], secret)
        try:
            with tempfile.TemporaryDirectory() as folder:
                _write(Path(folder), files)
                for command in _commands(engine, image, folder):
                    _run(command)
        finally:
            _run([engine, "logout", registry])

    return build


def _commands(engine: str, image: str, folder: str) -> list[list[str]]:
    if engine == "docker":
        # Without provenance the tag names one image, not an index with an attestation that ECR cannot scan.
        options = ["--platform", PLATFORM, "--provenance=false", "--push", "--tag", image]
        return [[engine, "buildx", "build", *options, folder]]
    # OCI images have no HEALTHCHECK; podman makes them unless told otherwise.
    return [
        [engine, "build", "--platform", PLATFORM, "--format", "docker", "--tag", image, folder],
        [engine, "push", image],
    ]


def _sign_in(ecr: Any) -> tuple[str, str, str]:
    """Registry, user and password, which lasts twelve hours."""
    granted = ecr.get_authorization_token()["authorizationData"][0]
    user, _, secret = base64.b64decode(granted["authorizationToken"]).decode().partition(":")
    return urlsplit(granted["proxyEndpoint"]).netloc, user, secret


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _run(command: Sequence[str], given: str | None = None) -> None:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ImageBuildFailed(command, done.stdout + done.stderr)
