"""`ecgctl serve check`: from the declaration to requests at a Ray of its own."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.checkout import STATE
from generator.commands.options import complete_app, root_option

if TYPE_CHECKING:
    from generator.model.serve import ServeApp
    from generator.workbench.check import Listener
    from generator.workbench.stages import Checked


@click.command("check")
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_app)
@click.option("--quick", is_flag=True, help="Stop before serving: no Ray is started.")
@click.option(
    "--at-once",
    type=click.IntRange(1, 256),
    multiple=True,
    default=(1, 2, 4, 8),
    show_default=True,
    help="Requests under way at a time; give it several times.",
)
@click.option(
    "--seconds", type=click.FloatRange(0.1, 600), default=8.0, show_default=True, help="For how long each of them."
)
@click.option(
    "--video",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Ask about this file, not about the golden inputs.",
)
@click.option("--enforce-slo", is_flag=True, help="Fail where the service level is missed, also without CUDA.")
@click.option(
    "--png", type=click.Path(dir_okay=False, path_type=Path), help="Where the picture goes; for one app only."
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@root_option
def serve_check(
    names: tuple[str, ...],
    quick: bool,
    at_once: tuple[int, ...],
    seconds: float,
    video: Path | None,
    enforce_slo: bool,
    png: Path | None,
    output: str,
    root: Path,
) -> None:
    """Check the apps NAME..., or all that are declared. Each stops at the first stage that fails.

    \b
    declaration   mistakes in generator/serve_apps.py; do all apps fit the box
    schema        is it valid for Ray Serve
    imports       does app.py import and build what is declared, from the package as it would be published
    golden        the golden cases, in Ray's local testing mode
    served        a Ray of its own with the box's CPUs and GPUs on free ports, the app as serve.yaml declares it:
                  golden cases in its replicas, then requests at some concurrencies
    slo           p50 and p99, windows/s, batches seen, peak memory, against its Slo and the box

    A p99 from a CPU says nothing of the GPU's: without CUDA a missed service level is told and fails nothing, unless
    --enforce-slo. The picture goes to .local/serve-check/NAME.png. Exit code 0: all passed; 1: some did not.

    \b
    ecgctl serve check my_app --quick          some seconds; while you write
    ecgctl serve check my_app                  a minute; before the pull request
    ecgctl serve check my_app --at-once 16 --seconds 30 --video samples/sweep.mp4
    """
    from generator.workbench.check import BOX, Wishes, check, chosen
    from generator.workbench.check_text import checks_json
    from generator.workbench.errors import CheckFailed
    from generator.workbench.served import Plan

    apps = chosen(names)
    if png and (len(apps) != 1 or quick):
        raise click.UsageError("--png is for one app that is served: name it, without --quick")
    listener = _listener(quiet=output == "json")
    wishes = Wishes(quick, Plan(at_once, seconds), video, enforce_slo)
    found = check(root, apps, wishes, listener)
    if output == "json":
        click.echo(checks_json(found, apps, BOX))
    for app, one in zip(apps, found, strict=True):
        _show(root, app, one, png, quiet=output == "json")
    if failed := [one.app for one in found if not one.passed]:
        raise CheckFailed(failed)


def _listener(quiet: bool) -> "Listener":
    from generator.workbench.check import Listener
    from generator.workbench.check_text import outcome_lines

    def say(text: str) -> None:
        click.echo(text, err=quiet)

    return Listener(
        begun=lambda name: say(click.style(name, bold=True)),
        ended=lambda outcome: say("\n".join(outcome_lines(outcome))),
        doing=lambda what: click.echo(click.style(f"  ... {what}", dim=True), err=True),
    )


def _show(root: Path, app: "ServeApp", checked: "Checked", png: Path | None, quiet: bool) -> None:
    from rich.console import Console

    from generator.workbench.check import BOX
    from generator.workbench.check_text import app_data, levels_table, memory_line
    from generator.workbench.serve_python import ServePython

    if checked.served is None:
        return
    if not quiet:
        console = Console()
        console.width = max(console.width, 110)
        console.print()
        console.print(levels_table(checked.served))
        click.echo(memory_line(app, checked.served, BOX))
    path = (png or root / STATE / "serve-check" / f"{app.name}.png").resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    given = {"report": app_data(checked, app, BOX), "path": str(path)}
    ServePython.of(root).ask("picture.py", path.parent, given)
    click.echo(f"picture: {path.relative_to(root) if path.is_relative_to(root) else path}", err=quiet)
