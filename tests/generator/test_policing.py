"""`ecgctl policy`: every finding of three tools is explained, and by something that a reader accepts."""

import json
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from generator.cli import main
from generator.model.manifest import Manifest, ServeManifest, StackManifest
from generator.plan.exemptions import Exemption, InvalidExemptions, parse_standing
from generator.plan.facts import Finding, Severity
from generator.plan.policy import EXPIRED, RULE_IDS, UNUSED, explained
from generator.policing import Policing, police, validated
from generator.report.policy_text import policy_text

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 26)
SPECIFIED = ("NET-", "SG-", "ALB-", "CDN-")

OPEN = Finding("open-to-world", Severity.BLOCKER, "security", "ModelServerSecurityGroup", "22/tcp is open")
LEAVE = Exemption(
    "open-to-world", "security", "ModelServer*", "SG-3 opens SSH.", "platform lead", date(2027, 11, 30), "f:2"
)


def test_a_finding_is_explained_by_an_entry_for_its_rule_and_place() -> None:
    unexplained, closed = explained([OPEN], [LEAVE], TODAY)
    assert unexplained == ()
    assert [one.exemption for one in closed] == ["SG-3 opens SSH. (platform lead, until 2027-11-30)"]


@pytest.mark.parametrize("change", [{"rule": "plain-http"}, {"stack": "cdn"}, {"resource": "Alb*"}])
def test_an_entry_for_another_rule_or_place_explains_nothing_and_is_itself_told(change: dict[str, str]) -> None:
    unexplained, closed = explained([OPEN], [replace(LEAVE, **change)], TODAY)  # type: ignore[arg-type]
    assert closed == ()
    assert [one.rule for one in unexplained] == ["open-to-world", UNUSED]
    assert unexplained[1].sentence.endswith("admits nothing of what was found")


def test_an_explanation_ends_with_its_day() -> None:
    late = date(2027, 12, 1)
    unexplained, closed = explained([OPEN], [LEAVE], late)
    assert closed == ()
    assert [one.rule for one in unexplained] == ["open-to-world", EXPIRED]


def test_a_reason_in_a_templates_metadata_explains_and_its_absence_does_not() -> None:
    ignored = Finding("cfn-lint:W3010", Severity.NOTE, "network", "*", "left alone", "NET-2 names the zones.")
    assert explained([ignored], [], TODAY) == ((), (ignored,))
    assert explained([replace(ignored, exemption="")], [], TODAY)[0] == (replace(ignored, exemption=""),)


def test_the_list_standing_names_rules_of_the_other_tools_too_and_reports_every_mistake() -> None:
    entry = "  - {rule: RULE, stack: s, resource: r, reason: It is so., owner: lead, expires: 2027-11-30}\n"
    good = "standing:\n" + entry.replace("RULE", "validate:W3010") + entry.replace("RULE", "cfn-lint:E1001")
    assert [one.rule for one in parse_standing(good, "f", RULE_IDS)] == ["validate:W3010", "cfn-lint:E1001"]
    bad = "standing:\n" + entry.replace("RULE", "checkov:CKV_1") + entry.replace("RULE", "plain-htp")
    with pytest.raises(InvalidExemptions) as caught:
        parse_standing(bad, "f", RULE_IDS)
    assert len(caught.value.mistakes) == 2
    assert "did you mean plain-http?" in caught.value.mistakes[1]


@pytest.fixture(scope="module")
def found() -> dict[str, Policing]:
    """Without cfn-lint, which takes its time: `make check` runs the command as it is."""
    return {name: police(ROOT, name, TODAY, [validated]) for name in ("dev", "prod")}


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_nothing_in_the_committed_templates_is_unexplained(found: dict[str, Policing], environment: str) -> None:
    assert found[environment].unexplained == ()
    assert found[environment].templates == 12


def test_dev_breaks_what_the_specification_itself_causes_and_each_reason_names_its_id(
    found: dict[str, Policing],
) -> None:
    assert found["dev"].explained
    for one in found["dev"].explained:
        assert one.exemption.startswith(SPECIFIED), one


def test_prod_opens_no_port_to_the_world_and_speaks_plain_http_inside_alone(found: dict[str, Policing]) -> None:
    rules = {one.rule for one in found["prod"].explained}
    assert rules == {"public-resource", "plain-http", "validate:W3010", "cfn-lint:W3010"}
    [plain] = [one for one in found["prod"].explained if one.rule == "plain-http"]
    assert plain.exemption.startswith("An internal load balancer")
    assert {"open-to-world", "plain-http", "validate:W2508"} <= {one.rule for one in found["dev"].explained}


def test_all_three_tools_are_heard(found: dict[str, Policing]) -> None:
    assert set(found["dev"].tools) == {"ecgctl", "cfn-lint", "cloudformation-validate"}


BAD = """\
Metadata:
  cfn-lint: {config: {ignore_checks: [W9999]}}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: open
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0}]
  Queue:
    Type: AWS::SQS::Queue
    Properties: {ReceiveMessageWaitTimeSeconds: 21}
"""


def _checkout(root: Path, template: str, exemptions: str = "") -> Path:
    """A checkout of one environment of one stack."""
    tree, settings = root / "templates_out/bad", root / "generator/environments"
    for folder in (tree / "stacks", settings, root / "services"):
        folder.mkdir(parents=True)
    (tree / "stacks/one.yaml").write_text(template, encoding="utf-8")
    serve = (ROOT / "templates_out/dev/serve.yaml").read_text(encoding="utf-8")
    (tree / "serve.yaml").write_text(serve, encoding="utf-8")
    one = StackManifest("one", 0, "stacks/one.yaml", sha256(template.encode()).hexdigest(), {})
    manifest = Manifest(
        name="bad",
        project="ecg",
        region="us-east-1",
        account="unresolved",
        stacks=(one,),
        artifacts=(),
        serve=ServeManifest("serve.yaml", sha256(serve.encode()).hexdigest()),
    )
    (tree / "manifest.yaml").write_text(json.dumps(manifest.to_data()), encoding="utf-8")
    (settings / "bad.exemptions.yaml").write_text(exemptions, encoding="utf-8")
    return root


def test_what_nobody_has_explained_fails_the_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["policy", "bad", "-o", "json", "--root", str(_checkout(tmp_path, BAD))])
    assert done.exit_code == 1, done.output
    said = {(one["rule"], one["resource"]) for one in json.loads(done.output)["unexplained"]}
    assert {
        ("open-to-world", "Group"),
        ("validate:W2508", "Group"),
        ("cfn-lint:E3034", "Queue"),
        ("cfn-lint:W9999", "*"),
    } <= said


def test_a_brief_report_counts_what_is_explained(found: dict[str, Policing]) -> None:
    one = found["prod"]
    text = policy_text("prod", one.tools, [OPEN], one.explained, brief=True)
    assert "22/tcp is open" in text
    assert "no zone is changed under them" not in text
    assert f"1 unexplained, {len(one.explained)} explained" in text
