"""Imports point one way. The layers are docs/architecture.md's; this file is what enforces them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT = {
    "errors": set(),
    "model": {"errors"},
    "environments": {"model"},
    "serve_apps": {"model"},
    "parts": {"model", "errors"},
    "stacks": {"parts", "model", "errors"},
    "bootstrap": {"parts", "render", "model", "errors"},
    "render": {"stacks", "parts", "model", "errors"},
    "sync": {"model", "errors"},
    "plan": {"model", "errors"},
    "report": {"plan", "sync", "model", "errors"},
    "aws": {"sync", "model", "errors"},
    "publish": {"sync", "aws", "model", "errors"},
    "local": {"publish", "aws", "model", "errors"},
    "video_client": {"sync", "errors"},
}
"""Parts of generator/ and the other parts that each may import. What is not listed is the rim, which sees all."""

OUTSIDE = {"boto3", "botocore", "requests", "httpx", "urllib3", "socket", "subprocess"}
"""Libraries that reach the outside; only aws, publish, local, the API's client and the rim may import them."""

TOUCH_THE_OUTSIDE = {"aws", "publish", "local", "video_client"}


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # `from generator import errors` names the part in its list.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_of(part: str) -> list[Path]:
    folder = ROOT / "generator" / part
    # The plug-in runs inside the emulator's own environment: it is the emulator's code, not the generator's.
    return [p for p in folder.rglob("*.py") if "plugin" not in p.parts] or [folder.with_suffix(".py")]


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_of_the_generator_imports_only_the_parts_below_it(part: str) -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files_of(part)
        for name in imports_of(file)
        if name.startswith("generator.") and name.split(".")[1] not in MAY_IMPORT[part] | {part, "__version__"}
    }
    assert wrong == set()


@pytest.mark.parametrize("part", sorted(MAY_IMPORT.keys() - TOUCH_THE_OUTSIDE))
def test_only_aws_publish_local_and_the_client_reach_the_outside(part: str) -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files_of(part)
        for name in imports_of(file)
        if name.split(".")[0] in OUTSIDE
    }
    assert wrong == set()


@pytest.mark.parametrize(
    "part", sorted(MAY_IMPORT.keys() - {"stacks", "parts", "bootstrap", "render", "model", "environments"})
)
def test_only_stacks_parts_and_render_know_troposphere(part: str) -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files_of(part)
        for name in imports_of(file)
        if name.split(".")[0] in {"troposphere", "awacs"}
    }
    assert wrong == set()


def test_services_never_import_the_generator() -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in (ROOT / "services").rglob("*.py")
        for name in imports_of(file)
        if name.split(".")[0] == "generator"
    }
    assert wrong == set()


def test_the_reader_never_imports_the_renderer_that_made_its_test_videos() -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in (ROOT / "services").rglob("*.py")
        for name in imports_of(file)
        if name.split(".")[0] == "tools"
    }
    assert wrong == set()


def test_the_two_services_do_not_import_each_other() -> None:
    ray = {"kit", "apps", "reconciler", "updater"}
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for folder, others in (("services/api", ray), ("services/ray_serve", {"ecg_api"}))
        for file in (ROOT / folder).rglob("*.py")
        for name in imports_of(file)
        if name.split(".")[0] in others
    ]
    assert wrong == []


def test_only_apps_and_three_modules_of_the_kit_know_ray() -> None:
    """So that what is computed runs in any test, and a new Ray changes little."""
    serve = ROOT / "services/ray_serve"
    knows = {
        file.relative_to(serve).as_posix()
        for file in serve.rglob("*.py")
        for name in imports_of(file)
        if name.split(".")[0] == "ray"
    }
    apps = {f"apps/{path.parent.name}/app.py" for path in serve.glob("apps/*/app.py")}
    assert knows == {*apps, "kit/golden/__main__.py", "kit/ingress.py", "kit/metrics.py"}


def test_no_module_of_the_generator_is_longer_than_400_lines() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in (ROOT / "generator").rglob("*.py")
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}
