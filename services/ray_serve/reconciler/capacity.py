"""Does it fit? Ray waits for ever for room that will never be, with the old version serving, and says nothing. Pure.

What has to fit at once: the replicas that are declared (the most of them, where their number follows the load), and
those that a handover starts beside them: of each deployment whose processes are replaced, as many as its surge says.
A canary stands in the document as an app of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Application = Mapping[str, Any]

_MB = 1024 * 1024
_ROUNDING = 1e-6
_OF_THE_APP = ("import_path", "runtime_env", "args", "autoscaling_policy")
_OF_THE_REPLICA = (
    "ray_actor_options",
    "placement_group_bundles",
    "placement_group_strategy",
    "placement_group_bundle_label_selector",
    "max_replicas_per_node",
    "gang_scheduling_config",
)
"""A change of these is new replicas, of all deployments or of one: as the plan has it (generator/plan/serve.py)."""
_UNITS = {"cpus": "CPUs", "gpus": "GPUs", "memory_mb": "MB of memory"}


@dataclass(frozen=True)
class Resources:
    """What there is to give away, or what one replica takes."""

    cpus: float = 0.0
    gpus: float = 0.0
    memory_mb: float = 0.0


@dataclass(frozen=True)
class Room:
    """`declared` in `serve.yaml` (a memory of 0 is not declared); `nodes` as Ray has them, None if it was not asked."""

    declared: Resources
    nodes: Sequence[Resources] | None = None


@dataclass(frozen=True)
class Demand:
    """What one deployment needs at the worst moment."""

    name: str
    replicas: int
    beside: int
    """Replicas of new code that start while those of the old one still run."""
    each: Resources


def misfit(running: Sequence[Application], wanted: Sequence[Application], room: Room) -> str:
    """Why `wanted` cannot take over from `running`, with the arithmetic; empty if it can."""
    demands = [one for app in wanted for one in _demands(_named(running, app["name"]), app)]
    return "\n".join(line for kind in _UNITS for line in _lines(kind, demands, room))


def _lines(kind: str, demands: Sequence[Demand], room: Room) -> Iterator[str]:
    unit = _UNITS[kind]
    taking = [one for one in demands if getattr(one.each, kind) > 0]
    needed = sum((one.replicas + one.beside) * getattr(one.each, kind) for one in taking)
    for there, whose in _limits(kind, room):
        if needed > there + _ROUNDING:
            sums = " + ".join(_sum(one, kind) for one in taking)
            surge = " while new code takes over" if any(one.beside for one in taking) else ""
            yield f"{needed:g} {unit} are needed{surge} and {whose} {there:g}: {sums}"
            return
    if room.nodes is not None:
        largest = max((getattr(one, kind) for one in room.nodes), default=0.0)
        for one in taking:
            takes = getattr(one.each, kind)
            if takes > largest + _ROUNDING:
                yield f"a replica of {one.name} takes {takes:g} {unit} and no node has more than {largest:g}"


def _limits(kind: str, room: Room) -> Iterator[tuple[float, str]]:
    declared = getattr(room.declared, kind)
    if kind != "memory_mb" or declared:
        yield declared, "the box is declared to have"
    if room.nodes is not None:
        yield sum(getattr(one, kind) for one in room.nodes), "Ray has"


def _sum(one: Demand, kind: str) -> str:
    count = f"({one.replicas} + {one.beside} beside)" if one.beside else str(one.replicas)
    return f"{one.name} {count} x {getattr(one.each, kind):g}"


def _demands(before: Application | None, app: Application) -> Iterator[Demand]:
    anew = before is not None and any(before.get(key) != app.get(key) for key in _OF_THE_APP)
    for one in app.get("deployments", ()):
        old = _named((before or {}).get("deployments", ()), one["name"])
        options = one.get("ray_actor_options") or {}
        replaced = old is not None and (anew or any(old.get(key) != one.get(key) for key in _OF_THE_REPLICA))
        replicas = _most_replicas(one)
        # As Ray rounds: ray/serve/_private/deployment_state.py, _surge_replicas_to_start (2.60).
        surge = -(-replicas * int(one.get("max_surge_percent", 0)) // 100)
        each = Resources(
            float(options.get("num_cpus", 1)), float(options.get("num_gpus", 0)), float(options.get("memory", 0)) / _MB
        )
        yield Demand(f"{app['name']} {one['name']}", replicas, surge if replaced else 0, each)


def _most_replicas(deployment: Mapping[str, Any]) -> int:
    scaling = deployment.get("autoscaling_config") or {}
    return int(scaling.get("max_replicas") or deployment.get("num_replicas") or 1)


def _named(of: Sequence[Application], name: str) -> Application | None:
    return next((one for one in of if one["name"] == name), None)
