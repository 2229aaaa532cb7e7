"""Rules about data: not lost, not left unprotected, encrypted, and watched."""

from collections.abc import Iterator
from typing import Final

from generator.plan.exposure import scales, watchers
from generator.plan.exposure.safeguards import SCALES
from generator.plan.exposure.scales import Level, Properties, Scale, attribute, flag
from generator.plan.exposure.world import is_true
from generator.plan.facts import Action, Direction, Effect, ExposureKind, Fate, PropertyChange, ResourceChange, Severity
from generator.plan.policy.rule import Breach, Case, Rule
from generator.plan.tree import Resource

KEEPS: Final = ("Retain", "RetainExceptOnCreate", "Snapshot")
"""Values of DeletionPolicy and UpdateReplacePolicy under which the data outlives the resource."""


HOLD_DATA: Final = frozenset(
    {
        "AWS::Cognito::UserPool",
        "AWS::DocDB::DBCluster",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::EC2::Volume",
        "AWS::EFS::FileSystem",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::Neptune::DBCluster",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
    }
)
"""Types whose loss is a loss of data whatever the table of behaviours says of them."""


def _data_loss(case: Case) -> Iterator[Breach]:
    for change in case.changes:
        if _holds_data(change) and change.action is Action.DELETE and change.fate is Fate.DESTROYED:
            yield Breach((change.stack, change.resource), f"{change.resource} is deleted with all its data")


def _replaced(case: Case) -> Iterator[Breach]:
    for change in case.changes:
        place = (change.stack, change.resource)
        kept = _kept(case.both.after.resource(place))
        if not _holds_data(change) or kept:
            continue
        if change.action is Action.REPLACE and change.fate in (Fate.DESTROYED, None):
            why = _because(change.properties)
            yield Breach(place, f"{change.resource} is replaced and its data destroyed: {why}")
        elif change.action is Action.UPDATE and any(one.effect is Effect.MAY_REPLACE for one in change.properties):
            sentence = f"{change.resource} may be replaced, and nothing then keeps its data"
            yield Breach(place, sentence, Severity.WARNING)


def _holds_data(change: ResourceChange) -> bool:
    return change.stateful or change.type in HOLD_DATA


def _because(properties: tuple[PropertyChange, ...]) -> str:
    paths = [one.path for one in properties if one.effect is Effect.REPLACEMENT]
    return f"{', '.join(paths)} cannot change in place" if paths else "it hangs on what is replaced"


def _kept(resource: Resource | None) -> bool:
    """Whether the data outlives a replacement. The template that replaces decides, as CloudFormation does."""
    return resource is not None and resource.update_replace_policy in KEEPS


def _protection(properties: Properties) -> Level:
    on = is_true(attribute(properties, "deletion_protection.enabled"))
    return Level(int(on), "is protected from deletion" if on else "is not protected from deletion")


def _pool(properties: Properties) -> Level:
    on = properties.get("DeletionProtection") == "ACTIVE"
    return Level(int(on), "is protected from deletion" if on else "is not protected from deletion")


def _emptied(properties: Properties) -> Level:
    on = is_true(properties.get("EmptyOnDelete"))
    return Level(int(not on), "is deleted with its images" if on else "is not deleted while it holds images")


_ON, _OFF = "is protected from deletion", "is not protected from deletion"

PROTECTIONS: Final = (
    Scale(
        ("AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::Neptune::DBCluster", "AWS::DocDB::DBCluster"),
        ExposureKind.LOGGING,
        flag(_ON, _OFF, "DeletionProtection"),
    ),
    Scale(("AWS::DynamoDB::Table",), ExposureKind.LOGGING, flag(_ON, _OFF, "DeletionProtectionEnabled")),
    Scale(("AWS::ElasticLoadBalancingV2::LoadBalancer",), ExposureKind.LOGGING, _protection),
    Scale(("AWS::EC2::Instance",), ExposureKind.LOGGING, flag(_ON, _OFF, "DisableApiTermination")),
    Scale(("AWS::Cognito::UserPool",), ExposureKind.LOGGING, _pool),
    Scale(("AWS::ECR::Repository",), ExposureKind.LOGGING, _emptied),
    Scale(
        ("AWS::S3::Bucket",),
        ExposureKind.LOGGING,
        flag("locks its objects", "does not lock its objects", "ObjectLockEnabled"),
    ),
)
"""Settings that keep people from deleting something by mistake. The kind is not used: they expose nothing."""


def _protection_removed(case: Case) -> Iterator[Breach]:
    for move in scales.moves(case.both, PROTECTIONS):
        if move.direction is Direction.WIDENED:
            yield Breach(move.place, move.sentence)
    stateful = {(change.stack, change.resource) for change in case.changes if _holds_data(change)}
    for place in sorted(case.both.touched):
        old, new = case.both.before.resource(place), case.both.after.resource(place)
        if old is None or new is None:
            continue
        severity = Severity.BLOCKER if place in stateful or old.type in HOLD_DATA else Severity.WARNING
        for key, was, now in (
            ("DeletionPolicy", old.deletion_policy, new.deletion_policy),
            ("UpdateReplacePolicy", old.update_replace_policy, new.update_replace_policy),
        ):
            if was in KEEPS and now not in KEEPS:
                yield Breach(place, f"{place[1]} loses its {key} {was}: its data would go with it", severity)


def _unencrypted(case: Case) -> Iterator[Breach]:
    stores = [scale for scale in SCALES if scale.kind is ExposureKind.ENCRYPTION and scale.types != _EDGE]
    for move in scales.moves(case.both, stores):
        if move.direction is Direction.WIDENED and move.now is not None and move.now.rank == 0:
            yield Breach(move.place, move.sentence, None if move.scale.expected else Severity.WARNING)


_EDGE: Final = ("AWS::CloudFront::Distribution",)


def _logging_lost(case: Case) -> Iterator[Breach]:
    for move in scales.moves(case.both, [scale for scale in SCALES if scale.kind is ExposureKind.LOGGING]):
        if move.direction is Direction.WIDENED and move.now is not None:
            yield Breach(move.place, move.sentence, Severity.WARNING if move.now.rank > 0 else None)
    for exposure in watchers.found(case.both):
        if exposure.direction is Direction.WIDENED:
            yield Breach((exposure.stack, exposure.resource), exposure.sentence)


RULES: Final = (
    Rule("data-loss", "No data is deleted without a named approval.", Severity.BLOCKER, _data_loss),
    Rule(
        "replaced-without-retain",
        "A resource that holds data is replaced only where its data is retained or snapshotted.",
        Severity.BLOCKER,
        _replaced,
    ),
    Rule(
        "protection-removed",
        "Protection from deletion or termination, and Retain or Snapshot, stay.",
        Severity.BLOCKER,
        _protection_removed,
    ),
    Rule("unencrypted-store", "Whatever stores data is encrypted.", Severity.BLOCKER, _unencrypted),
    Rule("logging-lost", "Logs, versions and backups stay.", Severity.BLOCKER, _logging_lost),
)
