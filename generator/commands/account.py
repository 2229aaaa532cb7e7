"""`ecgctl lock`, `bootstrap`, `doctor`, `destroy`: what an administrator does with an account.

Flags and words only.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.commands.options import clients_of, environment_argument, local_option, root_option

if TYPE_CHECKING:
    from generator.sync.teardown import TeardownFact


@click.command()
@environment_argument
@click.option("--image/--no-image", default=True, help="Resolve the GPU box's AMI anew.  [default: --image]")
@click.option(
    "--public-key", type=click.Path(path_type=Path, dir_okay=False), help="PEM file with either half of the key."
)
@click.option("--public-key-secret", metavar="NAME", help="Or: a Secrets Manager secret with the private half.")
@click.option(
    "--generation", type=click.IntRange(1), default=1, show_default=True, help="Of cdn.video_keys that key belongs to."
)
@local_option
@root_option
def lock(
    environment: str,
    image: bool,
    public_key: Path | None,
    public_key_secret: str | None,
    generation: int,
    local: bool,
    root: Path,
) -> None:
    """Resolve what reads `unresolved` in ENV and write it to its lock file.

    \b
    ecgctl lock dev                              the newest AMI of model_server.image_parameter; where the
                                                 load balancer is open to CloudFront only, its addresses' list
    ecgctl lock dev --public-key video.pub       the key that checks signed video URLs
    ecgctl lock dev --no-image --public-key-secret ecg-project-pipeline-dev/video-signing-key
    ecgctl lock dev --no-image --public-key new.pub --generation 2     the next key: docs/runbooks/rotation.md

    Then: ecgctl render ENV, review the plan, and commit both.
    """
    from datetime import date

    from generator.account.lock import (
        IMAGE,
        PREFIX_LIST,
        key_from_file,
        key_from_secret,
        lock_path,
        lock_text,
        resolve_image,
        resolve_prefix_list,
    )
    from generator.desired import environment as load
    from generator.model.environment import video_key_parameter

    if public_key and public_key_secret:
        raise click.UsageError("give --public-key or --public-key-secret, not both")
    settings = load(root, environment)
    resolved, parameter = {}, video_key_parameter(generation)
    if public_key:
        resolved[parameter] = key_from_file(public_key)
    if image or public_key_secret:
        clients = clients_of(root, settings.region, local)
        if public_key_secret:
            resolved[parameter] = key_from_secret(public_key_secret, clients.make("secretsmanager"))
        if image:
            resolved[IMAGE] = resolve_image(settings.model_server.image_parameter, clients.make("ssm"))
        if image and settings.security.cloudfront_only and PREFIX_LIST not in settings.locked:
            resolved[PREFIX_LIST] = resolve_prefix_list(clients.make("ec2"))
    if not resolved:
        raise click.UsageError("nothing to resolve; drop --no-image or give a key")
    file = root / lock_path(settings)
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    file.write_text(lock_text(environment, before, resolved, date.today()), encoding="utf-8")  # noqa: DTZ011  a day
    for name, one in resolved.items():
        first = one.value.splitlines()[0]
        click.echo(f"{name}: {first}{' ...' if first != one.value.strip() else ''}  ({one.source})")
    click.echo(f"wrote {lock_path(settings)}\nnext: ecgctl render {environment}, and commit both")


@click.command()
@environment_argument
@click.option("--repo", "repository", metavar="OWNER/NAME", help="The GitHub repository whose jobs may take the roles.")
@click.option("--apply", "applying", is_flag=True, help="Create or update the stack, as whoever is signed in.")
@click.option("--check", "checking", is_flag=True, help="Write nothing; fail with a diff when the template is stale.")
@click.option("--oidc-provider", metavar="ARN", help="Use this provider (default: the account's own, else a new one).")
@click.option(
    "--require-boundary/--no-require-boundary",
    default=None,
    help="Refuse roles without the boundary, which dev's do not carry (default: as it is, at first not).",
)
@local_option
@root_option
def bootstrap(
    environment: str,
    repository: str | None,
    applying: bool,
    checking: bool,
    oidc_provider: str | None,
    require_boundary: bool | None,
    local: bool,
    root: Path,
) -> None:
    """Render, and with --apply create, the one stack that an administrator applies by hand.

    It holds what applying ENV needs beforehand: GitHub's OIDC provider, the roles for planning and deploying, the role
    that CloudFormation works with, and the bucket for lease and ledger.

    \b
    ecgctl bootstrap dev --repo OWNER/NAME            write templates_out/bootstrap/dev.yaml, to be read
    ecgctl bootstrap dev --repo OWNER/NAME --apply    and bring it to the account that you are signed in to
    """
    from generator.account import bootstrapping as own
    from generator.desired import environment as load

    settings = load(root, environment)
    if checking:
        own.check_template(root, settings)
        click.echo(f"{own.template_path(settings)} is what the generator makes")
        return
    changed = own.write_template(root, settings)
    click.echo(f"{'wrote' if changed else 'unchanged:'} {own.template_path(settings)}")
    repository = repository or (own.LOCAL_REPOSITORY if local else None)
    if not applying:
        click.echo(f"next: read it, then ecgctl bootstrap {environment} --repo {repository or 'OWNER/NAME'} --apply")
        return
    _apply_bootstrap(environment, repository, oidc_provider, require_boundary, local, root)


def _apply_bootstrap(
    environment: str,
    repository: str | None,
    provider: str | None,
    require_boundary: bool | None,
    local: bool,
    root: Path,
) -> None:
    from generator.account import bootstrapping as own
    from generator.account.doctor import DEPLOY_ROLE, REGION, role_variable
    from generator.deployment import SystemClock
    from generator.desired import environment as load
    from generator.sync.ports import StackEvent

    def show(event: StackEvent) -> None:
        click.echo(f"  {event.status:<20} {event.logical_id}{f': {event.reason}' if event.failed else ''}")

    settings = load(root, environment)
    clients = clients_of(root, settings.region, local)
    stacks = own.cloudformation(clients)
    before = stacks.describe(own.stack_name(settings))
    adopted = provider or own.provider_to_adopt(own.find_provider(clients.make("iam")), before)
    values = own.parameters(before, repository, adopted, require_boundary)
    changed = own.apply_bootstrap(settings, values, stacks, SystemClock(), show)
    made = own.bootstrapped(settings, stacks)
    click.echo(f"{own.stack_name(settings)}: {'applied' if changed else 'nothing to change'}")
    click.echo(f"  OIDC provider   {made.provider} ({'made here' if made.provider_made else 'the one that was there'})")
    click.echo(f"  state bucket    {made.state_bucket}")
    click.echo(f"  service role    {made.service_role}")
    if local:
        return
    click.echo(f"next, in a checkout of {values['Repository']}:")
    click.echo(f"  gh variable set {REGION} --body {settings.region}")
    click.echo(f"  gh variable set {DEPLOY_ROLE} --env {environment} --body {made.deploy_role}")
    click.echo(f"  gh variable set {role_variable('plan', environment)} --body {made.plan_role}")
    click.echo(f"  gh variable set {role_variable('drift', environment)} --body {made.drift_role}")


@click.command()
@environment_argument
@local_option
@root_option
def doctor(environment: str, local: bool, root: Path) -> None:
    """Check every prerequisite of a deployment of ENV, and say what mends it. Changes nothing.

    Exit code 1 when something is missing.
    """
    from generator.account import bootstrapping as own
    from generator.account.doctor import State, ThisMachine, examine
    from generator.aws.account import Prerequisites
    from generator.desired import environment as load

    settings = load(root, environment)
    clients = clients_of(root, settings.region, local)

    def made() -> own.Bootstrapped | None:
        found = own.cloudformation(clients).describe(own.stack_name(settings))
        return own.read_outputs(found) if found and "StateBucketName" in found.outputs else None

    account = Prerequisites(clients.make("sts"), clients.make("ec2"), clients.make("service-quotas"))
    colours, marks = ("green", "red", "yellow"), ("ok     ", "missing", "unknown")
    missing = 0
    for finding in examine(settings, account, ThisMachine(), made):
        index = list(State).index(finding.state)
        missing += finding.state is State.MISSING
        click.echo(f"{click.style(marks[index], fg=colours[index])}  {finding.what:<21} {finding.found}")
        if finding.next:
            click.echo(f"{'':31}next: {finding.next}")
    if missing:
        raise SystemExit(1)


@click.command()
@environment_argument
@click.option("--yes", metavar="NAME", help="The environment's name, instead of typing it when asked.")
@click.option(
    "--delete-data",
    multiple=True,
    metavar="ID",
    help="Also empty and delete this bucket or table; may be given several times. `all`: all of them.",
)
@click.option("--bootstrap", "with_bootstrap", is_flag=True, help="Also delete the bootstrap stack, last.")
@local_option
@root_option
def destroy(
    environment: str, yes: str | None, delete_data: tuple[str, ...], with_bootstrap: bool, local: bool, root: Path
) -> None:
    """Take ENV down: every stack, in the reverse of its wiring.

    Buckets, the jobs table and its copies, the user pool and keys stay, with all that is in them, unless --delete-data
    names them; what stays is listed in the end, because it goes on costing money. A second run goes on where the first
    one stopped.
    """
    from generator.account.removal import agreed_later, prepare, remove, require_account
    from generator.aws.teardown import CloudFormationRemoval, KeptData
    from generator.deployment import SystemClock, committed

    manifest = committed(root, environment).manifest
    clients = clients_of(root, manifest.region, local)
    if not local:
        require_account(manifest, clients.make("sts"))
    stacks = CloudFormationRemoval(clients.make("cloudformation"))
    data = KeptData(clients.make)
    planned = prepare(manifest, stacks, data, delete_data, bootstrap=with_bootstrap)
    for stage in planned.order:
        click.echo(f"deletes  {', '.join(manifest.stack_id(name) for name in stage)}")
    for one in planned.erased:
        click.echo(f"{click.style('erases', fg='red')}   {one.kind} {one.id}, with everything in it, for good")
    if yes is None:
        yes = click.prompt(
            f"Type the environment's name to take it down ({environment})", default="", show_default=False
        )
    if yes != environment:
        raise click.UsageError(f"{yes!r} is not {environment!r}: nothing was touched")
    kept = remove(manifest, planned, stacks, data, SystemClock(), _show)
    for one in kept:
        click.echo(f"kept     {one.kind} {one.id}")
    if later := agreed_later(kept, manifest, bootstrap=with_bootstrap):
        click.echo(f"next, to lose these too: {later}")
    if not kept:
        click.echo("nothing is left")


def _show(fact: "TeardownFact") -> None:
    from generator.sync.teardown import StackGoing, StackGone, StackStays

    match fact:
        case StackGoing(stack):
            click.echo(f"deleting {stack}")
        case StackGone(stack, seconds):
            click.echo(f"gone     {stack}" + (f"  {seconds:.0f} s" if seconds else ""))
        case StackStays(stack, status):
            click.echo(f"stays    {stack}  {status}")
