"""What becomes of a resource that leaves its stack, and whether data goes with it."""

from generator.plan.effects import known_behaviour
from generator.plan.facts import Action, Effect, Fate, PropertyChange
from generator.plan.tree import Resource

SNAPSHOTS = frozenset(
    {
        "AWS::DocDB::DBCluster",
        "AWS::EC2::Volume",
        "AWS::ElastiCache::CacheCluster",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::Neptune::DBCluster",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::Redshift::Cluster",
    }
)
"""Types that `Snapshot` means something for; for others it is `Delete`.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-updatereplacepolicy.html (2026-11-23)."""


def removed(old: Resource) -> Fate:
    """Of a resource that its template no longer has. What was deployed last decides: the old template's policy."""
    match old.deletion_policy:
        case "Retain" | "RetainExceptOnCreate":
            return Fate.ORPHANED
        case "Snapshot" if old.type in SNAPSHOTS:
            return Fate.SNAPSHOTTED
        case _:
            return Fate.DESTROYED


def replaced(old: Resource, new: Resource) -> Fate:
    """Of a resource whose place another one takes. The template that replaces it decides."""
    match new.update_replace_policy:
        case "Retain":
            return Fate.RETAINED
        case "Snapshot" if old.type in SNAPSHOTS:
            return Fate.SNAPSHOTTED
        case _:
            return Fate.DESTROYED


def stateful(kind: str) -> bool:
    """Whether a type holds data of its users."""
    known = known_behaviour(kind)
    return bool(known and known.stateful)


def action(properties: tuple[PropertyChange, ...]) -> Action:
    """What a resource with these changes comes to."""
    replaces = any(one.effect is Effect.REPLACEMENT or one.path == "Type" for one in properties)
    return Action.REPLACE if replaces else Action.UPDATE
