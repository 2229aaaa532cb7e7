"""A container's health check: when it says HEALTHY, and when it gives up."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from generator.local.health_check import HealthCheck, Verdict


def _verdicts(check: HealthCheck, directory: Path, wanted: int, change: Path | None = None) -> list[Verdict]:
    seen: list[Verdict] = []
    stopped = threading.Event()

    def report(verdict: Verdict) -> None:
        seen.append(verdict)
        if change is not None:
            change.unlink(missing_ok=True)
        if len(seen) == wanted:
            stopped.set()

    timer = threading.Timer(20, stopped.set)
    timer.start()
    check.watch(report, stopped, environment={"PATH": os.environ["PATH"]}, directory=directory)
    timer.cancel()
    return seen


def test_localhost_is_the_tasks_own_address() -> None:
    settings = {"command": ["CMD-SHELL", "curl -f http://localhost:8000/health"], "interval": 30}
    check = HealthCheck.deployed(settings, "127.5.6.7")
    assert check.command == ("/bin/sh", "-c", "curl -f http://127.5.6.7:8000/health")
    assert (check.interval, check.timeout, check.retries, check.start_period) == (30, 5, 3, 0)


def test_it_is_healthy_at_the_first_success_and_unhealthy_after_its_retries(tmp_path: Path) -> None:
    (tmp_path / "well").touch()
    check = HealthCheck(("test", "-f", "well"), interval=0.2, timeout=1, retries=2, start_period=0)
    assert _verdicts(check, tmp_path, 2, change=tmp_path / "well") == ["HEALTHY", "UNHEALTHY"]


def test_a_check_that_hangs_has_failed(tmp_path: Path) -> None:
    check = HealthCheck(("sleep", "30"), interval=0.1, timeout=0.1, retries=1, start_period=0)
    assert _verdicts(check, tmp_path, 1) == ["UNHEALTHY"]
