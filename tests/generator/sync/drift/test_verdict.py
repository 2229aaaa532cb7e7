"""What counts as drift, what is ignored, and how much was looked at."""

import json

import pytest
from click import unstyle

from generator.report.drift_text import drift_data, drift_json, drift_markdown, drift_text
from generator.sync.drift.ignoring import InvalidDriftRules, parse
from generator.sync.drift.proposal import digest, proposed
from generator.sync.drift.verdict import EnvironmentDrift, judge
from tests.generator.sync.drift.readings import NOW, manifest, readings, rules, unreadable


def found() -> EnvironmentDrift:
    return judge(manifest(), readings(), rules(), NOW)


def reverts(drift: EnvironmentDrift) -> list[str]:
    return [f"{stack.name}.{one.logical_id}" for stack in drift.stacks for one in stack.reverts]


def test_a_property_that_differs_and_a_resource_that_is_gone_are_drift() -> None:
    assert reverts(judge(manifest(), readings(), (), NOW)) == [
        "security.AlbSecurityGroup",
        "storage.Jobs",
        "api.ApiService",
    ]


def test_what_a_rule_covers_does_not_count() -> None:
    drift = found()
    assert reverts(drift) == ["security.AlbSecurityGroup", "storage.Jobs"]
    (ignored,) = drift.stacks[2].drifted[0].ignored
    assert ignored.ignored is not None
    assert ignored.ignored.reason == "by hand"


def test_a_rule_that_has_expired_covers_nothing_and_is_named() -> None:
    drift = judge(manifest(), readings(), rules("2026-11-25"), NOW)
    assert "api.ApiService" in reverts(drift)
    assert "expired: dev.drift.yaml:2 ignored this until 2026-11-25" in unstyle(drift_text(drift))


def test_a_rule_that_is_about_nothing_is_named() -> None:
    assert [rule.stack for rule in found().unused] == ["cdn"]
    assert "unused: dev.drift.yaml:3 ignores nothing; take it out" in unstyle(drift_text(found()))


def test_coverage_says_what_was_compared_and_what_nobody_looked_at() -> None:
    coverage = found().coverage
    assert (coverage.resources, coverage.compared, coverage.declared) == (5, 4, 21)
    assert coverage.unchecked == {"AWS::IAM::InstanceProfile": 1}


def test_an_environment_with_a_stack_that_cannot_be_read_is_not_clean() -> None:
    quiet = {"security": unreadable("AccessDenied: no"), "storage": readings()["storage"], "api": None}
    drift = judge(manifest(), {**quiet, "storage": None}, (), NOW)
    assert (drift.drifted, drift.clean) == (False, False)
    text = unstyle(drift_text(drift))
    assert "not known of 3 stacks" in text
    assert "not known: security: AccessDenied: no" in text


def test_the_screen_names_each_difference_and_the_two_ways_on() -> None:
    text = unstyle(drift_text(found()))
    assert "2 resources in 2 stacks, 1 difference ignored" in text
    assert "AWS::EC2::SecurityGroup   /SecurityGroupIngress/1" in text
    assert "storage    Jobs               AWS::SQS::Queue           is gone" in text
    assert "ignored: api.ApiService /DesiredCount is 5: by hand (lead, until 2027-03-31)" in text
    assert "declared: 21 properties of 4 of 5 resources were compared with what is there" in text
    assert "undeclared: what no template sets, and resources that no stack made, are not seen" in text
    assert "next: ecgctl drift dev --on-drift revert" in text


def test_no_drift_is_said_in_a_word() -> None:
    quiet = {name: reading for name, reading in readings().items() if name == "api"}
    drift = judge(manifest(), {**quiet, "security": None, "storage": None}, rules(), NOW)
    assert not drift.drifted
    assert "next:" not in unstyle(drift_text(drift))


def test_markdown_is_a_table_whose_cells_cannot_be_broken_out_of() -> None:
    lines = drift_markdown(found()).splitlines()
    assert lines[2] == "**2 resources in 2 stacks, 1 difference ignored**"
    assert "| `storage.Jobs` | AWS::SQS::Queue | `deleted` | `id-of-Jobs` | - |" in lines


def test_json_says_all_of_it() -> None:
    data = json.loads(drift_json(found()))
    assert data == drift_data(found())
    assert [(one["resource"], one["ignored"] is None) for one in data["resources"]] == [
        ("AlbSecurityGroup", True),
        ("Jobs", True),
        ("ApiService", False),
    ]
    assert data["coverage"]["declared"] == 21


def test_a_proposal_adds_a_rule_for_each_difference_that_counts_and_no_check_lets_it_pass_unwritten() -> None:
    text = proposed(found(), "", NOW.date())
    with pytest.raises(InvalidDriftRules) as caught:
        parse(text, "f")
    assert len(caught.value.mistakes) == 4
    written = text.replace("reason: TODO", "reason: it is right").replace("owner: TODO", "owner: lead")
    accepted = parse(written, "f")
    assert reverts(judge(manifest(), readings(), (*accepted, *rules()), NOW)) == []


def test_a_proposal_keeps_the_rules_that_are_there() -> None:
    before = "# ours\nignore:\n  - {stack: a, resource: b, property: /c, reason: d, owner: e, expires: 2027-01-01}\n"
    text = proposed(found(), before, NOW.date())
    assert text.startswith(before)
    assert text.count("- stack: ") == 2


def test_the_same_drift_has_the_same_digest_whenever_it_is_looked_at() -> None:
    later = judge(manifest(), readings(), rules(), NOW.replace(hour=13))
    assert digest(later) == digest(found())
    assert digest(judge(manifest(), readings(), (), NOW)) != digest(found())
