"""A new app in a checkout: its folder, its declaration, rendered. Nothing is written where something is wrong."""

import keyword
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.model.serve import G4DN_XLARGE, Handover, ServeApp
from generator.model.serve_rules import mistakes
from generator.serve_apps import SERVE_APPS
from generator.workbench.declaration import APPS_FOLDER, FILE, new_app, with_app
from generator.workbench.errors import CannotScaffold, ProgramFailed
from generator.workbench.skeleton import GOLDEN_INPUT, GOLDEN_SOURCE, skeleton

_RENDER = "import sys; from generator.cli import main; main(sys.argv[1:])"


@dataclass(frozen=True)
class Made:
    """What was written, by its path from the root."""

    app: ServeApp
    files: tuple[str, ...]
    rendered: tuple[str, ...]


def refuse_mistakes(root: Path, app: ServeApp, declared: Sequence[ServeApp] = SERVE_APPS) -> None:
    """Raise CannotScaffold where this app cannot come beside those that are declared."""
    if app.name in {one.name for one in declared} or (root / app.folder).exists():
        raise CannotScaffold([f"there is an app {app.name!r} already ({app.folder})"], "choose another name")
    if keyword.iskeyword(app.name) or keyword.issoftkeyword(app.name):
        raise CannotScaffold([f"{app.name!r} is a word of Python's; the name becomes a package"], "choose another name")
    alone = mistakes([app], [app.name])
    if alone:
        raise CannotScaffold(alone, "choose another name or owner")
    together = mistakes([*declared, app], [app.name, *(one.name for one in declared)])
    before = mistakes(declared, [one.name for one in declared])
    if crowded := [mistake for mistake in together if mistake not in before]:
        raise CannotScaffold(crowded, _room(app, declared))


def _room(app: ServeApp, declared: Sequence[ServeApp]) -> str:
    taken = {
        one.name: sum(deployment.cpus * one.most_replicas(deployment) for deployment in one.deployments)
        for one in declared
    }
    free = G4DN_XLARGE.cpus - sum(taken.values())
    needed = sum(deployment.cpus * app.most_replicas(deployment) for deployment in app.deployments)
    shares = ", ".join(f"{name} {cpus:g}" for name, cpus in taken.items())
    alone = sum(deployment.cpus * deployment.most_replicas for deployment in app.deployments)
    in_place = ", or say --in-place" if app.handover is Handover.SURGE and alone <= free else ""
    return f"free {needed - free:g} CPUs in {FILE} (taken, both versions counted: {shares}){in_place}"


def make(root: Path, name: str, owner: str, handover: Handover = Handover.SURGE) -> Made:
    """Write the app's folder, add its declaration, render every environment.

    Raises CannotScaffold before anything is written, ProgramFailed where the new declaration does not render.
    """
    app = new_app(name, owner, handover)
    refuse_mistakes(root, app)
    source = root / GOLDEN_SOURCE
    if not source.is_file():
        raise CannotScaffold([f"{GOLDEN_SOURCE} is not there; a new app's golden input is a copy of it"], "restore it")
    serve_apps = root / FILE
    edited = with_app(serve_apps.read_text(encoding="utf-8"), app)
    folder = root / app.folder
    contents = {path: text.encode() for path, text in skeleton(name).items()} | {GOLDEN_INPUT: source.read_bytes()}
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    serve_apps.write_text(edited, encoding="utf-8")
    return Made(app, (*(f"{APPS_FOLDER}/{name}/{path}" for path in sorted(contents)), FILE), _rendered(root))


def _rendered(root: Path) -> tuple[str, ...]:
    """Files of templates_out/ that changed. In a process of its own: this one has read the old declarations."""
    command = [sys.executable, "-c", _RENDER, "render", "--root", str(root)]
    env = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ProgramFailed("ecgctl render", done.stderr + done.stdout)
    return tuple(line.removeprefix("wrote ") for line in done.stdout.splitlines() if line.startswith("wrote "))
