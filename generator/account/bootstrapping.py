"""The bootstrap stack, brought to an account by whoever may make roles there."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from generator.aws.cloudformation import CloudFormation
from generator.aws.errors import aws
from generator.aws.session import Clients
from generator.bootstrap.roles import BOOTSTRAP, ISSUER
from generator.bootstrap.template import bootstrap_body, bootstrap_text
from generator.checkout import TEMPLATES
from generator.errors import EcgError
from generator.model.environment import Environment
from generator.render.tree import StaleTemplates, check
from generator.sync.errors import StackFailed
from generator.sync.ports import ChangeSetKind, Clock, LiveStack, StackEvent, StackRequest, Stacks

FOLDER = TEMPLATES / BOOTSTRAP
"""Beside the environments' trees, not in them: apply, plan and render read a whole environment's folder."""
LOCAL_REPOSITORY = "local/local"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
_POLL_SECONDS = 0.5


class NotBootstrapped(EcgError):
    """The environment's bootstrap stack is not in the account."""

    def __init__(self, environment: str, stack: str) -> None:
        self.environment, self.stack = environment, stack
        super().__init__(
            f"there is no stack {stack} with the roles and the state bucket of {environment}\n"
            f"  next: ecgctl bootstrap {environment} --repo OWNER/NAME --apply, as an administrator"
        )


@dataclass(frozen=True)
class Bootstrapped:
    """The bootstrap stack's outputs."""

    state_bucket: str
    plan_role: str
    drift_role: str
    deploy_role: str
    service_role: str
    boundary: str
    provider: str
    provider_made: bool
    """The stack made the provider, rather than finding it there."""


def stack_name(environment: Environment) -> str:
    """CloudFormation's name of an environment's bootstrap stack."""
    return f"{environment.prefix}-{BOOTSTRAP}"


def template_path(environment: Environment) -> Path:
    """Where its template is committed, below the checkout."""
    return FOLDER / f"{environment.name}.yaml"


def write_template(root: Path, environment: Environment) -> bool:
    """Render the template into the checkout; True where it changed."""
    file, text = root / template_path(environment), bootstrap_text(environment)
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return True


def check_template(root: Path, environment: Environment) -> None:
    """Raise StaleTemplates, with a diff, where the committed template is not the rendered one."""
    file = root / template_path(environment)
    committed = file.read_text(encoding="utf-8") if file.exists() else ""
    try:
        check(BOOTSTRAP, {file.name: committed}, {file.name: bootstrap_text(environment)})
    except StaleTemplates as stale:
        raise StaleBootstrap(environment.name, stale.difference) from None


class StaleBootstrap(EcgError):
    """The committed template is not what the generator makes."""

    def __init__(self, environment: str, difference: str) -> None:
        self.environment, self.difference = environment, difference
        super().__init__(
            f"{difference}\n{FOLDER}/{environment}.yaml is not what generator/bootstrap makes (- committed, + rendered)"
            f"\n  next: ecgctl bootstrap {environment}, commit it, and let an administrator apply it"
        )


def read_outputs(found: LiveStack) -> Bootstrapped:
    """A live bootstrap stack's outputs. Raises KeyError where it is older than this code."""
    outputs = found.outputs
    return Bootstrapped(
        state_bucket=outputs["StateBucketName"],
        plan_role=outputs["PlanRoleArn"],
        drift_role=outputs["DriftRoleArn"],
        deploy_role=outputs["DeployRoleArn"],
        service_role=outputs["ServiceRoleArn"],
        boundary=outputs["BoundaryArn"],
        provider=outputs["OidcProviderArn"],
        provider_made=outputs["OidcProviderMade"] == "true",
    )


def bootstrapped(environment: Environment, stacks: Stacks) -> Bootstrapped:
    """What the account has. Raises NotBootstrapped."""
    found = stacks.describe(stack_name(environment))
    if found is None or "StateBucketName" not in found.outputs:
        raise NotBootstrapped(environment.name, stack_name(environment))
    return read_outputs(found)


def provider_to_adopt(found: str | None, before: LiveStack | None) -> str:
    """The parameter OidcProviderArn: empty where the stack makes the provider, or made the one that is there."""
    if found is None or (before is not None and before.outputs.get("OidcProviderMade") == "true"):
        return ""
    return found


