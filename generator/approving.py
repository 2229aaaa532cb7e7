"""What was approved: plans by digest, or what the merges since the last deployment were seen to do."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from generator.errors import EcgError
from generator.plan.digest import kind
from generator.plan.facts import Plan
from generator.plan.plan import plan
from generator.plan.reading import read_pair
from generator.revisions import merges_since, tree_at
from generator.sync.verify import Approval

MERGED: Final = "merged"
"""Stands for a digest: whatever the merges since the deployed commit did, each by itself, was approved with it."""


class NothingMerged(EcgError):
    """Nobody knows from which commit on to look at merges."""

    exit_code = 2

    def __init__(self, environment: str) -> None:
        super().__init__(
            f"what is deployed to {environment} came from no known commit, so its merges cannot be looked at\n"
            f"  next: review ecgctl plan {environment} --live, then apply with --expect DIGEST"
        )


def approval(root: Path, planned: Plan, expect: Collection[str], deployed: str | None) -> Approval | None:
    """What must hold of a plan, from `--expect`: digests, their beginnings, and `merged`.

    `deployed` is the commit that was deployed last, None before the first deployment, which `merged` admits. Several
    merges may lie between it and now, so each effect of the plan has to be one that some merge had.
    Raises NothingMerged, UnknownRevision.
    """
    if not expect or (deployed is None and MERGED in expect):
        return None
    whole = {planned.digest if planned.digest.startswith(each) else each for each in expect if each != MERGED}
    if MERGED not in expect:
        return Approval(frozenset(whole), planned.digest)
    if not deployed:
        raise NothingMerged(planned.environment)
    whole.update(_effects(root, planned.environment, deployed))
    said = {kind(one): f"{one.stack}.{one.resource}: {one.action.value}" for one in planned.changes}
    return Approval(frozenset(whole), planned.digest, said)


def _effects(root: Path, environment: str, deployed: str) -> Iterator[str]:
    before = tree_at(root, deployed, environment)
    for commit in merges_since(root, deployed):
        after = tree_at(root, commit, environment)
        if after != before:
            found = plan(*read_pair(before, after, ("before", commit[:12])))
            yield from (kind(change) for change in found.changes)
        before = after
