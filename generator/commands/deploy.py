"""`ecgctl apply`, `run`, `local-env`: bringing what is committed to an AWS, a real one or the embedded one."""

from pathlib import Path

import click

from generator.checkout import STATE
from generator.commands.options import (
    complete_environment,
    environment_argument,
    local_option,
    root_option,
    suspended_option,
    target_of,
)


@click.command()
@environment_argument
@local_option
@click.option(
    "-o",
    "--output",
    type=click.Choice(["auto", "text", "jsonl"]),
    default="auto",
    help="auto: a live tree on a terminal.",
)
@click.option(
    "--expect",
    multiple=True,
    metavar="DIGEST",
    help="Refuse unless the plan from what is deployed is one of these approved ones (or its beginning); `merged`: "
    "unless each of its effects is one that a merge since the deployed commit had.",
)
@click.option(
    "--skip",
    multiple=True,
    metavar="STACK.RESOURCE",
    help="Leave this resource as it is when a failed rollback is continued (docs/runbooks/stacks.md).",
)
@click.option(
    "--despite",
    multiple=True,
    metavar="KIND",
    help="Go on although the plan has blockers of this kind, as `name-collision`: you know that it is wrong.",
)
@click.option("--gates/--no-gates", default=True, help="Wait after each stack until what it deployed is healthy.")
@click.option(
    "--proof/--no-proof",
    default=None,
    help="At the end, read samples/sweep.mp4 through CDN, API and model server.  [default: as --gates]",
)
@suspended_option
@root_option
def apply(
    environment: str,
    local: bool,
    output: str,
    expect: tuple[str, ...],
    skip: tuple[str, ...],
    despite: tuple[str, ...],
    gates: bool,
    proof: bool | None,
    while_suspended: bool,
    root: Path,
) -> None:
    """Make AWS equal to templates_out/ENV.

    Reads only what is committed under templates_out/ and the folders of the artifacts that it names; never runs the
    generator. Each stack is begun when the stacks that feed it are done; one that is as Git wants it is left alone. One
    apply at a time holds the environment's lease; each is recorded (ecgctl history). What the plan says cannot be
    deployed is refused before anything is touched. A change set that would replace or delete what the plan does not
    announce is stopped before it runs, and so is a service whose image has findings that the environment blocks on
    (docs/runbooks/stacks.md). What does not get healthy, or does not read the sample as it should, is taken back: the
    last deployment that succeeded is applied again (docs/runbooks/health.md).
    """
    from rich.console import Console

    from generator.deployment import committed
    from generator.release import release
    from generator.report.live import showing

    desired = committed(root, environment)
    target, clients = target_of(root, desired, local)
    if local:
        from generator.trial.target import bootstrap_here, without_effect

        bootstrap_here(root, desired, clients)
        for line in without_effect(root, environment):
            click.secho(f"not emulated: {line}", fg="yellow", err=True)
    with showing(Console(), output) as report:
        outcome = release(
            root,
            desired,
            target,
            clients,
            report,
            expect=expect,
            skip=_by_stack(skip),
            gated=gates,
            proved=gates if proof is None else proof,
            while_suspended=while_suspended,
            despite=despite,
        )
    if output != "jsonl":
        click.echo("applied" if outcome.changed else "nothing to change")


def _by_stack(resources: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in resources:
        stack, dot, resource = each.partition(".")
        if not (stack and dot and resource):
            raise click.BadParameter(f"{each!r} is not STACK.RESOURCE", param_hint="--skip")
        found.setdefault(stack, []).append(resource)
    return found


@click.command()
@click.argument("environment", metavar="[ENV]", default="dev", shell_complete=complete_environment)
@click.option("--once", is_flag=True, help="Stop everything once the sample's result was shown.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where all local state lives (default: .local in the checkout).",
)
@root_option
def run(environment: str, once: bool, state: Path | None, root: Path) -> None:
    """Run the whole pipeline on this machine and read a sample video.

    Renders ENV (dev unless another is named), starts the embedded AWS, applies templates_out/ENV to it, starts the API
    and Ray Serve as the deployed templates say, uploads samples/sweep.mp4 through CloudFront and the API, and prints
    what was read beside the truth. Then stays up until Ctrl-C; a later run goes on from the kept state.
    """
    from generator.trial.run import run_trial

    run_trial(root, environment, state or root / STATE, once=once)


@click.command("local-env")
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
