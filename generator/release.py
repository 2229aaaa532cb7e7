"""One deployment from end to end: what is deployed, what the change will do, apply, health, proof, ledger."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from threading import Event

from generator.approving import approval
from generator.aws.scans import EcrScans
from generator.aws.session import Clients
from generator.aws.teardown import CloudFormationRemoval
from generator.deployment import Desired
from generator.errors import EcgError
from generator.model.manifest import parse
from generator.plan.facts import Plan, Severity
from generator.plan.plan import plan
from generator.plan.reading import read_pair
from generator.proving import proof_through_cdn
from generator.pruning import pruning_of
from generator.state_bucket import deployer, deploying, head
from generator.status import wave_gates
from generator.status_object import keep_status
from generator.sync.apply import Outcome
from generator.sync.errors import Undeployable
from generator.sync.ledger import Ledger
from generator.sync.progress import Noted, Report, one_at_a_time
from generator.sync.rollback import apply_or_go_back
from generator.sync.run import Options, Outputs, Target
from generator.sync.scan import ScanGate
from generator.sync.verify import Expectations


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
    proved: bool = True,
    while_suspended: bool = False,
    despite: Collection[str] = (),
) -> Outcome:
    """Bring what is committed to a target, under the environment's lease, and record it.

    What the ledger says was deployed last is planned against; a change set that would replace or delete what that plan
    does not is stopped before it runs, and so is what would run an image whose scan found what the environment blocks
    on. `expect`: digests (or their beginnings) of approved plans, of which this one must be, or `merged` (see
    `approving`). `skip`: stack -> logical ids that continuing a failed rollback may leave as they are. `gated`: each
    stack has to become healthy before those that need it begin. `proved`: at the end the sample has to be read through
    what was deployed. Where either fails, the last deployment that succeeded is applied again. `while_suspended`: go on
    although machines were told to keep their hands off. `despite`: kinds of blockers that do not stop it.
    Raises NoSample, NoStateBucket, NotPruned, DataWouldBeLost, TerminationProtected, Undeployable, NotApproved,
    Suspended, LeaseHeld, WaveFailed, ImageVulnerable, ScanFailed, GateFailed, ProofFailed, RolledBack.
    """
    manifest = desired.manifest
    # Gates speak from the threads of their stacks.
    report, given_up = one_at_a_time(report), Event()
    gates = wave_gates(desired, clients, report, given_up=given_up) if gated else None
    suspended = gates.suspended if gates else ()
    proof = proof_through_cdn(root, manifest.name, clients, report, suspended) if proved else None
    working = deploying(target, manifest, clients)
    commit, before = _deployed(working, manifest.name)
    planned = plan(*read_pair(before, desired.files, ("deployed", "templates_out")))
    was = parse(before["manifest.yaml"], "manifest.yaml of what is deployed") if before else None
    options = Options(
        who=deployer(),
        commit=head(root),
        digest=planned.digest,
        approval=approval(root, planned, expect, commit if before else None),
        expectations=_expectations(planned) if before else None,
        expected={stack: minutes * 60 for stack, minutes in planned.rollout.stacks.items()},
        skip=skip or {},
        pruning=pruning_of(manifest, was, planned, CloudFormationRemoval(clients.make("cloudformation"))),
        while_suspended=while_suspended,
        after_publish=ScanGate(manifest.name, EcrScans(clients.make("ecr")), target.clock, report),
        after_wave=gates,
        given_up=given_up,
        after_box=_in_turn(gates.box if gates else None, proof),
    )
    require_deployable(planned, despite)
    try:
        outcome = apply_or_go_back(manifest, desired.files, working, report, options)
    except EcgError:
        _keep_status(desired, clients, report)
        raise
    _keep_status(desired, clients, report)
    return outcome


def require_deployable(planned: Plan, despite: Collection[str] = ()) -> None:
    """Pass if nothing in the plan would be refused half-way. Raises Undeployable."""
    blockers = [
        (one.kind, one.stack, one.sentence)
        for one in planned.deployability
        if one.severity is Severity.BLOCKER and one.kind not in despite
    ]
    if blockers:
        raise Undeployable(blockers)


def _keep_status(desired: Desired, clients: Clients, report: Report) -> None:
    for note in keep_status(desired, clients):
        report(Noted(note))


def _in_turn(*checks: Callable[[Outputs], None] | None) -> Callable[[Outputs], None]:
    """The checks that there are, as one."""

    def check(outputs: Outputs) -> None:
        for each in checks:
            if each is not None:
                each(outputs)

    return check


def _deployed(target: Target, environment: str) -> tuple[str, Mapping[str, str]]:
    """Commit and tree of the last deployment that the ledger calls good; empty where it knows of none."""
    if target.ledger is None:
        return "", {}
    ledger = Ledger(target.ledger, environment)
    good = ledger.last_good()
    return (good.commit, ledger.files(good)) if good else ("", {})


def _expectations(planned: Plan) -> Expectations:
    allowed: dict[str, dict[str, set[str]]] = {}
    for change in planned.changes:
        allowed.setdefault(change.stack, {}).setdefault(change.resource, set()).add(change.action.value)
    return allowed
