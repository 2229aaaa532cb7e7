"""`ecgctl plan ENV --live`, `diff ENV --live` and `status ENV`, once ENV was really applied to the embedded AWS."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from tests.functional.conftest import ROOT, Deployed


@dataclass(frozen=True)
class Checkout:
    """A checkout of its own, whose local system is the one that its environment was applied to."""

    root: Path
    name: str

    def ecgctl(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--local", "--root", str(self.root)])

    def path(self, name: str) -> Path:
        """Of a file of the environment's tree."""
        return self.root / "templates_out" / self.name / name

    def edit(self, path: str, old: str, new: str) -> None:
        """As a change of the declaration, rendered and committed, would."""
        file, manifest = self.path(path), self.path("manifest.yaml")
        before = file.read_text(encoding="utf-8")
        assert old in before
        after = before.replace(old, new)
        file.write_text(after, encoding="utf-8")
        digests = [sha256(text.encode()).hexdigest() for text in (before, after)]
        manifest.write_text(manifest.read_text(encoding="utf-8").replace(*digests), encoding="utf-8")


@pytest.fixture
def checkout(environment: Deployed, tmp_path: Path) -> Checkout:
    for folder in ("generator/environments", "services"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / f"generator/environments/{environment.name}.py", tmp_path / "generator/environments")
    shutil.copytree(ROOT / "templates_out" / environment.name, tmp_path / "templates_out" / environment.name)
    (tmp_path / STATE).symlink_to(environment.emulator.state_dir)
    return Checkout(tmp_path, environment.name)


def planned(checkout: Checkout) -> dict[str, Any]:
    """The live plan; that `status` agrees with it is seen to."""
    done = checkout.ecgctl("plan", checkout.name, "--live", "-o", "json")
    plan: dict[str, Any] = json.loads(done.stdout)
    changes = any(stack["action"] for stack in plan["stacks"]) or plan["artifacts"] or plan["serve"]
    assert done.exit_code == int(bool(changes))
    status = json.loads(checkout.ecgctl("status", checkout.name, "-o", "json").stdout)
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


def test_what_was_applied_leaves_nothing_to_plan_and_nothing_to_diff(checkout: Checkout) -> None:
    done = checkout.ecgctl("plan", checkout.name, "--live")
    assert (done.exit_code, done.stdout) == (0, f"plan for {checkout.name}: nothing to change\n")
    assert properties(planned(checkout)) == []
    done = checkout.ecgctl("diff", checkout.name, "--live")
    assert (done.exit_code, done.output) == (0, "")


def test_an_edit_in_the_tree_is_all_that_is_planned(checkout: Checkout) -> None:
    checkout.edit("stacks/data.yaml", "VisibilityTimeout: 900", "VisibilityTimeout: 1200")
    assert properties(planned(checkout)) == [("data.JobsQueue", "VisibilityTimeout", 900, 1200)]
    done = checkout.ecgctl("diff", checkout.name, "--live")
    assert done.exit_code == 1
    assert [line for line in unstyle(done.output).splitlines() if line[:1] in "+-"] == [
        "--- live/stacks/data.yaml",
        f"+++ templates_out/{checkout.name}/stacks/data.yaml",
        "-      VisibilityTimeout: 900",
        "+      VisibilityTimeout: 1200",
    ]
    assert checkout.ecgctl("diff", checkout.name, "api", "--live").exit_code == 0
    assert checkout.ecgctl("diff", checkout.name, "nonsense", "--live").exit_code == 2


def test_a_new_version_of_an_app_is_planned_on_the_box_alone(checkout: Checkout) -> None:
    checkout.edit("serve.yaml", "max_size: 2048", "max_size: 256")
    plan = planned(checkout)
    assert ([one["app"] for one in plan["serve"]], plan["changes"]) == (["ecg_rhythm"], [])


@pytest.fixture
def behind_gits_back(checkout: Checkout, environment: Deployed) -> Iterator[Callable[[str, str], None]]:
    """Edits the template of the live registry stack; afterwards an apply takes it back."""
    api, stack = environment.emulator.client("cloudformation"), f"{environment.prefix}-registry"

    def update(old: str, new: str) -> None:
        template = checkout.path("stacks/registry.yaml").read_text(encoding="utf-8")
        assert old in template
        given = api.describe_stacks(StackName=stack)["Stacks"][0].get("Parameters", ())
        same = [{"ParameterKey": one["ParameterKey"], "UsePreviousValue": True} for one in given]
        api.update_stack(StackName=stack, TemplateBody=template.replace(old, new), Parameters=same)
        while api.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"].endswith("_IN_PROGRESS"):
            time.sleep(0.1)

    yield update
    environment.apply()
    assert checkout.ecgctl("plan", checkout.name, "--live").exit_code == 0


def test_what_was_changed_behind_gits_back_is_planned_back(
    checkout: Checkout, behind_gits_back: Callable[[str, str], None]
) -> None:
    behind_gits_back("ScanOnPush: true", "ScanOnPush: false")
    found = properties(planned(checkout))
    assert found == [("registry.ApiRepository", "ImageScanningConfiguration.ScanOnPush", False, True)]
    assert "-        ScanOnPush: false\n" in unstyle(
        checkout.ecgctl("diff", checkout.name, "registry", "--live").output
    )


def test_a_comment_in_a_template_is_a_difference_of_texts_only(
    checkout: Checkout, behind_gits_back: Callable[[str, str], None]
) -> None:
    """CloudFormation, who would be asked to make them equal, says that there is nothing to do."""
    checkout.edit("stacks/registry.yaml", "Resources:", "# why\nResources:")
    assert properties(planned(checkout)) == []
    assert checkout.ecgctl("diff", checkout.name, "--live").exit_code == 1
    with pytest.raises(ClientError, match="No updates are to be performed"):
        behind_gits_back("EmptyOnDelete", "EmptyOnDelete")


def test_a_stack_that_git_dropped_is_planned_to_go(checkout: Checkout) -> None:
    manifest = checkout.path("manifest.yaml")
    text = manifest.read_text(encoding="utf-8")
    start, end = text.index("    - name: observability"), text.index("  artifacts:")
    for prune, blocked in (("", 1), ("  prune: ['stack:observability']\n", 0)):
        manifest.write_text(text[:start] + text[end:] + prune, encoding="utf-8")
        done = checkout.ecgctl("plan", checkout.name, "--live", "-o", "json", "--fail-on", "blocked")
        removed = {change["stack"] for change in json.loads(done.stdout)["changes"]}
        assert (removed, done.exit_code) == ({"observability"}, blocked)
    status = json.loads(checkout.ecgctl("status", checkout.name, "-o", "json").stdout)
    assert status["sync"] == "OutOfSync"


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "ENV", "--live", "--base", "HEAD"),
        ("plan", "--live", "--from", ".", "--to", "."),
        ("plan", "ENV"),
        ("diff", "ENV", "--live", "--base", "HEAD"),
        ("diff", "ENV"),
    ],
)
def test_there_is_one_thing_to_compare_with(checkout: Checkout, arguments: tuple[str, ...]) -> None:
    """`--local` without `--live` says nothing either."""
    done = checkout.ecgctl(*(checkout.name if one == "ENV" else one for one in arguments))
    assert (done.exit_code, "--live" in done.stderr) == (click.UsageError.exit_code, True)
