"""`ecgctl serve` as people meet it: help, completion, mistakes in what was typed, colours."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from generator.cli import main
from generator.commands.options import complete_app
from generator.commands.serve import serve
from generator.commands.serve_check import serve_check
from generator.serve_apps import SERVE_APPS

ROOT = Path(__file__).resolve().parents[3]
CONTEXT = click.Context(serve)
COMMANDS = serve.list_commands(CONTEXT)


def ecgctl(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_help_lists_every_command_of_the_workbench() -> None:
    said = ecgctl("serve", "--help").output
    assert [name for name in COMMANDS if f"\n  {name} " not in said] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_and_each_of_its_options(name: str) -> None:
    command = serve.get_command(CONTEXT, name)
    assert command is not None
    assert command.help
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help and not isinstance(one.type, click.Choice)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_stands_in_the_page_for_data_scientists(name: str) -> None:
    assert f"ecgctl serve {name}" in (ROOT / "docs/serve-apps.md").read_text(encoding="utf-8")


def test_the_shell_completes_the_names_of_apps() -> None:
    context = click.Context(serve_check)
    assert complete_app(context, serve_check.params[0], "") == [app.name for app in SERVE_APPS]
    assert complete_app(context, serve_check.params[0], "sig") == ["signal_quality"]


@pytest.mark.parametrize("command", [("check", "typo"), ("try", "typo", "README.md")])
def test_an_unknown_app_is_named_beside_the_known_ones(command: tuple[str, ...]) -> None:
    result = ecgctl("serve", *command)
    assert result.exit_code == 2
    assert "declares no app 'typo'" in result.output
    assert "use one of ecg_rhythm" in result.output
    assert "ecgctl serve new typo" in result.output


@pytest.mark.parametrize("command", [("check", "--png", "x.png"), ("check", "ecg_rhythm", "--quick", "--png", "x.png")])
def test_a_picture_is_of_one_app_that_is_served(command: tuple[str, ...]) -> None:
    result = ecgctl("serve", *command)
    assert result.exit_code == 2
    assert "name it, without --quick" in result.output


@pytest.mark.parametrize("options", ["[1]", "{"])
def test_options_of_a_try_are_a_json_object(options: str) -> None:
    result = ecgctl("serve", "try", "ecg_rhythm", str(ROOT / "README.md"), "--options", options)
    assert result.exit_code == 2
    assert "JSON" in result.output or "object" in result.output


def test_without_a_terminal_there_are_no_colours() -> None:
    result = ecgctl("serve", "new", "signal_quality")
    assert result.exit_code == 2
    assert "\x1b" not in result.output
