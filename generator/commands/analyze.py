"""`ecgctl analyze`: videos from this machine through a deployed API."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.checkout import STATE
from generator.commands.options import root_option
from generator.errors import EcgError

if TYPE_CHECKING:
    from generator.sync.proof import JobProgress
    from generator.video_client import VideoClient

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


class NoAddress(EcgError):
    """It is not known which API to ask."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            "which API? Neither --url nor --local was given\n"
            "  next: --local while `ecgctl run` is up, or --url https://<DistributionDomainName of the stack cdn>"
        )


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE)
@click.option("--url", help="The API's address: the distribution's.")
@click.option("--token", envvar="ECG_TOKEN", help="An access token of yours (default: the variable ECG_TOKEN).")
@click.option("--local", is_flag=True, help="The API that `ecgctl run` has started, as the demo user.")
@click.option("--app", help="Another app than the default one, as GET /api/apps lists them.")
@click.option("--out", type=_FOLDER, help="Where results go (default: beside each file).")
@click.option("--parallel", type=click.IntRange(1, 16), default=4, show_default=True, help="Files at a time.")
@root_option
def analyze(
    files: tuple[Path, ...],
    url: str | None,
    token: str | None,
    local: bool,
    app: str | None,
    out: Path | None,
    parallel: int,
    root: Path,
) -> None:
    """Have videos read, several at a time, and keep each result as FILE.ecg.json.

    A file whose result is there already is not read again, so a run that was broken off goes on where it stopped.
    Exit code 1: some were not read. Research and education use only; not a medical device.

    \b
    ecgctl analyze --local samples/*.mp4
    ECG_TOKEN=... ecgctl analyze --url https://d123.cloudfront.net --out results *.mp4
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    from generator.analyzing import NotRead, analyse_all, line_of

    connect = _connection(url, token, local, root)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    console = Console()
    failed = False
    bars: dict[Path, TaskID] = {}
    columns = (TextColumn("{task.fields[name]}"), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:

        def report(file: Path, progress: "JobProgress") -> None:
            if file not in bars:
                bars[file] = shown.add_task("", name=file.name, total=1.0)
            shown.update(bars[file], description=f"{progress.state} {progress.stage}", completed=progress.fraction)

        for outcome in analyse_all(files, connect, out, report, app=app, parallel=parallel):
            if outcome.file in bars:
                shown.remove_task(bars.pop(outcome.file))
            failed |= isinstance(outcome, NotRead)
            console.print(line_of(outcome), highlight=False, soft_wrap=True, markup=False)
    if failed:
        raise SystemExit(1)


def _connection(url: str | None, token: str | None, local: bool, root: Path) -> "Callable[[], VideoClient]":
    from generator.deployment import SystemClock
    from generator.video_client import VideoClient

    if local:
        from generator.local.connection import Connection
        from generator.trial.target import running_site, signed_in

        connection = Connection.running(root / STATE)
        address, pool = running_site(connection)
        return lambda: signed_in(address, connection, pool)
    if url is None:
        raise NoAddress
    given = (lambda: token) if token else None
    return lambda: VideoClient(url.rstrip("/"), None, SystemClock(), token=given)
