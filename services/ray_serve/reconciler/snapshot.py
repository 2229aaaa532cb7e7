"""The world at one moment, as plain data: what `decide` decides from and `report` tells of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.desired import Desired, Head


class AppStatus(StrEnum):
    """Ray Serve's own words for an application."""

    NOT_STARTED = "NOT_STARTED"
    DEPLOYING = "DEPLOYING"
    DEPLOY_FAILED = "DEPLOY_FAILED"
    RUNNING = "RUNNING"
    UNHEALTHY = "UNHEALTHY"
    DELETING = "DELETING"


@dataclass(frozen=True)
class DeploymentState:
    """One deployment: Ray's status and message, and how many replicas are in which state."""

    status: str
    message: str
    replicas: Mapping[str, int]


@dataclass(frozen=True)
class AppState:
    """One application as Ray reports it. `version` is the address of the package that it was told to run."""

    status: AppStatus
    message: str
    route: str | None
    version: str
    deployments: Mapping[str, DeploymentState]


class Ray(StrEnum):
    """The Ray head process."""

    DOWN = "down"
    STARTING = "starting"
    UP = "up"


@dataclass(frozen=True)
class Failure:
    """A generation that did not become healthy; it is not tried again until Git asks for another."""

    generation: str
    message: str


@dataclass(frozen=True)
class Memory:
    """What the agent knows of the past. Kept on disk, but for `applied`, which dies with Ray."""

    good: Desired | None = None
    """The last generation that became healthy."""
    failed: Failure | None = None
    applied: str | None = None
    """The generation that Ray was last told."""
    applied_at: float = 0.0
    started_with: Head | None = None
    """What the running Ray was started with."""


@dataclass(frozen=True)
class Snapshot:
    """Everything a decision needs."""

    now: float
    """Seconds on a clock that only moves forward."""
    desired: Desired | None
    """None before the first could be read."""
    heads: Mapping[str, Head]
    """What Ray has to be started with, for each generation that lies on the box completely."""
    unreadable: Mapping[str, str]
    """Why a generation's `serve.yaml` cannot be read."""
    ray: Ray
    apps: Mapping[str, AppState] | None
    """None while Serve does not answer."""
    wanted_apps: frozenset[str]
    """The apps of the generation that Ray was last told."""
    http_ready: bool
    memory: Memory = field(default_factory=Memory)
    fetch_error: str | None = None
    """Why the desired generation could not be brought onto the box the last time."""
    fetch_again_at: float = 0.0
    deadline_s: float = 600.0
