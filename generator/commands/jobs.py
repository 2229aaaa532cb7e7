"""`ecgctl jobs` and `ecgctl erase`: what operators do about videos, without seeing any."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generator.commands.options import clients_of, environment_argument, local_option, root_option
from generator.errors import EcgError
from generator.model.job_states import STATES

if TYPE_CHECKING:
    from generator.aws.jobs import Files, JobRecord, Jobs

_OPEN = ("created", "uploading", "queued", "analysing", "failed")


@dataclass(frozen=True)
class _Live:
    """What an environment's operators work on."""

    jobs: "Jobs"
    files: "Files"
    s3: Any
    artifacts: str


class NoSuchJob(EcgError):
    """No job has this id."""

    exit_code = 2

    def __init__(self, environment: str, id_: str) -> None:
        self.environment, self.id = environment, id_
        super().__init__(f"{environment} has no job {id_}\n  next: ecgctl jobs list {environment}")


class NoJobs(EcgError):
    """The environment has no jobs table: it was never applied."""

    def __init__(self, environment: str) -> None:
        self.environment = environment
        super().__init__(f"{environment} has no jobs table yet\n  next: ecgctl apply {environment}")


@click.group()
def jobs() -> None:
    """See the jobs of all owners, and have failed ones tried again. Shows no file names and no videos."""


@jobs.command("list")
@environment_argument
@click.option("--state", type=click.Choice([*STATES, "all"]), help="Only these (default: what is open or has failed).")
@click.option("--owner", help="Only this owner's.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@local_option
@root_option
def jobs_list(environment: str, state: str | None, owner: str | None, output: str, local: bool, root: Path) -> None:
    """List ENV's jobs, the last changed first, and how many messages were given up.

    \b
    ecgctl jobs list dev --state failed
    """
    table = _of(root, environment, local).jobs
    states = _OPEN if state is None else STATES if state == "all" else (state,)
    found = table.found(states, owner)
    if output == "json":
        click.echo(json.dumps([one.fields for one in found], indent=1))
        return
    for one in found:
        click.echo(
            f"{one.id}  {one.state:<10} {one.attempts:>2}  {one.updated_at[:19]}  {one.owner}  {one.code}".rstrip()
        )
    click.echo(f"{len(found)} jobs, {table.dead()} messages in the dead-letter queue")


@jobs.command("show")
@environment_argument
@click.argument("id_", metavar="ID")
@local_option
@root_option
def jobs_show(environment: str, id_: str, local: bool, root: Path) -> None:
    """Show what is known of one job, without its file's name."""
    table = _of(root, environment, local).jobs
    click.echo(json.dumps(_one(table, environment, id_).fields, indent=1))


@jobs.command("retry")
@environment_argument
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@local_option
@root_option
def jobs_retry(environment: str, ids: tuple[str, ...], local: bool, root: Path) -> None:
    """Have failed jobs analysed again, as if they had never been tried; `all-failed` stands for all of them.

    Their messages are taken out of the dead-letter queue. Exit code 1: one of them is not failed any more.
    """
    table = _of(root, environment, local).jobs
    wanted = table.found(("failed",)) if "all-failed" in ids else [_one(table, environment, one) for one in ids]
    refused = False
    for one in wanted:
        queued = table.retry(one, datetime.now(UTC))
        refused |= not queued
        click.echo(f"{one.id}  {'queued again' if queued else f'left alone: it is {one.state}'}")
    if buried := table.bury({one.id for one in wanted}):
        click.echo(f"{buried} messages taken out of the dead-letter queue")
    if refused:
        raise SystemExit(1)


@click.command()
@environment_argument
@click.option("--owner", required=True, help="Whose videos: an owner, as `ecgctl jobs list` shows it.")
@click.option("--yes", help="The owner once more, instead of being asked.")
@local_option
@root_option
def erase(environment: str, owner: str, yes: str | None, local: bool, root: Path) -> None:
    """Erase all videos of an owner for good: every version of every file, every record.

    Nothing brings them back. Point-in-time backups of the table forget them after 35 days, logs after their retention;
    neither holds a file or its name. A line in the artifacts bucket says who erased whose, and how much. Running it
    again takes up where it stopped. Use the role that is made for it (output EraserRoleArn of the identity stack).
    """
    from generator.erasing import erase_owner, keep_line
    from generator.state_bucket import deployer

    if yes is None:
        yes = click.prompt("Type the owner to erase everything of theirs", default="", show_default=False)
    if yes != owner:
        raise click.UsageError(f"{yes!r} is not {owner!r}: nothing was touched")
    if not owner or "/" in owner:
        raise click.UsageError(f"{owner!r} is no owner")
    found = _of(root, environment, local)
    done = erase_owner(environment, owner, deployer(), found.jobs, found.files, datetime.now(UTC))
    key = keep_line(found.s3, found.artifacts, done)
    click.echo(f"erased {done.jobs} jobs and {done.versions} versions of files; s3://{found.artifacts}/{key}")
    if done.left:
        raise click.ClickException(f"{done.left} versions were written meanwhile: run it again")


def _one(table: "Jobs", environment: str, id_: str) -> "JobRecord":
    found = table.found(id_=id_)
    if not found:
        raise NoSuchJob(environment, id_)
    return found[0]


def _of(root: Path, environment: str, local: bool) -> _Live:
    from generator.aws.cloudformation import CloudFormation
    from generator.aws.jobs import Files, Jobs
    from generator.deployment import committed

    manifest = committed(root, environment).manifest
    clients = clients_of(root, manifest.region, local)
    stacks = CloudFormation(clients.make("cloudformation"))
    live = [stacks.describe(manifest.stack_id(name)) for name in ("data", "storage")]
    outputs = {name: value for one in live if one for name, value in one.outputs.items()}
    if "JobsTableName" not in outputs or "VideoBucketName" not in outputs:
        raise NoJobs(environment)
    table = Jobs(
        clients.make("dynamodb"),
        clients.make("sqs"),
        table=outputs["JobsTableName"],
        queue=outputs["JobsQueueUrl"],
        dead_letters=outputs["JobsDeadLetterQueueUrl"],
    )
    s3 = clients.make("s3")
    return _Live(table, Files(s3, outputs["VideoBucketName"]), s3, outputs["ArtifactsBucketName"])
