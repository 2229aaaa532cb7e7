"""What `serve new` refuses, and what it writes."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from generator.model.serve import Deployment, Handover, ServeApp, Slo
from generator.serve_apps import SERVE_APPS
from generator.workbench.declaration import new_app
from generator.workbench.errors import CannotScaffold
from generator.workbench.new import make, refuse_mistakes
from generator.workbench.skeleton import skeleton
from tests.generator.workbench.copies import copy_of_the_tree, ecgctl, surroundings

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent

LONG = pytest.mark.faults
"""Ray is imported each time, which takes seconds; one of each stage always runs."""


def big(cpus: float) -> ServeApp:
    return ServeApp("big", "f", [Deployment("Ingress", cpus=cpus)], Slo(1, 1), "me")


def refusal(name: str, declared: Sequence[ServeApp] = SERVE_APPS, handover: Handover = Handover.SURGE) -> str:
    with pytest.raises(CannotScaffold) as refused:
        refuse_mistakes(ROOT, new_app(name, "team", handover), declared)
    return str(refused.value)


def test_the_shipped_box_has_room_for_one_more_app() -> None:
    refuse_mistakes(ROOT, new_app("one_more", "team"))


@pytest.mark.parametrize("name", ["Big", "1st", "with-dash", "a.b", "", "a" * 41, "../up"])
def test_a_name_that_cannot_be_a_package_and_a_route_is_refused(name: str) -> None:
    said = refusal(name)
    assert "must be lower case letters, digits and _" in said or "already" in said


@pytest.mark.parametrize("name", ["class", "match", "import"])
def test_a_word_of_python_is_refused(name: str) -> None:
    assert "word of Python's" in refusal(name)


def test_a_name_that_is_taken_is_refused() -> None:
    assert "there is an app 'signal_quality' already" in refusal("signal_quality")


def test_a_folder_that_is_there_is_not_written_over() -> None:
    assert "already" in refusal("signal_quality", declared=[])


def test_a_full_box_is_told_with_what_to_free() -> None:
    said = refusal("mine", [big(1.95)])
    assert "all apps need 4.2 CPUs and the box has 4" in said
    assert "free 0.2 CPUs in generator/serve_apps.py (taken, both versions counted: big 3.9)" in said
    assert "--in-place" not in said


def test_in_place_is_offered_where_it_would_fit_and_then_fits() -> None:
    almost = [big(1.9)]
    assert "or say --in-place" in refusal("mine", almost)
    refuse_mistakes(ROOT, new_app("mine", "team", Handover.IN_PLACE), almost)


def test_nothing_is_written_where_the_declarations_cannot_be_edited(tmp_path: Path) -> None:
    (tmp_path / "generator").mkdir()
    (tmp_path / "generator/serve_apps.py").write_text("SERVE_APPS = ()\n")
    video = tmp_path / "services/ray_serve/apps/signal_quality/golden/screen/input.mp4"
    video.parent.mkdir(parents=True)
    video.write_bytes(b"video")
    with pytest.raises(CannotScaffold):
        make(tmp_path, "mine", "team")
    assert not (tmp_path / "services/ray_serve/apps/mine").exists()


@pytest.mark.parametrize("name", ["a", "brightness", "a" * 40])
def test_no_placeholder_is_left_in_any_file(name: str) -> None:
    for path, text in skeleton(name).items():
        assert re.findall(r"@[A-Z]+@", text) == [], path


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this working tree, with a new app in it."""
    copy = copy_of_the_tree(tmp_path_factory.mktemp("new") / "checkout")
    made = ecgctl(copy, "serve", "new", "brightness")
    assert made.returncode == 0, made.stderr
    assert "wrote templates_out/dev/serve.yaml" in made.stdout
    return copy


def test_a_new_app_is_rendered(checkout: Path) -> None:
    assert ecgctl(checkout, "render", "--check").returncode == 0
    assert "import_path: apps.brightness.app:build" in (checkout / "templates_out/dev/serve.yaml").read_text()


def test_the_name_is_taken_from_then_on(checkout: Path) -> None:
    again = ecgctl(checkout, "serve", "new", "brightness")
    assert again.returncode == 2
    assert "there is an app 'brightness' already" in again.stderr


def test_a_new_app_is_formatted_and_linted(checkout: Path) -> None:
    for command in (["format", "--check"], ["check"]):
        subprocess.run([str(BIN / "ruff"), *command, "--quiet", "services", "generator"], cwd=checkout, check=True)


def test_a_new_apps_types_hold(checkout: Path) -> None:
    python = ROOT / ".venv-serve/bin/python"
    if not python.exists():
        pytest.skip("no .venv-serve: run `make install`")
    command = [str(BIN / "mypy"), "--python-executable", str(python), "services/ray_serve/apps/brightness"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_new_app_passes_what_every_apps_folder_keeps_to(checkout: Path) -> None:
    tests = ["tests/services/ray_serve/test_apps.py", "tests/architecture", "tests/generator/serve"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command, cwd=checkout, env=surroundings(checkout), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_new_app_passes_the_quick_check(checkout: Path) -> None:
    if not (ROOT / ".venv-serve/bin/python").exists():
        pytest.skip("no .venv-serve: run `make install`")
    done = ecgctl(checkout, "serve", "check", "brightness", "--quick", "-o", "json")
    assert done.returncode == 0, done.stderr
    (app,) = json.loads(done.stdout)["apps"]
    assert [(one["stage"], one["passed"]) for one in app["stages"]] == [
        ("declaration", True),
        ("schema", True),
        ("imports", True),
        ("golden", True),
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "stage", "said"),
    [
        ("app.py", "class Worker", "class Workers", "imports", "Worker"),
        pytest.param(
            "app.py",
            "from pathlib import Path",
            "from pathlib import Path\nimport not_there",
            "imports",
            "not_there",
            marks=LONG,
        ),
        ("model.py", "/ 255", "/ 254 + 1", "golden", "brightness should be 0.118"),
        pytest.param(
            "golden/first/expected.json",
            '"length": 4',
            '"length": 5',
            "golden",
            "seconds.length should be 5",
            marks=LONG,
        ),
    ],
)
def test_what_is_broken_stops_the_check_at_its_stage_with_what_where_and_next(
    checkout: Path, file: str, old: str, new: str, stage: str, said: str
) -> None:
    if not (ROOT / ".venv-serve/bin/python").exists():
        pytest.skip("no .venv-serve: run `make install`")
    path = checkout / "services/ray_serve/apps/brightness" / file
    whole = path.read_text()
    assert old in whole
    path.write_text(whole.replace(old, new))
    try:
        done = ecgctl(checkout, "serve", "check", "brightness", "--quick", "-o", "json")
    finally:
        path.write_text(whole)
    assert done.returncode == 1
    last = json.loads(done.stdout)["apps"][0]["stages"][-1]
    assert (last["stage"], last["passed"]) == (stage, False)
    assert said in last["words"]
    assert "services/ray_serve/apps/brightness" in last["where"]
    assert last["next"]
