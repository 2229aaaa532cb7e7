"""A container's deployed health check, run as ECS runs it.

After `startPeriod`, `retries` failures in a row make the container UNHEALTHY; one success makes it HEALTHY. One
difference from ECS: until the first success the command also runs every second between the intervals, so that a laptop
does not wait 30 seconds for a check with that interval; such an extra run can pass the check but never fail it.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Verdict = Literal["HEALTHY", "UNHEALTHY"]
_EXTRA_RUN_S = 1.0


@dataclass(frozen=True)
class HealthCheck:
    """The deployed check: a command (`localhost` already replaced), times in seconds."""

    command: tuple[str, ...]
    interval: float
    timeout: float
    retries: int
    start_period: float

    @classmethod
    def deployed(cls, settings: Mapping[str, Any], address: str) -> HealthCheck:
        """From a container definition's `healthCheck`, for a container that has `address` to itself."""
        kind, *rest = settings["command"]
        parts = ["/bin/sh", "-c", " ".join(rest)] if kind == "CMD-SHELL" else rest if kind == "CMD" else [kind, *rest]
        here = tuple(part.replace("localhost", address).replace("127.0.0.1", address) for part in parts)
        return cls(
            here,
            float(settings.get("interval", 30)),
            float(settings.get("timeout", 5)),
            int(settings.get("retries", 3)),
            float(settings.get("startPeriod", 0)),
        )

    def watch(
        self,
        report: Callable[[Verdict], None],
        stopped: threading.Event,
        *,
        environment: Mapping[str, str],
        directory: Path,
    ) -> None:
        """Run the check until `stopped`, calling `report` whenever the verdict changes."""
        begun = time.monotonic()
        due = begun + self.interval
        failures, verdict = 0, ""
        while not stopped.wait(max(0.0, due - time.monotonic()) if verdict else _EXTRA_RUN_S):
            passed = self._passes(environment, directory)
            counted = time.monotonic() >= due
            if counted:
                due = time.monotonic() + self.interval
            if passed:
                failures = 0
                if verdict != "HEALTHY":
                    verdict = "HEALTHY"
                    due = time.monotonic() + self.interval
                    report("HEALTHY")
            elif counted and time.monotonic() - begun >= self.start_period:
                failures += 1
                if failures >= self.retries and verdict != "UNHEALTHY":
                    verdict = "UNHEALTHY"
                    report("UNHEALTHY")

    def _passes(self, environment: Mapping[str, str], directory: Path) -> bool:
        try:
            done = subprocess.run(
                self.command,
                env=dict(environment),
                cwd=directory,
                capture_output=True,
                timeout=self.timeout,
                check=False,
            )
        except (subprocess.TimeoutExpired, OSError):
            return False
        return done.returncode == 0
