"""The engine says what AWS documents: every case of tests/golden/plan."""

from typing import Any

import pytest

from generator.plan.reading import InvalidTree, read
from tests.generator.plan.corpus import (
    EffectCase,
    effect_cases,
    error_files,
    errors,
    planned,
    scenario_trees,
    scenarios,
)


@pytest.mark.parametrize("case", list(effect_cases()), ids=str)
def test_a_changed_property_has_the_effect_that_aws_documents(case: EffectCase) -> None:
    assert case.found() == case.effect, case.page


@pytest.mark.parametrize("case", scenarios(), ids=lambda case: case["fact"])
def test_a_change_does_what_aws_documents(case: dict[str, Any]) -> None:
    plan = planned(*scenario_trees(case))
    assert plan.summary() == case["expect"]
    assert plan.effects().items() >= case.get("effects", {}).items()
    if "outputs" in case:
        assert plan.outputs() == sorted(case["outputs"])
    named = {(one.kind, f"{one.stack}.{one.resource}".rstrip(".")) for one in plan.obstacles}
    assert named >= set(case.get("obstacles", {}).items())
    assert not {kind for kind, _ in named} & set(case.get("absent", ()))


@pytest.mark.parametrize("case", errors(), ids=lambda case: case["fact"])
def test_mistakes_are_told_together_with_their_lines(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidTree) as raised:
        read(error_files(case), "")
    assert raised.value.exit_code == 2
    for piece in case["mistakes"]:
        assert piece in str(raised.value)


def test_the_corpus_has_at_least_150_cases() -> None:
    assert len(list(effect_cases())) + len(scenarios()) + len(errors()) >= 150
