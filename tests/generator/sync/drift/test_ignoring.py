"""Rules that leave drift alone: what they say, where they hold, and every mistake of a file with its line."""

from datetime import date
from pathlib import Path

import pytest

from generator.sync.drift.ignoring import DELETED, IgnoreRule, InvalidDriftRules, parse, rule_for

GOOD = """\
ignore:
  - stack: api
    resource: ApiService
    property: /DesiredCount
    reason: Operations scales the service by hand during the study.
    owner: platform lead
    expires: 2027-03-31
"""
TODAY = date(2027, 3, 31)


def test_a_rule_has_place_reason_owner_and_day() -> None:
    (one,) = parse(GOOD, "dev.drift.yaml")
    reason = "Operations scales the service by hand during the study."
    assert one == IgnoreRule(
        "api", "ApiService", "/DesiredCount", reason, "platform lead", date(2027, 3, 31), "dev.drift.yaml:2"
    )
    assert one.words == f"{reason} (platform lead, until 2027-03-31)"


@pytest.mark.parametrize("text", ["", "# none\n", "ignore: []\n", "ignore:\n"])
def test_an_empty_file_holds_none(text: str) -> None:
    assert parse(text, "f") == ()


def test_every_mistake_is_reported_with_its_line() -> None:
    text = GOOD.replace("/DesiredCount", "DesiredCount").replace("platform lead", "TODO") + "  - 7\n"
    with pytest.raises(InvalidDriftRules) as caught:
        parse(text, "f")
    assert caught.value.exit_code == 2
    assert caught.value.mistakes == (
        "f:4: property is a JSON pointer such as /DesiredCount, a glob of one, or `deleted` (it is 'DesiredCount')",
        "f:6: owner has to say something (it is 'TODO')",
        "f:8: a rule is a mapping of stack, resource, property, reason, owner, expires",
    )


@pytest.mark.parametrize(
    ("written", "path", "covered"),
    [
        ("/DesiredCount", "/DesiredCount", True),
        ("/Tags", "/Tags/2/Value", True),
        ("/Tag", "/Tags/2", False),
        ("/Tags/*/Value", "/Tags/2/Value", True),
        ("*", "/Anything", True),
        ("*", DELETED, True),
        (DELETED, DELETED, True),
        (DELETED, "/DesiredCount", False),
        ("/DesiredCount", DELETED, False),
    ],
)
def test_a_rule_covers_its_property_and_what_lies_below_it(written: str, path: str, covered: bool) -> None:
    (rule,) = parse(GOOD.replace("/DesiredCount", f"'{written}'"), "f")
    assert rule.admits("api", "ApiService", path) is covered


def test_a_rule_holds_on_its_last_day_and_is_told_as_expired_after_it() -> None:
    rules = parse(GOOD, "f")
    assert rule_for(rules, TODAY, "api", "ApiService", "/DesiredCount") == (rules[0], None)
    assert rule_for(rules, date(2027, 4, 1), "api", "ApiService", "/DesiredCount") == (None, rules[0])
    assert rule_for(rules, TODAY, "api", "Other", "/DesiredCount") == (None, None)


def test_the_committed_rules_are_well_formed() -> None:
    """What keeps a proposed rule red until a person has written why."""
    environments = Path(__file__).resolve().parents[4] / "generator" / "environments"
    for file in environments.glob("*.drift.yaml"):
        parse(file.read_text(encoding="utf-8"), file.name)
