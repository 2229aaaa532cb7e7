"""`ecgctl serve try`: one video through one app, here."""

import json
from pathlib import Path
from typing import Any

import click

from generator.commands.options import complete_app, root_option


def _options(_: click.Context, __: click.Parameter, value: str) -> dict[str, Any]:
    try:
        options = json.loads(value)
    except ValueError as error:
        raise click.BadParameter(f"this is not JSON: {error}") from error
    if not isinstance(options, dict):
        raise click.BadParameter('it should be an object, as {"lead": 2}')
    return options


@click.command("try")
@click.argument("name", metavar="NAME", shell_complete=complete_app)
@click.argument("video", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where result.json and the overlay go.  [default: VIDEO without its ending, .NAME]",
)
@click.option("--options", default="{}", callback=_options, help="The request's options, as JSON.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@root_option
def serve_try(name: str, video: Path, out: Path | None, options: dict[str, Any], output: str, root: Path) -> None:
    """Run the app NAME on the file VIDEO and show the result in short.

    All of the app runs in one process (Ray's local testing mode), from the package as it would be published: no
    cluster, no AWS, its user_config left out. It downloads the video and writes its pictures as ever, here from and
    to a folder.
    Exit code 1: there is no result, and the error says why.

    \b
    ecgctl serve try ecg_rhythm samples/sweep.mp4
    ecgctl serve try my_app clip.mp4 --out /tmp/clip -o json
    """
    from generator.workbench.attempt import attempt
    from generator.workbench.check import chosen
    from generator.workbench.summary import summary

    (app,) = chosen([name])
    done = attempt(root, app, video, out or video.with_suffix(f".{name}"), options)
    if output == "json":
        click.echo(json.dumps(done.result, ensure_ascii=False))
        return
    lines = summary(done.result)
    width = max(len(title) for title, _ in lines)
    for title, value in lines:
        click.echo(f"{click.style(title.ljust(width), dim=True)}  {value}")
    for path in done.files:
        click.echo(f"wrote {path}")
