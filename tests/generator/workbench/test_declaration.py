"""The text edit of generator/serve_apps.py: one more app, everything else as it was."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from generator.model.serve import Handover, ServeApp
from generator.workbench.declaration import FILE, new_app, with_app
from generator.workbench.errors import CannotScaffold

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = (ROOT / FILE).read_text(encoding="utf-8")
MINIMAL = """from generator.model.serve import Deployment, ServeApp, Slo

SERVE_APPS = (
    ServeApp("one", "f", [Deployment("Ingress")], Slo(1, 1), "me"),  # a note, with a comma
)
"""


def declared(text: str) -> tuple[ServeApp, ...]:
    names: dict[str, Any] = {}
    exec(compile(text, FILE, "exec"), names)
    found: tuple[ServeApp, ...] = names["SERVE_APPS"]
    return found


@pytest.mark.parametrize("handover", Handover)
@pytest.mark.parametrize("owner", ["team", 'a "quoted" team', "심전도"])
def test_the_edited_file_declares_what_was_asked_for_after_what_was_there(handover: Handover, owner: str) -> None:
    app = new_app("mine", owner, handover)
    *before, added = declared(with_app(SHIPPED, app))
    assert (tuple(before), added) == (declared(SHIPPED), app)


@pytest.mark.parametrize("text", [SHIPPED, MINIMAL], ids=["shipped", "minimal"])
def test_only_lines_are_added_but_for_the_import(text: str) -> None:
    edited = with_app(text, new_app("mine", "team")).splitlines()
    assert [line for line in text.splitlines() if line not in edited] == []


@pytest.mark.parametrize("name", ["a", "a" * 40])
@pytest.mark.parametrize("handover", Handover)
def test_ruff_has_nothing_to_change(name: str, handover: Handover) -> None:
    text = with_app(SHIPPED, new_app(name, "team", handover))
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [str(ruff), *command, "--quiet", "--stdin-filename", FILE, "-"],
            input=text,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout if command == ["check"] else "") == (0, "")


def test_two_apps_can_be_added_one_after_the_other() -> None:
    text = with_app(with_app(MINIMAL, new_app("two", "team")), new_app("three", "team", Handover.IN_PLACE))
    assert [app.name for app in declared(text)] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SERVE_APPS = (\n", "this is not Python"),
        ("", "there is no tuple SERVE_APPS"),
        ("SERVE_APPS = ()\n", "there is no tuple SERVE_APPS"),
        ("SERVE_APPS = [1]\n", "there is no tuple SERVE_APPS"),
        ("SERVE_APPS = tuple(found())\n", "there is no tuple SERVE_APPS"),
        ("SERVE_APPS = (1, 2)\n", "should end with a line that is `)`"),
        ("SERVE_APPS = (\n    1,\n    2)\n", "should end with a line that is `)`"),
        ("SERVE_APPS = (\n    1,\n    2\n)\n", "a comma should follow the last app"),
        ("SERVE_APPS = (\n    1,\n)\n", "does not import Deployment, ServeApp, Slo"),
        ("from generator.model.serve import ServeApp as S\nSERVE_APPS = (\n    1,\n)\n", "does not import"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_what_to_do(text: str, said: str) -> None:
    with pytest.raises(CannotScaffold) as refused:
        with_app(text, new_app("mine", "team"))
    assert said in str(refused.value)
    assert "next:" in str(refused.value)
