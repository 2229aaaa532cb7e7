"""Argo CD's health states, and the rule for many of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, Concatenate, ParamSpec

Payload = Mapping[str, Any]
"""A resource as boto3 describes it."""

P = ParamSpec("P")


class HealthStatus(StrEnum):
    """Healthiest first; what cannot be told is worst: gitops-engine's order (`pkg/health/health.go`, healthOrder).

    `Health.worse_than` and `worst` follow it; nothing else ranks states.
    """

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


_RANK = {status: rank for rank, status in enumerate(HealthStatus)}


@dataclass(frozen=True)
class Health:
    """How a thing is, and why, in one sentence; a healthy thing may have nothing to say."""

    status: HealthStatus
    reason: str = ""

    @property
    def healthy(self) -> bool:
        """Works as it should."""
        return self.status is HealthStatus.HEALTHY

    def worse_than(self, other: "Health") -> bool:
        """Further down in HealthStatus."""
        return _RANK[self.status] > _RANK[other.status]


def healthy(reason: str = "") -> Health:
    """It works."""
    return Health(HealthStatus.HEALTHY, reason)


def suspended(reason: str) -> Health:
    """Someone stopped it on purpose."""
    return Health(HealthStatus.SUSPENDED, reason)


def progressing(reason: str) -> Health:
    """Not there yet, and may get there by itself."""
    return Health(HealthStatus.PROGRESSING, reason)


def missing(reason: str) -> Health:
    """It does not exist."""
    return Health(HealthStatus.MISSING, reason)


def degraded(reason: str) -> Health:
    """It failed."""
    return Health(HealthStatus.DEGRADED, reason)


def unknown(reason: str) -> Health:
    """Nobody can tell."""
    return Health(HealthStatus.UNKNOWN, reason)


def worst(healths: Iterable[Health]) -> Health:
    """The health of a whole: its least healthy part's; of equals the first's. Nothing at all is healthy."""
    found: Health | None = None
    for health in healths:
        if found is None or health.worse_than(found):
            found = health
    return found or healthy()


def of_payload(judged: Callable[Concatenate[Payload, P], Health]) -> Callable[Concatenate[Payload | None, P], Health]:
    """What all kinds share: no payload is Missing; one without what its kind always has is Unknown, never a crash."""

    @wraps(judged)
    def guarded(payload: Payload | None, /, *args: P.args, **kwargs: P.kwargs) -> Health:
        if payload is None:
            return missing("it does not exist")
        try:
            return judged(payload, *args, **kwargs)
        except KeyError as error:
            return unknown(f"AWS's answer lacks {error.args[0]}")

    return guarded
