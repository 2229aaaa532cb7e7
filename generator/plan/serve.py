"""What Ray Serve does with each app when `serve.yaml` changes, and whether old and new fit on the box together.

The rules are those of Ray 2.60, read in its source and tried on one node:
  - an app's import path, runtime_env, args and autoscaling policies are its code: a change restarts all its replicas
  - a deployment's actor options and placement restart that deployment's replicas; everything else is set in place
  - an app that the file leaves out is deleted; two apps on one route are refused with the whole file
  - Ray reads host and port of `http_options` and all of `x-ecg.box` only when it starts: the reconciler restarts it
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.plan.cost_values import number
from generator.plan.facts import ServeAction, ServeChange
from generator.plan.serve_replicas import Replicas
from generator.plan.tree import Tree

WHOLE_BOX = "(all apps)"
"""The app's name of a change that concerns Ray itself."""

_AT_START = ("proxy_location", "grpc_options")
"""What Ray takes when it starts and ignores later, like all of `http_options`: the reconciler restarts it for them."""
_OF_THE_APP = ("import_path", "runtime_env", "args", "autoscaling_policy")
_OF_THE_REPLICA = (
    "ray_actor_options",
    "placement_group_bundles",
    "placement_group_strategy",
    "placement_group_bundle_label_selector",
    "max_replicas_per_node",
    "gang_scheduling_config",
)
_RAY_RESTARTS = "Ray restarts, and no app answers until it is back"
_ROUNDING = 1e-9
_GIB = 1024**3


def serve(before: Tree, after: Tree) -> tuple[ServeChange, ...]:
    """Each app that changes, by name, Ray itself first. Empty where the file says the same to Ray."""
    old, new = _Box.of(before.serve), _Box.of(after.serve)
    head = tuple(_head_reasons(before.serve, after.serve, old, new)) if before.serve and after.serve else ()
    restarts_ray = any(reason.endswith(_RAY_RESTARTS) for reason in head)
    needs = new.steady() if restarts_ray else _needs(old, new)
    has = new.has if after.serve else old.has
    fits = all(needs[what] <= has[what] + _ROUNDING for what in has)
    found = []
    if head:
        action = ServeAction.RESTART if restarts_ray else ServeAction.RECONFIGURE
        found.append(ServeChange(WHOLE_BOX, action, head, needs, has, fits))
    for name in sorted(old.apps.keys() | new.apps.keys()):
        action_and_reasons = _change(old.apps.get(name), new.apps.get(name))
        if action_and_reasons:
            action, reasons = action_and_reasons
            reasons += tuple(_collision(name, new))
            if not fits and action in (ServeAction.RESTART, ServeAction.CREATE):
                reasons += (_shortage(needs, has),)
            found.append(ServeChange(name, action, reasons, needs, has, fits))
    return tuple(found)


def route_collisions(tree: Tree) -> tuple[str, ...]:
    """Routes that more than one app claims, one sentence each: Ray refuses such a file as a whole (400)."""
    box = _Box.of(tree.serve)
    routes: dict[str, list[str]] = {}
    for name, app in box.apps.items():
        if app.route is not None:
            routes.setdefault(app.route, []).append(name)
    return tuple(
        f"route {route} belongs to {' and '.join(sorted(names))}; Ray refuses the whole file"
        for route, names in sorted(routes.items())
        if len(names) > 1
    )


def interruptions(before: Tree, after: Tree) -> tuple[str, ...]:
    """`app.deployment` of what answers nobody while it restarts: its only replica stops before the new one starts."""
    old, new = _Box.of(before.serve), _Box.of(after.serve)
    return tuple(
        f"{name}.{deployment}"
        for name in sorted(old.apps.keys() & new.apps.keys())
        for deployment, replicas in new.apps[name].deployments.items()
        if deployment in old.apps[name].deployments
        and _restarts(old.apps[name], new.apps[name], deployment)
        and replicas.surge_percent == 0
        and min(replicas.least, old.apps[name].deployments[deployment].least) <= 1
    )


def restarts_ray(before: Tree, after: Tree) -> bool:
    """Whether Ray itself restarts: every app is away until it is back."""
    return any(change.app == WHOLE_BOX and change.action is ServeAction.RESTART for change in serve(before, after))


