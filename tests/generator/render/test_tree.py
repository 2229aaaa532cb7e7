"""The rendered tree: the same bytes whatever the hash seed, and what is committed is what is rendered."""

import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from generator.desired import desired_tree
from generator.environments import prod
from generator.environments.dev import ENVIRONMENT
from generator.model.environment import ScanBlocks
from generator.model.manifest import parse
from generator.render.tree import Addresses, StaleTemplates, Tree, check, render
from generator.render.writer import read_tree, write_tree
from generator.serve_apps import SERVE_APPS

ROOT = Path(__file__).resolve().parents[3]
ADDRESSES = Addresses(
    "src-000000000000", "a" * 64 + ".zip", "src-333333333333", {app.name: "b" * 64 + ".zip" for app in SERVE_APPS}
)
TREE = render(ENVIRONMENT, SERVE_APPS, ADDRESSES)
TREES = {"dev": TREE, "prod": render(prod.ENVIRONMENT, SERVE_APPS, ADDRESSES)}


@pytest.fixture(params=TREES)
def tree(request: pytest.FixtureRequest) -> Tree:
    """Each environment's."""
    return TREES[request.param]


@pytest.mark.parametrize("name", TREES)
def test_what_is_committed_is_what_the_generator_makes(name: str) -> None:
    check(name, read_tree(ROOT / "templates_out" / name), desired_tree(ROOT, name))


@pytest.mark.parametrize("seed", ["0", "1", "4294967295"])
def test_the_bytes_do_not_depend_on_the_hash_seed(seed: str) -> None:
    program = (
        "from hashlib import sha256\n"
        "from tests.generator.render.test_tree import TREES\n"
        "print(sha256(repr([sorted(tree.items()) for tree in TREES.values()]).encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    here = repr([sorted(tree.items()) for tree in TREES.values()])
    assert done.stdout.strip() == sha256(here.encode()).hexdigest()


def test_the_manifest_names_each_template_by_its_hash(tree: Tree) -> None:
    manifest = parse(tree["manifest.yaml"], "manifest.yaml")
    assert {stack.template: stack.sha256 for stack in manifest.stacks} == {
        path: sha256(text.encode()).hexdigest() for path, text in tree.items() if path.startswith("stacks/")
    }


def test_no_stack_waits_for_one_of_its_own_wave_or_a_later_one(tree: Tree) -> None:
    manifest = parse(tree["manifest.yaml"], "manifest.yaml")
    wave = {stack.name: stack.wave for stack in manifest.stacks}
    assert all(wave[need] < stack.wave for stack in manifest.stacks for need in stack.needs)


@pytest.mark.parametrize("blocks", ["CRITICAL", "HIGH", "NONE"])
def test_what_an_images_scan_blocks_on_is_the_environments_setting(blocks: ScanBlocks) -> None:
    environment = replace(ENVIRONMENT, registry=replace(ENVIRONMENT.registry, scan_blocks=blocks))
    tree = render(environment, SERVE_APPS, ADDRESSES)
    manifest = parse(tree["manifest.yaml"], "manifest.yaml")
    scanned = {artifact.name: artifact.scan.value for artifact in manifest.artifacts}
    assert scanned == {"api": blocks, "page": "NONE", "agent": "NONE", **{app.name: "NONE" for app in SERVE_APPS}}


def test_a_changed_image_changes_the_manifest_alone() -> None:
    other = render(
        ENVIRONMENT, SERVE_APPS, Addresses("src-111111111111", ADDRESSES.agent, ADDRESSES.page, ADDRESSES.apps)
    )
    assert {path for path in TREE if TREE[path] != other[path]} == {"manifest.yaml"}


def test_a_stale_tree_fails_with_a_diff_and_the_command_that_mends_it() -> None:
    committed = {**TREE, "stacks/network.yaml": TREE["stacks/network.yaml"].replace("10.0.0.0/16", "10.1.0.0/16")}
    with pytest.raises(StaleTemplates) as caught:
        check("dev", committed, TREE)
    text = str(caught.value)
    assert "-      CidrBlock: 10.1.0.0/16" in text
    assert "+      CidrBlock: 10.0.0.0/16" in text
    assert "next: ecgctl render dev" in text


def test_writing_removes_what_is_no_longer_rendered_and_names_what_changed(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.yaml": "1\n", "stacks/b.yaml": "2\n"})
    assert write_tree(tmp_path, {"a.yaml": "1\n"}) == ("stacks/b.yaml",)
    assert read_tree(tmp_path) == {"a.yaml": "1\n"}
