"""What a release refuses before it touches anything."""

from __future__ import annotations

import pytest

from generator.plan.facts import Plan
from generator.plan.plan import plan
from generator.plan.reading import read_pair
from generator.release import require_deployable
from generator.sync.errors import Undeployable
from tests.generator.plan.exposure_trees import dev, edited

REPOSITORY = "      ImageTagMutability: MUTABLE\n"
KEY = "      EncryptionConfiguration:\n        EncryptionType: KMS\n"


def planned(stack: str, old: str, new: str) -> Plan:
    """Of a change to dev as committed: `old` becomes `new` in a stack's template."""
    return plan(*read_pair(dev(), edited(stack, old, new), ("deployed", "templates_out")))


def test_a_repository_with_a_fixed_name_that_would_be_replaced_stops_it() -> None:
    with pytest.raises(Undeployable, match="ApiRepository is replaced under the same RepositoryName") as refused:
        require_deployable(planned("registry", REPOSITORY, KEY + REPOSITORY))
    assert "  name-collision: stack registry: " in str(refused.value)
    assert "docs/plan.md" in str(refused.value)


def test_who_knows_better_goes_on_with_that_kind_alone() -> None:
    change = planned("registry", REPOSITORY, KEY + REPOSITORY)
    require_deployable(change, despite=("name-collision",))
    with pytest.raises(Undeployable):
        require_deployable(change, despite=("protected",))


def test_what_changes_in_place_goes_through() -> None:
    require_deployable(planned("registry", REPOSITORY, REPOSITORY.replace("MUTABLE", "IMMUTABLE")))
