"""`ecgctl serve check`: every stage of some apps, told as they end."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generator.model.serve import G4DN_XLARGE, ServeApp
from generator.publish.package import app_addresses
from generator.serve_apps import SERVE_APPS
from generator.workbench.errors import UnknownApp
from generator.workbench.measurements import Served, judged
from generator.workbench.offline import Subject, declared, offline
from generator.workbench.serve_python import ServePython, unpacked
from generator.workbench.served import Plan, Videos, serve_and_measure
from generator.workbench.stages import Checked, Outcome, Stage

BOX = G4DN_XLARGE


@dataclass(frozen=True)
class Wishes:
    """How far to go. `video`: drive with this file, not with the golden inputs."""

    quick: bool = False
    plan: Plan = field(default_factory=Plan)
    video: Path | None = None
    enforce_slo: bool = False


@dataclass(frozen=True)
class Listener:
    """Who hears of it: `begun` an app, `ended` a stage, `doing` what takes long."""

    begun: Callable[[str], None]
    ended: Callable[[Outcome], None]
    doing: Callable[[str], None]


def chosen(names: Sequence[str], declared_apps: Sequence[ServeApp] = SERVE_APPS) -> list[ServeApp]:
    """The apps of these names; all of them where none is given. Raises UnknownApp."""
    known = {app.name: app for app in declared_apps}
    for name in names:
        if name not in known:
            raise UnknownApp(name, list(known))
    return [known[name] for name in dict.fromkeys(names)] if names else list(declared_apps)


def check(root: Path, apps: Sequence[ServeApp], wishes: Wishes, listener: Listener) -> list[Checked]:
    """Check one app after the other; one that fails does not keep the next from its turn. Raises NoServePython."""
    python = ServePython.of(root)
    packed = list(app_addresses(root, SERVE_APPS))
    found = []
    for app in apps:
        listener.begun(app.name)
        found.append(_check(root, Subject.of(root, app), packed, python, wishes, listener))
    return found


def _check(
    root: Path, subject: Subject, packed: Sequence[str], python: ServePython, wishes: Wishes, listener: Listener
) -> Checked:
    outcomes: list[Outcome] = []

    def add(outcome: Outcome) -> bool:
        outcomes.append(outcome)
        listener.ended(outcome)
        return outcome.passed

    name = subject.app.name
    if subject.package is None:
        add(declared(subject, SERVE_APPS, packed))
        return Checked(name, tuple(outcomes))
    with unpacked(subject.package) as code:
        listener.doing("golden cases in Ray's local testing mode")
        for outcome in offline(subject, SERVE_APPS, packed, code, python, time.monotonic):
            add(outcome)
    if wishes.quick or not all(one.passed for one in outcomes):
        return Checked(name, tuple(outcomes))
    videos = Videos({wishes.video.name: wishes.video.read_bytes()}) if wishes.video else None
    videos = videos or Videos.golden(root / subject.app.folder)
    outcome, served = serve_and_measure(root, subject, python, BOX, videos, wishes.plan, listener.doing)
    add(outcome)
    if served:
        add(against_slo(subject.app, served, wishes.enforce_slo))
    return Checked(name, tuple(outcomes), served)


def against_slo(app: ServeApp, served: Served, enforce: bool) -> Outcome:
    """The judgement as a stage.

    What is wrong on any machine fails it; a missed service level only where it is asked to, or on a GPU.
    """
    judgement = judged(app, served, BOX)
    binding = enforce or served.device == "cuda"
    words = [*judgement.broken, *judgement.words, *(f"note: {one}" for one in judgement.caveats)]
    passed = not judgement.broken and (judgement.met or not binding)
    if not judgement.met:
        words.insert(0, "not met here" if binding else "not met here, which fails nothing (--enforce-slo would)")
    action = "" if passed else "fewer or slower promises, or more: replicas, batching, memory; then check again"
    where = "" if passed else f"generator/serve_apps.py, slo of {app.name!r}"
    return Outcome(Stage.SLO, passed, "\n".join(words), where, action)
