"""`ecgctl render`, `plan`, `cost`: what is declared, what a change to it will do, what it costs. All offline."""

import gc
from pathlib import Path

import click

from generator.checkout import TEMPLATES, environments, find_root
from generator.commands.options import FOLDER, complete_environment, environment_argument, root_option


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
@click.option("--base", metavar="REV", help="Compare with this Git revision (default: where this branch left main).")
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
    gc.disable()  # A short process: looking for garbage would take a tenth of its time and find none worth it.
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
