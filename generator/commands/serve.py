"""`ecgctl serve`: the workbench of Ray Serve apps, from an empty folder to what runs on the box.

Flags and words only.
"""

from importlib import import_module

import click

_COMMANDS = {
    "new": "serve_new",
    "check": "serve_check",
    "try": "serve_try",
    "status": "serve_box",
    "logs": "serve_box",
    "history": "serve_versions",
    "rollback": "serve_versions",
}
"""Command -> module of generator.commands; in the order in which people meet them."""


class _ServeCommands(click.Group):
    """As `ecgctl` itself: a command's module is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = vars(import_module(f"generator.commands.{_COMMANDS[cmd_name]}"))[f"serve_{cmd_name}"]
        return command


@click.group(cls=_ServeCommands)
def serve() -> None:
    """Make, check, try and follow Ray Serve apps.

    \b
    ecgctl serve new my_app               a folder and a declaration that pass their checks
    ecgctl serve check my_app             from its declaration to requests at a Ray of its own
    ecgctl serve try my_app video.mp4     one video through it, here
    git commit; merge; ecgctl apply       ships it: nothing else is needed
    ecgctl serve status dev my_app        what the box says of it
    ecgctl serve history dev my_app       which version ran when
    ecgctl serve rollback dev my_app      the Git commands that take this app alone back

    docs/serve-apps.md leads through it.
    """
