"""Each pull request's comment is a golden: whoever changes the wording, or a verdict, sees it in the diff.

`pytest tests/generator/report --update-goldens` writes them anew; read them before committing.
"""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from click import unstyle
from jsonschema import Draft202012Validator

from generator.model.manifest import Artifact, ArtifactKind, parse
from generator.plan.facts import Plan
from generator.plan.plan import plan
from generator.plan.reading import read_pair
from generator.render.yaml_text import dump
from generator.report.plan_json import plan_data
from generator.report.plan_markdown import LIMIT, plan_markdown
from generator.report.plan_text import plan_text
from tests.generator.report.pull_requests import PULL_REQUESTS, PullRequest, base

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "pull_requests"
SCHEMA = json.loads((Path(__file__).resolve().parents[3] / "docs/plan.schema.json").read_text(encoding="utf-8"))

each_pull_request = pytest.mark.parametrize("pull_request", PULL_REQUESTS, ids=lambda each: each.name)


@cache
def planned(pull_request: PullRequest) -> Plan:
    return plan(*read_pair(base(), pull_request.change()))


@each_pull_request
def test_the_comment_is_the_golden_one(pull_request: PullRequest, update_goldens: bool) -> None:
    comment = f"<!-- {pull_request.title} -->\n\n{plan_markdown(planned(pull_request))}"
    file = GOLDEN / f"{pull_request.name}.md"
    if update_goldens:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(comment, encoding="utf-8")
    assert comment == file.read_text(encoding="utf-8")
    assert len(comment) < LIMIT


@each_pull_request
def test_the_comment_says_what_matters(pull_request: PullRequest) -> None:
    assert pull_request.says in plan_markdown(planned(pull_request))


@each_pull_request
def test_the_json_keeps_its_published_schema(pull_request: PullRequest) -> None:
    document = json.loads(json.dumps(plan_data(planned(pull_request))))
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []


@each_pull_request
def test_going_there_and_staying_changes_nothing(pull_request: PullRequest) -> None:
    files = pull_request.change()
    assert plan(*read_pair(files, files)).empty


def test_a_comment_that_is_too_long_loses_its_property_diffs_first() -> None:
    found = planned(next(each for each in PULL_REQUESTS if each.name == "move-subnet"))
    whole = plan_markdown(found)
    short = plan_markdown(found, limit=len(whole) - 10)
    assert "Property diffs left out" in short
    assert "**Rollout**" in short
    assert "<details>" not in short


def test_a_comment_never_exceeds_the_limit() -> None:
    found = planned(next(each for each in PULL_REQUESTS if each.name == "move-subnet"))
    assert len(plan_markdown(found, limit=4000)) <= 4000


def test_a_replaced_task_definition_does_not_shout() -> None:
    found = planned(next(each for each in PULL_REQUESTS if each.name == "api-code"))
    comment = plan_markdown(found)
    assert "Decisions needed" not in comment
    assert "**±**" not in comment


def test_the_terminal_report_names_the_gravest_first() -> None:
    found = planned(next(each for each in PULL_REQUESTS if each.name == "rename-bucket"))
    text = unstyle(plan_text(found))
    assert text.index("decide first") < text.index("± VideoBucket")


def test_an_artifact_that_nothing_names_any_longer_is_told() -> None:
    after = base()
    manifest = parse(after["manifest.yaml"], "")
    old = Artifact("old_app", ArtifactKind.PACKAGE, "services", "c.zip", manifest.artifacts[-1].store)
    before = dump(replace(manifest, artifacts=(*manifest.artifacts, old)).to_data())
    found = plan(*read_pair({**after, "manifest.yaml": before}, after))
    for text in (unstyle(plan_text(found)), plan_markdown(found)):
        assert "package old_app is no longer wanted; what was published stays" in text
