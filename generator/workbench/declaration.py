"""The text of `generator/serve_apps.py` with one more app in it. Pure: text in, text out, formatted as ruff wants it.

The file is edited, not written anew: comments and the order that people gave it stay. Where it is not of the shape that
this expects, nothing is guessed.
"""

import ast
import json

from generator.model.serve import Deployment, Handover, ServeApp, Slo
from generator.workbench.errors import CannotScaffold

FILE = "generator/serve_apps.py"
APPS_FOLDER = "services/ray_serve/apps"
_MODULE = "generator.model.serve"
_TUPLE = "SERVE_APPS"
_WIDEST = 120


def new_app(name: str, owner: str, handover: Handover = Handover.SURGE) -> ServeApp:
    """What a new app declares: as little of the box as will do."""
    return ServeApp(
        name=name,
        folder=f"{APPS_FOLDER}/{name}",
        deployments=[
            Deployment("Ingress", replicas=1, cpus=0.05, max_ongoing=64, max_queued=64),
            Deployment("Worker", replicas=1, cpus=0.1, max_ongoing=1, max_queued=32),
        ],
        slo=Slo(p99_ms=30_000, min_windows_per_s=1),
        owner=owner,
        handover=handover,
    )


def declaration(app: ServeApp) -> str:
    """The `ServeApp(...)` of `new_app`, as a member of the tuple."""
    lines = [
        "    ServeApp(",
        f"        name={_quoted(app.name)},",
        f"        folder={_quoted(app.folder)},",
        "        deployments=[",
        "            # Speaks HTTP and passes events on; it computes nothing, so many requests fit into one.",
        f"            {_deployment(app.deployments[0])},",
        "            # One video at a time. What is declared is a reservation: alone, it may use every core.",
        f"            {_deployment(app.deployments[1])},",
        "        ],",
        "        # 99 of 100 videos of 30 s within p99_ms; a window is one second of video here.",
        f"        slo=Slo(p99_ms={int(app.slo.p99_ms):_}, min_windows_per_s={app.slo.min_windows_per_s:g}),",
        f"        owner={_quoted(app.owner)},",
    ]
    if app.handover is Handover.IN_PLACE:
        lines.append("        # The old version stops first: an outage of some seconds with each new version.")
        lines.append("        handover=Handover.IN_PLACE,")
    return "\n".join([*lines, "    ),"]) + "\n"


def with_app(text: str, app: ServeApp) -> str:
    """The file with `app` as its last one. Raises CannotScaffold where the file is not of the shape expected."""
    tree = _parsed(text)
    apps = _apps_of(tree)
    if apps is None or not apps.elts:
        raise _by_hand(f"there is no tuple {_TUPLE} = (ServeApp(...), ...) in {FILE}", app)
    lines = text.splitlines(keepends=True)
    last, end = apps.elts[-1], apps.end_lineno
    # `)` alone on its line, and a comma after the last app: as ruff formats it.
    if end is None or last.end_lineno is None or lines[end - 1].rstrip() != ")" or last.end_lineno >= end:
        raise _by_hand(f"{FILE}:{apps.end_lineno}: {_TUPLE} should end with a line that is `)`", app)
    rest = lines[last.end_lineno - 1].encode()[last.end_col_offset or 0 :].decode().split("#")[0]
    if rest.strip() != ",":
        raise _by_hand(f"{FILE}:{last.end_lineno}: a comma should follow the last app", app)
    edited = "".join([*lines[: end - 1], declaration(app), *lines[end - 1 :]])
    needed = {"Deployment", "ServeApp", "Slo"} | ({"Handover"} if app.handover is Handover.IN_PLACE else set())
    return _importing(edited, needed, app)


def _importing(text: str, needed: set[str], app: ServeApp) -> str:
    """The text with every needed name in its import of `generator.model.serve`."""
    for node in _parsed(text).body:
        if isinstance(node, ast.ImportFrom) and node.module == _MODULE and node.end_lineno is not None:
            names = {one.name for one in node.names if one.asname is None}
            if needed <= names:
                return text
            if any(one.asname for one in node.names):
                break
            lines = text.splitlines(keepends=True)
            return "".join([*lines[: node.lineno - 1], _import(names | needed), *lines[node.end_lineno :]])
    raise _by_hand(f"{FILE} does not import {', '.join(sorted(needed))} from {_MODULE}", app)


def _import(names: set[str]) -> str:
    # Constants before classes: ruff's order.
    ordered = sorted(names, key=lambda name: (not name.isupper(), name))
    line = f"from {_MODULE} import {', '.join(ordered)}\n"
    if len(line) <= _WIDEST + 1:
        return line
    return f"from {_MODULE} import (\n" + "".join(f"    {name},\n" for name in ordered) + ")\n"


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise CannotScaffold(
            [f"{FILE}:{error.lineno}: this is not Python: {error.msg}"], f"mend {FILE}, then try again"
        ) from error


def _apps_of(tree: ast.Module) -> ast.Tuple | None:
    for node in tree.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Tuple() as value) if name == _TUPLE:
                return value
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple() as value) if name == _TUPLE:
                return value
            case _:
                continue
    return None


def _by_hand(what: str, app: ServeApp) -> CannotScaffold:
    return CannotScaffold([what], f"run `make format`, or add the app there by hand:\n{declaration(app).rstrip()}")


def _deployment(one: Deployment) -> str:
    return (
        f"Deployment({_quoted(one.name)}, replicas={one.replicas}, cpus={one.cpus:g}, "
        f"max_ongoing={one.max_ongoing}, max_queued={one.max_queued})"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
