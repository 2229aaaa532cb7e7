"""What the box says of its Serve apps, and which of its log lines are an app's. Pure.

The box's report is `services/ray_serve/reconciler/report.py`'s. Apps that have them carry `golden` and `canary`:
{"passed", "cases", "at", "problem"} and {"percent", "since", "until", "requests", "errors", "error_rate", "verdict"}.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from generator.report.columns import Cell, table

RUNNING, HEALTHY = "RUNNING", "HEALTHY"


def versions_of(serve_yaml: Mapping[str, Any]) -> dict[str, str]:
    """App -> the address of its package, from a `serve.yaml`'s data."""
    return {name: str(notes["version"]) for name, notes in serve_yaml.get("x-ecg", {}).get("apps", {}).items()}


def all_well(report: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """Does every wanted app run, as the wanted version?"""
    apps = report.get("apps", {})
    return bool(wanted) and all(
        name in apps and apps[name]["status"] == RUNNING and apps[name]["version"] == version
        for name, version in wanted.items()
    )


def apps_text(report: Mapping[str, Any], wanted: Mapping[str, str], detailed: bool = False) -> str:
    """One line for each app that Git wants or the box has; with `detailed`, its deployments and messages below."""
    if not report:
        return "the box has reported nothing yet\n  next: ecgctl status, which says what it waits for"
    apps: Mapping[str, Any] = report.get("apps", {})
    names = sorted(wanted if detailed else {*wanted, *apps})
    lines = table(
        ("APP", "STATUS", "VERSION", "REPLICAS", "GOLDEN", "CANARY"),
        [_row(name, apps.get(name), wanted.get(name)) for name in names],
    )
    if detailed:
        for name in names:
            lines += _details(apps.get(name) or {})
    lines += _conditions(report)
    return "\n".join(lines)


def _row(name: str, app: Mapping[str, Any] | None, wanted: str | None) -> list[Cell]:
    if app is None:
        return [Cell(name), Cell("ABSENT", "red"), Cell(f"- (Git: {_short(wanted)})"), Cell("-"), Cell("-"), Cell("-")]
    status = str(app.get("status"))
    colour = "green" if status == RUNNING else "yellow" if status == "DEPLOYING" else "red"
    version = _short(app.get("version"))
    if wanted is None:
        version += " (Git: none)"
    elif app.get("version") != wanted:
        version += f" (Git: {_short(wanted)})"
    deployments = app.get("deployments", {})
    running = sum(one.get("replicas", {}).get(RUNNING, 0) for one in deployments.values())
    every = sum(sum(one.get("replicas", {}).values()) for one in deployments.values())
    golden, canary = app.get("golden"), app.get("canary")
    return [
        Cell(name),
        Cell(status, colour),
        Cell(version),
        Cell(f"{running}/{every}"),
        _golden(golden) if isinstance(golden, Mapping) else Cell("-"),
        _canary(canary) if isinstance(canary, Mapping) else Cell("-"),
    ]


def _golden(golden: Mapping[str, Any]) -> Cell:
    passed = bool(golden.get("passed"))
    cases = golden.get("cases")
    count = len(cases) if isinstance(cases, list) else cases
    text = f"{'passed' if passed else 'FAILED'} {count if count is not None else ''}".rstrip()
    return Cell(f"{text}, {golden['at']}" if golden.get("at") else text, None if passed else "red")


def _canary(canary: Mapping[str, Any]) -> Cell:
    parts = [f"{canary.get('percent', '?')} %"]
    if canary.get("requests") is not None:
        parts.append(f"{canary.get('errors', 0)} of {canary['requests']} failed")
    if canary.get("mismatches"):
        parts.append(f"{canary['mismatches']} differ")
    if canary.get("until"):
        parts.append(f"until {canary['until']}")
    if canary.get("verdict"):
        parts.append(str(canary["verdict"]))
    return Cell(", ".join(parts), "yellow")


def _details(app: Mapping[str, Any]) -> Iterator[str]:
    deployments: Mapping[str, Any] = app.get("deployments", {})
    if not deployments:
        return
    rows = []
    for name, one in sorted(deployments.items()):
        replicas = ", ".join(f"{count} {state}" for state, count in sorted(one.get("replicas", {}).items()))
        status = str(one.get("status"))
        rows.append([Cell(name), Cell(status, None if status == HEALTHY else "red"), Cell(replicas or "none")])
    yield ""
    yield from table(("DEPLOYMENT", "STATUS", "REPLICAS"), rows)
    for name, one in [("", app), *sorted(deployments.items())]:
        if message := str(one.get("message") or "").strip():
            yield f"{name or 'app'}: {message}"
    golden = app.get("golden") or {}
    if problem := golden.get("problem"):
        yield f"golden: {problem}"
    cases = golden.get("cases")
    for case in cases if isinstance(cases, list) else ():
        for one in case.get("differences", ()):
            yield f"golden {case['name']}: {one['path']} should be {one['expected']!r} and is {one['actual']!r}"


def _conditions(report: Mapping[str, Any]) -> Iterator[str]:
    for one in report.get("conditions", ()):
        wrong = one["type"] in {"Degraded", "Progressing"} and one["status"] == "True"
        if wrong or (one["type"] == "Ready" and one["status"] != "True"):
            message = str(one.get("message") or "").strip()
            yield f"{one['type']} {one['status']}, {one['reason']} since {one.get('since', '?')}" + (
                f": {message}" if message else ""
            )


def _short(version: object) -> str:
    return str(version or "-").removesuffix(".zip")[:12]


def of_app(text: str, name: str, others: Collection[str]) -> bool:
    """Is a line of the box's log for whoever looks for this app: it names the app, or no app at all?"""
    told = _told(text)
    if told is not None:
        return told == name
    named = {one for one in (name, *others) if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text)}
    return not named or name in named


def _told(text: str) -> str | None:
    """The app that a JSON line says it is of."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        line = json.loads(text[start:])
    except ValueError:
        return None
    if not isinstance(line, dict):
        return None
    application = line.get("application")
    return str(application) if application else None
