"""`ecgctl`: flags and exit codes, no logic.

Exit codes: 0 done; 1 not as wanted (stale templates, a failed stack, a plan with changes); 2 mistakes in what was
given; 3 something of the local system is missing. Modules are imported by the command that needs them, so that
`ecgctl --help` starts in a tenth of the time that importing everything takes.
"""

from pathlib import Path
from typing import Any

import click

from generator import __version__
from generator.checkout import STATE, TEMPLATES, environments, find_root
from generator.errors import EcgError

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Commands(click.Group):
    """Shows errors that a user can fix as text, without a traceback, and exits with their code."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except EcgError as error:
            click.secho("error: ", fg="red", bold=True, nl=False, err=True)
            click.echo(str(error), err=True)
            context.exit(error.exit_code)


def _root(_: click.Context, __: click.Parameter, value: Path | None) -> Path:
    return find_root((value or Path.cwd()).resolve())


def _complete_environment(*_: object) -> list[str]:
    return environments(find_root(Path.cwd()))


_FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
root_option = click.option(
    "--root",
    type=_FOLDER,
    callback=_root,
    help="The checkout to work on (default: the one around the current folder).",
)
environment_argument = click.argument("environment", metavar="ENV", shell_complete=_complete_environment)


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
@environment_argument
@click.option("--check", is_flag=True, help="Write nothing; fail with a diff when templates_out/ is stale.")
@root_option
def render(environment: str, check: bool, root: Path) -> None:
    """Generate templates_out/ENV from the environment's Python declaration.

    \b
    ecgctl render dev            write it; commit the result with the change that caused it
    ecgctl render dev --check    what CI runs
    """
    from generator.desired import desired_tree
    from generator.render.tree import check as check_tree
    from generator.render.writer import read_tree, write_tree

    tree = desired_tree(root, environment)
    folder = root / TEMPLATES / environment
    if check:
        check_tree(environment, read_tree(folder), tree)
        click.echo(f"templates_out/{environment} is what the generator makes ({len(tree)} files)")
        return
    changed = write_tree(folder, tree)
    for path in changed:
        click.echo(f"wrote templates_out/{environment}/{path}")
    click.echo(f"{len(tree)} files, {len(changed)} changed")


@main.command()
@click.argument("environment", metavar="[ENV]", required=False, shell_complete=_complete_environment)
@click.option("--base", metavar="REV", help="Compare with this Git revision (default: where this branch left main).")
@click.option("--from", "before", type=_FOLDER, help="Compare two folders instead: this one is before (needs --to).")
@click.option("--to", "after", type=_FOLDER, help="... and this one is after.")
@click.option("-o", "--output", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option(
    "--fail-on",
    multiple=True,
    type=click.Choice(["changes", "policy", "data-loss", "replacement", "downtime", "unknown", "blocked"]),
    help="Exit with 1 only on this; may be given several times.  [default: changes]",
)
@click.option("--details/--no-details", default=True, help="Show each property's before and after (text).")
@click.option("--root", type=_FOLDER, help="The checkout of ENV (default: the one around the current folder).")
def plan(
    environment: str | None,
    base: str | None,
    before: Path | None,
    after: Path | None,
    output: str,
    fail_on: tuple[str, ...],
    details: bool,
    root: Path | None,
) -> None:
    """Say what a change to templates_out/ENV will do, before anyone approves it.

    Offline: two trees in, no credentials, no generator run. Exit code 0: nothing that --fail-on names; 1: something
    that it names (without the flag: any change); 2: a tree has mistakes, all of them shown.

    \b
    ecgctl plan dev                        this working tree against where the branch left main
    ecgctl plan dev --base HEAD~3          against another revision
    ecgctl plan --from old/ --to new/      two folders of the templates_out/<env> shape
    ecgctl plan dev -o markdown            the pull request's comment
    ecgctl plan dev --fail-on policy --fail-on data-loss     what CI runs
    """
    from generator import planning

    if (before is None) != (after is None) or (environment is None) == (before is None):
        raise click.UsageError("give either ENV, or both --from DIR and --to DIR")
    if before is not None and after is not None:
        found, reproduce = planning.plan_folders(before, after), f"ecgctl plan --from {before} --to {after}"
    else:
        checkout = find_root((root or Path.cwd()).resolve())
        found, revision = planning.plan_environment(checkout, str(environment), base)
        reproduce = f"ecgctl plan {environment} --base {revision[:12]}"
    match output:
        case "json":
            from generator.report.plan_json import plan_json

            click.echo(plan_json(found))
        case "markdown":
            from generator.report.plan_markdown import plan_markdown

            click.echo(plan_markdown(found, reproduce), nl=False)
        case _:
            from generator.report.plan_text import plan_text

            click.echo(plan_text(found, details=details))
    if any(planning.FailOn(kind).met_by(found) for kind in fail_on or ("changes",)):
        raise SystemExit(1)


@main.command()
@environment_argument
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@root_option
def cost(environment: str, output: str, root: Path) -> None:
    """Show what ENV costs a month, line by line, beside the specification's own table.

    Prices and the usage that is assumed: generator/plan/prices.yaml, each with its source and date.
    """
    from generator.planning import tree_of
    from generator.report.cost_text import cost_json, cost_text

    tree = tree_of(root, environment)
    click.echo(cost_json(tree) if output == "json" else cost_text(tree))


@main.command()
@environment_argument
@click.option("--local", is_flag=True, help="Apply to the embedded AWS that `ecgctl run` has started.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["auto", "text", "jsonl"]),
    default="auto",
    help="auto: a live tree on a terminal.",
)
@root_option
def apply(environment: str, local: bool, output: str, root: Path) -> None:
    """Make AWS equal to templates_out/ENV.

    Reads only what is committed under templates_out/ and the folders of the artifacts that it names; never runs the
    generator. Stacks go in waves that follow from their wiring; a stack that is as Git wants it is left alone.
    """
    from rich.console import Console

    from generator.deployment import apply_desired, aws_target, committed
    from generator.report.live import showing

    desired = committed(root, environment)
    if local:
        from generator.trial.target import running_target

        target = running_target(root, desired, root / STATE)
    else:
        target = aws_target(root, desired)
    with showing(Console(), output) as report:
        outcome = apply_desired(desired, target, report)
    if output != "jsonl":
        click.echo("applied" if outcome.changed else "nothing to change")


@main.command()
@click.option("--once", is_flag=True, help="Stop everything once the sample's result was shown.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where all local state lives (default: .local in the checkout).",
)
@root_option
def run(once: bool, state: Path | None, root: Path) -> None:
    """Run the whole pipeline on this machine and read a sample video.

    Renders dev, starts the embedded AWS, applies templates_out/dev to it, starts the API and Ray Serve as the deployed
    templates say, uploads samples/sweep.mp4 through CloudFront and the API, and prints what was read beside the truth.
    Then stays up until Ctrl-C; a later run goes on from the kept state.
    """
    from generator.trial.run import run_trial

    run_trial(root, state or root / STATE, once=once)


@main.command("local-env")
@root_option
def local_env(root: Path) -> None:
    """Print the environment that points `aws` (and any SDK) at the embedded AWS of `ecgctl run`.

    \b
    eval "$(ecgctl local-env)"
    aws cloudformation list-stacks
    """
    from shlex import quote

    from generator.local.connection import Connection

    for name, value in Connection.running(root / STATE).environment().items():
        click.echo(f"export {name}={quote(value)}")


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
