"""The price book itself."""

import math

import pytest

from generator.plan.cost import cost_table
from generator.plan.cost_pricers import PRICERS
from generator.plan.cost_prices import price_book
from generator.plan.cost_specification import Standing, spec_comparison
from tests.generator.plan.cost_trees import ROOT, dev

BOOK = price_book()


def test_every_price_is_above_zero_and_says_where_and_when_it_is_from() -> None:
    for rate in (*BOOK.rates.values(), *BOOK.instances.values()):
        assert rate.usd > 0
        assert rate.source.endswith(("(page)", "(collected)", "(recalled)"))


def test_no_type_is_both_free_and_priced() -> None:
    assert [kind for kind in PRICERS if BOOK.is_free(kind)] == []


def test_the_profile_is_of_types_that_are_priced() -> None:
    assert set(BOOK.usage_of_types) <= set(PRICERS)


def test_the_resources_that_the_profile_names_are_in_dev() -> None:
    there = {f"{stack}.{name}" for stack, one in dev().templates.items() for name in one.resources}
    assert set(BOOK.usage_of_resources) <= there


def test_every_line_by_use_states_its_assumption_and_every_line_its_source() -> None:
    for line in cost_table(dev()).lines:
        assert line.source
        by_use = any(word in line.item for word in ("requests", "GB through", "GB in S3", "logs", "LCU", "delivered"))
        assert bool(line.assumption) >= by_use, line


def rows() -> dict[str, tuple[float, Standing]]:
    return {row.item: (round(row.ours, 2), row.standing) for row in spec_comparison(dev())}


def test_what_the_specification_asks_for_costs_520_75_fixed_not_496_to_500() -> None:
    ours, standing = rows()["Fixed total of what the specification asks for"]
    assert (round(ours, 2), standing) == (520.75, Standing.OFF)


def test_the_specifications_fargate_line_is_off_by_two_thirds() -> None:
    assert rows()["ECS Fargate, 0.5 vCPU and 1 GB, 2 tasks"] == (36.04, Standing.OFF)


def test_the_specification_forgot_the_load_balancers_addresses_and_the_volume() -> None:
    missing = {item: ours for item, (ours, standing) in rows().items() if standing is Standing.MISSING}
    assert missing == {"Public IPv4 of the load balancer": 7.30, "Root volume of the GPU box, gp3": 4.00}


def test_the_elastic_ips_of_the_specification_are_right() -> None:
    assert rows()["Elastic IPs of the NAT gateways"] == (7.30, Standing.AGREES)


def test_the_comparison_adds_up_to_the_whole_table() -> None:
    lines = [row for row in spec_comparison(dev()) if row.standing is not Standing.TOTAL]
    parts = math.fsum(row.ours for row in lines if "total" not in row.item.lower())
    assert parts == pytest.approx(cost_table(dev()).after)


def test_the_page_quotes_the_fixed_total_that_the_templates_give() -> None:
    page = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
    assert f"{rows()['Fixed total of what the specification asks for'][0]:.2f}" in page
