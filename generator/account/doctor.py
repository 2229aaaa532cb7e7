"""Each prerequisite of a deployment to a real account: what was found, and the command that mends it.

Nothing is changed. What cannot be asked (a missing right, a missing program) is unknown, never good.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from generator.account.bootstrapping import Bootstrapped
from generator.errors import EcgError
from generator.model.environment import UNRESOLVED, Environment, video_key_parameter
from generator.model.names import SPECIFIED

RUNNING_AT_ONCE = 2
"""Boxes that run at the same time while one replaces the other (docs/decisions/0002-user-data-replaces-the-box.md)."""
G_FAMILIES = ("g", "vt")
REGION, DEPLOY_ROLE = "AWS_REGION", "AWS_DEPLOY_ROLE_ARN"
"""Variables that the workflows read; the deploy role's is one of the environment, under the same name in each."""


def role_variable(role: str, environment: str) -> str:
    """The repository variable with the ARN of the role `drift` or `plan`: jobs that take it are of no environment."""
    return f"AWS_{role.upper()}_ROLE_ARN" + ("" if environment == SPECIFIED else f"_{environment.upper()}")


def variables(environment: str) -> tuple[str, ...]:
    """All that the workflows read for an environment."""
    return REGION, DEPLOY_ROLE, role_variable("drift", environment), role_variable("plan", environment)


class State(StrEnum):
    """How a prerequisite stands."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    what: str
    state: State
    found: str
    next: str = ""
    """The command that mends it; empty where nothing needs to be done."""


class Account(Protocol):
    """What is asked of the account. Every method may raise AwsRefused."""

    def identity(self) -> tuple[str, str]:
        """The account's number, and the ARN of whoever asks."""

    def gpu_quota(self) -> float:
        """Virtual CPUs of G and VT instances that may run at the same time."""

    def virtual_cpus(self, instance_type: str) -> int:
        """Virtual CPUs of an instance type."""

    def zones_with(self, instance_type: str) -> Sequence[str]:
        """Availability zones that offer an instance type."""

    def has_key_pair(self, name: str) -> bool:
        """Whether an EC2 key pair exists."""

    def has_image(self, image: str) -> bool:
        """Whether an AMI exists and may be used."""


class Machine(Protocol):
    """What is asked of this machine."""

    def has(self, program: str) -> bool:
        """Whether a program is on PATH."""

    def works(self, *command: str) -> bool:
        """Whether a command ends well."""

    def lines(self, *command: str) -> Sequence[str] | None:
        """What a command prints; None where it fails."""


def examine(
    environment: Environment, account: Account, machine: Machine, bootstrap: Callable[[], Bootstrapped | None]
) -> Iterator[Finding]:
    """Go through every prerequisite; without credentials, only through those that need none.

    `bootstrap` answers what the bootstrap stack made, None where there is none; it may raise AwsRefused.
    """
    identity = _credentials(environment, account)
    yield identity
    if identity.state is State.OK:
        yield _region(environment, account)
        yield _asked("G instances", lambda: _quota(environment, account), _quota_next(environment))
        yield _asked(
            "key pair", lambda: _key_pair(environment, account), f"aws ec2 describe-key-pairs {_at(environment)}"
        )
        yield _asked("bootstrap stack", lambda: _bootstrap(environment, bootstrap()), _bootstrap_next(environment))
    yield _asked(
        "GPU box's image", lambda: _image(environment, account, identity.state), f"ecgctl lock {environment.name}"
    )
    yield _public_key(environment)
    yield from _front_door(environment)
    yield _variables(environment, machine)
    yield _engine(machine)


def _asked(what: str, ask: Callable[[], Finding], next_step: str) -> Finding:
    """The answer, or that the account would not tell."""
    try:
        return ask()
    except EcgError as error:
        return Finding(what, State.UNKNOWN, str(error).splitlines()[0], next_step)


