"""What an apply may remove at its end: the rim that holds Git's approval against the plan and the live stacks."""

from collections.abc import Mapping, Sequence

from generator.aws.teardown import CloudFormationRemoval
from generator.bootstrap.roles import BOOTSTRAP
from generator.model.manifest import Manifest
from generator.model.yaml_source import read as read_yaml
from generator.plan.facts import Action, Plan, ServeAction
from generator.plan.fate import stateful
from generator.sync.prune import DataWouldBeLost, NotPruned, kept_by
from generator.sync.run import Pruning
from generator.sync.teardown import require_unprotected, stages

_SAFE = ("Retain", "RetainExceptOnCreate", "Snapshot")


def pruning_of(
    manifest: Manifest, before: Manifest | None, planned: Plan, removal: CloudFormationRemoval
) -> Pruning | None:
    """Which live stacks go, in which order; None where there are none. `before` is what was deployed last.

    Raises NotPruned, DataWouldBeLost, TerminationProtected, CallRefused.
    """
    dropped = [f"stack:{one.name}" for one in planned.stacks if one.action is Action.DELETE]
    dropped += [f"app:{one.app}" for one in planned.serve if one.action is ServeAction.DELETE]
    if unnamed := [one for one in dropped if one not in manifest.prune]:
        raise NotPruned(manifest.name, unnamed)
    if not any(name.startswith("stack:") for name in manifest.prune):
        return None
    wanted = {BOOTSTRAP, *(stack.name for stack in manifest.stacks)}
    live = [name for name in removal.stacks_of(manifest.project, manifest.name) if name not in wanted]
    going = [name for name in live if f"stack:{name}" in manifest.prune]
    if not going:
        return None
    kept = {name: _left_behind(manifest.stack_id(name), name, removal) for name in going}
    require_unprotected([manifest.stack_id(name) for name in going], removal)
    return Pruning(_order(going, before), kept)


def _order(going: Sequence[str], before: Manifest | None) -> tuple[tuple[str, ...], ...]:
    """The reverse of the wiring that was deployed; before all, stacks that it does not know: dropped earlier."""
    known = {stack.name for stack in before.stacks} if before else set()
    strangers = tuple(name for name in going if name not in known)
    chosen = (tuple(name for name in stage if name in going) for stage in (stages(before) if before else ()))
    return tuple(stage for stage in (strangers, *chosen) if stage)


def _left_behind(stack: str, name: str, removal: CloudFormationRemoval) -> tuple[str, ...]:
    """What stays of a stack. Raises DataWouldBeLost."""
    live = removal.describe(stack)
    if live is None:
        return ()
    template = removal.template(live)
    physical = {one.logical_id: one.physical_id for one in removal.resources(live) if one.physical_id}
    if lost := [each for each in _unprotected(template) if each in physical]:
        raise DataWouldBeLost(name, lost)
    return kept_by(template, physical)


def _unprotected(template: str) -> list[str]:
    """Resources that hold data and would go with their stack."""
    resources: Mapping[str, Mapping[str, str]] = read_yaml(template, "template").data.get("Resources") or {}
    return [
        name
        for name, one in resources.items()
        if stateful(one.get("Type", "")) and one.get("DeletionPolicy") not in _SAFE
    ]
