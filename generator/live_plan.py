"""What is live, planned against what Git wants: the one plan that `status`, `plan --live` and apply's errors talk of.

Reading what is live is `generator/status.py`'s; this needs no client.
"""

from collections.abc import Mapping

from generator.model.manifest import ArtifactKind, Manifest
from generator.plan.facts import Plan
from generator.plan.plan import plan
from generator.plan.reading import InvalidTree, read_pair
from generator.report.differences import differences
from generator.sync.live_tree import BOX, LiveTree, carrier
from generator.sync.status import Differences


def plan_from_live(manifest: Manifest, files: Mapping[str, str], tree: LiveTree) -> Plan:
    """What going from what is live to what Git wants does. Raises InvalidTree.

    Whether all of it is known is for the caller to ask (`LiveTree.require_known`).
    """
    return plan(*read_pair(tree.files, files, ("live", f"templates_out/{manifest.name}")))


def compared(manifest: Manifest, files: Mapping[str, str], tree: LiveTree) -> Differences:
    """The same plan as a status shows it. Where it cannot be made, nothing is known; raises nothing."""
    try:
        found = plan_from_live(manifest, files, tree)
    except InvalidTree as error:
        why = f"it cannot be compared: {error.mistakes[0]}"
        return Differences(
            unknown={**dict.fromkeys([*(stack.name for stack in manifest.stacks), BOX], why), **tree.unknown}
        )
    return shown(manifest, files, tree, found)


def shown(manifest: Manifest, files: Mapping[str, str], tree: LiveTree, planned: Plan) -> Differences:
    """The plan from what is live as a status shows it."""
    images = [one for one in manifest.artifacts if one.kind is ArtifactKind.IMAGE]
    carriers = {one.name: who[0] for one in images if (who := carrier(manifest, files, one))}
    # A page that differs shows where people see it: at the distribution.
    carriers |= {one.name: one.edge.stack for one in manifest.artifacts if one.edge}
    return differences(planned, carriers, tree.unknown)