@dataclass(frozen=True)
class _App:
    """One application of the file."""

    data: Mapping[str, Any]
    deployments: Mapping[str, Replicas]
    canary: Mapping[str, Any]
    """What `x-ecg.apps.<app>.canary` says; empty where new code is not tried first."""

    @property
    def route(self) -> str | None:
        route = self.data.get("route_prefix", "/")
        return route if isinstance(route, str) else None

    @property
    def code(self) -> Any:
        """What Ray hashes into the app's code version (`get_app_code_version` of Ray 2.60).

        The lists have an entry for each deployment that has such a setting at all: to go from a number of replicas to
        autoscaling is new code, though nothing of the code changes.
        """
        settings = [one.data for one in self.deployments.values()]
        policies = [one["autoscaling_config"] for one in settings if isinstance(one.get("autoscaling_config"), Mapping)]
        return (
            [self.data.get(key) for key in _OF_THE_APP],
            [one.get("policy") for one in policies],
            [one["request_router_config"] for one in settings if isinstance(one.get("request_router_config"), Mapping)],
            [one["deployment_actors"] for one in settings if isinstance(one.get("deployment_actors"), list)],
        )


@dataclass(frozen=True)
class _Box:
    """The file as a whole: its apps, and what the box has to give away."""

    apps: Mapping[str, _App]
    has: Mapping[str, float]
    declared: Mapping[str, Any]
    """`x-ecg.box` as it stands."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "_Box":
        apps = {}
        notes = _mapping(_mapping(data.get("x-ecg")).get("apps"))
        for app in _list(data.get("applications")):
            if isinstance(app, Mapping) and "name" in app:
                listed = [one for one in _list(app.get("deployments")) if isinstance(one, Mapping) and "name" in one]
                name = str(app["name"])
                canary = _mapping(_mapping(notes.get(name)).get("canary"))
                apps[name] = _App(app, {str(one["name"]): Replicas.of(one) for one in listed}, canary)
        box = _mapping(_mapping(data.get("x-ecg")).get("box"))
        has = {what: number(box.get(what), 0.0) or 0.0 for what in ("cpus", "gpus")}
        if "memory_mb" in box:
            has["memory_gib"] = (number(box["memory_mb"], 0.0) or 0.0) / 1024
        return cls(apps, has, box)

    def steady(self) -> Mapping[str, float]:
        """What all apps take when nothing changes and load is highest."""
        return _total(
            [(replicas, replicas.most) for app in self.apps.values() for replicas in app.deployments.values()]
        )


def _needs(old: _Box, new: _Box) -> Mapping[str, float]:
    """What all apps take at the worst moment. One file is one update: all that changes hands over at once.

    What the new file leaves out is not counted: it stops whatever else happens, and Ray starts the rest after it.
    """
    taken: dict[str, list[float]] = {"cpus": [], "gpus": [], "memory_gib": []}
    for name, app in new.apps.items():
        was = old.apps.get(name)
        tried = was is not None and _tried_first(was, app)
        for deployment, replicas in app.deployments.items():
            before = was.deployments.get(deployment) if was else None
            if was and before and _restarts(was, app, deployment):
                moments = [_total(mix) for mix in replicas.handover_from(before)]
            else:
                moments = [_total([(replicas, replicas.most)])]
            if tried:
                # The canary is the new app as a whole, beside the old one.
                moments.append(_total([(replicas, replicas.most), *([(before, before.most)] if before else [])]))
            for what, amounts in taken.items():
                amounts.append(max(moment[what] for moment in moments))
    return {what: math.fsum(amounts) for what, amounts in taken.items()}


def _total(mix: Sequence[tuple[Replicas, int]]) -> Mapping[str, float]:
    return {
        "cpus": math.fsum(one.cpus * count for one, count in mix),
        "gpus": math.fsum(one.gpus * count for one, count in mix),
        "memory_gib": math.fsum(one.memory_bytes * count for one, count in mix) / _GIB,
    }


def _restarts(old: _App, new: _App, deployment: str) -> bool:
    was, now = old.deployments[deployment].data, new.deployments[deployment].data
    return old.code != new.code or any(was.get(key) != now.get(key) for key in _OF_THE_REPLICA)


def _tried_first(old: _App, new: _App) -> bool:
    """Whether the reconciler makes it a canary: new code at the old address (reconciler/rollout.py, `canaries`)."""
    return bool(new.canary) and _version(old) != _version(new) and old.route == new.route


def _restarted(old: _App, new: _App) -> list[str]:
    """The deployments of both whose replicas restart."""
    return [name for name in new.deployments if name in old.deployments and _restarts(old, new, name)]


def _change(old: _App | None, new: _App | None) -> tuple[ServeAction, tuple[str, ...]] | None:
    if new is None:
        assert old is not None  # noqa: S101 one of both is there
        return ServeAction.DELETE, (f"{old.route} answers 404 from then on",)
    if old is None:
        return ServeAction.CREATE, (f"mounted at {new.route}",)
    reasons = tuple(_app_reasons(old, new))
    if not reasons:
        return None
    restarted = _restarted(old, new)
    gone = bool(old.deployments.keys() ^ new.deployments.keys())
    if not restarted and not gone:
        return ServeAction.RECONFIGURE, reasons
    return ServeAction.RESTART, (*reasons, *_manners(old, new, restarted))


def _app_reasons(old: _App, new: _App) -> Iterator[str]:
    was, now = _version(old), _version(new)
    if was != now:
        yield f"new code: {was} -> {now}"
    for key in sorted((old.data.keys() | new.data.keys()) - {"name", "deployments"}, key=str):
        note = "; the old address answers 404 at once" if key == "route_prefix" else ""
        masked = _without(old.data.get(key), was), _without(new.data.get(key), now)
        yield from (f"{difference}{note}" for difference in _differences(key, *masked))
    for name in sorted(old.deployments.keys() | new.deployments.keys()):
        before, after = old.deployments.get(name), new.deployments.get(name)
        if before is None or after is None:
            yield f"deployment {name} is {'new' if before is None else 'gone'}"
        else:
            yield from _differences(name, before.data, after.data)
    if old.code[0] == new.code[0] and old.code != new.code:
        yield "for Ray this is new code: it counts which deployments autoscale, and how, as part of the code"


def _differences(path: str, old: Any, new: Any) -> Iterator[str]:
    """Each value that differs, with its path."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys(), key=str):
            yield from _differences(f"{path}.{key}", old.get(key), new.get(key))
    elif old != new:
        yield f"{path}: {_word(old)} -> {_word(new)}"


