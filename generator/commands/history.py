"""`ecgctl history` and `ecgctl rollback`: what was deployed, and the way back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.commands.options import (
    clients_of,
    environment_argument,
    local_option,
    root_option,
    suspended_option,
    target_of,
)

if TYPE_CHECKING:
    from generator.aws.session import Clients
    from generator.model.manifest import Manifest
    from generator.sync.ledger import LedgerStore


bucket_option = click.option("--bucket", help="Where the ledger lies (default: the bootstrap stack's bucket).")


def ledger_of(root: Path, manifest: "Manifest", local: bool, bucket: str | None) -> "tuple[Clients, LedgerStore, str]":
    from generator.aws.cloudformation import CloudFormation
    from generator.aws.ledger import S3Ledger
    from generator.state_bucket import state_bucket

    clients = clients_of(root, manifest.region, local)
    found = bucket or state_bucket(manifest, CloudFormation(clients.make("cloudformation")))
    return clients, S3Ledger(clients.make("s3"), found), found


@click.command()
@environment_argument
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@bucket_option
@local_option
@root_option
def history(environment: str, limit: int, output: str, bucket: str | None, local: bool, root: Path) -> None:
    """Show what was deployed to ENV, newest first: when, by whom, which commit, how long, with which outcome.

    A deployment without an end still runs, or was killed: the next `ecgctl apply` goes on where it stopped.
    """
    from generator.deployment import committed
    from generator.report.history_text import history_json, history_text
    from generator.sync.ledger import Ledger

    _, store, _ = ledger_of(root, committed(root, environment).manifest, local, bucket)
    found = Ledger(store, environment).history(limit)
    click.echo(history_json(found) if output == "json" else history_text(found))


@click.command()
@environment_argument
@click.argument("revision", metavar="[REV]", required=False)
@click.option("--now", is_flag=True, help="Apply the older tree at once, from the ledger. Git has to follow.")
@bucket_option
@suspended_option
@local_option
@root_option
def rollback(
    environment: str,
    revision: str | None,
    now: bool,
    bucket: str | None,
    while_suspended: bool,
    local: bool,
    root: Path,
) -> None:
    """Go back to an earlier deployment of ENV: REV, or the last good one that differs from what was deployed last.

    REV is the beginning of a commit or of a deployment's id, as `ecgctl history` shows them.

    \b
    ecgctl rollback dev              print the commands that revert it in Git; the merge deploys it
    ecgctl rollback dev --now        apply the older tree at once; revert in Git as well, or the next apply undoes it
    """
    from generator.deployment import Desired, committed
    from generator.model.manifest import parse
    from generator.sync.ledger import Ledger
    from generator.sync.rollback import good_before, revert_commands

    clients, store, found = ledger_of(root, committed(root, environment).manifest, local, bucket)
    ledger = Ledger(store, environment)
    deployments = ledger.history(limit=100)
    to = good_before(deployments, environment, revision)
    click.echo(f"back to {to.commit[:12] or to.id}, deployed {to.began:%Y-%m-%d %H:%M:%S} UTC by {to.who}")
    if now:
        from rich.console import Console

        from generator.report.live import showing
        from generator.state_bucket import deployer, deploying
        from generator.sync.apply import Options, apply

        files = ledger.files(to)
        desired = Desired(parse(files["manifest.yaml"], f"manifest.yaml of {to.id}"), files)
        target, _ = target_of(root, desired, local)
        target = deploying(target, desired.manifest, clients, found)
        options = Options(
            who=deployer(),
            commit=to.commit,
            digest=to.digest,
            note=f"rollback to {to.id}",
            while_suspended=while_suspended,
        )
        with showing(Console()) as report:
            outcome = apply(desired.manifest, files, target, report, options)
        click.echo("rolled back" if outcome.changed else "nothing to change")
    if not now or to.commit:
        click.echo("so that Git says the same:" if now else "review and merge this:")
        for command in revert_commands(to, deployments[0]):
            click.echo(f"  {command}")
