"""`ecgctl drift`, `suspend`, `resume`: what is live stays what was deployed; hands off during incidents."""

from datetime import UTC, datetime
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
from generator.commands.times import Moment

if TYPE_CHECKING:
    from generator.aws.suspension import S3Suspension
    from generator.deployment import Desired
    from generator.sync.drift.verdict import EnvironmentDrift


@click.command()
@environment_argument
@click.option(
    "--on-drift",
    type=click.Choice(["report", "pr", "revert"]),
    default="report",
    show_default=True,
    help="What to do about it.",
)
@click.option("-o", "--output", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@suspended_option
@local_option
@root_option
def drift(environment: str, on_drift: str, output: str, while_suspended: bool, local: bool, root: Path) -> None:
    """Find what was changed behind CloudFormation's back in ENV, and say how much was looked at.

    Differences that ENV.drift.yaml ignores are shown with their reason and do not count. A schedule with
    `--on-drift revert` is self-heal. Exit code 0: none, or taken back; 1: drift, or stacks that could not be read;
    2: mistakes in the rules.

    \b
    ecgctl drift dev                       report
    ecgctl drift dev --on-drift revert     bring the resources back to their templates (drift-aware change sets)
    ecgctl drift dev --on-drift pr         a pull request with rules that accept what is live
    """
    from generator.deployment import committed
    from generator.drifting import drift_of, tell
    from generator.report.drift_text import drift_json, drift_markdown, drift_text
    from generator.status_object import keep_status

    desired = committed(root, environment)
    clients = clients_of(root, desired.manifest.region, local)
    found = drift_of(root, desired, clients)
    shown = {"json": drift_json, "markdown": drift_markdown, "text": drift_text}[output]
    click.echo(shown(found).rstrip("\n"))
    if found.drifted and on_drift == "revert":
        _revert(root, desired, found, local, while_suspended)
        found = drift_of(root, desired, clients)
        click.echo(f"looked again: {'still drifted' if found.drifted else 'no drift'}", err=True)
    elif found.drifted and on_drift == "pr":
        _propose(root, found)
    for note in (*keep_status(desired, clients, found), *tell(desired, found, clients)):
        click.echo(f"note: {note}", err=True)
    if not found.clean:
        raise SystemExit(1)


def _revert(root: Path, desired: "Desired", found: "EnvironmentDrift", local: bool, while_suspended: bool) -> None:
    from rich.console import Console

    from generator.drifting import take_back
    from generator.report.live import showing

    target, clients = target_of(root, desired, local)
    with showing(Console(stderr=True), "text") as report:
        take_back(desired, found, target, clients, report, regardless=while_suspended)


def _propose(root: Path, found: "EnvironmentDrift") -> None:
    from generator.proposing import propose_drift
    from generator.report.drift_text import drift_markdown

    done = propose_drift(root, found, drift_markdown(found), datetime.now(UTC).date())
    click.echo(done.words, err=True)


@click.command()
@environment_argument
@click.option(
    "--until", required=True, type=Moment(), help="When it ends by itself: 2h, 1d, or 2027-01-31T18:00 (UTC)."
)
@click.option("--reason", required=True, help="What is going on; whoever is refused reads it.")
@local_option
@root_option
def suspend(environment: str, until: datetime, reason: str, local: bool, root: Path) -> None:
    """Keep machines off ENV: `apply`, `rollback --now` and the reverting of drift refuse until then.

    For incidents, while people change things by hand. `ecgctl status` shows it.

    \b
    ecgctl suspend dev --until 2h --reason "the GPU box runs hot, ticket 481"
    """
    from generator.state_bucket import deployer
    from generator.sync.suspension import Suspension

    store = _suspensions(root, environment, local)
    now = store.now()
    if until <= now:
        raise click.BadParameter(f"{until:%Y-%m-%d %H:%M} UTC is over", param_hint="--until")
    made = Suspension(deployer(), reason, now, until)
    store.write(made)
    click.echo(f"{environment} is {made.words}")


@click.command()
@environment_argument
@local_option
@root_option
def resume(environment: str, local: bool, root: Path) -> None:
    """End ENV's suspension now. What was changed by hand meanwhile is drift: look at it before the next apply."""
    from dataclasses import replace

    from generator.sync.suspension import standing

    store = _suspensions(root, environment, local)
    found = standing(store)
    if found is None:
        click.echo(f"{environment} is not suspended")
        return
    store.write(replace(found, until=store.now()))
    click.echo(f"resumed; next: ecgctl drift {environment}")


def _suspensions(root: Path, environment: str, local: bool) -> "S3Suspension":
    from generator.aws.cloudformation import CloudFormation
    from generator.aws.suspension import S3Suspension
    from generator.deployment import committed
    from generator.state_bucket import state_bucket

    manifest = committed(root, environment).manifest
    clients = clients_of(root, manifest.region, local)
    bucket = state_bucket(manifest, CloudFormation(clients.make("cloudformation")))
    return S3Suspension(clients.make("s3"), bucket, environment)
