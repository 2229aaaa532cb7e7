"""The behaviour table is what the pinned cfn-lint gives, and the overlay speaks of properties that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from generator.plan.behaviour import ANYTHING, Behaviour, behaviour

ROOT = Path(__file__).parents[3]
OVERLAY = (ROOT / "generator/plan/behaviour_overlay.yaml").read_text()
TYPES = re.findall(r"^(AWS::\S+):$", OVERLAY, re.MULTILINE)


def known(name: str) -> Behaviour:
    found = behaviour(name)
    assert found is not None
    return found


def test_the_committed_table_is_what_the_installed_cfn_lint_gives() -> None:
    pytest.importorskip("cfnlint")
    tool = ROOT / "tools/update_behaviour_table.py"
    ran = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", TYPES)
def test_each_row_of_the_overlay_speaks_of_a_property_that_exists(name: str) -> None:
    found = known(name)
    paths = [*(row.path for row in found.rows), *(door.path for door in found.doors)]
    paths += [part for one in found.names or () for part in one]
    for path in paths:
        steps = tuple(0 if step == "*" else step for step in path.split("/"))
        assert path == "*" or found.shape(steps) is not None, path


def test_every_row_names_its_page() -> None:
    for name in TYPES:
        assert all(row.source.startswith("https://docs.aws.amazon.com/") for row in known(name).rows)


def test_every_type_of_the_real_templates_is_known() -> None:
    text = "".join(path.read_text() for path in (ROOT / "templates_out/dev/stacks").glob("*.yaml"))
    for name in set(re.findall(r"^    Type: (AWS::\S+)$", text, re.MULTILINE)):
        assert name.startswith("AWS::EC2::Image") or known(name).properties != {"*": ANYTHING}, name


def test_a_type_that_nobody_knows_has_no_behaviour() -> None:
    assert behaviour("Vendor::Made::Up") is None
