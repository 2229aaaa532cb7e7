"""`ecgctl restore-drill`: would the data come back? Flags and words only."""

import json
from datetime import datetime
from pathlib import Path

import click

from generator.commands.options import clients_of, environment_argument, local_option, root_option
from generator.commands.times import PastMoment


@click.command()
@environment_argument
@click.option(
    "--to", "moment", required=True, type=PastMoment(), help="The moment: 2h or 1d ago, or 2027-01-31T18:00 (UTC)."
)
@click.option("--objects", "most", type=click.IntRange(0), help="Copy so many objects only (default: all).")
@click.option("--keep", is_flag=True, help="Leave both copies; the bucket's objects go by themselves after a week.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@local_option
@root_option
def restore_drill(
    environment: str, moment: datetime, most: int | None, keep: bool, output: str, local: bool, root: Path
) -> None:
    """Restore ENV's jobs table and videos to a moment, beside the real ones, and say whether they fit together.

    The table by point-in-time recovery, the bucket by its versions. Nothing of ENV is changed, and what was made is
    deleted at the end. Exit code 0: every finished job has its video and its result; 1: some lack them, or that moment
    cannot be had.

    \b
    ecgctl restore-drill prod --to 1h                    a drill; minutes, most of them DynamoDB's
    ecgctl restore-drill prod --to 1h --objects 100      a large bucket: copy a hundred, look at all
    ecgctl restore-drill prod --to 2027-01-31T18:00 --keep      for a real restore: docs/runbooks/restore.md
    """
    from generator.aws.cloudformation import CloudFormation
    from generator.aws.restoring import AwsRestoring
    from generator.deployment import SystemClock, committed
    from generator.drilling import drill
    from generator.report.drill_text import drill_text
    from generator.sync.drill import CannotRestore, drill_json

    manifest = committed(root, environment).manifest
    clients = clients_of(root, manifest.region, local)
    stacks = CloudFormation(clients.make("cloudformation"))

    def output_of(stack: str, name: str) -> str:
        found = stacks.describe(manifest.stack_id(stack))
        if found is None or name not in found.outputs:
            raise CannotRestore(f"stack {stack}", "it is not deployed", f"ecgctl status {environment}")
        return found.outputs[name]

    done = drill(
        environment,
        output_of("data", "JobsTableName"),
        output_of("storage", "VideoBucketName"),
        moment,
        AwsRestoring(clients.make("dynamodb"), clients.make("s3"), manifest.region),
        SystemClock(),
        lambda text: click.echo(text, err=True),
        most=most,
        keep=keep,
    )
    click.echo(json.dumps(drill_json(done), indent=1) if output == "json" else drill_text(done))
    if not done.sound:
        raise SystemExit(1)
