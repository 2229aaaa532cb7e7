"""What Git asks of the box: `desired.json`, and the `serve.yaml` that it names (docs/architecture.md, "Objects")."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from reconciler.front import Front

PACKAGES_ON_THE_BOX = "file:///var/lib/ecg/packages/"
INGRESS = "Ingress"
"""The deployment of an app that speaks HTTP and splits requests; `kit.canary` takes its user_config."""
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
    options: str | None = None
    """Whatever else Ray ignores while it runs, as JSON."""
    memory_mb: int | None = None
    """What Ray may give away; None leaves it to what Ray finds."""
    front: Front = Front.PROXY

    def serves(self, wanted: "Head") -> bool:
        """Can a Ray that was started with this do what is `wanted`?

        Agents before `options` or `memory_mb` was there started it with None: no reason to start it again.
        """
        return self == replace(
            wanted,
            options=None if self.options is None else wanted.options,
            memory_mb=None if self.memory_mb is None else wanted.memory_mb,
        )


class CanaryRule(BaseModel):
    """How a new version of an app is tried before it takes over."""

    model_config = ConfigDict(frozen=True)

    percent: float = Field(gt=0, le=100)
    minutes: float = Field(ge=0)
    max_error_rate: float = Field(ge=0, lt=1)
    compare: Literal["golden", "shadow"] = "golden"


class AppNotes(BaseModel):
    """What we note on an app beside what Ray is told."""

    model_config = ConfigDict(frozen=True)

    version: str
    """The address of its package."""
    golden: bool = False
    """Has it golden cases to be proven with?"""
    canary: CanaryRule | None = None


@dataclass(frozen=True)
class ServeConfig:
    """A `serve.yaml`, ready for Ray on this box. `head` is what only a restart of Ray can change."""

    body: Mapping[str, Any]
    head: Head
    apps: Mapping[str, AppNotes]

    @property
    def applications(self) -> Mapping[str, Mapping[str, Any]]:
        """What Ray is told of each app, by name."""
        return {one["name"]: one for one in self.body["applications"]}


def parse_serve(content: bytes, packages_url: str, http_host: str | None = None) -> ServeConfig:
    """Read `serve.yaml`; `packages_url` (ending in `/`) replaces the place that it names. Raises Unreadable."""
    try:
        data = yaml.safe_load(content.decode().replace(PACKAGES_ON_THE_BOX, packages_url))
        notes = data.pop("x-ecg")
        http = data["http_options"]
        if http_host:
            http["host"] = http_host
        box = notes["box"]
        head = Head(
            int(box["cpus"]),
            int(box["gpus"]),
            str(http["host"]),
            int(http["port"]),
            _only_at_start(data),
            int(box["memory_mb"]) if box.get("memory_mb") else None,
            Front(box.get("front") or Front.PROXY),
        )
        apps = {name: AppNotes.model_validate(one) for name, one in notes["apps"].items()}
        config = ServeConfig(data, head, apps)
        _can_split(config)
    except (ValueError, TypeError, LookupError, AttributeError, yaml.YAMLError) as error:
        raise Unreadable(f"serve.yaml cannot be read: {type(error).__name__}: {error}") from error
    return config


def _only_at_start(data: Mapping[str, Any]) -> str:
    """Ray takes these when Serve starts, and later ignores them with a warning in its log."""
    http = {name: value for name, value in data["http_options"].items() if name not in {"host", "port"}}
    known = {"http": http, "proxy_location": data.get("proxy_location"), "grpc": data.get("grpc_options")}
    return json.dumps(known, sort_keys=True)


def _can_split(config: ServeConfig) -> None:
    if absent := config.apps.keys() ^ config.applications.keys():
        raise ValueError(f"applications and x-ecg.apps differ in {', '.join(sorted(absent))}")
    for name, notes in config.apps.items():
        deployments = [one["name"] for one in config.applications[name].get("deployments", ())]
        if notes.canary and INGRESS not in deployments:
            raise ValueError(
                f"{name} declares a canary and has no deployment {INGRESS}, which would split its requests"
            )
