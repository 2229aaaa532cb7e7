"""How Ray gets from the last good generation to another one: all at once, or past a canary. Pure.

    WHOLE   the generation as Git has it
    ASIDE   the last good version of each app with a canary, and the new one beside it, which no caller reaches
    SPLIT   the same, and the new version gets its share of the requests

    with a canary:  ASIDE -> golden proof -> SPLIT -> enough seen -> ASIDE -> WHOLE
                                               '-> too many errors -> ASIDE -> the last good generation, WHOLE

SPLIT is only entered from ASIDE and left to it: so no request is on its way to an app that is about to be removed.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
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


def canaries(good: ServeConfig | None, target: ServeConfig) -> Mapping[str, CanaryRule]:
    """The apps whose new code is tried first.

    Both versions have to declare a canary: the good one splits its requests, and that it declares one is how we know
    that it can. So the merge that declares the first takes over at once.
    """
    if good is None:
        return {}
    return {
        name: notes.canary
        for name, notes in target.apps.items()
        if notes.canary
        and (before := good.apps.get(name))
        and before.canary
        and before.version != notes.version
        and good.applications[name]["route_prefix"] == target.applications[name]["route_prefix"]
    }


def unproven(good: ServeConfig | None, target: ServeConfig) -> frozenset[str]:
    """The apps with golden cases that are new, or differ from the last good ones in whatever Ray is told."""
    before = good.applications if good else {}
    return frozenset(
        name for name, notes in target.apps.items() if notes.golden and before.get(name) != target.applications[name]
    )


def body(good: ServeConfig | None, target: ServeConfig, step: Step, trial: str = "") -> dict[str, Any]:
    """The document that Ray is told; `trial` names the trial where the step is SPLIT."""
    tried = {} if step is Step.WHOLE else canaries(good, target)
    applications: list[dict[str, Any]] = []
    for name, told in target.applications.items():
        if name not in tried or good is None:
            applications.append(_with_split(told, target, None))
            continue
        beside = {**told, "name": name + CANARY, "route_prefix": told["route_prefix"] + CANARY}
        rule = tried[name]
        split = {"app": beside["name"], "trial": trial, "percent": rule.percent, "compare": rule.compare}
        applications.append(_with_split(good.applications[name], good, split if step is Step.SPLIT else None))
        applications.append(_replaced_in_place(beside))
    return {**target.body, "applications": applications}


def route_of(config: ServeConfig, app: str, step: Step, tried: Mapping[str, CanaryRule]) -> str:
    """Where the new version of an app is reached."""
    route = str(config.applications[app]["route_prefix"])
    return route if step is Step.WHOLE or app not in tried else route + CANARY


def _with_split(told: Mapping[str, Any], config: ServeConfig, split: Mapping[str, Any] | None) -> dict[str, Any]:
    """Every app that declares a canary is told of it from its first start, also that there is none.

    Ray calls `reconfigure` for a changed user_config, and not for one that is no longer there. And an ingress that
    cannot take it so fails when it is new, and never when it is the last good one.
    """
    one = copy.deepcopy(dict(told))
    if config.apps[one["name"]].canary:
        for deployment in one["deployments"]:
            if deployment["name"] == INGRESS:
                deployment["user_config"] = {**(deployment.get("user_config") or {}), "canary": split}
    return one


def _replaced_in_place(told: Mapping[str, Any]) -> dict[str, Any]:
    """A canary that follows another one needs no surge: nobody asks it then, and there may be no room for a third."""
    one = copy.deepcopy(dict(told))
    for deployment in one.get("deployments", ()):
        deployment["max_surge_percent"] = 0
    return one
