"""How Ray gets from the last good generation to another one: all at once, or past a canary. Pure.

    WHOLE   the generation as Git has it
    ASIDE   the last good version of each app with a canary, and the new one beside it, which no caller reaches
    SPLIT   the same, and the new version gets its share of the requests

    with a canary:  ASIDE -> golden proof -> SPLIT -> enough seen -> ASIDE -> WHOLE
                                               '-> too many errors -> ASIDE -> the last good generation, WHOLE

SPLIT is only entered from ASIDE and left to it: so no request is on its way to an app that is about to be removed.
"""

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from reconciler.desired import INGRESS, CanaryRule, ServeConfig

CANARY = "--canary"
"""Ends the name and the route of an app's canary."""


class Step(StrEnum):
    """How much of a generation Ray is told."""

    WHOLE = "whole"
    ASIDE = "aside"
    SPLIT = "split"


@dataclass(frozen=True)
class Told:
    """What Ray was told last."""

    generation: str
    step: Step = Step.WHOLE


def canaries(
    good: ServeConfig | None, target: ServeConfig, can_split: Collection[str] = ()
) -> Mapping[str, CanaryRule]:
    """The apps whose new code is tried first: the last good version of each has to split its requests.

    That one can we know where it declares a canary itself, since it was told of it when it was new; or because it runs
    and says so (`can_split`). Of any other the new code takes over at once.
    """
    if good is None:
        return {}
    return {
        name: notes.canary
        for name, notes in target.apps.items()
        if notes.canary
        and (before := good.apps.get(name))
        and (before.canary or name in can_split)
        and before.version != notes.version
        and good.applications[name]["route_prefix"] == target.applications[name]["route_prefix"]
    }


def unproven(good: ServeConfig | None, target: ServeConfig) -> frozenset[str]:
    """The apps with golden cases that are new, or differ from the last good ones in whatever Ray is told."""
    before = good.applications if good else {}
    return frozenset(
        name for name, notes in target.apps.items() if notes.golden and before.get(name) != target.applications[name]
    )


def body(
    good: ServeConfig | None,
    target: ServeConfig,
    step: Step,
    tried: Mapping[str, CanaryRule] = MappingProxyType({}),
    trial: str = "",
) -> dict[str, Any]:
    """The document that Ray is told. `tried`: the apps with a canary; `trial` names the trial where they split."""
    applications: list[dict[str, Any]] = []
    for name, told in target.applications.items():
        if step is Step.WHOLE or name not in tried or good is None:
            applications.append(_with_split(told, None, bool(target.apps[name].canary)))
            continue
        beside = {**told, "name": name + CANARY, "route_prefix": told["route_prefix"] + CANARY}
        rule = tried[name]
        split = {"app": beside["name"], "trial": trial, "percent": rule.percent, "compare": rule.compare}
        applications.append(_with_split(good.applications[name], split if step is Step.SPLIT else None, True))
        applications.append(_replaced_in_place(_with_split(beside, None, True)))
    return {**target.body, "applications": applications}


def route_of(config: ServeConfig, app: str, step: Step, tried: Mapping[str, CanaryRule]) -> str:
    """Where the new version of an app is reached."""
    route = str(config.applications[app]["route_prefix"])
    return route if step is Step.WHOLE or app not in tried else route + CANARY


def _with_split(told: Mapping[str, Any], split: Mapping[str, Any] | None, can: bool) -> dict[str, Any]:
    """Every app that declares a canary is told of it from its first start, also that there is none.

    Ray calls `reconfigure` for a changed user_config, and not for one that is no longer there. And an ingress that
    cannot take it so fails when it is new, and never when it is the last good one.
    """
    one = copy.deepcopy(dict(told))
    for deployment in one["deployments"] if can else ():
        if deployment["name"] == INGRESS:
            deployment["user_config"] = {**(deployment.get("user_config") or {}), "canary": split}
    return one


def _replaced_in_place(told: Mapping[str, Any]) -> dict[str, Any]:
    """A canary that follows another one needs no surge: nobody asks it then, and there may be no room for a third."""
    one = copy.deepcopy(dict(told))
    for deployment in one.get("deployments", ()):
        deployment["max_surge_percent"] = 0
    return one