def _manners(old: _App, app: _App, restarted: Sequence[str]) -> Iterator[str]:
    if _tried_first(old, app):
        percent, minutes, compare = (_word(app.canary.get(key)) for key in ("percent", "minutes", "compare"))
        yield (
            f"canary first: {percent} % of the requests for {minutes} min, compare {compare}; "
            "then it takes over or is taken back"
        )
    in_place = [name for name in restarted if app.deployments[name].surge_percent == 0]
    if in_place:
        yield f"handover in place, old replicas stop first: {', '.join(in_place)}"
    surging = [name for name in restarted if name not in in_place]
    if surging:
        yield f"new replicas start beside the old ones: {', '.join(surging)}"


def _head_reasons(old: Mapping[str, Any], new: Mapping[str, Any], was: _Box, now: _Box) -> Iterator[str]:
    http = _mapping(old.get("http_options")), _mapping(new.get("http_options"))
    for key in sorted(http[0].keys() | http[1].keys(), key=str):
        if http[0].get(key) != http[1].get(key):
            yield f"http_options.{key}: {_word(http[0].get(key))} -> {_word(http[1].get(key))}; {_RAY_RESTARTS}"
    for what in sorted(was.declared.keys() | now.declared.keys()):
        if was.declared.get(what) != now.declared.get(what):
            yield f"box {what}: {_word(was.declared.get(what))} -> {_word(now.declared.get(what))}; {_RAY_RESTARTS}"
    for key in (*_AT_START, "logging_config", "tracing_config", "target_capacity"):
        if old.get(key) != new.get(key):
            restarts = f"; {_RAY_RESTARTS}" if key in _AT_START else ""
            yield f"{key}: {_word(old.get(key))} -> {_word(new.get(key))}{restarts}"


def _collision(name: str, box: _Box) -> Iterator[str]:
    app = box.apps.get(name)
    if app is None or app.route is None:
        return
    others = sorted(other for other, one in box.apps.items() if other != name and one.route == app.route)
    if others:
        yield f"route collision: {app.route} is also {' and '.join(others)}'s; Ray refuses the whole file"


def _shortage(needs: Mapping[str, float], has: Mapping[str, float]) -> str:
    short = [f"{needs[what]:g} of {has[what]:g} {what}" for what in has if needs[what] > has[what] + _ROUNDING]
    return f"does not fit: old and new together want {', '.join(short)}; Ray waits for room, and the old ones serve"


def _version(app: _App) -> str:
    """The package's address, short, or nothing where the app has none."""
    runtime = app.data.get("runtime_env")
    folder = runtime.get("working_dir") if isinstance(runtime, Mapping) else None
    return str(folder).rsplit("/", 1)[-1].removesuffix(".zip")[:12] if folder else "none"


def _without(value: Any, version: str) -> Any:
    """A value with the package's address taken out, which stands in it more than once."""
    if isinstance(value, Mapping):
        return {key: _without(item, version) for key, item in value.items()}
    return "" if isinstance(value, str) and version != "none" and version in value else value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _word(value: Any) -> str:
    return "not set" if value is None else f"{value}"
