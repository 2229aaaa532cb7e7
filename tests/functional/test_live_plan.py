"""`ecgctl plan dev --live`, `diff dev --live` and `status dev`, once dev was really applied to the embedded AWS."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import pytest
from botocore.exceptions import ClientError
from click import unstyle
from click.testing import CliRunner, Result

from generator.checkout import STATE
from generator.cli import main
from generator.local.emulator import Emulator
from generator.sync.apply import Outcome
from tests.functional.conftest import ROOT, Client

REGISTRY = "ecg-project-pipeline-dev-registry"


@pytest.fixture
def checkout(deployed: Outcome, emulator: Emulator, tmp_path: Path) -> Path:
    """A checkout of its own, whose local system is the one that dev was applied to."""
    for folder in ("generator/environments", "services"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "generator/environments/dev.py", tmp_path / "generator/environments")
    shutil.copytree(ROOT / "templates_out/dev", tmp_path / "templates_out/dev")
    (tmp_path / STATE).symlink_to(emulator.state_dir)
    return tmp_path


def ecgctl(checkout: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--local", "--root", str(checkout)])


def edit(checkout: Path, path: str, old: str, new: str) -> None:
    """As a change of the declaration, rendered and committed, would."""
    file, manifest = checkout / "templates_out/dev" / path, checkout / "templates_out/dev/manifest.yaml"
    before = file.read_text(encoding="utf-8")
    assert old in before
    after = before.replace(old, new)
    file.write_text(after, encoding="utf-8")
    digests = [sha256(text.encode()).hexdigest() for text in (before, after)]
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(*digests), encoding="utf-8")


def planned(checkout: Path) -> dict[str, Any]:
    """The live plan; that `status` agrees with it is seen to."""
    done = ecgctl(checkout, "plan", "dev", "--live", "-o", "json")
    plan: dict[str, Any] = json.loads(done.stdout)
    changes = any(stack["action"] for stack in plan["stacks"]) or plan["artifacts"] or plan["serve"]
    assert done.exit_code == int(bool(changes))
    status = json.loads(ecgctl(checkout, "status", "dev", "-o", "json").stdout)
    assert (status["sync"] == "Synced") == (done.exit_code == 0)
    behind = {stack["name"] for stack in status["stacks"] if stack["sync"] != "Synced"}
    assert behind == {stack["name"] for stack in plan["stacks"] if stack["cause"] == "direct"}
    return plan


def properties(plan: dict[str, Any]) -> list[tuple[str, str, Any, Any]]:
    return [
        (f"{change['stack']}.{change['resource']}", one["path"], one["before"], one["after"])
        for change in plan["changes"]
        for one in change["properties"]
    ]


def test_what_was_applied_leaves_nothing_to_plan_and_nothing_to_diff(checkout: Path) -> None:
    done = ecgctl(checkout, "plan", "dev", "--live")
    assert (done.exit_code, done.stdout) == (0, "plan for dev: nothing to change\n")
    assert properties(planned(checkout)) == []
    done = ecgctl(checkout, "diff", "dev", "--live")
    assert (done.exit_code, done.output) == (0, "")


def test_an_edit_in_the_tree_is_all_that_is_planned(checkout: Path) -> None:
    edit(checkout, "stacks/data.yaml", "VisibilityTimeout: 900", "VisibilityTimeout: 1200")
    assert properties(planned(checkout)) == [("data.JobsQueue", "VisibilityTimeout", 900, 1200)]
    done = ecgctl(checkout, "diff", "dev", "--live")
    assert done.exit_code == 1
    assert [line for line in unstyle(done.output).splitlines() if line[:1] in "+-"] == [
        "--- live/stacks/data.yaml",
        "+++ templates_out/dev/stacks/data.yaml",
        "-      VisibilityTimeout: 900",
        "+      VisibilityTimeout: 1200",
    ]
    assert ecgctl(checkout, "diff", "dev", "api", "--live").exit_code == 0
    assert ecgctl(checkout, "diff", "dev", "nonsense", "--live").exit_code == 2


def test_a_new_version_of_an_app_is_planned_on_the_box_alone(checkout: Path) -> None:
    edit(checkout, "serve.yaml", "max_size: 2048", "max_size: 256")
    plan = planned(checkout)
    assert ([one["app"] for one in plan["serve"]], plan["changes"]) == (["ecg_rhythm"], [])


@pytest.fixture
def behind_gits_back(
    checkout: Path, client: Client, deploy: Callable[[], Outcome]
) -> Iterator[Callable[[str, str], None]]:
    """Edits the template of the live registry stack; afterwards an apply takes it back."""
    api = client("cloudformation")

    def update(old: str, new: str) -> None:
        template = (checkout / "templates_out/dev/stacks/registry.yaml").read_text(encoding="utf-8")
        assert old in template
        api.update_stack(StackName=REGISTRY, TemplateBody=template.replace(old, new))
        while api.describe_stacks(StackName=REGISTRY)["Stacks"][0]["StackStatus"].endswith("_IN_PROGRESS"):
            time.sleep(0.1)

    yield update
    deploy()
    assert ecgctl(checkout, "plan", "dev", "--live").exit_code == 0


def test_what_was_changed_behind_gits_back_is_planned_back(
    checkout: Path, behind_gits_back: Callable[[str, str], None]
) -> None:
    behind_gits_back("ScanOnPush: true", "ScanOnPush: false")
    found = properties(planned(checkout))
    assert found == [("registry.ApiRepository", "ImageScanningConfiguration.ScanOnPush", False, True)]
    assert "-        ScanOnPush: false\n" in unstyle(ecgctl(checkout, "diff", "dev", "registry", "--live").output)


def test_a_comment_in_a_template_is_a_difference_of_texts_only(
    checkout: Path, behind_gits_back: Callable[[str, str], None]
) -> None:
    """CloudFormation, who would be asked to make them equal, says that there is nothing to do."""
    edit(checkout, "stacks/registry.yaml", "Resources:", "# why\nResources:")
    assert properties(planned(checkout)) == []
    assert ecgctl(checkout, "diff", "dev", "--live").exit_code == 1
    with pytest.raises(ClientError, match="No updates are to be performed"):
        behind_gits_back("EmptyOnDelete", "EmptyOnDelete")


def test_a_stack_that_git_dropped_is_planned_to_go(checkout: Path) -> None:
    manifest = checkout / "templates_out/dev/manifest.yaml"
    text = manifest.read_text(encoding="utf-8")
    start, end = text.index("    - name: observability"), text.index("  artifacts:")
    for prune, blocked in (("", 1), ("  prune: ['stack:observability']\n", 0)):
        manifest.write_text(text[:start] + text[end:] + prune, encoding="utf-8")
        done = ecgctl(checkout, "plan", "dev", "--live", "-o", "json", "--fail-on", "blocked")
        removed = {change["stack"] for change in json.loads(done.stdout)["changes"]}
        assert (removed, done.exit_code) == ({"observability"}, blocked)
    status = json.loads(ecgctl(checkout, "status", "dev", "-o", "json").stdout)
    assert status["sync"] == "OutOfSync"


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "dev", "--live", "--base", "HEAD"),
        ("plan", "--live", "--from", ".", "--to", "."),
        ("plan", "dev"),
        ("diff", "dev", "--live", "--base", "HEAD"),
        ("diff", "dev"),
    ],
)
def test_there_is_one_thing_to_compare_with(checkout: Path, arguments: tuple[str, ...]) -> None:
    """`--local` without `--live` says nothing either."""
    done = ecgctl(checkout, *arguments)
    assert (done.exit_code, "--live" in done.stderr) == (click.UsageError.exit_code, True)
