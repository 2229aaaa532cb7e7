"""Bootstrap, doctor, lock and destroy against the embedded AWS, as an administrator would run them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from generator.account import bootstrapping as own
from generator.aws.session import Clients
from generator.aws.teardown import CloudFormationRemoval, Kept, KeptData, KeptKind
from generator.commands.account import bootstrap, doctor, lock
from generator.environments.dev import ENVIRONMENT
from generator.local.emulator import Emulator
from generator.sync.teardown import stages, tear_down
from tests.generator.sync.worlds import FakeClock

SETTINGS = "generator/environments"
STACK = "ecg-project-pipeline-dev-bootstrap"


class NoClock(FakeClock):
    """The emulator works while it is asked: nothing to wait for."""


@pytest.fixture
def checkout(tmp_path: Path, pytestconfig: pytest.Config, emulator: Emulator) -> Iterator[Path]:
    """A checkout with dev's settings, and the emulator where `--local` looks for it."""
    (tmp_path / SETTINGS).mkdir(parents=True)
    (tmp_path / "services").mkdir()
    settings = (pytestconfig.rootpath / SETTINGS / "dev.py").read_text(encoding="utf-8")
    (tmp_path / SETTINGS / "dev.py").write_text(settings, encoding="utf-8")
    (tmp_path / ".local").symlink_to(emulator.state_dir)
    yield tmp_path
    api = emulator.client("cloudformation")
    api.delete_stack(StackName=STACK)
    for provider in emulator.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        emulator.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])


def run(command: Any, checkout: Path, *arguments: str) -> Result:
    done = CliRunner().invoke(command, ["dev", "--local", "--root", str(checkout), *arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def clients(emulator: Emulator) -> Clients:
    return Clients("us-east-1", emulator.environment())


def test_bootstrap_creates_the_stack_and_a_second_time_changes_nothing(checkout: Path, emulator: Emulator) -> None:
    first = run(bootstrap, checkout, "--apply")
    assert first.exit_code == 0, first.output
    assert "made here" in first.output
    made = own.bootstrapped(ENVIRONMENT, own.cloudformation(clients(emulator)))
    assert made.state_bucket.startswith("ecg-project-pipeline-dev-state-")
    assert emulator.client("s3").get_bucket_versioning(Bucket=made.state_bucket)["Status"] == "Enabled"
    assert "nothing to change" in run(bootstrap, checkout, "--apply").output


def test_bootstrap_uses_the_provider_that_the_account_has(checkout: Path, emulator: Emulator) -> None:
    """An account can hold one for each URL; a second would fail in deployment."""
    there = emulator.client("iam").create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"]
    )["OpenIDConnectProviderArn"]
    assert "the one that was there" in run(bootstrap, checkout, "--apply").output
    role = emulator.client("iam").get_role(RoleName="ecg-project-pipeline-dev-deploy")["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Federated"] == there


def test_the_committed_template_is_checked(checkout: Path) -> None:
    assert run(bootstrap, checkout).exit_code == 0
    assert "is what the generator makes" in run(bootstrap, checkout, "--check").output
    file = checkout / "templates_out/bootstrap/dev.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("Retain", "Delete"), encoding="utf-8")
    with pytest.raises(own.StaleBootstrap, match=r"\+.*Retain"):
        run(bootstrap, checkout, "--check")


def test_the_state_bucket_outlives_its_stack_and_goes_only_by_name(checkout: Path, emulator: Emulator) -> None:
    run(bootstrap, checkout, "--apply")
    made = own.bootstrapped(ENVIRONMENT, own.cloudformation(clients(emulator)))
    s3, kept = emulator.client("s3"), Kept(KeptKind.BUCKET, made.state_bucket)
    for _ in range(2):
        s3.put_object(Bucket=made.state_bucket, Key="leases/dev.json", Body=b"{}")
    s3.delete_object(Bucket=made.state_bucket, Key="leases/dev.json")
    removal = CloudFormationRemoval(clients(emulator).make("cloudformation"))
    assert removal.stacks_of("ecg-project-pipeline", "dev") == ("bootstrap",)
    deleted = tear_down([["bootstrap"]], "ecg-project-pipeline-dev-{}".format, removal, NoClock(), lambda _: None)
    assert deleted == ("bootstrap",)
    data = KeptData(s3, emulator.client("dynamodb"), emulator.client("cognito-idp"))
    assert kept in data.found(ENVIRONMENT.prefix)
    data.erase(kept)
    assert kept not in data.found(ENVIRONMENT.prefix)
    data.erase(kept)


def test_the_doctor_says_of_each_prerequisite_what_was_found_and_what_mends_it(checkout: Path) -> None:
    done = run(doctor, checkout)
    assert done.exit_code == 1
    assert "ok       credentials" in done.output
    assert "missing  bootstrap stack" in done.output
    assert "next: ecgctl bootstrap dev --repo OWNER/NAME --apply" in done.output
    assert "missing  video key" in done.output
    run(bootstrap, checkout, "--apply")
    assert "ok       bootstrap stack" in run(doctor, checkout).output


def test_lock_writes_the_image_that_the_parameter_names_with_its_source(checkout: Path, emulator: Emulator) -> None:
    parameter = "/images/gpu-box"  # nobody can write below /aws, where the real one is
    file = checkout / SETTINGS / "dev.py"
    text = file.read_text(encoding="utf-8")
    before = ENVIRONMENT.model_server.image_parameter
    file.write_text(text.replace(before, parameter), encoding="utf-8")
    emulator.client("ssm").put_parameter(Name=parameter, Value="ami-0123456789abcdef0", Type="String", Overwrite=True)
    done = run(lock, checkout)
    assert done.exit_code == 0, done.output
    text = (checkout / SETTINGS / "dev.lock.yaml").read_text(encoding="utf-8")
    assert f"SSM parameter {parameter} version" in text
    assert "ModelServerImageId: ami-0123456789abcdef0\n" in text


def test_stages_never_holds_the_bootstrap_stack() -> None:
    """It goes last and only when asked for: what it made is what deletes the others."""
    assert own.BOOTSTRAP not in {name for stage in stages_of_dev() for name in stage}


def stages_of_dev() -> tuple[tuple[str, ...], ...]:
    from generator.deployment import committed

    return stages(committed(Path(__file__).parents[2], "dev").manifest)
