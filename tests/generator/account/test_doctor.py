"""The doctor: each prerequisite found, missing or unknown, with the command that mends it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from generator.account.bootstrapping import Bootstrapped
from generator.account.doctor import Finding, State, examine
from generator.aws.errors import AwsRefused
from generator.environments import prod
from generator.environments.dev import ENVIRONMENT
from generator.model.environment import Environment, Site

MADE = Bootstrapped("state-bucket", "plan", "drift", "deploy", "service", "boundary", "provider", provider_made=True)
PROD = prod.ENVIRONMENT
LOCKED = replace(ENVIRONMENT, locked={"ModelServerImageId": "ami-1", "VideoPublicKeyPem": "PEM"})


@dataclass
class FakeAccount:
    """An account that has everything, but for what a test takes away."""

    number: str = "111122223333"
    quota: float = 8
    zones: Sequence[str] = ("us-east-1a", "us-east-1b")
    key_pairs: Sequence[str] = ("model-server-key",)
    images: Sequence[str] = ("ami-1",)
    refuses: Sequence[str] = ()

    def _ask(self, what: str) -> None:
        if what in self.refuses:
            raise AwsRefused(what, "AccessDenied", "not yours to know")

    def identity(self) -> tuple[str, str]:
        self._ask("identity")
        return self.number, f"arn:aws:iam::{self.number}:user/admin"

    def gpu_quota(self) -> float:
        self._ask("quota")
        return self.quota

    def virtual_cpus(self, instance_type: str) -> int:
        return 4

    def zones_with(self, instance_type: str) -> Sequence[str]:
        return self.zones

    def has_key_pair(self, name: str) -> bool:
        return name in self.key_pairs

    def has_image(self, image: str) -> bool:
        return image in self.images


@dataclass
class FakeMachine:
    """A machine with docker, and gh that knows all variables."""

    programs: Sequence[str] = ("docker", "gh")
    variables: Sequence[str] = ("AWS_REGION", "AWS_DEPLOY_ROLE_ARN", "AWS_DRIFT_ROLE_ARN", "AWS_PLAN_ROLE_ARN")
    fails: Sequence[tuple[str, ...]] = field(default_factory=tuple)

    def has(self, program: str) -> bool:
        return program in self.programs

    def works(self, *command: str) -> bool:
        return self.lines(*command) is not None

    def lines(self, *command: str) -> Sequence[str] | None:
        if any(command[: len(start)] == start for start in self.fails):
            return None
        return self.variables if command[0] == "gh" else ()


def ask(
    what: str,
    account: FakeAccount | None = None,
    machine: FakeMachine | None = None,
    environment: Environment = LOCKED,
    bootstrap: Callable[[], Bootstrapped | None] = lambda: MADE,
) -> Finding:
    found = examine(environment, account or FakeAccount(), machine or FakeMachine(), bootstrap)
    return next(finding for finding in found if finding.what == what)


def test_nothing_is_missing_where_everything_is_there() -> None:
    findings = list(examine(LOCKED, FakeAccount(), FakeMachine(), lambda: MADE))
    assert {finding.state for finding in findings} == {State.OK}
    assert len(findings) == 9


def test_whatever_is_not_ok_names_a_next_command() -> None:
    account = FakeAccount(quota=0, zones=(), key_pairs=(), images=())
    findings = list(examine(ENVIRONMENT, account, FakeMachine(programs=()), lambda: None))
    assert all(finding.next for finding in findings if finding.state is not State.OK)
    assert sum(finding.state is State.MISSING for finding in findings) == 7


def test_without_credentials_only_what_needs_none_is_asked() -> None:
    findings = list(examine(LOCKED, FakeAccount(refuses=["identity"]), FakeMachine(), lambda: MADE))
    assert [finding.what for finding in findings if finding.state is State.OK] == [
        "video key",
        "repository variables",
        "image builder",
    ]


def test_a_site_of_its_own_and_cloudfronts_addresses_are_asked_for_where_they_are_needed() -> None:
    assert ask("site", environment=PROD).state is State.MISSING
    assert "generator/environments/prod.py" in ask("site", environment=PROD).next
    assert ask("CloudFront's addresses", environment=PROD).next == "ecgctl lock prod"
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    named = Site(domain="ecg.example.org", viewer_certificate=certificate, origin_certificate=certificate)
    told = replace(PROD, site=named, locked={"CloudFrontPrefixListId": "pl-1"})
    assert ask("site", environment=told).found == "ecg.example.org"
    assert ask("CloudFront's addresses", environment=told).state is State.OK


def test_no_key_pair_is_missed_where_nobody_signs_in_by_one() -> None:
    assert ask("key pair", FakeAccount(key_pairs=()), environment=PROD).state is State.OK


def test_credentials_of_another_account_are_no_credentials() -> None:
    pinned = replace(LOCKED, account="444455556666")
    assert ask("credentials", environment=pinned).state is State.MISSING


def test_the_quota_must_hold_two_boxes_because_a_replacement_runs_both() -> None:
    assert ask("G instances", FakeAccount(quota=4)).state is State.MISSING
    assert "--quota-code L-DB2E81BA --desired-value 8" in ask("G instances", FakeAccount(quota=4)).next


def test_the_quota_of_a_fleet_holds_its_most_boxes_and_one_more_during_a_refresh() -> None:
    assert PROD.model_server.fleet is not None
    assert PROD.model_server.fleet.maximum == 3
    assert ask("G instances", FakeAccount(quota=16), environment=PROD).state is State.OK
    assert "--desired-value 16" in ask("G instances", FakeAccount(quota=12), environment=PROD).next


def test_a_fleet_wants_one_of_its_types_in_each_of_its_zones() -> None:
    finding = ask("region", FakeAccount(zones=["us-east-1a", "us-east-1b"]), environment=PROD)
    assert finding.state is State.MISSING
    assert "us-east-1c does not offer g4dn.xlarge or g5.xlarge; these do: us-east-1a, us-east-1b" in finding.found
    everywhere = FakeAccount(zones=["us-east-1a", "us-east-1b", "us-east-1c"])
    assert ask("region", everywhere, environment=PROD).found == (
        "us-east-1; us-east-1a, us-east-1b, us-east-1c offer g4dn.xlarge or g5.xlarge"
    )


def test_what_the_account_will_not_tell_is_unknown_and_never_good() -> None:
    finding = ask("G instances", FakeAccount(refuses=["quota"]))
    assert finding.state is State.UNKNOWN
    assert "AccessDenied" in finding.found


def test_a_zone_without_the_instance_type_is_named_with_those_that_have_it() -> None:
    finding = ask("region", FakeAccount(zones=["us-east-1c"]))
    assert finding.state is State.MISSING
    assert "us-east-1a does not offer g4dn.xlarge; these do: us-east-1c" in finding.found


def test_a_locked_image_that_aws_has_withdrawn_is_missing() -> None:
    assert ask("GPU box's image", FakeAccount(images=())).state is State.MISSING


def test_an_image_that_nobody_can_ask_for_is_unknown() -> None:
    assert ask("GPU box's image", FakeAccount(refuses=["identity"])).state is State.UNKNOWN


def test_repository_variables_are_unknown_without_gh_or_without_its_sign_in() -> None:
    assert ask("repository variables", machine=FakeMachine(programs=["docker"])).state is State.UNKNOWN
    signed_out = FakeMachine(fails=[("gh",)])
    assert ask("repository variables", machine=signed_out).next == "gh auth login"


def test_a_repository_variable_that_is_not_set_is_named() -> None:
    finding = ask("repository variables", machine=FakeMachine(variables=["AWS_REGION"]))
    assert finding.found == "no AWS_DEPLOY_ROLE_ARN, AWS_DRIFT_ROLE_ARN, AWS_PLAN_ROLE_ARN"


def test_roles_that_jobs_of_no_environment_take_are_told_apart_by_the_variables_name() -> None:
    finding = ask("repository variables", machine=FakeMachine(variables=["AWS_REGION"]), environment=PROD)
    assert finding.found == "no AWS_DEPLOY_ROLE_ARN, AWS_DRIFT_ROLE_ARN_PROD, AWS_PLAN_ROLE_ARN_PROD"


def test_docker_without_an_engine_builds_nothing() -> None:
    assert ask("image builder", machine=FakeMachine(fails=[("docker", "info")])).state is State.MISSING


def test_podman_will_do() -> None:
    assert ask("image builder", machine=FakeMachine(programs=["podman"])).found == "podman"
