"""What every app's folder keeps to."""

import ast
import json
from pathlib import Path

import pytest

from generator.publish.package import app_folders
from generator.serve_apps import SERVE_APPS

ROOT = Path(__file__).resolve().parents[3]
APPS = ROOT / "services/ray_serve/apps"
FOLDERS = sorted(path.parent for path in APPS.glob("*/app.py"))
MOST_INPUT_BYTES = 160_000

each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)


def test_every_folder_is_declared_and_every_declared_one_is_there() -> None:
    assert sorted(app.folder for app in SERVE_APPS) == [path.relative_to(ROOT).as_posix() for path in FOLDERS]


def test_every_app_has_golden_cases() -> None:
    assert all(found.golden for found in app_folders(ROOT, SERVE_APPS).values())


@each_folder
def test_an_app_imports_no_other_app(folder: Path) -> None:
    """An app's package holds the kit and that app only."""
    imported = {
        name
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [f"{node.module}.{alias.name}" for alias in node.names]
            if isinstance(node, ast.ImportFrom) and node.module
            else []
        )
    }
    others = {name for name in imported if name.startswith("apps.")} - {
        name for name in imported if name.startswith(f"apps.{folder.name}")
    }
    assert others == set()


@each_folder
def test_an_app_has_a_model_card_that_says_what_it_is_not(folder: Path) -> None:
    card = (folder / "MODEL_CARD.md").read_text()
    assert "Research and education use only; not a medical device." in card
    assert "## Where it fails" in card


@each_folder
def test_golden_inputs_are_small(folder: Path) -> None:
    inputs = list(folder.glob("golden/*/input.*"))
    assert inputs
    assert {path.name: path.stat().st_size for path in inputs if path.stat().st_size > MOST_INPUT_BYTES} == {}


@each_folder
def test_every_golden_case_says_in_a_sentence_what_it_shows(folder: Path) -> None:
    for path in folder.glob("golden/*/expected.json"):
        assert json.loads(path.read_text())["about"], path
