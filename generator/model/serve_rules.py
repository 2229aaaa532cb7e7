"""Everything that is wrong with a set of declared Ray Serve apps, told at once. Pure."""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from generator.errors import EcgError
from generator.model.serve import (
    G4DN_XLARGE,
    AppFolder,
    Autoscaling,
    Batching,
    Box,
    Canary,
    Deployment,
    ServeApp,
)

_APP_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DEPLOYMENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,59}")
_MOST_MINUTES = 24 * 60
NO_FOLDERS: Mapping[str, AppFolder] = MappingProxyType({})


class InvalidServeApps(EcgError):
    """Everything that is wrong with `generator/serve_apps.py`."""

    exit_code = 2

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        where = "generator/serve_apps.py"
        super().__init__("\n".join(f"{where}: {mistake}" for mistake in self.mistakes))


def mistakes(
    apps: Sequence[ServeApp],
    addresses: Collection[str],
    box: Box = G4DN_XLARGE,
    folders: Mapping[str, AppFolder] = NO_FOLDERS,
) -> list[str]:
    """Everything that is wrong with the apps, one sentence each; empty when all is well.

    `addresses` holds the names of the apps whose folder was found and packed, `folders` what was found in them.
    """
    found = list(_shared_names("app name", [app.name for app in apps]))
    found += _shared_names("route prefix", [app.route for app in apps])
    for app in apps:
        folder = folders.get(app.name, AppFolder())
        wrong = (*_app_mistakes(app, app.name in addresses), *_folder_mistakes(app, folder))
        found += [f"app {app.name!r}: {mistake}" for mistake in wrong]
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
    if app.canary:
        yield from (f"canary {mistake}" for mistake in _canary_mistakes(app.canary))
    yield from _shared_names("deployment", [deployment.name for deployment in app.deployments])
    for deployment in app.deployments:
        yield from (f"deployment {deployment.name!r}: {mistake}" for mistake in _deployment_mistakes(deployment))


def _canary_mistakes(canary: Canary) -> Iterator[str]:
    if not 0 < canary.percent <= 50:
        yield f"percent is {canary.percent}; it must be above 0 and at most 50"
    if not 0 < canary.minutes <= _MOST_MINUTES:
        yield f"minutes is {canary.minutes}; it must be above 0 and at most {_MOST_MINUTES}"
    if not 0 <= canary.max_error_rate < 1:
        yield f"max_error_rate is {canary.max_error_rate}; it must be 0 or more and below 1"
    if canary.compare not in ("golden", "shadow"):
        yield f"compare is {canary.compare!r}; it must be 'golden' or 'shadow'"


def _folder_mistakes(app: ServeApp, folder: AppFolder) -> Iterator[str]:
    if app.canary and app.canary.compare == "golden" and not folder.golden:
        yield f"canary compares golden outputs, and {app.folder}/golden has none"
    if folder.requirements:
        # Ray's runtime_env could (`pip`), but clones the box's whole environment for it, gigabytes with CUDA.
        yield f"{app.folder}/requirements.txt is installed by nothing; pin it in services/ray_serve/requirements.txt"


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
    if not 1 <= one.surge <= 100:
        yield f"surge is {one.surge}; it must be between 1 and 100 percent, or say handover=Handover.IN_PLACE"
    if one.drain_s < 0:
        yield f"drain_s is {one.drain_s}; it may not be negative"
    if one.batching:
        yield from (f"batching {mistake}" for mistake in _batching_mistakes(one.batching))
        if "batching" in one.user_config:
            yield "user_config may not hold 'batching' beside batching=..."


def _batching_mistakes(batching: Batching) -> Iterator[str]:
    if batching.max_size < 1:
        yield f"max_size is {batching.max_size}; it must be 1 or more"
    if not 0 <= batching.wait_ms <= 10_000:
        yield f"wait_ms is {batching.wait_ms}; it must be between 0 and 10000"
    for name, value in (("max_mb", batching.max_mb), ("unit_kb", batching.unit_kb)):
        if value is not None and value <= 0:
            yield f"{name} is {value}; it must be above 0"
    if (batching.max_mb is None) != (batching.unit_kb is None):
        yield "has one of max_mb and unit_kb; a limit of memory needs both, since a CPU's memory is not measured"


def _capacity_mistakes(apps: Sequence[ServeApp], box: Box) -> Iterator[str]:
    """Ray would wait for ever for room, with the old version serving, so this has to be found here.

    Apps change one merge at a time, yet a change of `kit/` is new code for all of them: all hand over together.
    """
    most = [(one, app.most_replicas(one)) for app in apps for one in app.deployments]
    needs = {
        "CPUs": (math.fsum(one.cpus * count for one, count in most), box.cpus),
        "GPUs": (math.fsum(one.gpus * count for one, count in most), box.gpus),
        "MiB of memory": (math.fsum((one.memory_mb or 0) * count for one, count in most), box.memory_mb),
    }
    for what, (needed, has) in needs.items():
        if has is not None and needed > has + 1e-9:
            yield (
                f"while new code takes over or is a canary, all apps need {needed:g} {what} and the box has {has}; "
                "declare less, or a smaller surge, or handover=Handover.IN_PLACE and no canary, or a bigger box"
            )
