"""Wires between stacks, and waves."""

import pytest

from generator.model.wiring import Wire, WiringError, waves, wire


def test_a_parameter_is_wired_from_the_stack_that_outputs_its_name() -> None:
    assert wire({"api": {"VpcId"}, "network": set()}, {"network": {"VpcId"}}) == {
        "api": {"VpcId": Wire("network", "VpcId")},
        "network": {},
    }


def test_every_parameter_without_a_single_source_is_reported_together() -> None:
    with pytest.raises(WiringError) as caught:
        wire({"api": {"VpcId", "Name"}}, {"a": {"Name"}, "b": {"Name"}})
    assert len(caught.value.mistakes) == 2
    assert "output by a and b" in str(caught.value)
    assert "no stack outputs VpcId" in str(caught.value)


def test_a_stack_comes_after_the_longest_chain_that_leads_to_it() -> None:
    assert waves({"api": {"network", "cdn"}, "cdn": {"network"}, "network": set()}) == {
        "network": 0,
        "cdn": 1,
        "api": 2,
    }


def test_a_circle_is_named_stack_by_stack() -> None:
    with pytest.raises(WiringError, match=r"a -> b -> c -> a"):
        waves({"a": {"b"}, "b": {"c"}, "c": {"a"}})
