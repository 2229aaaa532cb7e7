"""`ecgctl`: the commands put together, exit codes, no logic.

Exit codes: 0 done; 1 not as wanted (stale templates, a failed stack, a plan with changes); 2 mistakes in what was
given; 3 something of the local system is missing. Commands import what they need when they run, so that
`ecgctl --help` starts in a tenth of the time that importing everything takes.
"""

from importlib import import_module
from typing import Any

import click

from generator import __version__
from generator.errors import EcgError

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_SECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "Declare": {"declare": ("render", "plan", "diff", "cost"), "policy": ("policy",)},
    "Deploy": {"deploy": ("apply",), "history": ("rollback", "history")},
    "Observe": {"observe": ("status", "events", "logs")},
    "Promote": {"environments": ("promote", "envs")},
    "Keep in sync": {"keep": ("drift", "suspend", "resume")},
    "Serve apps": {"serve": ("serve",)},
    "Videos": {"analyze": ("analyze",), "jobs": ("jobs", "erase")},
    "On this machine": {"deploy": ("run", "local-env")},
    "Account": {"account": ("bootstrap", "lock", "doctor", "destroy"), "restore": ("restore-drill",)},
    "Shell": {"shell": ("completion",)},
}
"""Title of the help -> module of generator.commands -> its commands, in the order in which people meet them."""

_MODULES = {name: module for part in _SECTIONS.values() for module, names in part.items() for name in names}


class _Commands(click.Group):
    """Commands by what they are about; errors that a user can fix as text, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EcgError as error:
            click.secho("error: ", fg="red", bold=True, nl=False, err=True)
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        # One module, when its command is asked for: `plan` should not wait for what `apply` needs.
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"generator.commands.{_MODULES[cmd_name]}")
        command: click.Command = vars(module)[cmd_name.replace("-", "_")]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, part in _SECTIONS.items():
            with formatter.section(title):
                commands = [self.get_command(ctx, name) for names in part.values() for name in names]
                formatter.write_dl([(str(each.name), each.get_short_help_str(70)) for each in commands if each])


@click.group(cls=_Commands, context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="ecgctl")
def main() -> None:
    """Keep the ECG video pipeline equal to Git.

    \b
    Git holds the desired state   generator/environments/*.py, generator/serve_apps.py
    Python generates it           ecgctl render   ->  templates_out/<env>/
    machines keep it so           ecgctl apply    ->  CloudFormation, S3, ECR, the GPU box

    Shell completion: eval "$(ecgctl completion bash)"
    """
