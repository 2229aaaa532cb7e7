"""What is true of all templates: their wiring, their logical ids, what cfn-lint says, and that every id is tested."""

import ast
import json
import re
from pathlib import Path

import pytest

from generator.stacks import STACKS
from tests.generator.stacks.built import Built
from tests.generator.stacks.conftest import Case
from tests.generator.stacks.wires import waves_of, wires_of

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def test_each_parameter_is_a_literal_or_wired_from_one_output_and_no_stacks_wait_in_a_circle(every: Case) -> None:
    wave = waves_of(every.built, every.settings)
    for stack, wires in wires_of(every.built, every.settings).items():
        assert all(wave[source.stack] < wave[stack] for source in wires.values())


def test_stacks_are_built_in_waves_of_this_order(dev: Built) -> None:
    wave = waves_of(dev)
    order = ["network", "security", "load-balancer", "cdn", "api", "observability"]
    assert [wave[stack] for stack in order] == sorted({wave[stack] for stack in order})
    assert wave["storage"] == wave["data"] == wave["registry"] == wave["keys"] == 0


def test_outputs_are_those_of_the_architecture_page(dev: Built) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| ([a-z-]+) \| [^|]* \| ((?:[A-Z]\w+(?:, )?)+) \|$", page, flags=re.MULTILINE))
    assert {stack: set(outputs.split(", ")) for stack, outputs in table.items()} == {
        stack: set(dev.outputs(stack)) for stack in STACKS
    }


def test_no_output_is_exported(every: Case) -> None:
    """An export in use locks the stack that gives it and the one that takes it."""
    assert not [
        one for template in every.built.templates.values() for one in template["Outputs"].values() if "Export" in one
    ]


def test_every_parameter_is_used(every: Case) -> None:
    for stack, template in every.built.templates.items():
        text = json.dumps(template["Resources"])
        unused = [
            name
            for name in template.get("Parameters", ())
            if f'"Ref": "{name}"' not in text and f"${{{name}}}" not in text
        ]
        assert unused == [], stack


def test_logical_ids_are_public_api(every: Case) -> None:
    """Another logical id is another resource. If that is meant, change logical_ids.<env>.txt in the same commit."""
    ids = [
        f"{stack} {title}"
        for stack, template in every.built.templates.items()
        for title in sorted(template["Resources"])
    ]
    file = HERE / f"logical_ids.{every.settings.name}.txt"
    assert ids == file.read_text(encoding="utf-8").splitlines()


def test_environments_differ_in_settings_and_share_every_logical_id_of_dev(dev: Built, prod: Built) -> None:
    """All but the one box, in whose place a fleet is."""
    ids = {
        name: {(stack, title) for stack, template in built.templates.items() for title in template["Resources"]}
        for name, built in (("dev", dev), ("prod", prod))
    }
    box = {("model-server", "ModelServer"), ("model-server", "ModelServerLaunchTemplate")}
    assert ids["dev"] - ids["prod"] == box


def test_templates_stay_within_cloudformations_limits(every: Case) -> None:
    for stack, template in every.built.templates.items():
        assert len(json.dumps(template)) <= 51_200, stack
        assert len(template["Resources"]) <= 500


def _ids() -> list[str]:
    page = (ROOT / "docs" / "specification.md").read_text(encoding="utf-8")
    return re.findall(r"^\| ([A-Z0-9]+-\d+) \|.*\| template \|$", page, flags=re.MULTILINE)


def _tests() -> set[str]:
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in HERE.glob("test_*.py")]
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("identifier", _ids())
def test_every_id_of_the_specification_is_in_the_name_of_a_test(identifier: str) -> None:
    prefix = f"test_{identifier.lower().replace('-', '_')}_"
    assert [name for name in _tests() if name.startswith(prefix)]


def test_the_specification_lists_every_id() -> None:
    counts = {"NET": 7, "SG": 4, "ECS": 9, "GPU": 6, "S3": 5, "CDN": 10, "IAM": 3, "ALB": 5, "SEC": 9, "OPS": 8}
    every = {f"{area}-{number}" for area, count in counts.items() for number in range(1, count + 1)}
    assert set(_ids()) == every - {"OPS-4", "OPS-5"}  # which workflows carry
