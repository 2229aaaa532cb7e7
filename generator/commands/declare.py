"""`ecgctl render`, `plan`, `diff`, `cost`: what is declared, what a change to it will do, what it costs.

Offline, but for `--live`.
"""

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.checkout import TEMPLATES, environments, find_root
from generator.commands.options import FOLDER, complete_environment, environment_argument, local_option, root_option

if TYPE_CHECKING:
    from generator.sync.live_tree import LiveTree

_base_option = click.option(
    "--base", metavar="REV", help="Compare with this Git revision (default: where this branch left main)."
)
_live_option = click.option("--live", is_flag=True, help="Compare with what is live instead; needs credentials.")


@click.command()
@click.argument("environment", metavar="[ENV]", required=False, shell_complete=complete_environment)
@click.option("--check", is_flag=True, help="Write nothing; fail with a diff when templates_out/ is stale.")
@root_option
def render(environment: str | None, check: bool, root: Path) -> None:
    """Generate templates_out/ENV from the environment's Python declaration; without ENV, of every environment.

    \b
    ecgctl render dev            write it; commit the result with the change that caused it
    ecgctl render --check        what CI runs
    """
    gc.disable()  # As in `plan`.
    for name in [environment] if environment else environments(root):
        _render(root, name, check)


def _render(root: Path, environment: str, check: bool) -> None:
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


@click.command()
@click.argument("environment", metavar="[ENV]", required=False, shell_complete=complete_environment)
@_base_option
@_live_option
@local_option
@click.option("--from", "before", type=FOLDER, help="Compare two folders instead: this one is before (needs --to).")
@click.option("--to", "after", type=FOLDER, help="... and this one is after.")
@click.option("-o", "--output", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option(
    "--fail-on",
    multiple=True,
    type=click.Choice(["changes", "policy", "data-loss", "replacement", "downtime", "unknown", "blocked"]),
    help="Exit with 1 only on this; may be given several times.  [default: changes]",
)
@click.option("--details/--no-details", default=True, help="Show each property's before and after (text).")
@click.option("--root", type=FOLDER, help="The checkout of ENV (default: the one around the current folder).")
def plan(
    environment: str | None,
    base: str | None,
    live: bool,
    local: bool,
    before: Path | None,
    after: Path | None,
    output: str,
    fail_on: tuple[str, ...],
    details: bool,
    root: Path | None,
) -> None:
    """Say what a change to templates_out/ENV will do, before anyone approves it.

    Offline unless --live: two trees in, no credentials, no generator run. Exit code 0: nothing that --fail-on names;
    1: something that it names (without the flag: any change); 2: a tree has mistakes, all of them shown, or what is
    live cannot be read.

    \b
    ecgctl plan dev                        this working tree against where the branch left main
    ecgctl plan dev --base HEAD~3          against another revision
    ecgctl plan dev --live                 from what is live: empty exactly when `ecgctl status dev` says Synced
    ecgctl plan --from old/ --to new/      two folders of the templates_out/<env> shape
    ecgctl plan dev -o markdown            the pull request's comment
    ecgctl plan dev --fail-on policy --fail-on data-loss     what CI runs
    """
    gc.disable()  # A short process: looking for garbage would take a tenth of its time and find none worth it.
    from generator import planning

    if (before is None) != (after is None) or (environment is None) == (before is None):
        raise click.UsageError("give either ENV, or both --from DIR and --to DIR")
    _only_one(live, local, base, before)
    if before is not None and after is not None:
        found, reproduce = planning.plan_folders(before, after), f"ecgctl plan --from {before} --to {after}"
    elif live:
        checkout = find_root((root or Path.cwd()).resolve())
        found = planning.plan_live(checkout, str(environment), _live(checkout, str(environment), local))
        reproduce = f"ecgctl plan {environment} --live{' --local' if local else ''}"
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


def _only_one(live: bool, local: bool, base: str | None, before: Path | None) -> None:
    if live and (base or before):
        raise click.UsageError("--live compares with what is live; give no --base, --from or --to with it")
    if local and not live:
        raise click.UsageError("--local says where --live looks; give both")


def _live(root: Path, environment: str, local: bool) -> "LiveTree":
    """What is live, and on stderr what of it could not be looked for."""
    from generator.status import observer

    tree = observer(root, environment, local=local).tree()
    for note in tree.notes:
        click.secho(f"note: {note}", fg="yellow", err=True)
    return tree


@click.command()
@environment_argument
@click.argument("stack", required=False)
@_base_option
@_live_option
@local_option
@root_option
def diff(environment: str, stack: str | None, base: str | None, live: bool, local: bool, root: Path) -> None:
    """Show how the texts of templates_out/ENV differ: each template, its parameters, the artifacts, serve.yaml.

    What a difference does, and whether it does anything, says `ecgctl plan`. Exit code 0: the same; 1: they differ.

    \b
    ecgctl diff dev                this working tree against where the branch left main
    ecgctl diff dev --live         against what is live: `-` is live, `+` is what Git wants
    ecgctl diff dev api --live     one stack
    """
    from generator import planning
    from generator.report.diff_text import diff_text

    _only_one(live, local, base, None)
    if live:
        sides = planning.from_live(root, environment, _live(root, environment, local))
    else:
        sides, _ = planning.from_revision(root, environment, base)
    text = diff_text(sides.before, sides.after, sides.names, stack)
    if text:
        click.echo(text)
        raise SystemExit(1)


@click.command()
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
