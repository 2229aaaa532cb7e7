"""docs/first-deployment.md names commands, options and files as they are."""

import re

import click
import pytest

from generator.bootstrap.template import bootstrap
from generator.cli import main
from generator.environments.dev import ENVIRONMENT

_CONTEXT = click.Context(main)
COMMANDS = {name: main.get_command(_CONTEXT, name) for name in main.list_commands(_CONTEXT)}


@pytest.fixture(scope="module")
def page(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "docs/first-deployment.md").read_text(encoding="utf-8")


def test_each_ecgctl_command_exists_with_its_options(page: str) -> None:
    found = re.findall(r"ecgctl ([a-z-]+)([^`\n]*)", page)
    assert {name for name, _ in found} >= {"lock", "render", "bootstrap", "doctor", "apply", "destroy", "cost"}
    for name, rest in found:
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, name


def test_names_in_the_page_are_those_of_dev(page: str) -> None:
    assert f"--key-name {ENVIRONMENT.model_server.key_name} " in page
    assert ENVIRONMENT.model_server.instance_type in page
    made = bootstrap(ENVIRONMENT).to_dict()["Resources"]
    for title in ("PlanRole", "DriftRole", "DeployRole"):
        assert f":role/{made[title]['Properties']['RoleName']}\n" in page
