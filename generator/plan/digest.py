"""SHA-256 over what a plan does: the same for the same effect, however the trees came about.

Left out: proofs, confidence, sources, costs, durations and findings. They may be worded or known better tomorrow, and
an approval is of what happens. A resource that is created counts with all it says; one that changes, with its changes.
"""

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from generator.plan.canonical import plain
from generator.plan.facts import Action, ArtifactChange, ResourceChange, StackChange
from generator.plan.tree import Tree


def digest(
    stacks: Iterable[StackChange],
    changes: Iterable[ResourceChange],
    artifacts: Iterable[ArtifactChange],
    before: Tree,
    after: Tree,
) -> str:
    """The digest of a whole plan."""
    said = [effect(change, after) for change in changes]
    said += [
        _sum(["stack", one.name, one.action, sorted(_outputs(one, after)), *one.reasons])
        for one in stacks
        if one.action
    ]
    said += [_sum(["artifact", one.name, one.before, one.after]) for one in artifacts]
    said += [_sum(["serve", *one]) for one in served(before.serve, after.serve)]
    return _sum(sorted(said))


def effect(change: ResourceChange, after: Tree) -> str:
    """The digest of one resource's change: what is approved one by one, where several merges go out together."""
    said: list[Any] = [change.stack, change.resource, change.type, change.action, change.fate, change.cause]
    if change.action is Action.CREATE:
        resource = after.templates[change.stack].resources[change.resource]
        said += [plain(resource.properties), resource.deletion_policy, resource.update_replace_policy]
    # Where an item stands in its list says nothing: another change may insert one before it.
    places = [(re.sub(r"\[\d+\]", "[]", one.path), one) for one in change.properties]
    said.append(sorted(_sum([path, plain(one.before), plain(one.after), one.effect]) for path, one in places))
    return _sum(said)


def kind(change: ResourceChange) -> str:
    """What happens to one resource, whatever its values become: what a chain of merges has in common with its sum."""
    return _sum([change.stack, change.resource, change.action, change.fate])


def served(before: Any, after: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """The leaves at which two Serve configurations differ; apps and deployments are matched by name."""
    if before == after:
        return []
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = sorted({*before, *after}, key=str)
        return [leaf for key in keys for leaf in served(before.get(key), after.get(key), f"{path}/{key}")]
    old, new = _named(before), _named(after)
    if old is not None and new is not None:
        return served(old, new, path)
    return [(path, before, after)]


def _named(value: Any) -> dict[str, Any] | None:
    if isinstance(value, list) and all(isinstance(one, Mapping) and "name" in one for one in value):
        return {str(one["name"]): one for one in value}
    return None


def _outputs(stack: StackChange, after: Tree) -> list[str]:
    if stack.action is Action.DELETE:
        return []
    values = after.templates[stack.name].outputs
    return [_sum([name, plain(values.get(name))]) for name in stack.outputs]


def _sum(said: Any) -> str:
    return sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
