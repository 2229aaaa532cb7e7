"""Drift of an environment: the rim around `sync.drift`, with real clients, files and the calendar."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from generator.aws.drift import CloudFormationDrift
from generator.aws.drift_metric import tell_drift
from generator.aws.session import Clients
from generator.checkout import ENVIRONMENTS
from generator.deployment import Desired
from generator.errors import EcgError
from generator.state_bucket import deployer, deploying
from generator.status import wave_gates
from generator.sync.drift.ignoring import IgnoreRule, parse
from generator.sync.drift.revert import revert
from generator.sync.drift.verdict import EnvironmentDrift, judge
from generator.sync.ledger import Ledger
from generator.sync.progress import Action, Report
from generator.sync.run import Options, Target


def rules_path(environment: str) -> Path:
    """Where an environment's rules lie, below the checkout."""
    return ENVIRONMENTS / f"{environment}.drift.yaml"


def rules_of(root: Path, environment: str) -> tuple[IgnoreRule, ...]:
    """What is ignored on purpose. Raises InvalidDriftRules, InvalidYaml."""
    file = root / rules_path(environment)
    return parse(file.read_text(encoding="utf-8"), file.name) if file.exists() else ()


def drift_of(root: Path, desired: Desired, clients: Clients) -> EnvironmentDrift:
    """Have every stack looked at, which takes minutes in a real account. Raises InvalidDriftRules."""
    manifest, rules = desired.manifest, rules_of(root, desired.manifest.name)
    names = {stack.name: manifest.stack_id(stack.name) for stack in manifest.stacks}
    readings = CloudFormationDrift(clients.make("cloudformation")).read_drift(names)
    return judge(manifest, readings, rules, datetime.now(UTC))


def tell(desired: Desired, drift: EnvironmentDrift, clients: Clients) -> tuple[str, ...]:
    """Tell the alarms what was found; what kept it from being told, for people to see."""
    manifest = desired.manifest
    try:
        tell_drift(clients.make("cloudwatch"), manifest.prefix, drift)
    except EcgError as error:
        return (f"alarms are not told: {str(error).splitlines()[0]}",)
    return ()


def take_back(
    desired: Desired, drift: EnvironmentDrift, target: Target, clients: Clients, report: Report, *, regardless: bool
) -> Mapping[str, Action]:
    """Revert what drifted, under the environment's lease, gated and recorded as another deployment of what is there.

    `regardless` of a suspension. Raises what `sync.drift.revert.revert` raises, NoStateBucket.
    """
    working = deploying(target, desired.manifest, clients)
    ledger = Ledger(working.ledger, desired.manifest.name) if working.ledger else None
    good = ledger.last_good() if ledger else None
    files = ledger.files(good) if ledger and good else desired.files
    options = Options(
        who=deployer(),
        commit=good.commit if good else "",
        digest=good.digest if good else "",
        note="drift taken back",
        while_suspended=regardless,
        after_wave=wave_gates(desired, clients, report),
    )
    return revert(desired.manifest, files, drift, working, report, options)
