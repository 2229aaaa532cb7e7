"""Bootstrap, doctor, lock and destroy against the embedded AWS, as an administrator would run them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from generator.account import bootstrapping as own
from generator.aws.session import Clients
from generator.aws.teardown import CloudFormationRemoval, Kept, KeptData, KeptKind
from generator.commands.account import bootstrap, doctor, lock
from generator.deployment import committed
from generator.desired import environment as settings_of
from generator.local.emulator import Emulator
from generator.model.environment import Environment
from generator.sync.teardown import stages, tear_down
from tests.functional.conftest import LONG_FORM_OF_PROD, ROOT
from tests.generator.sync.worlds import FakeClock

SETTINGS = "generator/environments"


class NoClock(FakeClock):
    """The emulator works while it is asked: nothing to wait for."""


@pytest.fixture(params=["dev", LONG_FORM_OF_PROD])
def settings(request: pytest.FixtureRequest) -> Environment:
    """Those of each environment; none of them is deployed here."""
    return settings_of(ROOT, request.param)


@dataclass(frozen=True)
class Checkout:
    """A checkout with the settings of one environment, and the emulator where `--local` looks for it."""

    root: Path
    settings: Environment

    @property
    def file(self) -> Path:
        return self.root / SETTINGS / f"{self.settings.name}.py"

    def run(self, command: Any, *arguments: str) -> Result:
        given = [self.settings.name, "--local", "--root", str(self.root), *arguments]
        done = CliRunner().invoke(command, given)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done


@pytest.fixture
def checkout(tmp_path: Path, settings: Environment, emulator: Emulator) -> Iterator[Checkout]:
    (tmp_path / SETTINGS).mkdir(parents=True)
    (tmp_path / "services").mkdir()
    made = Checkout(tmp_path, settings)
    made.file.write_text((ROOT / SETTINGS / made.file.name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / ".local").symlink_to(emulator.state_dir)
    yield made
    api = emulator.client("cloudformation")
    api.delete_stack(StackName=f"{settings.prefix}-bootstrap")
    for provider in emulator.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        emulator.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])


def clients(emulator: Emulator) -> Clients:
    return Clients("us-east-1", emulator.environment())


def test_bootstrap_creates_the_stack_and_a_second_time_changes_nothing(checkout: Checkout, emulator: Emulator) -> None:
    first = checkout.run(bootstrap, "--apply")
    assert first.exit_code == 0, first.output
    assert "made here" in first.output
    made = own.bootstrapped(checkout.settings, own.cloudformation(clients(emulator)))
    assert made.state_bucket.startswith(f"{checkout.settings.prefix}-state-")
    assert emulator.client("s3").get_bucket_versioning(Bucket=made.state_bucket)["Status"] == "Enabled"
    assert "nothing to change" in checkout.run(bootstrap, "--apply").output


def test_bootstrap_uses_the_provider_that_the_account_has(checkout: Checkout, emulator: Emulator) -> None:
    """An account can hold one for each URL; a second would fail in deployment."""
    there = emulator.client("iam").create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"]
    )["OpenIDConnectProviderArn"]
    assert "the one that was there" in checkout.run(bootstrap, "--apply").output
    role = emulator.client("iam").get_role(RoleName=f"{checkout.settings.prefix}-deploy")["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Federated"] == there


def test_the_committed_template_is_checked(checkout: Checkout) -> None:
    assert checkout.run(bootstrap).exit_code == 0
    assert "is what the generator makes" in checkout.run(bootstrap, "--check").output
    file = checkout.root / f"templates_out/bootstrap/{checkout.settings.name}.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("Retain", "Delete"), encoding="utf-8")
    with pytest.raises(own.StaleBootstrap, match=r"\+.*Retain"):
        checkout.run(bootstrap, "--check")


def test_the_state_bucket_outlives_its_stack_and_goes_only_by_name(checkout: Checkout, emulator: Emulator) -> None:
    checkout.run(bootstrap, "--apply")
    made = own.bootstrapped(checkout.settings, own.cloudformation(clients(emulator)))
    s3, kept = emulator.client("s3"), Kept(KeptKind.BUCKET, made.state_bucket)
    for _ in range(2):
        s3.put_object(Bucket=made.state_bucket, Key="leases/one.json", Body=b"{}")
    s3.delete_object(Bucket=made.state_bucket, Key="leases/one.json")
    removal = CloudFormationRemoval(clients(emulator).make("cloudformation"))
    assert removal.stacks_of("ecg-project-pipeline", checkout.settings.name) == ("bootstrap",)
    deleted = tear_down([["bootstrap"]], f"{checkout.settings.prefix}-{{}}".format, removal, NoClock(), lambda _: None)
    assert deleted == ("bootstrap",)
    data = KeptData(emulator.client)
    assert kept in data.found(checkout.settings.prefix)
    data.erase(kept)
    assert kept not in data.found(checkout.settings.prefix)
    data.erase(kept)


def test_a_kept_vault_and_a_kept_key_are_found_and_go_only_by_name(emulator: Emulator) -> None:
    backup, kms = emulator.client("backup"), emulator.client("kms")
    backup.create_backup_vault(BackupVaultName="left-jobs-1a2b3c4d")
    key = kms.create_key(Description="left: logs, alarms and images")["KeyMetadata"]["KeyId"]
    kms.create_key(Description="leftovers: of somebody else")
    kept = (Kept(KeptKind.VAULT, "left-jobs-1a2b3c4d"), Kept(KeptKind.KEY, key))
    data = KeptData(emulator.client)
    assert data.found("left") == kept
    for one in kept * 2:  # gone already is no mistake
        data.erase(one)
    assert data.found("left") == ()


def test_the_doctor_says_of_each_prerequisite_what_was_found_and_what_mends_it(checkout: Checkout) -> None:
    done = checkout.run(doctor)
    assert done.exit_code == 1
    assert "ok       credentials" in done.output
    assert "missing  bootstrap stack" in done.output
    assert f"next: ecgctl bootstrap {checkout.settings.name} --repo OWNER/NAME --apply" in done.output
    assert "missing  video key" in done.output
    checkout.run(bootstrap, "--apply")
    assert "ok       bootstrap stack" in checkout.run(doctor).output


def test_lock_writes_the_image_that_the_parameter_names_with_its_source(checkout: Checkout, emulator: Emulator) -> None:
    parameter = "/images/gpu-box"  # nobody can write below /aws, where the real one is
    file = checkout.file
    text = file.read_text(encoding="utf-8")
    before = checkout.settings.model_server.image_parameter
    file.write_text(text.replace(before, parameter), encoding="utf-8")
    emulator.client("ssm").put_parameter(Name=parameter, Value="ami-0123456789abcdef0", Type="String", Overwrite=True)
    done = checkout.run(lock)
    assert done.exit_code == 0, done.output
    text = file.with_suffix(".lock.yaml").read_text(encoding="utf-8")
    assert f"SSM parameter {parameter} version" in text
    assert "ModelServerImageId: ami-0123456789abcdef0\n" in text


def test_stages_never_hold_the_bootstrap_stack(settings: Environment) -> None:
    """It goes last and only when asked for: what it made is what deletes the others."""
    assert own.BOOTSTRAP not in {name for stage in stages(committed(ROOT, settings.name).manifest) for name in stage}
