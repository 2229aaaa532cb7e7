"""Declared Ray Serve apps -> the one `serve.yaml` of the box, as plain data. Pure.

All apps go into one document, because Ray deletes whatever a PUT leaves out: merged here, no app can delete another.
Our own notes (owner, service level, the box that it was made for) stand under `x-ecg`, which Ray ignores; the
reconciler starts Ray with the `box` of this file, so that the capacity checked here is the capacity found there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from generator.model.serve import G4DN_XLARGE, AppFolder, Autoscaling, Batching, Box, Deployment, ServeApp
from generator.model.serve_rules import NO_FOLDERS, InvalidServeApps, mistakes

PACKAGES = "file:///var/lib/ecg/packages/"
"""Where the reconciler puts packages on the box; the bucket's name is not known when rendering (decision 10)."""

HTTP_PORT = 8080
RETRY_AFTER_S = 2


def serve_config(
    apps: Sequence[ServeApp],
    addresses: Mapping[str, str],
    box: Box = G4DN_XLARGE,
    folders: Mapping[str, AppFolder] = NO_FOLDERS,
) -> dict[str, Any]:
    """The data of `serve.yaml`, valid under `ray.serve.schema.ServeDeploySchema`.

    `addresses` maps an app's name to its package's address (`<sha256>.zip`), `folders` to what else its folder holds.
    Raises InvalidServeApps.
    """
    wrong = mistakes(apps, addresses.keys(), box, folders)
    if wrong:
        raise InvalidServeApps(wrong)
    in_order = sorted(apps, key=lambda app: app.name)
    found = {app.name: folders.get(app.name, AppFolder()) for app in apps}
    return {
        # One box, one proxy; on a cluster each node with replicas would get its own.
        "proxy_location": "EveryNode",
        # Ray ignores a change of these until it restarts; the reconciler sees the change and restarts it.
        "http_options": {"host": "0.0.0.0", "port": HTTP_PORT, "keep_alive_timeout_s": 65},  # noqa: S104 the security group admits only the API
        "logging_config": {"encoding": "JSON", "log_level": "INFO", "enable_access_log": False},
        "applications": [_application(app, addresses[app.name]) for app in in_order],
        "x-ecg": {
            "box": _box(box),
            "apps": {app.name: _notes(app, addresses[app.name], found[app.name]) for app in in_order},
        },
    }


def _box(box: Box) -> dict[str, int | str]:
    known = {"cpus": box.cpus, "gpus": box.gpus, "memory_mb": box.memory_mb, "front": str(box.front)}
    return {name: value for name, value in known.items() if value is not None}


def _application(app: ServeApp, address: str) -> dict[str, Any]:
    return {
        "name": app.name,
        "route_prefix": app.route,
        "import_path": f"apps.{app.folder.rsplit('/', 1)[-1]}.app:build",
        "runtime_env": {"working_dir": PACKAGES + address},
        "args": {"name": app.name, "version": address},
        "deployments": [_deployment(app, deployment) for deployment in app.deployments],
    }


def _deployment(app: ServeApp, one: Deployment) -> dict[str, Any]:
    data: dict[str, Any] = {"name": one.name}
    match one.replicas:
        case Autoscaling() as scale:
            data["autoscaling_config"] = {
                "min_replicas": scale.min_replicas,
                "max_replicas": scale.max_replicas,
                "target_ongoing_requests": scale.target_ongoing,
            }
        case count:
            data["num_replicas"] = count
    data |= {
        "max_ongoing_requests": one.max_ongoing,
        "max_queued_requests": one.max_queued,
        "backpressure_config": {"status_code": 429, "retry_after_s": RETRY_AFTER_S},
        "max_surge_percent": app.surge_percent(one),
        "graceful_shutdown_timeout_s": one.drain_s,
        "ray_actor_options": {"num_cpus": one.cpus, "num_gpus": one.gpus},
    }
    if one.memory_mb is not None:
        data["ray_actor_options"]["memory"] = one.memory_mb * 1024 * 1024
    user_config = {**app.user_config, **one.user_config}
    if one.batching:
        user_config["batching"] = _batching(one.batching)
    if user_config:
        data["user_config"] = user_config
    return data


def _batching(batching: Batching) -> dict[str, Any]:
    """As `kit.batching.BatchPolicy` reads it; what is not declared is not there."""
    data: dict[str, Any] = {"max_size": batching.max_size, "wait_ms": batching.wait_ms}
    if batching.max_mb is not None:
        data |= {"max_mb": batching.max_mb, "unit_kb": batching.unit_kb}
    return data


def _notes(app: ServeApp, address: str, folder: AppFolder) -> dict[str, Any]:
    notes: dict[str, Any] = {
        "owner": app.owner,
        "folder": app.folder,
        "version": address,
        "slo": {"p99_ms": app.slo.p99_ms, "min_windows_per_s": app.slo.min_windows_per_s},
        "golden": folder.golden,
    }
    if app.canary:
        notes["canary"] = {
            "percent": app.canary.percent,
            "minutes": app.canary.minutes,
            "max_error_rate": app.canary.max_error_rate,
            "compare": app.canary.compare,
        }
    return notes
