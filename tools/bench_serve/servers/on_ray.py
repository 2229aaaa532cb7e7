"""Ray with our app on it, started and told by the reconciler's own code: the environment is the box's."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from generator.serve_apps import SERVE_APPS
from reconciler.desired import Head
from reconciler.front import Front
from reconciler.memory import Session
from reconciler.ray_head import RayHead
from reconciler.serve_api import RestServeApi, Unavailable
from reconciler.settings import Settings as BoxSettings
from reconciler.snapshot import AppStatus
from tools.bench_serve.processes import Server
from tools.bench_serve.servers.settings import Settings
from tools.bench_serve.windows import ROOT

NODE = "127.0.1.78"  # Ray would replace 127.0.0.1 with the machine's own address
HOST = NODE
START_S = 180.0
QUEUED = 64


class NotStarted(Exception):
    """Ray Serve did not become ready; the message holds what it said."""


def serve_config(settings: Settings) -> Mapping[str, Any]:
    """The app's declared BeatClassifier (generator/serve_apps.py), once for each worker, and the reader beside it."""
    (declared,) = (one for app in SERVE_APPS for one in app.deployments if one.name == "BeatClassifier")
    cuda = settings.device.startswith("cuda")
    environment = {"env_vars": {"PYTHONPATH": f"{ROOT}:{ROOT / 'services/ray_serve'}"}}
    beats = {
        "name": "Beats",
        "num_replicas": settings.workers,
        "max_ongoing_requests": declared.max_ongoing,
        "max_queued_requests": QUEUED,
        "backpressure_config": {"status_code": 429, "retry_after_s": 2},
        "ray_actor_options": {"num_cpus": declared.cpus, "num_gpus": declared.gpus if cuda else 0.0},
        "user_config": {"batching": {"max_size": settings.max_size, "wait_ms": settings.wait_ms}},
    }
    reader = {"name": "Reader", "max_ongoing_requests": 4, "ray_actor_options": {"num_cpus": declared.cpus}}
    return {
        "proxy_location": "EveryNode",
        "http_options": {"host": HOST, "port": settings.port, "keep_alive_timeout_s": 65},
        "logging_config": {"encoding": "JSON", "log_level": "INFO", "enable_access_log": False},
        "applications": [
            {
                "name": "beats",
                "route_prefix": "/beats",
                "import_path": "tools.bench_serve.servers.ours:build_beats",
                "args": {"network": str(settings.network)},
                "runtime_env": environment,
                "deployments": [beats],
            },
            {
                "name": "reader",
                "route_prefix": "/reader",
                "import_path": "tools.bench_serve.servers.ours:build_reader",
                "runtime_env": environment,
                "deployments": [reader],
            },
        ],
    }


@contextmanager
def serving(settings: Settings, front: Front, folder: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """A Ray of its own below `folder`, with what the box has behind `front`. Raises NotStarted."""
    box = BoxSettings("", "bench", "", root=folder, http_host=NODE, free_ports=True)
    # Ray makes its workers nice. That changes nothing on a machine of their own; here the client would come first.
    ray = RayHead(box, {**os.environ, "RAY_worker_niceness": "0", **environment})
    session = ray.start(Head(cpus=4, gpus=1, host=HOST, port=settings.port, front=front))
    try:
        with httpx.Client(trust_env=False) as client:
            _deploy(RestServeApi(client), session, serve_config(settings), settings.port, folder)
        yield Server(session.pid, settings.port, HOST)
    finally:
        ray.stop(patience_s=10.0)


def _deploy(api: RestServeApi, session: Session, config: Mapping[str, Any], port: int, folder: Path) -> None:
    """Tell Serve, and wait until every application runs and HTTP answers."""
    end = time.monotonic() + START_S
    state, told = "Ray's API does not answer", False
    while time.monotonic() < end:
        time.sleep(0.5)
        try:
            if not told:
                api.put(session, config)
                told = True
            apps = api.apps(session)
        except Unavailable as error:
            state = str(error)
            continue
        state = "; ".join(f"{name} {app.status}: {app.message}" for name, app in apps.items())
        if any(app.status is AppStatus.DEPLOY_FAILED for app in apps.values()):
            break
        running = [app for app in apps.values() if app.status is AppStatus.RUNNING]
        if len(running) == len(config["applications"]) and api.http_ready(HOST, port):
            return
    raise NotStarted(f"Ray Serve is not ready: {state}; Ray's own log: {folder}/var/lib/ecg/ray.log")
