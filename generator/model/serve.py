"""What a data scientist declares about a Ray Serve app. No Ray here: this is settings, validated as data.

    ServeApp            one folder of services/ray_serve/apps, mounted at one route
    └── Deployment      one class of its app.py, and how many processes of it run with which resources
        ├── Batching    how its requests are put together
        └── Autoscaling how many replicas follow the load

`mistakes` tells everything that is wrong with a set of apps at once, against the `Box` that they have to fit on.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from generator.errors import EcgError

_APP_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DEPLOYMENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,59}")


class Handover(StrEnum):
    """How new code takes over from old code."""

    SURGE = "surge"
    """Both run for a while: nothing is dropped, and the box needs room for both."""
    IN_PLACE = "in_place"
    """The old one stops first: fits anywhere, and is an outage if the new one does not start."""


@dataclass(frozen=True, slots=True)
class Batching:
    """Requests that wait for each other. Changing it restarts nothing."""

    max_size: int
    """Most units (for `ecg_rhythm`: windows, one a beat) that go through the model at once; 1 or more."""
    wait_ms: float
    """Longest that the first request waits for company, in milliseconds; 0 or more."""


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
    handover: Handover = Handover.SURGE
    drain_s: float = 120.0
    """How long a replica that must go may finish what it began, in seconds."""
    user_config: Mapping[str, Any] = field(default_factory=dict)
    """Settings for the class's `reconfigure`. Changing them restarts nothing."""

    @property
    def most_replicas(self) -> int:
        """Replicas when load is highest."""
        return self.replicas.max_replicas if isinstance(self.replicas, Autoscaling) else self.replicas

    @property
    def replicas_in_handover(self) -> int:
        """Replicas alive at once while new code takes over."""
        return self.most_replicas * (2 if self.handover is Handover.SURGE else 1)


@dataclass(frozen=True, slots=True)
class Slo:
    """What the app promises, measured on the box that it is declared for."""

    p99_ms: float
    """99 of 100 videos of 30 s are answered within this, in milliseconds."""
    min_windows_per_s: float


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

    @property
    def route(self) -> str:
        """Where the app is mounted: `/<name>` unless it says otherwise."""
        return self.route_prefix or f"/{self.name}"


@dataclass(frozen=True, slots=True)
class Box:
    """What Ray may give away on the GPU box: virtual CPUs and GPUs."""

    cpus: int
    gpus: int


G4DN_XLARGE = Box(cpus=4, gpus=1)


class InvalidServeApps(EcgError):
    """Everything that is wrong with `generator/serve_apps.py`."""

    exit_code = 2

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        where = "generator/serve_apps.py"
        super().__init__("\n".join(f"{where}: {mistake}" for mistake in self.mistakes))


def mistakes(apps: Sequence[ServeApp], addresses: Collection[str], box: Box = G4DN_XLARGE) -> list[str]:
    """Everything that is wrong with the apps, one sentence each; empty when all is well.

    `addresses` holds the names of the apps whose folder was found and packed.
    """
    found = list(_shared_names("app name", [app.name for app in apps]))
    found += _shared_names("route prefix", [app.route for app in apps])
    for app in apps:
        found += [f"app {app.name!r}: {mistake}" for mistake in _app_mistakes(app, app.name in addresses)]
    return found + list(_capacity_mistakes(apps, box))


def _shared_names(what: str, names: Sequence[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{what} {name!r} is used {times} times; each app needs its own"


def _app_mistakes(app: ServeApp, packed: bool) -> Iterator[str]:
    if not _APP_NAME.fullmatch(app.name):
        yield "the name must be lower case letters, digits and _, starting with a letter, 40 at most"
    if not packed:
        yield f"there is no folder {app.folder!r} with an app.py in it"
    if not re.fullmatch(r"/[a-z0-9_][a-z0-9_/-]*[a-z0-9_]|/[a-z0-9_]", app.route) or "//" in app.route:
        yield f"route prefix {app.route!r} must look like '/name', with no slash at the end"
    if not app.owner.strip():
        yield "the owner is empty; name who is asked when it breaks"
    if app.slo.p99_ms <= 0 or app.slo.min_windows_per_s <= 0:
        yield "both figures of the slo must be above 0"
    if not app.deployments:
        yield "it has no deployments; declare at least the ingress"
    yield from _shared_names("deployment", [deployment.name for deployment in app.deployments])
    for deployment in app.deployments:
        yield from (f"deployment {deployment.name!r}: {mistake}" for mistake in _deployment_mistakes(deployment))


def _deployment_mistakes(one: Deployment) -> Iterator[str]:
    if not _DEPLOYMENT_NAME.fullmatch(one.name):
        yield "the name must be that of a class in app.py"
    match one.replicas:
        case Autoscaling() as scale:
            if not 1 <= scale.min_replicas <= scale.max_replicas:
                yield f"autoscaling needs 1 <= min ({scale.min_replicas}) <= max ({scale.max_replicas})"
            if scale.target_ongoing <= 0:
                yield f"target_ongoing is {scale.target_ongoing}; it must be above 0"
        case int() if one.replicas < 1:
            yield f"replicas is {one.replicas}; it must be 1 or more"
    if one.cpus < 0 or one.gpus < 0 or one.cpus + one.gpus == 0:
        yield f"cpus is {one.cpus} and gpus is {one.gpus}; neither may be negative, and one must be above 0"
    if one.gpus > 1 and not float(one.gpus).is_integer():
        yield f"gpus is {one.gpus}; above 1 it must be whole, Ray shares only single GPUs"
    if one.memory_mb is not None and one.memory_mb < 1:
        yield f"memory_mb is {one.memory_mb}; it must be 1 or more"
    if one.max_ongoing < 1:
        yield f"max_ongoing is {one.max_ongoing}; it must be 1 or more"
    if one.max_queued != -1 and one.max_queued < 1:
        yield f"max_queued is {one.max_queued}; it must be 1 or more, or -1 for no limit"
    if one.drain_s < 0:
        yield f"drain_s is {one.drain_s}; it may not be negative"
    if one.batching:
        if one.batching.max_size < 1:
            yield f"batching max_size is {one.batching.max_size}; it must be 1 or more"
        if not 0 <= one.batching.wait_ms <= 10_000:
            yield f"batching wait_ms is {one.batching.wait_ms}; it must be between 0 and 10000"
        if "batching" in one.user_config:
            yield "user_config may not hold 'batching' beside batching=..."


def _capacity_mistakes(apps: Sequence[ServeApp], box: Box) -> Iterator[str]:
    """Ray would wait for ever for room, with the old version serving, so this has to be found here.

    Apps change one merge at a time, yet a change of `kit/` is new code for all of them: all hand over together.
    """
    deployments = [deployment for app in apps for deployment in app.deployments]
    cpus = math.fsum(one.cpus * one.replicas_in_handover for one in deployments)
    gpus = math.fsum(one.gpus * one.replicas_in_handover for one in deployments)
    remedy = "declare less, or handover=Handover.IN_PLACE, or a bigger box"
    if cpus > box.cpus + 1e-9:
        yield f"while new code takes over, all apps need {cpus:g} CPUs and the box has {box.cpus}; {remedy}"
    if gpus > box.gpus + 1e-9:
        yield f"while new code takes over, all apps need {gpus:g} GPUs and the box has {box.gpus}; {remedy}"
