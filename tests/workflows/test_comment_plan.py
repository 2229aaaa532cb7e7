"""The comment's script treats a stranger's plan as text."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parents[2] / ".github/scripts/comment_plan.py"
URL = "https://github.com/owner/name/actions/runs/7"
COMMIT = "0123456789abcdef"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("comment_plan", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_plan_stands_under_our_mark_with_the_commit_and_the_run(script: ModuleType) -> None:
    text = script.comment_text("dev", "## Plan\n\nnothing\n", COMMIT, URL)
    assert text.startswith(f"{script.mark('dev')}\n## Plan\n")
    assert "0123456789ab" in text
    assert URL in text


def test_a_plan_calls_nobody(script: ModuleType) -> None:
    assert "@everyone" not in script.comment_text("dev", "@everyone look", COMMIT, URL)


def test_a_plan_cannot_carry_a_mark_of_its_own(script: ModuleType) -> None:
    assert script.comment_text("dev", f"x {script.mark('dev')}", COMMIT, URL).count(script.mark("dev")) == 1


def test_a_plan_of_a_megabyte_fits_into_a_comment(script: ModuleType) -> None:
    text = script.comment_text("dev", "x" * 1_000_000, COMMIT, URL)
    assert len(text) < 65_536
    assert "shortened" in text


def test_a_run_that_left_no_plan_says_so(script: ModuleType) -> None:
    assert "left no plan" in script.comment_text("dev", "", COMMIT, URL)


def test_only_our_own_comment_is_replaced(script: ModuleType) -> None:
    def comment(number: int, login: str, body: str) -> dict[str, object]:
        return {"id": number, "user": {"login": login}, "body": body}

    copied, other, own = (
        comment(1, "somebody", f"{script.mark('dev')}\nmine"),
        comment(2, script.AUTHOR, "another workflow's"),
        comment(3, script.AUTHOR, f"{script.mark('dev')}\nours"),
    )
    assert script.ours("dev", [copied, other, own]) == 3
    assert script.ours("dev", [copied, other]) is None


def test_each_environment_has_a_comment_of_its_own(script: ModuleType) -> None:
    dev = {"id": 1, "user": {"login": script.AUTHOR}, "body": script.comment_text("dev", "x", COMMIT, URL)}
    prod = {"id": 2, "user": {"login": script.AUTHOR}, "body": script.comment_text("prod", "x", COMMIT, URL)}
    assert (script.ours("dev", [prod, dev]), script.ours("prod", [dev, prod])) == (1, 2)


def test_an_environment_is_idle_by_its_whole_plan_and_by_no_line_within_it(script: ModuleType) -> None:
    golden = (FILE.parents[2] / "tests/golden/pull_requests/nothing.md").read_text(encoding="utf-8")
    plan = golden.partition("-->")[2]
    assert script.idle(plan, "dev")
    assert not script.idle(plan, "prod")
    assert not script.idle(f"{plan}\nand a bucket is deleted", "dev")
    assert not script.idle("", "dev")


GH = """\
#!{python}
import json, sys
from pathlib import Path
here, args = Path({folder!r}), sys.argv[1:]
if args[0] == "run":
    artifact = here / args[args.index("--name") + 1]
    if not artifact.exists():
        sys.exit("no such artifact")
    Path(args[args.index("--dir") + 1], "plan.md").write_text(artifact.read_text())
elif "--input" in args:
    with (here / "said").open("a") as log:
        print(args[2], args[3], json.load(sys.stdin)["body"].splitlines()[1], file=log)
elif args[1].endswith("/pulls"):
    print(json.dumps([{{"number": 5, "head": {{"sha": "{commit}"}}}}]))
else:
    print((here / "comments").read_text())
"""


@pytest.mark.parametrize(
    ("plans", "comments", "said"),
    [
        ({"dev": "## D", "prod": "## P"}, [], ["POST issues/5/comments ## D", "POST issues/5/comments ## P"]),
        ({"dev": "nothing", "prod": "## P"}, [], ["POST issues/5/comments ## P"]),
        ({"dev": "nothing", "prod": "nothing"}, [], []),
        (
            {"dev": "nothing", "prod": "## P"},
            ["dev"],
            ["PATCH issues/comments/1 ### Plan", "POST issues/5/comments ## P"],
        ),
        ({"dev": "## D"}, ["prod"], ["POST issues/5/comments ## D", "PATCH issues/comments/1 The run"]),
    ],
    ids=["both", "prod alone", "none", "dev no longer", "no artifact"],
)
def test_a_comment_is_made_for_each_environment_that_changes_and_replaced_where_there_is_one(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plans: dict[str, str],
    comments: list[str],
    said: list[str],
) -> None:
    """With a program in the place of `gh` that keeps what it is told."""
    for environment, plan in plans.items():
        text = f"### Plan for `{environment}`: nothing to change\n" if plan == "nothing" else plan
        (tmp_path / f"plan-{environment}").write_text(text, encoding="utf-8")
    there = [{"id": 1, "user": {"login": script.AUTHOR}, "body": f"{script.mark(each)}\nold"} for each in comments]
    (tmp_path / "comments").write_text(json.dumps(there), encoding="utf-8")
    gh = tmp_path / "bin/gh"
    gh.parent.mkdir()
    gh.write_text(GH.format(python=sys.executable, folder=str(tmp_path), commit=COMMIT), encoding="utf-8")
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", str(gh.parent))
    script.main(
        {"REPOSITORY": "o/n", "COMMIT": COMMIT, "RUN": "7", "HEAD_OWNER": "somebody", "HEAD_BRANCH": "a branch"}
    )
    log = tmp_path / "said"
    found = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    assert [" ".join(line.replace("repos/o/n/", "").split()[:4]) for line in found] == said


def test_a_pull_request_that_has_moved_on_gets_no_old_plan(script: ModuleType) -> None:
    found = [{"number": 5, "head": {"sha": "new"}}]
    assert script.pull_request(found, "old") is None
    assert script.pull_request(found, "new") == 5
