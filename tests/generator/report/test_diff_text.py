"""`ecgctl diff`: the texts of two trees, beside each other."""

import subprocess
from pathlib import Path

import pytest
from click import unstyle
from click.testing import CliRunner, Result

from generator.cli import main
from generator.model.manifest import Artifact, ArtifactKind, UnknownStack
from generator.model.wiring import Wire
from generator.report.diff_text import diff_text
from tests.generator.plan.trees import files

NET = "Resources:\n  Vpc:\n    Type: AWS::EC2::VPC\nOutputs: {VpcId: {Value: !Ref Vpc}, Id: {Value: !Ref Vpc}}\n"
API = "Parameters: {VpcId: {Type: String}, Tag: {Type: String}}\nResources: {Topic: {Type: AWS::SNS::Topic}}\n"
WIRED = {"api": {"VpcId": {"stack": "net", "output": "VpcId"}, "Tag": "one"}}
NAMES = ("live", "templates_out/dev")


def tree(
    net: str = NET, given: dict | None = None, serve: str = "applications: []\n", agent: str = "1.zip"
) -> dict[str, str]:
    package = Artifact("agent", ArtifactKind.PACKAGE, "services", agent, Wire("net", "Id"))
    return files({"net": net, "api": API}, {"api": given or WIRED["api"]}, serve=serve, artifacts=(package,))


def test_the_same_trees_have_no_diff() -> None:
    assert diff_text(tree(), tree(), NAMES) == ""


def test_each_kind_of_difference_is_shown_once_in_the_order_of_the_rollout() -> None:
    """The hashes of the manifest are not: they follow from the rest."""
    given = {"VpcId": {"stack": "net", "output": "Id"}, "Tag": "two"}
    after = tree(
        NET.replace("Type: AWS::EC2::VPC", "Type: AWS::EC2::VPC  # ours"), given, "applications: [1]\n", "2.zip"
    )
    assert unstyle(diff_text(tree(), after, NAMES)).splitlines() == [
        "--- live/stacks/net.yaml",
        "+++ templates_out/dev/stacks/net.yaml",
        "@@ -1,4 +1,4 @@",
        " Resources:",
        "   Vpc:",
        "-    Type: AWS::EC2::VPC",
        "+    Type: AWS::EC2::VPC  # ours",
        " Outputs: {VpcId: {Value: !Ref Vpc}, Id: {Value: !Ref Vpc}}",
        "--- live/manifest.yaml: api",
        "+++ templates_out/dev/manifest.yaml: api",
        "@@ -1,2 +1,2 @@",
        "-Tag: one",
        "-VpcId: from net.VpcId",
        "+Tag: two",
        "+VpcId: from net.Id",
        "--- live/manifest.yaml: artifacts",
        "+++ templates_out/dev/manifest.yaml: artifacts",
        "@@ -1 +1 @@",
        "-package agent: 1.zip",
        "+package agent: 2.zip",
        "--- live/serve.yaml",
        "+++ templates_out/dev/serve.yaml",
        "@@ -1 +1 @@",
        "-applications: []",
        "+applications: [1]",
    ]


def test_a_stack_that_is_new_or_gone_is_shown_whole() -> None:
    without = files({"api": API.replace("VpcId: {Type: String}, ", "")}, {"api": {"Tag": "one"}})
    for pair, sign in (((without, tree()), "+"), ((tree(), without), "-")):
        assert f"{sign}  Vpc:" in unstyle(diff_text(*pair, NAMES)).splitlines()
    assert diff_text({}, tree(), NAMES)


def test_one_stack_can_be_asked_for_and_must_exist() -> None:
    after = tree(NET + "# a comment\n", {**WIRED["api"], "Tag": "two"})
    assert "Tag" not in diff_text(tree(), after, NAMES, "net")
    assert "a comment" not in diff_text(tree(), after, NAMES, "api")
    with pytest.raises(UnknownStack, match="there is no stack 'db'\n  next: use one of net, api"):
        diff_text(tree(), after, NAMES, "db")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository in which the tree is committed on main."""
    for folder in ("generator/environments", "services", "templates_out/dev/stacks"):
        (tmp_path / folder).mkdir(parents=True)
    write(tmp_path, tree())
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def write(root: Path, texts: dict[str, str]) -> None:
    for path, text in texts.items():
        (root / "templates_out/dev" / path).write_text(text, encoding="utf-8")


def ecgctl(root: Path, *arguments: str, color: bool = False) -> Result:
    return CliRunner().invoke(main, ["diff", "dev", *arguments, "--root", str(root)], color=color)


def test_the_exit_code_says_whether_anything_differs(checkout: Path) -> None:
    assert (ecgctl(checkout).exit_code, ecgctl(checkout).output) == (0, "")
    write(checkout, tree(given={**WIRED["api"], "Tag": "two"}))
    done = ecgctl(checkout)
    assert (done.exit_code, "+Tag: two" in done.output.splitlines()) == (1, True)
    assert ecgctl(checkout, "net").exit_code == 0
    assert ecgctl(checkout, "--base", "HEAD").exit_code == 1
    assert ecgctl(checkout, "--base", "nowhere").exit_code == 2


def test_colours_are_for_terminals(checkout: Path) -> None:
    write(checkout, tree(NET + "# a comment\n"))
    assert "\x1b[32m+# a comment\x1b[0m" in ecgctl(checkout, color=True).output
    assert "\x1b" not in ecgctl(checkout).output
