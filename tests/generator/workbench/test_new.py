"""What `serve new` refuses, and what it writes."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from generator.model.serve import Deployment, Handover, ServeApp, Slo
from generator.publish.tracked import tracked_files
from generator.serve_apps import SERVE_APPS
from generator.workbench.declaration import new_app
from generator.workbench.errors import CannotScaffold
from generator.workbench.new import make, refuse_mistakes
from generator.workbench.skeleton import skeleton

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent


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
    copy = tmp_path_factory.mktemp("new") / "checkout"
    for name in tracked_files(ROOT):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    subprocess.run(["git", "init", "--quiet", str(copy)], check=True)
    for name in (".venv", ".venv-serve"):
        (copy / name).symlink_to(ROOT / name)
    said = in_copy(copy, "serve", "new", "brightness")
    assert "wrote templates_out/dev/serve.yaml" in said
    return copy


def in_copy(copy: Path, *arguments: str) -> str:
    program = "import sys; from generator.cli import main; main(sys.argv[1:])"
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(copy), "HOME": str(copy.parent)}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=copy, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_app_is_rendered(checkout: Path) -> None:
    assert "is what the generator makes" in in_copy(checkout, "render", "--check")
    assert "import_path: apps.brightness.app:build" in (checkout / "templates_out/dev/serve.yaml").read_text()


def test_a_new_app_is_formatted_and_linted(checkout: Path) -> None:
    for command in (["format", "--check"], ["check"]):
        subprocess.run([str(BIN / "ruff"), *command, "--quiet", "services", "generator"], cwd=checkout, check=True)


def test_a_new_app_passes_what_every_apps_folder_keeps_to(checkout: Path) -> None:
    tests = ["tests/services/ray_serve/test_apps.py", "tests/architecture", "tests/generator/serve"]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=checkout,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(checkout), "HOME": str(checkout.parent)},
        check=True,
    )
