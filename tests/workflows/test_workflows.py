"""What is true of every workflow: rights, pins, steps; and that the linters have nothing to say."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github/workflows"
TEXTS = {file.name: file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.yml"))}
LINTERS = (
    ("actionlint",),
    ("zizmor", "--offline", "--no-progress", "--quiet"),
    ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
)
CONFIRMED = {
    "actions/checkout": ("11bd71901bbe5b1630ceea73d27597364c9af683", "v4.2.2"),
    "actions/setup-python": ("a26af69be951a213d495a4c3e4e4022e16d87065", "v5.6.0"),
    "actions/upload-artifact": ("ea165f8d65b6e75b540449e92b4886f43607fa02", "v4.6.2"),
    "aws-actions/configure-aws-credentials": ("61815dcd50bd041e203e49132bacad1fd04d2708", "v5.1.1"),
}
"""Pins found in several public repositories beside the same tag (docs/decisions/0003-bootstrap.md)."""


def workflow(name: str) -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for True.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(TEXTS[name]).items()}


def jobs(name: str) -> dict[str, dict[str, Any]]:
    return workflow(name)["jobs"]  # type: ignore[no-any-return]


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in jobs(name).values() for step in job.get("steps", [])]


@pytest.mark.parametrize("linter", LINTERS, ids=lambda linter: linter[0])
def test_the_linter_finds_nothing(linter: tuple[str, ...]) -> None:
    program = Path(sys.executable).with_name(linter[0])
    if not program.exists():
        pytest.skip(f"{linter[0]} is not installed")
    files = [str(FOLDER / name) for name in TEXTS]
    done = subprocess.run([str(program), *linter[1:], *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_one_way_to_deploy_and_one_to_look_for_drift_and_prod_calls_both() -> None:
    prod = {"deploy-prod.yml", "drift-prod.yml"}
    assert set(TEXTS) == {"check.yml", "comment.yml", "deploy.yml", "drift.yml", "plan.yml"} | prod
    for name in prod:
        [job] = jobs(name).values()
        assert job["uses"] == f"./.github/workflows/{name.replace('-prod', '')}"
        assert job["with"]["environment"] == "prod"
        assert workflow(name.replace("-prod", ""))["on"]["workflow_call"]["inputs"].keys() == job["with"].keys()


def test_a_merge_that_changes_prods_tree_deploys_it_once_its_account_is_there() -> None:
    assert workflow("deploy-prod.yml")["on"]["push"] == {"branches": ["main"], "paths": ["templates_out/prod/**"]}
    for name in ("deploy-prod.yml", "drift-prod.yml"):
        [job] = jobs(name).values()
        assert job["if"] == "github.ref == 'refs/heads/main' && vars.AWS_DRIFT_ROLE_ARN_PROD != ''"


def test_a_called_workflow_is_allowed_what_its_jobs_ask_for_and_no_more() -> None:
    """GitHub refuses a call whose jobs ask for more than the caller gives."""
    for name in ("deploy", "drift"):
        [caller] = jobs(f"{name}-prod.yml").values()
        asked = [job["permissions"] for job in jobs(f"{name}.yml").values()]
        most = {right: max(one[right] for one in asked if right in one) for one in asked for right in one}
        assert caller["permissions"] == most


def test_what_prod_does_about_drift_is_never_what_a_variable_of_dev_says() -> None:
    [job] = jobs("drift-prod.yml").values()
    assert job["with"]["on_drift"] == "${{ vars.ON_DRIFT_PROD || 'report' }}"
    assert job["with"]["role"] == "${{ vars.AWS_DRIFT_ROLE_ARN_PROD }}"


def test_every_environment_is_planned_and_its_tree_compared() -> None:
    [job] = jobs("plan.yml").values()
    assert job["strategy"]["matrix"] == {"environment": ["dev", "prod"]}
    assert {step["run"].split()[1] for step in job["steps"] if "ecgctl" in step.get("run", "")} == {"render", "plan"}
    assert all('"$ENVIRONMENT"' in step["run"] for step in job["steps"] if "ecgctl" in step.get("run", ""))


@pytest.mark.parametrize("name", TEXTS)
def test_a_workflow_has_no_rights_and_each_job_names_its_own(name: str) -> None:
    assert workflow(name)["permissions"] == {}
    assert all("permissions" in job for job in jobs(name).values())


@pytest.mark.parametrize("name", TEXTS)
def test_every_action_is_pinned_to_a_commit_that_was_confirmed_and_says_its_tag(name: str) -> None:
    for action, commit, tag in re.findall(r"uses: (\S+?)@(\S+)(?: # (\S+))?", TEXTS[name]):
        assert (commit, tag) == CONFIRMED[action]


@pytest.mark.parametrize("name", TEXTS)
def test_every_step_is_one_command_of_make_or_ecgctl(name: str) -> None:
    """So whatever CI does, a person can do, with the same words. The comment's script runs from main, uninstalled."""
    allowed = re.compile(r"(make|\.venv/bin/ecgctl|python3 \.github/scripts/\w+\.py)( [^;&|]*)?")
    assert [step["run"] for step in steps(name) if "run" in step and not allowed.fullmatch(step["run"])] == []


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_of_an_event_is_pasted_into_a_command(name: str) -> None:
    assert not [step["run"] for step in steps(name) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("name", TEXTS)
def test_no_workflow_uses_a_stored_secret(name: str) -> None:
    assert "secrets." not in TEXTS[name]


@pytest.mark.parametrize("name", TEXTS)
def test_a_checkout_leaves_no_token_behind(name: str) -> None:
    checkouts = [step for step in steps(name) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("name", ["check.yml", "plan.yml"])
def test_a_pull_request_gets_no_credentials(name: str) -> None:
    """A fork's pull request runs these too."""
    assert all(job["permissions"] == {"contents": "read"} for job in jobs(name).values())
    assert "pull_request_target" not in TEXTS[name]


def test_the_comment_is_written_without_the_pull_requests_code() -> None:
    [checkout] = [step for step in steps("comment.yml") if "uses" in step]
    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"
    assert workflow("comment.yml")["on"] == {"workflow_run": {"workflows": ["plan"], "types": ["completed"]}}
    assert "id-token" not in TEXTS["comment.yml"].split("steps:")[0]


def test_deployments_wait_for_each_other_and_none_is_cut_off() -> None:
    group = "deploy-${{ inputs.environment || 'dev' }}"
    assert workflow("deploy.yml")["concurrency"] == {"group": group, "cancel-in-progress": False}


def test_a_deployment_goes_through_the_environment_that_its_role_trusts_and_to_the_newest_commit() -> None:
    [job] = jobs("deploy.yml").values()
    assert job["environment"] == job["env"]["ENVIRONMENT"] == "${{ inputs.environment || 'dev' }}"
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert job["steps"][0]["with"]["ref"] == "refs/heads/main"
    assert workflow("deploy.yml")["on"]["push"] == {"branches": ["main"]}


def test_drift_is_looked_for_with_the_role_that_only_reads_and_taken_back_as_a_deployment() -> None:
    roles = {
        name: step["with"]["role-to-assume"]
        for name, job in jobs("drift.yml").items()
        for step in job["steps"]
        if "role-to-assume" in step.get("with", {})
    }
    drift, deploy = "${{ inputs.role || vars.AWS_DRIFT_ROLE_ARN }}", "${{ vars.AWS_DEPLOY_ROLE_ARN }}"
    assert roles == {"report": drift, "propose": drift, "revert": deploy}
    assert [name for name, job in jobs("drift.yml").items() if "environment" in job] == ["revert"]
    assert {"schedule", "workflow_dispatch", "workflow_call"} == set(workflow("drift.yml")["on"])


def test_one_answer_to_drift_is_chosen_by_a_variable_and_reporting_is_the_default() -> None:
    asked = "(inputs.on_drift || vars.ON_DRIFT)"
    conditions = {name: job["if"].split("&&", 1)[1].strip() for name, job in jobs("drift.yml").items()}
    assert conditions == {
        "report": f"{asked} != 'pr' && {asked} != 'revert'",
        "propose": f"{asked} == 'pr'",
        "revert": f"{asked} == 'revert'",
    }
