"""How many replicas of one deployment live at once, and what each reserves: Ray 2.60's arithmetic.

`ray/serve/_private/deployment_state.py`, `_surge_replicas_to_start`: beside a target of n, at most
`ceil(n * max_surge_percent / 100)` more run. Replicas that drain do not count towards it; where they still hold their
room, Ray waits for it, which costs time and no request.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generator.plan.cost_values import number

_MOST_OF_AUTO = 100
"""`num_replicas: auto` without more."""
_CPUS = 1.0
"""What a replica reserves that says nothing (`ReplicaConfig` of Ray Serve)."""


@dataclass(frozen=True)
class Replicas:
    """One deployment as the file declares it."""

    data: Mapping[str, Any]
    least: int
    most: int
    """Replicas when load is highest."""
    surge_percent: int
    cpus: float
    gpus: float
    memory_bytes: float

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Replicas":
        """Read one entry of `deployments`."""
        options = data.get("ray_actor_options")
        options = options if isinstance(options, Mapping) else {}
        least, most = _range(data)
        return cls(
            data=data,
            least=least,
            most=most,
            surge_percent=_whole(data.get("max_surge_percent"), 0),
            cpus=_amount(options.get("num_cpus"), _CPUS),
            gpus=_amount(options.get("num_gpus"), 0.0),
            memory_bytes=_amount(options.get("memory"), 0.0),
        )

    def handover_from(self, old: "Replicas") -> tuple[tuple[tuple["Replicas", int], ...], ...]:
        """The fullest mixes of old and new replicas while new ones take over, at highest load.

        At most `target + surge` live at once, never fewer than there were; what each kind reserves may differ, so the
        fullest is either all old with as many new as fit beside them, or all new with what is left of the old.
        """
        together = max(old.most, self.most + math.ceil(self.most * self.surge_percent / 100))
        return (
            ((old, old.most), (self, min(self.most, together - old.most))),
            ((self, self.most), (old, min(old.most, together - self.most))),
        )


def _range(data: Mapping[str, Any]) -> tuple[int, int]:
    scaling = data.get("autoscaling_config")
    auto = data.get("num_replicas") == "auto"
    if isinstance(scaling, Mapping) or auto:
        scaling = scaling if isinstance(scaling, Mapping) else {}
        most = _whole(scaling.get("max_replicas"), _MOST_OF_AUTO if auto else 1)
        return _whole(scaling.get("min_replicas"), 1), most
    count = _whole(data.get("num_replicas"), 1)
    return count, count


def _amount(value: Any, default: float) -> float:
    """A number; the default where there is none that Ray would take."""
    found = number(value, default)
    return default if found is None else found


def _whole(value: Any, default: int) -> int:
    return int(_amount(value, default))
