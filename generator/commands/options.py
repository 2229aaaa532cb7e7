"""Options and arguments that several commands take, spelled once."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.checkout import STATE, environments, find_root

if TYPE_CHECKING:
    from generator.aws.session import Clients
    from generator.deployment import Desired
    from generator.sync.run import Target

FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)


def _root(_: click.Context, __: click.Parameter, value: Path | None) -> Path:
    return find_root((value or Path.cwd()).resolve())


def complete_environment(*_: object) -> list[str]:
    """Names of the environments, for the shell's completion."""
    return environments(find_root(Path.cwd()))


def complete_app(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Names of the declared Serve apps, for the shell's completion."""
    from generator.serve_apps import SERVE_APPS

    return [app.name for app in SERVE_APPS if app.name.startswith(incomplete)]


root_option = click.option(
    "--root",
    type=FOLDER,
    callback=_root,
    help="The checkout to work on (default: the one around the current folder).",
)
environment_argument = click.argument("environment", metavar="ENV", shell_complete=complete_environment)
local_option = click.option("--local", is_flag=True, help="The embedded AWS that `ecgctl run` has started.")
suspended_option = click.option(
    "--while-suspended", is_flag=True, help="Go on although ENV is suspended (ecgctl suspend)."
)


def clients_of(root: Path, region: str, local: bool) -> "Clients":
    """What `--local` decides: clients of the embedded AWS, or of the account of the surrounding credentials."""
    from generator.aws.session import Clients

    if not local:
        return Clients(region)
    from generator.local.connection import Connection

    return Clients(region, Connection.running(root / STATE).environment())


def target_of(root: Path, desired: "Desired", local: bool) -> "tuple[Target, Clients]":
    """The same, as something to act on. Raises WrongAccount, NotRunning."""
    if not local:
        from generator.aws.session import Clients
        from generator.deployment import aws_target

        return aws_target(root, desired), Clients(desired.manifest.region)
    from generator.trial.target import running_target

    return running_target(root, desired, root / STATE)
