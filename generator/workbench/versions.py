"""Which version of each app was deployed when, and the way back for one of them. Pure: the ledger's texts come in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from generator.errors import EcgError
from generator.report.columns import Cell, table
from generator.sync.ledger import Deployment, Result
from generator.workbench.running import versions_of


class NoWayBack(EcgError):
    """The ledger knows no earlier good deployment with another version of the app."""

    exit_code = 2

    def __init__(self, environment: str, app: str, why: str) -> None:
        self.environment, self.app = environment, app
        super().__init__(f"{app}: {why}\n  next: ecgctl serve history {environment} {app}, then name a deployment")


@dataclass(frozen=True)
class Run:
    """One deployment, and what it had of the apps. `serve`: the data of its serve.yaml; empty where there was none."""

    deployment: Deployment
    serve: Mapping[str, Any]

    @property
    def versions(self) -> Mapping[str, str]:
        """App -> address of its package."""
        return versions_of(self.serve)

    def declared(self, app: str) -> Any:
        """All that was declared of an app, without its version; None where it was not there."""
        found = next((one for one in self.serve.get("applications", ()) if one["name"] == app), None)
        if found is None:
            return None
        notes = {key: value for key, value in self.serve["x-ecg"]["apps"][app].items() if key != "version"}
        return {key: value for key, value in found.items() if key not in {"runtime_env", "args"}} | {"x-ecg": notes}


def versions_text(runs: Sequence[Run], apps: Sequence[str]) -> str:
    """One line a deployment, newest first; a version is in green where the deployment brought it."""
    if not runs:
        return "nothing was deployed yet"
    rows = []
    for at, run in enumerate(runs):
        before = runs[at + 1] if at + 1 < len(runs) else None
        one = run.deployment
        head = (f"{one.began:%Y-%m-%d %H:%M:%S}", one.id, _result(one), one.commit[:12] or "-", one.who)
        rows.append([*map(Cell, head), *(_version(run, before, app) for app in apps)])
    return "\n".join(table(("BEGAN (UTC)", "ID", "RESULT", "COMMIT", "WHO", *apps), rows))


def _result(one: Deployment) -> str:
    return "running?" if one.result is Result.RUNNING else one.result.value


def _version(run: Run, before: Run | None, app: str) -> Cell:
    version = run.versions.get(app)
    if version is None:
        return Cell("-")
    short = version.removesuffix(".zip")[:12]
    if before is None:
        return Cell(short)
    if before.versions.get(app) != version:
        return Cell(f"{short} new", "green")
    return Cell(f"{short} declared anew", "green") if before.declared(app) != run.declared(app) else Cell(short)


def versions_json(runs: Sequence[Run], apps: Sequence[str]) -> str:
    """The same as an array."""
    return json.dumps(
        [
            {
                "id": run.deployment.id,
                "began": _stamp(run.deployment.began),
                "result": str(run.deployment.result),
                "commit": run.deployment.commit,
                "who": run.deployment.who,
                "versions": {app: run.versions.get(app) for app in apps},
            }
            for run in runs
        ],
        indent=1,
    )


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def run_before(runs: Sequence[Run], environment: str, app: str, revision: str | None = None) -> Run:
    """The deployment whose version of the app is wanted back, from runs with the newest first.

    With `revision` (the beginning of a commit or of a deployment's id): the newest good one of it. Without: the newest
    good one that had the app otherwise than the one deployed last. Raises NoWayBack.
    """
    good = [one for one in runs if one.deployment.result is Result.SUCCEEDED and app in one.versions]
    if revision is not None:
        found = [one for one in good if revision in (one.deployment.commit[: len(revision)], one.deployment.id)]
        why = f"no successful deployment of {revision} had it"
    else:
        now = runs[0] if runs else None
        found = [one for one in good if now is None or not _same(one, now, app)]
        why = "no earlier successful deployment had it otherwise than it is now"
    if not found:
        raise NoWayBack(environment, app, why)
    return found[0]


def _same(one: Run, other: Run, app: str) -> bool:
    return one.versions.get(app) == other.versions.get(app) and one.declared(app) == other.declared(app)


def way_back(to: Run, now: Run, app: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(commands, notes): what takes this app alone back in Git; the merge of it deploys it.

    Raises NoWayBack where the ledger does not know the commit.
    """
    one = to.deployment
    if not one.commit:
        raise NoWayBack(one.environment, app, f"of deployment {one.id} the commit is not known")
    commit, folder = one.commit[:12], to.serve["x-ecg"]["apps"][app]["folder"]
    commands = [
        f"git switch --create rollback-{app}-{commit} origin/main",
        f"git restore --source={commit} --staged --worktree -- {folder}",
    ]
    notes = ["what services/ray_serve/kit/ got since then stays: it is every app's"]
    if to.declared(app) != now.declared(app):
        others = [other for other in {*to.versions, *now.versions} - {app} if to.declared(other) != now.declared(other)]
        # `restore` takes back the whole file; where others changed too, a person chooses the hunks of this app.
        patch = " --patch" if others else ""
        commands.append(f"git restore --source={commit}{patch} -- generator/serve_apps.py")
        if others:
            notes.insert(
                0, f"other declarations changed as well ({', '.join(sorted(others))}): take {app}'s hunks only"
            )
    commands += [
        f"ecgctl serve check {app} --quick",
        "ecgctl render",
        "git add --all",
        f'git commit --message "Take {app} back to {commit}"',
        f"git push --set-upstream origin rollback-{app}-{commit}",
    ]
    return tuple(commands), tuple(notes)
