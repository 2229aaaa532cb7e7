"""What Git asks of the box: `desired.json`, and the `serve.yaml` that it names (docs/architecture.md, "Objects")."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

PACKAGES_ON_THE_BOX = "file:///var/lib/ecg/packages/"
_API_VERSION = "gitops.ecg/v1"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Unreadable(Exception):
    """The desired state is not what this agent understands; the box stays as it is."""


class Item(BaseModel):
    """An immutable object in the artifacts bucket."""

    model_config = ConfigDict(frozen=True)

    key: str
    sha256: Sha256
    name: str = ""

    @property
    def file(self) -> str:
        """Its name on the box: that of its content, so it can never be stale."""
        return f"{self.sha256}.zip" if self.key.endswith(".zip") else f"{self.sha256}.yaml"


class Desired(BaseModel):
    """`desired.json`. Unknown fields are ignored: a newer generator may add some."""

    model_config = ConfigDict(frozen=True)

    generation: str
    agent: Item
    serve: Item
    packages: tuple[Item, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        """What must lie on the box before Serve is touched."""
        return (self.serve, *self.packages)


def parse_desired(content: bytes) -> Desired:
    """Read `desired.json`. Raises Unreadable."""
    try:
        data = json.loads(content)
        desired = Desired.model_validate(data)
    except (ValueError, ValidationError) as error:
        raise Unreadable(f"desired.json cannot be read: {error}") from error
    if data.get("apiVersion") != _API_VERSION or data.get("kind") != "BoxState":
        raise Unreadable(f"desired.json is {data.get('apiVersion')} {data.get('kind')}, not {_API_VERSION} BoxState")
    return desired


@dataclass(frozen=True)
class Head:
    """What Ray is started with."""

    cpus: int
    gpus: int
    host: str
    port: int


@dataclass(frozen=True)
class ServeConfig:
    """A `serve.yaml`, ready for Ray on this box. `head` is what only a restart of Ray can change."""

    body: Mapping[str, Any]
    head: Head
    versions: Mapping[str, str]
    """The package's address of each app."""


def parse_serve(content: bytes, packages_url: str, http_host: str | None = None) -> ServeConfig:
    """Read `serve.yaml`; `packages_url` (ending in `/`) replaces the place that it names. Raises Unreadable."""
    try:
        data = yaml.safe_load(content.decode().replace(PACKAGES_ON_THE_BOX, packages_url))
        notes = data.pop("x-ecg")
        http = data["http_options"]
        if http_host:
            http["host"] = http_host
        head = Head(int(notes["box"]["cpus"]), int(notes["box"]["gpus"]), str(http["host"]), int(http["port"]))
        versions = {name: str(app["version"]) for name, app in notes["apps"].items()}
    except (ValueError, TypeError, LookupError, AttributeError, yaml.YAMLError) as error:
        raise Unreadable(f"serve.yaml cannot be read: {type(error).__name__}: {error}") from error
    return ServeConfig(data, head, versions)
