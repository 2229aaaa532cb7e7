"""`ecgctl` as people meet it: help, exit codes, and documents that name every command."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from generator.cli import main

ROOT = Path(__file__).resolve().parents[2]
NO_CONTEXT = click.Context(main)
COMMANDS = main.list_commands(NO_CONTEXT)


def ecgctl(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of the templates_out/<env> shape, the same so far."""
    for name in ("before", "after"):
        for file in (ROOT / "templates_out/dev").rglob("*.yaml"):
            copy = tmp_path / name / file.relative_to(ROOT / "templates_out/dev")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path / "before", tmp_path / "after"


def test_help_lists_every_command() -> None:
    said = ecgctl("--help").output
    assert [name for name in COMMANDS if not re.search(rf"^  {name} ", said, re.MULTILINE)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_and_each_of_its_options(name: str) -> None:
    command = main.get_command(NO_CONTEXT, name)
    assert command is not None
    assert command.help
    undocumented = [
        parameter.name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help and not isinstance(parameter.type, click.Choice)
    ]
    assert undocumented == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_stands_in_a_document(name: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    assert any(f"ecgctl {name}" in page.read_text(encoding="utf-8") for page in pages)


def test_no_document_names_a_command_that_there_is_not() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.yml")]
    named = {name for page in pages for name in re.findall(r"ecgctl ([a-z][a-z-]+)", page.read_text(encoding="utf-8"))}
    assert named - set(COMMANDS) == set()


def test_an_unknown_environment_is_named_beside_the_known_ones() -> None:
    result = ecgctl("render", "production")
    assert result.exit_code == 2
    assert "there is no environment 'production'" in result.output
    assert "use one of dev" in result.output


def test_render_check_passes_on_what_is_committed() -> None:
    assert ecgctl("render", "dev", "--check").exit_code == 0


def test_without_a_name_render_takes_every_environment() -> None:
    result = ecgctl("render", "--check")
    assert result.exit_code == 0
    assert "templates_out/dev is what the generator makes" in result.output


def test_outside_a_checkout_the_error_says_what_to_do(tmp_path: Path) -> None:
    result = ecgctl("render", "dev", "--root", str(tmp_path))
    assert result.exit_code == 2
    assert "not inside a checkout" in result.output


def test_plan_exits_with_0_where_nothing_changes(trees: tuple[Path, Path]) -> None:
    before, after = trees
    result = ecgctl("plan", "--from", str(before), "--to", str(after))
    assert (result.exit_code, result.output) == (0, "plan for dev: nothing to change\n")


def test_plan_exits_with_1_on_changes_and_prints_json_for_machines(trees: tuple[Path, Path]) -> None:
    before, after = trees
    manifest = after / "manifest.yaml"
    manifest.write_text(re.sub(r"src-[0-9a-f]+", "src-changed", manifest.read_text(encoding="utf-8")))
    result = ecgctl("plan", "--from", str(before), "--to", str(after), "-o", "json")
    assert result.exit_code == 1
    assert json.loads(result.output)["verdict"]["changed"] == 1


def test_plan_fails_on_what_it_was_told_to_fail_on_only(trees: tuple[Path, Path]) -> None:
    before, after = trees
    manifest = after / "manifest.yaml"
    manifest.write_text(re.sub(r"src-[0-9a-f]+", "src-changed", manifest.read_text(encoding="utf-8")))
    given = ("plan", "--from", str(before), "--to", str(after))
    assert ecgctl(*given, "--fail-on", "policy", "--fail-on", "data-loss").exit_code == 0
    assert ecgctl(*given, "--fail-on", "changes").exit_code == 1


def test_plan_exits_with_2_and_shows_every_mistake_of_both_trees(trees: tuple[Path, Path]) -> None:
    before, after = trees
    (before / "stacks/network.yaml").unlink()
    (after / "manifest.yaml").write_text("apiVersion: gitops.ecg/v9\nkind: [\n")
    result = ecgctl("plan", "--from", str(before), "--to", str(after))
    assert result.exit_code == 2
    assert "network.yaml" in result.output
    assert f"{after}/manifest.yaml:" in result.output


def test_an_offline_plan_loads_nothing_that_talks_to_aws(trees: tuple[Path, Path]) -> None:
    """Half of its time would go into that."""
    before, after = map(str, trees)
    program = (
        "import sys; from generator.cli import main;"
        f"main(['plan', '--from', {before!r}, '--to', {after!r}], standalone_mode=False);"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'boto3', 'botocore'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_plan_wants_either_an_environment_or_two_folders(tmp_path: Path) -> None:
    assert ecgctl("plan").exit_code == 2
    assert ecgctl("plan", "dev", "--from", str(tmp_path), "--to", str(tmp_path)).exit_code == 2


def test_cost_prints_the_specifications_table_beside_ours() -> None:
    result = ecgctl("cost", "dev", "-o", "json")
    rows = {row["item"]: row for row in json.loads(result.output)["specification"]}
    assert rows["ECS Fargate, 0.5 vCPU and 1 GB, 2 tasks"]["off"]


def test_local_commands_say_how_to_start_the_embedded_aws(tmp_path: Path) -> None:
    result = ecgctl("local-env", "--root", str(_checkout(tmp_path)))
    assert result.exit_code == 3
    assert "the embedded AWS is not running" in result.output


def _checkout(folder: Path) -> Path:
    (folder / "generator/environments").mkdir(parents=True)
    (folder / "services").mkdir()
    return folder


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    assert "_ECGCTL_COMPLETE" in ecgctl("completion", shell).output
