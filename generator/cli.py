"""`ecgctl`: the commands put together, exit codes, no logic.

Exit codes: 0 done; 1 not as wanted (stale templates, a failed stack, a plan with changes); 2 mistakes in what was
given; 3 something of the local system is missing. Commands import what they need when they run, so that
`ecgctl --help` starts in a tenth of the time that importing everything takes.
"""

from typing import Any

import click

from generator import __version__
from generator.commands.account import bootstrap, destroy, doctor, lock
from generator.commands.declare import cost, plan, render
from generator.commands.deploy import apply, local_env, run
from generator.commands.history import history, rollback
from generator.commands.observe import events, logs, status
from generator.errors import EcgError

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Declare": (render, plan, cost),
    "Deploy": (apply, rollback, history),
    "Observe": (status, events, logs),
    "On this machine": (run, local_env),
    "Account": (bootstrap, lock, doctor, destroy),
}


class _Commands(click.Group):
    """Commands by what they are about; errors that a user can fix as text, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EcgError as error:
            click.secho("error: ", fg="red", bold=True, nl=False, err=True)
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, commands in {**_SECTIONS, "Shell": (completion,)}.items():
            with formatter.section(title):
                formatter.write_dl([(str(each.name), each.get_short_help_str(70)) for each in commands])


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


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash:  eval "$(ecgctl completion bash)"
    zsh:   eval "$(ecgctl completion zsh)"
    fish:  ecgctl completion fish | source
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    assert script is not None  # noqa: S101  click.Choice admits only shells that click knows
    click.echo(script(main, {}, "ecgctl", "_ECGCTL_COMPLETE").source())


for _commands in _SECTIONS.values():
    for _command in _commands:
        main.add_command(_command)