def _credentials(environment: Environment, account: Account) -> Finding:
    try:
        number, arn = account.identity()
    except EcgError as error:
        return Finding("credentials", State.MISSING, str(error).splitlines()[0], "aws sso login, or export AWS_PROFILE")
    if environment.account == UNRESOLVED:
        file = f"generator/environments/{environment.name}.py"
        return Finding("credentials", State.OK, f"{arn}; {file} names no account, so apply takes any")
    if environment.account != number:
        mend = f"sign in to {environment.account}, or correct `account` in generator/environments/{environment.name}.py"
        return Finding("credentials", State.MISSING, f"{arn}, and not account {environment.account}", mend)
    return Finding("credentials", State.OK, arn)


def _region(environment: Environment, account: Account) -> Finding:
    kinds = _kinds(environment)
    subnets = environment.network.private_subnets
    # A fleet is in all of them.
    asked = [one.availability_zone for one in (subnets if environment.model_server.fleet else subnets[:1])]
    mend = f"aws ec2 describe-instance-type-offerings --location-type availability-zone {_at(environment)}"

    def ask() -> Finding:
        zones = sorted({zone for kind in kinds for zone in account.zones_with(kind)})
        without = [zone for zone in asked if zone not in zones]
        if not without:
            offer = "offers" if len(asked) == 1 else "offer"
            return Finding("region", State.OK, f"{environment.region}; {', '.join(asked)} {offer} {' or '.join(kinds)}")
        elsewhere = f"; these do: {', '.join(zones)}" if zones else ""
        what = f"{', '.join(without)} {'does' if len(without) == 1 else 'do'} not offer {' or '.join(kinds)}"
        return Finding("region", State.MISSING, f"{what}{elsewhere}", mend)

    return _asked("region", ask, mend)


def _quota(environment: Environment, account: Account) -> Finding:
    kinds = [kind for kind in _kinds(environment) if kind.startswith(G_FAMILIES)]
    if not kinds:
        return Finding("G instances", State.OK, f"{_kinds(environment)[0]} needs no quota of G instances")
    fleet = environment.model_server.fleet
    # A refresh starts a new box before an old one goes.
    boxes = fleet.maximum + 1 if fleet else RUNNING_AT_ONCE
    wanted, allowed = max(map(account.virtual_cpus, kinds)) * boxes, account.gpu_quota()
    found = f"{allowed:g} virtual CPUs allowed; {wanted} wanted ({' or '.join(kinds)}, {boxes} during a replacement)"
    return Finding("G instances", State.OK, found) if allowed >= wanted else Finding(
        "G instances", State.MISSING, found, _quota_next(environment, wanted)
    )  # fmt: skip


def _kinds(environment: Environment) -> Sequence[str]:
    """The instance types of the boxes."""
    server = environment.model_server
    return server.fleet.instance_types if server.fleet else (server.instance_type,)


def _quota_next(environment: Environment, wanted: int = 8) -> str:
    return (
        "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-DB2E81BA "
        f"--desired-value {wanted} {_at(environment)}"
    )


def _key_pair(environment: Environment, account: Account) -> Finding:
    name = environment.model_server.key_name
    if name is None:
        return Finding("key pair", State.OK, "none is asked for: Session Manager")
    if account.has_key_pair(name):
        return Finding("key pair", State.OK, name)
    mend = (
        f"aws ec2 create-key-pair --key-name {name} --query KeyMaterial --output text {_at(environment)} > {name}.pem"
    )
    return Finding("key pair", State.MISSING, f"no {name} in {environment.region}", mend)


def _bootstrap(environment: Environment, made: Bootstrapped | None) -> Finding:
    if made is None:
        return Finding("bootstrap stack", State.MISSING, "not there", _bootstrap_next(environment))
    return Finding("bootstrap stack", State.OK, f"state in {made.state_bucket}, deploys as {made.deploy_role}")


def _bootstrap_next(environment: Environment) -> str:
    return f"ecgctl bootstrap {environment.name} --repo OWNER/NAME --apply"


