"""One deployment from end to end: what is deployed, what the change will do, apply, health, and the ledger's entry."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event

from generator.aws.session import Clients
from generator.deployment import Desired
from generator.plan.facts import Plan
from generator.plan.plan import plan
from generator.plan.reading import read_pair
from generator.state_bucket import deployer, deploying, head
from generator.status import wave_gates
from generator.sync.apply import Outcome
from generator.sync.ledger import Ledger, Result
from generator.sync.progress import Report, one_at_a_time
from generator.sync.rollback import apply_or_go_back
from generator.sync.run import Options, Target
from generator.sync.verify import Approval, Expectations


def release(
    root: Path,
    desired: Desired,
    target: Target,
    clients: Clients,
    report: Report,
    *,
    expect: tuple[str, ...] = (),
    skip: Mapping[str, Sequence[str]] | None = None,
    gated: bool = True,
) -> Outcome:
    """Bring what is committed to a target, under the environment's lease, and record it.

    What the ledger says was deployed last is planned against; a change set that would replace or delete what that plan
    does not is stopped before it runs. `expect`: digests (or their beginnings) of approved plans, of which this one
    must be. `skip`: stack -> logical ids that continuing a failed rollback may leave as they are. `gated`: each stack
    has to become healthy before those that need it begin; where one does not, the last deployment that succeeded is
    applied again.
    Raises NoStateBucket, NotApproved, LeaseHeld, WaveFailed, GateFailed, RolledBack.
    """
    manifest = desired.manifest
    working = deploying(target, manifest, clients)
    planned, first = _planned(desired, working)
    # Gates speak from the threads of their stacks.
    report, given_up = one_at_a_time(report), Event()
    gates = wave_gates(desired, clients, report, given_up=given_up) if gated else None
    options = Options(
        who=deployer(),
        commit=head(root),
        digest=planned.digest,
        approval=_approval(planned, expect) if expect else None,
        expectations=None if first else _expectations(planned),
        skip=skip or {},
        after_wave=gates,
        given_up=given_up,
        after_box=gates.box if gates else None,
    )
    return apply_or_go_back(manifest, desired.files, working, report, options)


def _planned(desired: Desired, target: Target) -> tuple[Plan, bool]:
    """The plan from what the ledger knows to be deployed, and whether it knows of nothing."""
    before: Mapping[str, str] = {}
    if target.ledger is not None:
        ledger = Ledger(target.ledger, desired.manifest.name)
        good = [each for each in ledger.history(limit=50) if each.result is Result.SUCCEEDED]
        before = ledger.files(good[0]) if good else {}
    return plan(*read_pair(before, desired.files, ("deployed", "templates_out"))), not before


def _expectations(planned: Plan) -> Expectations:
    allowed: dict[str, dict[str, set[str]]] = {}
    for change in planned.changes:
        allowed.setdefault(change.stack, {}).setdefault(change.resource, set()).add(change.action.value)
    return allowed


def _approval(planned: Plan, expect: tuple[str, ...]) -> Approval:
    # People copy the first characters of a digest; the whole one is what is compared.
    whole = {planned.digest if planned.digest.startswith(each) else each for each in expect}
    return Approval(frozenset(whole), planned.digest)
