"""`ecgctl status`, `events`, `logs`: looking, without touching anything.

Flags and words only.
"""

import time
from datetime import timedelta
from pathlib import Path

import click

from generator.commands.options import environment_argument, local_option, root_option
from generator.commands.times import Span

_REDRAW_S = 2.0


@click.command()
@environment_argument
@click.option("--watch", "-w", is_flag=True, help="Look again every two seconds until Ctrl-C.")
@click.option("-o", "--output", type=click.Choice(["text", "wide", "json"]), default="text", show_default=True)
@local_option
@root_option
def status(environment: str, watch: bool, output: str, local: bool, root: Path) -> None:
    """Say whether ENV is what Git wants (sync) and whether it works (health).

    Exit code 0: Synced and Healthy; 1: anything else. Reads only; templates_out/ENV is what Git wants. Each state and
    what to do about it: docs/runbooks/health.md. AGE is the time since a stack last changed.

    \b
    ecgctl status dev                the whole environment in one screen
    ecgctl status dev --watch        while something is being rolled out
    ecgctl status dev -o wide        every resource, and every difference from Git
    ecgctl status dev -o json        for scripts
    """
    from generator.report.status_json import status_json
    from generator.report.status_text import status_text
    from generator.status import observer as look

    observer = look(root, environment, local=local)
    good = False
    try:
        while True:
            found = observer.status()
            good = found.good
            text = status_json(found) if output == "json" else status_text(found, wide=output == "wide")
            if watch and output != "json":
                click.clear()
            click.echo(text)
            if not watch:
                break
            time.sleep(_REDRAW_S)
    except KeyboardInterrupt:
        click.echo()
    if not good:
        raise SystemExit(1)


@click.command()
@environment_argument
@click.argument("stack", required=False)
@click.option("--limit", "-n", type=click.IntRange(1, 1000), default=40, show_default=True, help="How many.")
@local_option
@root_option
def events(environment: str, stack: str | None, limit: int, local: bool, root: Path) -> None:
    """Show what happened lately in ENV's stacks, newest last, failures in red.

    \b
    ecgctl events dev          all stacks as one story
    ecgctl events dev api -n 100
    """
    from generator.report.status_events import events_text
    from generator.status import observer as look

    click.echo(events_text(look(root, environment, local=local).events(stack, limit)))


@click.command()
@environment_argument
@click.argument("source", type=click.Choice(["api", "model-server"]), default="api")
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--since", type=Span(), default="10m", show_default=True, help="How far back: 30s, 10m, 2h, 1d.")
@local_option
@root_option
def logs(environment: str, source: str, follow: bool, since: timedelta, local: bool, root: Path) -> None:
    """Show what the API or the model server wrote, from CloudWatch Logs.

    \b
    ecgctl logs dev                       the API's last ten minutes
    ecgctl logs dev model-server --since 2h
    ecgctl logs dev api --follow
    """
    from generator.report.status_events import log_text
    from generator.status import LogSource
    from generator.status import observer as look

    observer, chosen = look(root, environment, local=local), LogSource(source)
    if follow:
        try:
            for line in observer.follow(chosen, since):
                click.echo(log_text(line))
        except KeyboardInterrupt:
            return
    empty = True
    for line in observer.lines(chosen, since):
        click.echo(log_text(line))
        empty = False
    if not empty:
        return
    click.echo(f"{observer.log_group(chosen)} has no line of that time", err=True)
    if chosen is LogSource.MODEL_SERVER:
        for error in reversed(observer.box_errors()):
            click.echo(f"{error.get('at')} the box reported: {error.get('message')}")
        click.echo("next: ecgctl status; or on the box: journalctl -u ecg-updater", err=True)
