"""A Ray of its own with the capacity of the box, and one configuration on it, until SIGTERM.

Run in .venv-serve by `generator.workbench.served`, on a tether:
    ray_box.py SPEC    SPEC: {"config": serve.yaml without x-ecg, "cpus", "gpus", "state": folder, "host", "deadline_s"}
It starts Ray as the agent on the box does (`reconciler.ray_head`: token, no usage statistics, loopback), and writes
`<state>/facts.json`: {"status": "RUNNING" or "FAILED", "message", "dashboard", "metrics", "token"}.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from reconciler.desired import Head
from reconciler.memory import Session
from reconciler.ray_head import RayHead
from reconciler.serve_api import Refused, RestServeApi, Unavailable
from reconciler.settings import Settings

_DONE = frozenset({"RUNNING", "DEPLOY_FAILED", "UNHEALTHY"})


def main() -> None:
    """Start, apply, tell, wait, stop."""
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    settings = Settings("", "workbench", "", Path(spec["state"]), spec["host"], free_ports=True)
    # Figures a second old are young enough; Ray's default is ten.
    head = RayHead(settings, {**os.environ, "RAY_metrics_report_interval_ms": "1000"})
    http = spec["config"]["http_options"]
    session = head.start(Head(spec["cpus"], spec["gpus"], http["host"], http["port"]))
    try:
        status, message = _applied(spec, head, session, asked_to_stop)
        facts = {
            "status": status,
            "message": message,
            "dashboard": f"http://127.0.0.1:{session.dashboard_port}",
            "metrics": f"http://{spec['host']}:{_option(session.pid, 'metrics-export-port')}/metrics",
            "token": session.token,
        }
        _write(Path(spec["state"]) / "facts.json", facts)
        asked_to_stop.wait()
    finally:
        head.stop()


def _applied(spec: Mapping[str, Any], head: RayHead, session: Session, stop: threading.Event) -> tuple[str, str]:
    end = time.monotonic() + spec["deadline_s"]
    said, put = "Ray did not answer", False
    with httpx.Client(trust_env=False) as client:
        api = RestServeApi(client)
        while time.monotonic() < end and not stop.wait(0.5):
            if not head.alive():
                return "FAILED", "Ray ended while it started; see ray.log"
            try:
                if not put:
                    api.put(session, spec["config"])
                    put = True
                apps = api.apps(session)
            except Refused as refused:
                return "FAILED", str(refused)
            except Unavailable:
                continue
            said = "\n".join(_said(name, app) for name, app in apps.items())
            if apps and all(app.status in _DONE for app in apps.values()):
                good = all(app.status == "RUNNING" for app in apps.values())
                return ("RUNNING", "") if good else ("FAILED", said)
    return "FAILED", f"not running within {spec['deadline_s']:g} s\n{said}"


def _said(name: str, app: Any) -> str:
    lines = [f"{name} {app.status}: {app.message}"]
    lines += [f"  {one} {found.status}: {found.message}" for one, found in app.deployments.items() if found.message]
    return "\n".join(lines)


def _option(pid: int, name: str) -> str:
    options = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    (value,) = (one.partition("=")[2] for one in options if one.startswith(f"--{name}="))
    return value


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)  # it holds Ray's token
    partial.write_text(json.dumps(facts), encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    main()
