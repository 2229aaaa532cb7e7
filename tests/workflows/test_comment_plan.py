"""The comment's script treats a stranger's plan as text."""

import importlib.util
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
    text = script.comment_text("## Plan\n\nnothing\n", COMMIT, URL)
    assert text.startswith(f"{script.MARK}\n## Plan\n")
    assert "0123456789ab" in text
    assert URL in text


def test_a_plan_calls_nobody(script: ModuleType) -> None:
    assert "@everyone" not in script.comment_text("@everyone look", COMMIT, URL)


def test_a_plan_cannot_carry_a_mark_of_its_own(script: ModuleType) -> None:
    assert script.comment_text(f"x {script.MARK}", COMMIT, URL).count(script.MARK) == 1


def test_a_plan_of_a_megabyte_fits_into_a_comment(script: ModuleType) -> None:
    text = script.comment_text("x" * 1_000_000, COMMIT, URL)
    assert len(text) < 65_536
    assert "shortened" in text


def test_a_run_that_left_no_plan_says_so(script: ModuleType) -> None:
    assert "left no plan" in script.comment_text("", COMMIT, URL)


def test_only_our_own_comment_is_replaced(script: ModuleType) -> None:
    def comment(number: int, login: str, body: str) -> dict[str, object]:
        return {"id": number, "user": {"login": login}, "body": body}

    copied, other, own = (
        comment(1, "somebody", f"{script.MARK}\nmine"),
        comment(2, script.AUTHOR, "another workflow's"),
        comment(3, script.AUTHOR, f"{script.MARK}\nours"),
    )
    assert script.ours([copied, other, own]) == 3
    assert script.ours([copied, other]) is None


def test_a_pull_request_that_has_moved_on_gets_no_old_plan(script: ModuleType) -> None:
    found = [{"number": 5, "head": {"sha": "new"}}]
    assert script.pull_request(found, "old") is None
    assert script.pull_request(found, "new") == 5
