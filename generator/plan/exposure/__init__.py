"""Who gains or loses what by a change: security groups, roads from the internet, IAM, public access, safeguards.

two trees + changes
  -> sides         what can differ; `world` follows references, parameters and wiring on either side
  -> network       security groups, as sets of addresses (`addresses`) and services (`services`, `intervals`)
  -> routes, placement, edge      ways from and to the internet; what stands where; CloudFront's paths
  -> permissions   policies of identities and resources, and trust (`holders`, `statements`, `globs`, `conditions`)
  -> roles         managed policies, boundaries, what runs as which role
  -> doors, safeguards, watchers   public access; encryption, logging and history, as `scales`
  -> Exposures     widened first, each said once

Widened and narrowed are one computation with the sides swapped, so the reverse change says the reverse.
"""

from collections.abc import Iterable

from generator.plan.exposure import (
    doors,
    edge,
    network,
    permissions,
    placement,
    roles,
    routes,
    safeguards,
    scales,
    watchers,
)
from generator.plan.exposure.sides import sides
from generator.plan.facts import Direction, Exposure, ResourceChange
from generator.plan.tree import Tree

__all__ = ["exposure"]


def exposure(before: Tree, after: Tree, changes: Iterable[ResourceChange]) -> tuple[Exposure, ...]:
    """What becomes reachable, permitted, public or unguarded, and what no longer is; widened first, sorted, no repeats.

    `changes` are the plan's: what they do not name, and no differing parameter feeds, is not looked at.
    """
    both = sides(before, after, changes)
    said = {
        one
        for module in (network, routes, placement, edge, permissions, roles, doors, watchers)
        for one in module.found(both)
    }
    said.update(scales.found(both, (*doors.SCALES, *safeguards.SCALES)))
    return tuple(sorted(said, key=_order))


def _order(one: Exposure) -> tuple[bool, str, str, str, str]:
    return one.direction is not Direction.WIDENED, one.stack, one.resource, one.kind, one.sentence