def find_provider(iam: Any) -> str | None:
    """The account's provider for GitHub Actions; it can hold only one."""
    with aws("listing the account's OIDC providers"):
        arns = [str(each["Arn"]) for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    return next((arn for arn in arns if arn.endswith(f"oidc-provider/{ISSUER}")), None)


def parameters(
    before: LiveStack | None, repository: str | None, provider: str, require_boundary: bool | None
) -> Mapping[str, str]:
    """What the template asks for; None keeps what the live stack has. Raises NoRepository."""
    kept = before.parameters if before else {}
    repository = repository or kept.get("Repository")
    if not repository or not _REPOSITORY.fullmatch(repository):
        raise NoRepository(repository)
    required = kept.get("RequireBoundary", "false") if require_boundary is None else str(require_boundary).lower()
    return {"Repository": repository, "OidcProviderArn": provider, "RequireBoundary": required}


class NoRepository(EcgError):
    """Nobody said whose jobs may take the roles."""

    exit_code = 2

    def __init__(self, given: str | None) -> None:
        self.given = given
        what = f"{given!r} is no repository" if given else "no repository is named, and no stack has one"
        super().__init__(f"{what}: only one repository's jobs will be trusted\n  next: add --repo OWNER/NAME")


def ensure_local(environment: Environment, clients: Clients, clock: Clock) -> Bootstrapped:
    """The bootstrap stack of the embedded AWS, made where it is missing or old: there it needs no administrator."""
    stacks = cloudformation(clients)
    before = stacks.describe(stack_name(environment))
    provider = provider_to_adopt(find_provider(clients.make("iam")), before)
    values = parameters(before, LOCAL_REPOSITORY, provider, require_boundary=None)
    apply_bootstrap(environment, values, stacks, clock, lambda _: None)
    return bootstrapped(environment, stacks)


def apply_bootstrap(
    environment: Environment,
    values: Mapping[str, str],
    stacks: Stacks,
    clock: Clock,
    show: Callable[[StackEvent], None],
) -> bool:
    """Create or update the stack and wait; True where something changed. Raises StackFailed, AwsRefused."""
    name = stack_name(environment)
    before = _usable(name, stacks, clock)
    change_set = stacks.create_change_set(
        StackRequest(
            name,
            bootstrap_body(environment),
            values,
            {"Project": environment.project, "Environment": environment.name, "ManagedBy": "ecgctl"},
        ),
        ChangeSetKind.UPDATE if before else ChangeSetKind.CREATE,
    )
    if change_set.empty:
        stacks.discard(name, change_set.id)
        return False
    token = _token(change_set.id)
    stacks.execute(change_set, token)
    seen: set[str] = set()
    while True:
        events = stacks.events(name, token)
        for event in events:
            if event.id not in seen:
                seen.add(event.id)
                show(event)
        if any(event.ends(name) for event in events):
            break
        clock.sleep(_POLL_SECONDS)
    after = _settled(name, stacks, clock)
    if after is None or after.failed:
        last = after or LiveStack(name, "", "DELETE_COMPLETE")
        raise StackFailed(last, [event for event in events if event.failed])
    return True


def cloudformation(clients: Clients) -> CloudFormation:
    """The stacks of an account, as whoever runs this, without a service role."""
    return CloudFormation(clients.make("cloudformation"))


def _token(identity: str) -> str:
    """A ClientRequestToken: the same operation has the same one, so that a repeated call is harmless."""
    return f"ecgctl-{sha256(identity.encode()).hexdigest()[:32]}"


def _settled(name: str, stacks: Stacks, clock: Clock) -> LiveStack | None:
    while (live := stacks.describe(name)) is not None and live.in_progress:
        clock.sleep(_POLL_SECONDS)
    return live


def _usable(name: str, stacks: Stacks, clock: Clock) -> LiveStack | None:
    """The stack to update, or None where it is to be created; what a failed creation left is removed."""
    live = _settled(name, stacks, clock)
    if live is not None and live.status == "ROLLBACK_COMPLETE":
        stacks.delete(live, _token(live.id))
        live = _settled(name, stacks, clock)
    return None if live is None or live.status == "REVIEW_IN_PROGRESS" else live
