"""Removing what Git dropped: last of all, when everything that Git wants is there and healthy.

Only what the manifest names (`spec.prune`) goes, in the reverse of its former wiring. What its templates retain stays,
and is listed; a stack whose data would go with it is refused.
"""

from collections.abc import Mapping, Sequence

from generator.model.yaml_source import InvalidYaml
from generator.model.yaml_source import read as read_yaml
from generator.sync.errors import ApplyFailed
from generator.sync.progress import StackPruned
from generator.sync.run import Pruning, Run
from generator.sync.teardown import StackGone, TeardownFact, tear_down

_RETAINING = ("Retain", "RetainExceptOnCreate", "Snapshot")
"""Values of DeletionPolicy that leave something behind."""


class NotPruned(ApplyFailed):
    """Git dropped stacks or Serve apps without saying that they may be removed; nothing was touched."""

    def __init__(self, environment: str, dropped: Sequence[str]) -> None:
        """`dropped`: `stack:<name>`, `app:<name>`."""
        self.environment, self.dropped = environment, tuple(dropped)
        named = ", ".join(f'"{one}"' for one in dropped)
        super().__init__(
            f"Git dropped {', '.join(dropped)}, and {environment} does not say that this may be removed\n"
            f"  next: put them back, or write prune=({named},) into generator/environments/{environment}.py and render"
        )


class DataWouldBeLost(ApplyFailed):
    """A stack that may be removed holds data that would go with it; nothing was touched."""

    def __init__(self, stack: str, resources: Sequence[str]) -> None:
        self.stack, self.resources = stack, tuple(resources)
        super().__init__(
            f"removing stack {stack} would destroy {', '.join(resources)}\n"
            f"  next: deploy it once more with DeletionPolicy: Retain on each, then drop it; what is retained can be "
            f"deleted by hand"
        )


def kept_by(template: str, physical: Mapping[str, str]) -> tuple[str, ...]:
    """What deleting a stack of this template leaves behind. `physical`: ids by logical id."""
    return tuple(
        f"{name} ({one.get('Type')}) {physical[name]}"
        for name, one in _resources(template).items()
        if name in physical and one.get("DeletionPolicy") in _RETAINING
    )


def _resources(template: str) -> Mapping[str, Mapping[str, object]]:
    try:
        data = read_yaml(template, "template").data
    except InvalidYaml:
        return {}
    found = data.get("Resources") if isinstance(data, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def prune(run: Run, pruning: Pruning) -> None:
    """Delete the stacks of each stage once those of the stage before are gone. Raises TeardownFailed, LeaseLost."""
    removal = run.target.removal
    assert removal is not None  # noqa: S101  whoever plans a pruning gives the means to do it

    def report(fact: TeardownFact) -> None:
        if isinstance(fact, StackGone):
            run.report(StackPruned(fact.stack, fact.seconds, pruning.kept.get(fact.stack, ())))

    for stage in pruning.stages:
        run.guard()
        tear_down((stage,), run.manifest.stack_id, removal, run.target.clock, report)