def _image(environment: Environment, account: Account, signed_in: State) -> Finding:
    image, mend = environment.locked.get("ModelServerImageId", UNRESOLVED), f"ecgctl lock {environment.name}"
    if image == UNRESOLVED:
        return Finding("GPU box's image", State.MISSING, UNRESOLVED, mend)
    if signed_in is not State.OK:
        return Finding(
            "GPU box's image", State.UNKNOWN, f"{image}; without credentials nobody knows if it still exists"
        )
    if not account.has_image(image):
        return Finding("GPU box's image", State.MISSING, f"{image} is not there any more", mend)
    return Finding("GPU box's image", State.OK, image)


def _public_key(environment: Environment) -> Finding:
    missing = [one for one in environment.cdn.video_keys if video_key_parameter(one) not in environment.locked]
    if not missing:
        return Finding("video key", State.OK, f"a public key in {environment.name}.lock.yaml")
    which = "" if missing[0] == 1 else f" --generation {missing[0]}"
    mend = f"ecgctl lock {environment.name} --public-key FILE{which}"
    return Finding("video key", State.MISSING, f"{UNRESOLVED}: nobody could see a video", mend)


def _front_door(environment: Environment) -> Iterator[Finding]:
    """What an environment with a site of its own, or a load balancer for CloudFront only, has to be told."""
    if (site := environment.site) is not None:
        values = (site.domain, site.viewer_certificate, site.origin_certificate)
        mend = f"write domain and certificates into `site` in generator/environments/{environment.name}.py"
        known = UNRESOLVED not in values
        yield Finding("site", State.OK, site.domain) if known else Finding("site", State.MISSING, UNRESOLVED, mend)
    if environment.security.cloudfront_only:
        addresses, mend = environment.locked.get("CloudFrontPrefixListId"), f"ecgctl lock {environment.name}"
        what = "CloudFront's addresses"
        yield Finding(what, State.OK, addresses) if addresses else Finding(what, State.MISSING, UNRESOLVED, mend)


def _variables(environment: Environment, machine: Machine) -> Finding:
    wanted = variables(environment.name)
    mend = "gh variable set NAME --body VALUE, as `ecgctl bootstrap` prints them"
    if not machine.has("gh"):
        found = f"the program `gh` is not here to ask for {', '.join(wanted)}"
        return Finding("repository variables", State.UNKNOWN, found, mend)
    both = [
        machine.lines("gh", "variable", "list", *scope, "--json", "name", "--jq", ".[].name")
        for scope in ([], ["--env", environment.name])
    ]
    if all(lines is None for lines in both):
        return Finding("repository variables", State.UNKNOWN, "`gh variable list` failed", "gh auth login")
    known = {line for lines in both for line in lines or ()}
    missing = [name for name in wanted if name not in known]
    if missing:
        return Finding("repository variables", State.MISSING, f"no {', '.join(missing)}", mend)
    return Finding("repository variables", State.OK, ", ".join(wanted))


def _engine(machine: Machine) -> Finding:
    what = "image builder"
    if machine.has("docker") and machine.works("docker", "buildx", "version"):
        if machine.works("docker", "info"):
            return Finding(what, State.OK, "docker with buildx")
        return Finding(what, State.MISSING, "docker is installed and no engine answers", "sudo systemctl start docker")
    if machine.has("podman"):
        return Finding(what, State.OK, "podman")
    found = "neither docker with buildx nor podman; only deploy.yml could build the image then"
    return Finding(what, State.MISSING, found, "sudo apt-get install podman")


def _at(environment: Environment) -> str:
    return f"--region {environment.region}"


class ThisMachine:
    """Machine, for real."""

    def has(self, program: str) -> bool:
        return shutil.which(program) is not None

    def works(self, *command: str) -> bool:
        return self.lines(*command) is not None

    def lines(self, *command: str) -> Sequence[str] | None:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.splitlines() if done.returncode == 0 else None
