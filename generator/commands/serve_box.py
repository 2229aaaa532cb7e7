"""`ecgctl serve status` and `logs`: the apps on the box. Reads only."""

import json
from datetime import timedelta
from pathlib import Path

import click

from generator.commands.options import complete_app, environment_argument, local_option, root_option
from generator.commands.times import Span


@click.command("status")
@environment_argument
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete_app)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@local_option
@root_option
def serve_status(environment: str, name: str | None, output: str, local: bool, root: Path) -> None:
    """Say what ENV's box runs: apps, versions, replicas, golden cases, canaries; with NAME, its deployments too.

    What the box itself reported last; `ecgctl status ENV` also says how old that is. Exit code 0: every app (NAME) runs
    as the version that templates_out/ENV wants; 1: anything else.

    \b
    ecgctl serve status dev
    ecgctl serve status dev my_app --local
    """
    from generator.deployment import committed
    from generator.model.yaml_source import read
    from generator.status import observer
    from generator.workbench.errors import UnknownApp
    from generator.workbench.running import all_well, apps_text, versions_of

    wanted = versions_of(read(committed(root, environment).files["serve.yaml"], "serve.yaml").data)
    report = observer(root, environment, local=local).box_report()
    if name is not None:
        if name not in wanted and name not in report.get("apps", {}):
            raise UnknownApp(name, sorted(wanted))
        wanted = {name: wanted.get(name, "")}
    if output == "json":
        chosen = {one: app for one, app in report.get("apps", {}).items() if name in (None, one)}
        click.echo(json.dumps({"wanted": wanted, "apps": chosen, "conditions": report.get("conditions", [])}, indent=1))
    else:
        click.echo(apps_text(report, wanted, detailed=name is not None))
    if not all_well(report, wanted):
        raise SystemExit(1)


@click.command("logs")
@environment_argument
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete_app)
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--since", type=Span(), default="10m", show_default=True, help="How far back: 30s, 10m, 2h, 1d.")
@local_option
@root_option
def serve_logs(environment: str, name: str | None, follow: bool, since: timedelta, local: bool, root: Path) -> None:
    """Show the box's log; with NAME, without the lines that are told to be of other apps.

    A line that names no app (the agent's, Ray's own) is shown: it may be why NAME does not run.

    \b
    ecgctl serve logs dev my_app --since 2h
    ecgctl serve logs dev --follow
    """
    from generator.report.status_events import log_text
    from generator.serve_apps import SERVE_APPS
    from generator.status import LogSource, observer
    from generator.workbench.running import of_app

    look = observer(root, environment, local=local)
    others = [app.name for app in SERVE_APPS if app.name != name]
    lines = look.follow(LogSource.MODEL_SERVER, since) if follow else look.lines(LogSource.MODEL_SERVER, since)
    shown = False
    try:
        for line in lines:
            if name is None or of_app(line.text, name, others):
                click.echo(log_text(line))
                shown = True
    except KeyboardInterrupt:
        return
    if not shown:
        click.echo(f"{look.log_group(LogSource.MODEL_SERVER)} has no such line of that time", err=True)
        click.echo(f"next: a longer --since, or ecgctl serve status {environment} {name or ''}".rstrip(), err=True)
