"""`ecgctl serve history` and `rollback`: the versions of an app, and the way back for it alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generator.commands.history import bucket_option, ledger_of
from generator.commands.options import complete_app, environment_argument, local_option, root_option

if TYPE_CHECKING:
    from generator.workbench.versions import Run


def _runs(root: Path, environment: str, local: bool, bucket: str | None, limit: int) -> "list[Run]":
    from generator.deployment import committed
    from generator.model.yaml_source import read as read_yaml
    from generator.sync.ledger import Ledger
    from generator.workbench.versions import Run

    _, store, _ = ledger_of(root, committed(root, environment).manifest, local, bucket)
    ledger = Ledger(store, environment)
    read: dict[str, Mapping[str, Any]] = {}
    runs = []
    for one in ledger.history(limit):
        digest = one.files.get("serve.yaml", "")
        if digest not in read:
            text = ledger.file(one, "serve.yaml")
            read[digest] = read_yaml(text, f"serve.yaml of {one.id}").data if text else {}
        runs.append(Run(one, read[digest]))
    return runs


@click.command("history")
@environment_argument
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete_app)
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@bucket_option
@local_option
@root_option
def serve_history(
    environment: str, name: str | None, limit: int, output: str, bucket: str | None, local: bool, root: Path
) -> None:
    """Show which version each app (or NAME) had in each deployment of ENV, newest first.

    A version is the beginning of its package's address; `new`: this deployment brought it, `declared anew`: only its
    numbers changed.
    """
    from generator.workbench.versions import versions_json, versions_text

    runs = _runs(root, environment, local, bucket, limit)
    apps = [name] if name else sorted({app for run in runs for app in run.versions})
    click.echo(versions_json(runs, apps) if output == "json" else versions_text(runs, apps))


@click.command("rollback")
@environment_argument
@click.argument("name", metavar="NAME", shell_complete=complete_app)
@click.argument("revision", metavar="[REV]", required=False)
@bucket_option
@local_option
@root_option
def serve_rollback(
    environment: str, name: str, revision: str | None, bucket: str | None, local: bool, root: Path
) -> None:
    """Print the Git commands that take NAME alone back to REV, or to its last good version before this one.

    REV is the beginning of a commit, or a deployment's id, as `ecgctl serve history` shows them. The folder and the
    declaration go back, what other apps and kit/ got since then stays, and the merge deploys it. At once, without
    Git, only the whole environment can go back: ecgctl rollback ENV --now.
    """
    from generator.workbench.versions import run_before, way_back

    runs = _runs(root, environment, local, bucket, limit=100)
    to = run_before(runs, environment, name, revision)
    commands, notes = way_back(to, runs[0], name)
    one = to.deployment
    version = to.versions[name].removesuffix(".zip")[:12]
    click.echo(
        f"{name} back to {version} of {one.commit[:12]}, deployed {one.began:%Y-%m-%d %H:%M:%S} UTC by {one.who}"
    )
    click.echo("review and merge this:")
    for command in commands:
        click.echo(f"  {command}")
    for note in notes:
        click.echo(f"note: {note}")
