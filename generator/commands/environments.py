"""`ecgctl envs` and `ecgctl promote`: how environments differ, and what goes from one to the next.

Flags and words only.
"""

from pathlib import Path

import click

from generator.commands.history import bucket_option, ledger_of
from generator.commands.options import complete_environment, local_option, root_option


@click.group()
def envs() -> None:
    """Compare environments. They run the same code and differ in their settings alone."""


@envs.command()
@click.argument("before", metavar="ENV", shell_complete=complete_environment)
@click.argument("after", metavar="OTHER", shell_complete=complete_environment)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@root_option
def diff(before: str, after: str, output: str, root: Path) -> None:
    """List the settings in which OTHER differs from ENV, those of their lock files included.

    Exit code 0, whether they differ or not. What runs there: `ecgctl promote ENV OTHER --check`.
    """
    from generator.desired import environment
    from generator.model.difference import differences
    from generator.report.envs_text import envs_json, envs_text

    found = differences(environment(root, before), environment(root, after))
    click.echo({"json": envs_json, "text": envs_text}[output](found, (before, after)))


@click.command()
@click.argument("origin", metavar="FROM", shell_complete=complete_environment)
@click.argument("target", metavar="TO", shell_complete=complete_environment)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where there is something to promote.")
@click.option(
    "--pr", "proposing", is_flag=True, help="Leave the working tree alone; push a branch, open a pull request."
)
@click.option("--committed", "as_committed", is_flag=True, help="Take what is committed for FROM, deployed or not.")
@bucket_option
@local_option
@root_option
def promote(
    origin: str,
    target: str,
    check: bool,
    proposing: bool,
    as_committed: bool,
    bucket: str | None,
    local: bool,
    root: Path,
) -> None:
    """Release to TO what FROM runs: image, page, agent, packages and Serve configuration, by content address.

    What FROM runs is what its ledger's last successful deployment brought. Writes TO.release.yaml and templates_out/TO;
    reviewing, merging and applying it are as for any change. What both share (stacks) and what differs on purpose
    (settings) is not promoted: see `ecgctl envs diff FROM TO`.

    \b
    ecgctl promote dev prod --check        what is in dev and not in prod
    ecgctl promote dev prod                write it; then ecgctl plan prod, and commit
    ecgctl promote dev prod --pr           the pull request, with prod's plan as its body
    """
    from generator import promoting
    from generator.deployment import committed
    from generator.report.promotion_text import promotion_text
    from generator.sync.ledger import Ledger

    if origin == target:
        raise click.UsageError(f"{origin} cannot be promoted to itself")
    if check and proposing:
        raise click.UsageError("give --check or --pr, not both")
    if as_committed:
        runs, since = promoting.committed(root, origin)
    else:
        _, store, _ = ledger_of(root, committed(root, origin).manifest, local, bucket)
        runs, since = promoting.proved(root, origin, Ledger(store, origin))
    found = promoting.promotion(root, target, runs, since)
    click.echo(promotion_text(found))
    if found.empty:
        return
    if check:
        raise SystemExit(1)
    if proposing:
        click.echo(promoting.propose_promotion(root, found).words)
        return
    for path in promoting.write(root, found):
        click.echo(f"wrote {path}")
    click.echo(f"next: ecgctl plan {target}, and commit all of it")
