"""The world at one moment, as plain data: what `decide` decides from and `report` tells of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.capacity import Resources
from reconciler.desired import Desired, Head, ServeConfig
from reconciler.golden import AppProof, Proof
from reconciler.rollout import Told
from reconciler.trial import Trial


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
    refused: bool = False
    """It is never told to Ray, also where there is nothing else to tell: it cannot fit, or Ray will not have it."""


@dataclass(frozen=True)
class Proven:
    """What an app's golden cases came to the last time: of which version, and when (ISO 8601 UTC)."""

    version: str
    at: str
    proof: AppProof


@dataclass(frozen=True)
class Memory:
    """What the agent knows of the past. Kept on disk, but for `applied`, which dies with Ray."""

    good: Desired | None = None
    """The last generation that became healthy."""
    failed: Failure | None = None
    applied: Told | None = None
    """What Ray was last told; None also while it is being told, so that an agent killed meanwhile tells it again."""
    applied_at: float = 0.0
    started_with: Head | None = None
    """What the running Ray was started with."""
    trial: Trial | None = None
    """The canaries' trial that is under way, or the last one."""
    proven: Mapping[str, Proven] = field(default_factory=dict)
    """By app."""


@dataclass(frozen=True)
class Snapshot:
    """Everything a decision needs."""

    now: float
    """Seconds on a clock that only moves forward."""
    desired: Desired | None
    """None before the first could be read."""
    configs: Mapping[str, ServeConfig]
    """What each generation asks of Ray, for those that lie on the box completely."""
    unreadable: Mapping[str, str]
    """Why a generation's `serve.yaml` cannot be read."""
    ray: Ray
    apps: Mapping[str, AppState] | None
    """None while Serve does not answer."""
    wanted_apps: frozenset[str]
    """The apps that Ray was last told of."""
    http_ready: bool
    memory: Memory = field(default_factory=Memory)
    fetch_error: str | None = None
    """Why the desired generation could not be brought onto the box the last time."""
    fetch_again_at: float = 0.0
    deadline_s: float = 600.0
    nodes: tuple[Resources, ...] | None = None
    """What Ray's nodes have in all; None where it was not asked or does not answer."""
    proof: Proof | None = None
    """The golden proof that was begun last."""
    can_split: frozenset[str] = frozenset()
    """The apps whose running ingress says that it could split its requests; asked where that decides something."""
    splitting: bool = False
    """An ingress says that it still gives requests to a canary."""
    healthy_at: float = 0.0
    """When all canaries were last seen running, with their share of the requests."""
