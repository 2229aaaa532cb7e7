"""`ecgctl policy`: what an environment as a whole breaks, whatever changes."""

from pathlib import Path

import click

from generator.commands.options import environment_argument, root_option


@click.command()
@environment_argument
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--brief", is_flag=True, help="Leave out what is explained, but for its number (text).")
@root_option
def policy(environment: str, output: str, brief: bool, root: Path) -> None:
    """Judge templates_out/ENV as a whole: cfn-lint, cloudformation-validate and our own rules in one report.

    Offline. Exit code 1 where anything is found that nobody has explained: in the list `standing` of
    generator/environments/ENV.exemptions.yaml, or in the metadata of a template. docs/policy.md has the rules.
    """
    from datetime import date

    from generator.policing import police
    from generator.report.policy_text import policy_json, policy_text

    found = police(root, environment, date.today())  # noqa: DTZ011  a day
    given = found.environment, found.tools, found.unexplained, found.explained
    click.echo(policy_json(*given) if output == "json" else policy_text(*given, brief=brief))
    if found.unexplained:
        raise SystemExit(1)
