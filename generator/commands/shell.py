"""`ecgctl completion`: what a shell needs to complete our commands."""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash:  eval "$(ecgctl completion bash)"
    zsh:   eval "$(ecgctl completion zsh)"
    fish:  ecgctl completion fish | source
    """
    from click.shell_completion import get_completion_class

    from generator.cli import main

    script = get_completion_class(shell)
    assert script is not None  # noqa: S101  click.Choice admits only shells that click knows
    click.echo(script(main, {}, "ecgctl", "_ECGCTL_COMPLETE").source())
