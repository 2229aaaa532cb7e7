"""What a data scientist declares about a Ray Serve app. No Ray here: this is settings, validated as data.

    ServeApp            one folder of services/ray_serve/apps, mounted at one route
    ├── Slo             what it promises
    ├── Canary          how new code is tried on some of the requests before it takes over
    └── Deployment      one class of its app.py, and how many processes of it run with which resources
        ├── Batching    how its requests are put together
        └── Autoscaling how many replicas follow the load

`serve_rules.mistakes` tells everything that is wrong with a set of apps at once, against the `Box` that they have to
fit on.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal


class Handover(StrEnum):
    """How new code takes over from old code."""

    SURGE = "surge"
    """Both run for a while: nothing is dropped, and the box needs room for both."""
    IN_PLACE = "in_place"
    """The old one stops first: fits anywhere, and is an outage until the new one has started, if it does."""


@dataclass(frozen=True, slots=True)
class Batching:
    """Requests that wait for each other. Changing it restarts nothing."""

    max_size: int
    """Most units (for `ecg_rhythm`: windows, one a beat) that go through the model at once; 1 or more."""
    wait_ms: float
    """Longest that the first request waits for company, in milliseconds; 0 or more."""
    max_mb: float | None = None
    """Memory that one batch may take, in MiB: fewer units than `max_size` go together where they are large. On a GPU
    a unit's memory is measured when the replica warms up."""
    unit_kb: float | None = None
    """What a unit takes on a CPU, where it is not measured, in KiB. Needed with `max_mb`."""


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """A number of replicas that follows the load."""

    min_replicas: int
    max_replicas: int
    target_ongoing: float
    """Requests in a replica's hands at which it counts as busy enough."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One class of the app, named as in `app.py`. Resources are what each replica reserves on the box."""

    name: str
    replicas: int | Autoscaling = 1
    cpus: float = 0.5
    gpus: float = 0.0
    """A share of a GPU: 0.5 lets two replicas, or an old and a new one, live on one."""
    memory_mb: int | None = None
    batching: Batching | None = None
    max_ongoing: int = 16
    """Requests that one replica works on at a time; more wait in the queue."""
    max_queued: int = 64
    """Requests that wait at each caller before it is told 429; -1 for no limit."""
    surge: int = 100
    """Replicas that may run beside the declared ones while new code takes over, in percent of them, 1 to 100, rounded
    up: less needs less room and takes more rounds."""
    handover: Handover | None = None
    """The app's own, unless it is said here."""
    drain_s: float = 120.0
    """How long a replica that must go may finish what it began, in seconds."""
    user_config: Mapping[str, Any] = field(default_factory=dict)
    """Settings for the class's `reconfigure`. Changing them restarts nothing."""

    @property
    def most_replicas(self) -> int:
        """Replicas when load is highest."""
        return self.replicas.max_replicas if isinstance(self.replicas, Autoscaling) else self.replicas


@dataclass(frozen=True, slots=True)
class Slo:
    """What the app promises, measured on the box that it is declared for."""

    p99_ms: float
    """99 of 100 videos of 30 s are answered within this, in milliseconds."""
    min_windows_per_s: float


@dataclass(frozen=True, slots=True)
class Canary:
    """New code answers a share of the requests for a while; then it takes over, or is taken back.

    The reconciler runs it beside the stable one, with the same deployments: the box needs room for both.
    """

    percent: float
    """Share of the requests that it answers, above 0 and at most 50."""
    minutes: float
    """How long it is tried."""
    max_error_rate: float
    """Share of its requests that may end in an error that the app is to blame for, 0 to below 1."""
    compare: Literal["golden", "shadow"] = "golden"
    """`golden`: its golden cases must pass. `shadow`: it also works on the requests of the stable one, answers none
    of them, and its outputs must agree."""


@dataclass(frozen=True, slots=True)
class ServeApp:
    """One Ray Serve app: a folder with `app.py:build`, and how it runs."""

    name: str
    folder: str
    """From the repository's root, for example `services/ray_serve/apps/ecg_rhythm`."""
    deployments: Sequence[Deployment]
    slo: Slo
    owner: str
    """Who is asked when it breaks."""
    route_prefix: str | None = None
    user_config: Mapping[str, Any] = field(default_factory=dict)
    """Settings that every deployment of the app gets, its own ones winning."""
    handover: Handover = Handover.SURGE
    """Where the box has no room for old and new at once, this must be `IN_PLACE`, for the app or for a deployment."""
    canary: Canary | None = None

    @property
    def route(self) -> str:
        """Where the app is mounted: `/<name>` unless it says otherwise."""
        return self.route_prefix or f"/{self.name}"

    def surge_percent(self, one: Deployment) -> int:
        """Replicas beside the declared ones while new code takes over, in percent; 0 where the old ones stop first."""
        return one.surge if (one.handover or self.handover) is Handover.SURGE else 0

    def most_replicas(self, one: Deployment) -> int:
        """Replicas alive at once at the worst moment: while new code takes over, or is tried by a canary."""
        surging = math.ceil(one.most_replicas * self.surge_percent(one) / 100)
        return one.most_replicas + max(surging, one.most_replicas if self.canary else 0)


@dataclass(frozen=True, slots=True)
class AppFolder:
    """What an app's folder holds besides its code."""

    golden: bool = False
    """Whether there are golden cases: `golden/<case>/expected.json`."""
    requirements: bool = False
    """Whether there is a `requirements.txt`, which nothing would install."""


class Front(StrEnum):
    """What takes requests on the box and passes them to replicas."""

    PROXY = "proxy"
    """Ray Serve's own, in Python."""
    HAPROXY = "haproxy"
    """Ray brings and steers it: a small request costs a fraction (docs/serve-speed.md)."""


@dataclass(frozen=True, slots=True)
class Box:
    """What Ray may give away on the GPU box: virtual CPUs and GPUs, and memory where it is known; and its front."""

    cpus: int
    gpus: int
    memory_mb: int | None = None
    front: Front = Front.PROXY


G4DN_XLARGE = Box(cpus=4, gpus=1, memory_mb=12 * 1024, front=Front.HAPROXY)
"""4 vCPUs, one T4, 16 GiB, of which 4 are left to the system, Ray's own processes and its object store."""
