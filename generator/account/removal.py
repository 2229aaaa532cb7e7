"""An environment taken down: what will go, what stays, and what the operator agrees to lose for good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from generator.aws.errors import aws
from generator.aws.teardown import CloudFormationRemoval, Kept, KeptData
from generator.bootstrap.roles import BOOTSTRAP
from generator.bootstrap.state import STATE_BUCKET
from generator.deployment import WrongAccount
from generator.errors import EcgError
from generator.model.environment import UNRESOLVED
from generator.model.manifest import Manifest
from generator.sync.ports import Clock
from generator.sync.teardown import TeardownFact, require_unprotected, stages, tear_down

ALL = "all"
"""Stands for everything that is kept, in `--delete-data`."""


class UnknownData(EcgError):
    """The operator agreed to lose something that is not there: a typing mistake, most likely."""

    exit_code = 2

    def __init__(self, asked: Sequence[str], found: Sequence[Kept]) -> None:
        self.asked, self.found = tuple(asked), tuple(found)
        there = "\n".join(f"  {one.kind} {one.id}" for one in found) or "  nothing"
        super().__init__(f"--delete-data {', '.join(asked)}: there is no such thing; there is\n{there}")


@dataclass(frozen=True)
class Removal:
    """What taking an environment down means, found out before anything is touched."""

    order: tuple[tuple[str, ...], ...]
    strangers: tuple[str, ...]
    """Live stacks of the environment that its manifest does not name."""
    erased: tuple[Kept, ...]
    """What the operator agreed to lose; CloudFormation would keep it."""


def require_account(manifest: Manifest, sts: Any) -> None:
    """Raise WrongAccount where the credentials are for another account than the manifest names."""
    with aws("asking whose these credentials are"):
        account = str(sts.get_caller_identity()["Account"])
    if manifest.account not in (UNRESOLVED, account):
        raise WrongAccount(manifest.account, account)


def prepare(
    manifest: Manifest, removal: CloudFormationRemoval, data: KeptData, agreed: Sequence[str], *, bootstrap: bool
) -> Removal:
    """Look at what is there. `agreed` holds ids, or `all`. Raises UnknownData, TerminationProtected, AwsRefused.

    `all` leaves the state bucket alone, unless the bootstrap stack goes too.
    """
    named = {stack.name for stack in manifest.stacks}
    live = removal.stacks_of(manifest.project, manifest.name)
    strangers = tuple(name for name in live if name not in named and name != BOOTSTRAP)
    prefix = manifest.prefix
    there = data.found(prefix)
    by_id = {one.id: one for one in there}
    if unknown := [one for one in agreed if one != ALL and one not in by_id]:
        raise UnknownData(unknown, there)
    erased = [by_id[one] for one in agreed if one != ALL]
    if ALL in agreed:
        erased = [one for one in there if bootstrap or not one.id.startswith(f"{prefix}-{STATE_BUCKET}-")]
    order = stages(manifest, strangers) + (((BOOTSTRAP,),) if bootstrap else ())
    require_unprotected([manifest.stack_id(name) for stage in order for name in stage], removal)
    return Removal(order, strangers, tuple(erased))


def remove(
    manifest: Manifest,
    planned: Removal,
    removal: CloudFormationRemoval,
    data: KeptData,
    clock: Clock,
    report: Callable[[TeardownFact], None],
) -> tuple[Kept, ...]:
    """Do it, and return what is still there. Raises TeardownFailed, AwsRefused.

    Data goes last: a stack that could not be deleted still has what it works with.
    """
    tear_down(planned.order, manifest.stack_id, removal, clock, report)
    for one in planned.erased:
        data.erase(one)
    return data.found(manifest.prefix)


def agreed_later(kept: Sequence[Kept], manifest: Manifest, *, bootstrap: bool) -> str | None:
    """The command that removes what is still there; None where there is nothing to remove.

    The state bucket is in it only when the bootstrap stack, whose bucket it is, went too.
    """
    state = f"{manifest.prefix}-{STATE_BUCKET}-"
    ids = [one.id for one in kept if bootstrap or not one.id.startswith(state)]
    return " ".join(["ecgctl destroy", manifest.name, *(f"--delete-data {one}" for one in ids)]) if ids else None
