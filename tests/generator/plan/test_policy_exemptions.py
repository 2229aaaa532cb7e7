"""Exemption files: what they say, and every mistake of one together with its line."""

from datetime import date
from pathlib import Path

import pytest

from generator.model.yaml_source import InvalidYaml
from generator.plan.exemptions import Exemption, InvalidExemptions, parse, parse_standing
from generator.plan.policy import RULE_IDS

GOOD = """\
exemptions:
  - rule: open-to-world
    stack: security
    resource: ModelServer*
    reason: The specification opens SSH until operation begins.
    owner: platform lead
    expires: 2027-03-31
"""


def test_an_exemption_has_rule_place_reason_owner_and_day() -> None:
    (one,) = parse(GOOD, "dev.exemptions.yaml", RULE_IDS)
    assert one == Exemption(
        "open-to-world",
        "security",
        "ModelServer*",
        "The specification opens SSH until operation begins.",
        "platform lead",
        date(2027, 3, 31),
        "dev.exemptions.yaml:2",
    )
    assert one.holds(date(2027, 3, 31))
    assert not one.holds(date(2027, 4, 1))


@pytest.mark.parametrize("text", ["", "# none\n", "exemptions: []\n", "exemptions:\n"])
def test_an_empty_file_holds_none(text: str) -> None:
    assert parse(text, "f", RULE_IDS) == ()


def test_every_mistake_is_reported_with_its_line() -> None:
    text = """\
exemptions:
  - rule: open-to-wrld
    stack: security
    resource: X
    reason: TODO
    owner: platform lead
    expires: soon
  - rule: data-loss
    stak: storage
    resource: X
    reason: moved by hand
    owner: platform lead
  - just text
others: 1
"""
    with pytest.raises(InvalidExemptions) as caught:
        parse(text, "f", RULE_IDS)
    assert caught.value.exit_code == 2
    assert caught.value.mistakes == (
        "f:14: 'others' is not known here; only `exemptions` and `standing` are",
        "f:2: no rule 'open-to-wrld'; did you mean open-to-world?",
        "f:5: reason has to say something (it is 'TODO')",
        "f:7: 'soon' is no day; write it like 2027-03-31",
        "f:9: no setting 'stak'; the settings are rule, stack, resource, reason, owner, expires",
        "f:8: 'stack' is missing",
        "f:8: 'expires' is missing",
        "f:13: an exemption is a mapping of rule, stack, resource, reason, owner, expires",
    )


@pytest.mark.parametrize("text", ["- rule: x\n", "exemptions: none\n", "3\n"])
def test_another_shape_is_refused(text: str) -> None:
    with pytest.raises(InvalidExemptions):
        parse(text, "f", RULE_IDS)


def test_text_that_is_no_yaml_says_where() -> None:
    with pytest.raises(InvalidYaml, match=r"^f:2:"):
        parse("exemptions: [\n", "f", RULE_IDS)


@pytest.mark.parametrize("value", ["2027-02-30", "31.03.2027", "7", "''"])
def test_a_day_is_a_day_of_the_calendar(value: str) -> None:
    with pytest.raises(InvalidExemptions, match=r"f:7: .*write .*like 2027-03-31"):
        parse(GOOD.replace("2027-03-31", value), "f", RULE_IDS)


COMMITTED = sorted((Path(__file__).resolve().parents[3] / "generator" / "environments").glob("*.exemptions.yaml"))


@pytest.mark.parametrize("file", COMMITTED, ids=[file.name for file in COMMITTED])
def test_the_committed_exemptions_are_well_formed(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert parse(text, file.name, RULE_IDS) or parse_standing(text, file.name, RULE_IDS)
