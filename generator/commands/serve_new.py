"""`ecgctl serve new`: the first page of an app."""

from pathlib import Path

import click

from generator.commands.options import root_option


@click.command("new")
@click.argument("name", metavar="NAME")
@click.option("--owner", default="ecg-signal-team", show_default=True, help="Who is asked when it breaks.")
@click.option("--in-place", is_flag=True, help="The old version stops before the new one starts: needs half the room.")
@root_option
def serve_new(name: str, owner: str, in_place: bool, root: Path) -> None:
    """Make the Ray Serve app NAME: lower case letters, digits and _.

    Writes services/ray_serve/apps/NAME (app.py, model.py, MODEL_CARD.md, one golden case), adds its ServeApp(...) to
    generator/serve_apps.py and renders. What it makes measures how bright a video is, and passes its own checks: commit
    it as it is and it runs; then put your model in its place. Refused, with nothing written, where the name is taken or
    the box has no room.
    """
    from generator.model.serve import Handover
    from generator.workbench.new import make

    made = make(root, name, owner, Handover.IN_PLACE if in_place else Handover.SURGE)
    for path in (*made.files, *made.rendered):
        click.echo(f"wrote {path}")
    click.echo("next:")
    click.echo(f"  read and change   {made.app.folder}/model.py, then golden/first/expected.json")
    click.echo(f"  check it          ecgctl serve check {name} --quick")
    click.echo(
        f"  ship it           git add --all; git commit --message 'Add {name}'; a pull request; its merge deploys it"
    )
    click.echo("  after a change    ecgctl render, and commit what it writes with the change")
