"""A property that differs -> what CloudFormation does about it, with the rule or table row that says so."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from generator.plan.behaviour import Behaviour, Row, behaviour
from generator.plan.difference import Difference, Step, dotted
from generator.plan.facts import Confidence, Effect, PropertyChange
from generator.plan.tree import Att, Call, Ref, Resource, Text

GRAVITY: Final = {effect: index for index, effect in enumerate(Effect)}
"""The order of Effect: from mild to grave, UNKNOWN last."""
_CUSTOM: Final = "AWS::CloudFormation::CustomResource"
_STORE_FAMILIES: Final = (
    "c1",
    "c3",
    "d2",
    "i2",
    "m1",
    "m2",
    "m3",
    "r3",
    "x1",
    "t1",
    "cc1",
    "cc2",
    "cg1",
    "cr1",
    "hs1",
    "hi1",
    "g2",
)
"""Families that can boot from an instance store; all others boot from EBS.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/RootDeviceStorage.html (2026-11-23), and older generations."""

Verdict = tuple[Effect, str, Confidence]


def known_behaviour(kind: str) -> Behaviour | None:
    """What is known of a resource type; custom resources share one row."""
    return behaviour(_CUSTOM if kind.startswith("Custom::") else kind)


def change(difference: Difference, before: Resource, after: Resource, known: Behaviour | None) -> PropertyChange:
    """A difference with its verdict."""
    effect, proof, confidence = verdict(difference, before, after, known)
    return PropertyChange(dotted(difference.path), difference.before, difference.after, effect, proof, confidence)


def verdict(difference: Difference, before: Resource, after: Resource, known: Behaviour | None) -> Verdict:
    """What a difference does: the gravest of what its parts do."""
    if known is None:
        return Effect.UNKNOWN, f"no schema of {after.type} is known", Confidence.GUESS
    return max(
        (_leaf(leaf, difference, before, after, known) for leaf in _leaves(difference)),
        key=lambda one: GRAVITY[one[0]],
    )


def _leaf(
    path: tuple[Step, ...], difference: Difference, before: Resource, after: Resource, known: Behaviour
) -> Verdict:
    steps = tuple("*" if isinstance(step, int) else step for step in path)
    doubt: Verdict | None = None
    for row in _rows(steps, known):
        holds = _holds(row, difference, before, after)
        proof = f"{row.note}; {row.source}" if row.note else row.source
        if holds:
            return row.effect, proof, Confidence.CERTAIN
        if holds is None and GRAVITY[row.effect] > GRAVITY[Effect.MAY_REPLACE]:
            doubt = doubt or (Effect.MAY_REPLACE, f"{proof}, which the template does not tell", Confidence.LIKELY)
    if doubt:
        return doubt
    if known.shape(path) is None:
        return Effect.UNKNOWN, f"{known.source}: no property {dotted(path)}", Confidence.GUESS
    if found := _among(steps, known.read):
        return Effect.UNKNOWN, f"{known.source}: {found} is read-only", Confidence.GUESS
    if found := _among(steps, known.create):
        if known.revisions:
            proof = f"a new revision, as every change of it: {known.source}: createOnlyProperties {found}"
            return Effect.REPLACEMENT, proof, Confidence.CERTAIN
        return Effect.REPLACEMENT, f"{known.source}: createOnlyProperties {found}", Confidence.CERTAIN
    if found := _among(steps, known.conditional):
        return Effect.MAY_REPLACE, f"{known.source}: conditionalCreateOnlyProperties {found}", Confidence.LIKELY
    if not known.updates:
        return Effect.REPLACEMENT, f"{known.source}: it has no update handler", Confidence.CERTAIN
    sure = Confidence.CERTAIN if known.rows else Confidence.LIKELY
    return Effect.IN_PLACE, f"{known.source}: {dotted(difference.path)} is not create-only", sure


def _leaves(difference: Difference) -> Iterator[tuple[Step, ...]]:
    """The paths at which something differs, below one that appears or goes as a whole."""
    both = difference.before is not None and difference.after is not None
    whole = difference.after if difference.before is None else difference.before
    if both or not isinstance(whole, Mapping | list) or not whole:
        yield difference.path
    else:
        yield from _below(difference.path, whole)


def _below(path: tuple[Step, ...], value: Any) -> Iterator[tuple[Step, ...]]:
    if isinstance(value, Mapping) and value:
        for key, one in sorted(value.items()):
            yield from _below((*path, key), one)
    elif isinstance(value, list) and value:
        for index, one in enumerate(value):
            yield from _below((*path, index), one)
    else:
        yield path


def _among(steps: tuple[str, ...], paths: frozenset[str]) -> str:
    """The path of a schema's list that speaks of a property: above it, at it, or below it."""
    for path in sorted(paths):
        parts = path.split("/")
        if all(part in (step, "*") or step == "*" for part, step in zip(parts, steps, strict=False)):
            return path
    return ""


def _rows(steps: tuple[str, ...], known: Behaviour) -> list[Row]:
    """The rows that speak of a property, the most particular first."""
    found = []
    for row in known.rows:
        parts = row.path.split("/")
        if len(parts) <= len(steps) and all(part in (step, "*") for part, step in zip(parts, steps, strict=False)):
            found.append((len(parts) if row.path != "*" else 0, row))
    return [row for _, row in sorted(found, key=lambda pair: -pair[0])]


def _holds(row: Row, difference: Difference, before: Resource, after: Resource) -> bool | None:
    """Whether a row's condition is met; None where the templates do not tell."""
    answers = [
        *(_matches(before, path, wanted) for path, wanted in row.before.items()),
        *(_matches(after, path, wanted) for path, wanted in row.after.items()),
    ]
    if row.change:
        answers.append(_row_changes(row, difference))
    if row.root:
        answers.append(_on_ebs(before, after))
    if False in answers:
        return False
    return None if None in answers else True


def _matches(resource: Resource, path: str, wanted: Any) -> bool | None:
    value: Any = {**resource.properties, **resource.attributes}
    for step in path.split("/"):
        value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, Ref | Att | Text | Call):
        return None
    choices = wanted if isinstance(wanted, list) else [wanted]
    return any(str(value).lower() == str(choice).lower() for choice in choices)


def _row_changes(row: Row, difference: Difference) -> bool | None:
    """`edited` is a change inside something that both versions have, not with it."""
    if row.change == "edited":
        return len(difference.path) >= len(row.path.split("/"))
    return changes_so(row.change, difference.before, difference.after)


def changes_so(kind: str, before: Any, after: Any) -> bool | None:
    """Whether a value is `added`, `removed`, `grows` or `shrinks`; None where the values do not tell."""
    match kind:
        case "added":
            return before is None
        case "removed":
            return after is None
        case _:
            try:
                return (float(after) > float(before)) == (kind == "grows")
            except (TypeError, ValueError):
                return None


def _on_ebs(before: Resource, after: Resource) -> bool | None:
    """Whether an instance's root volume is on EBS, as its type or its own mapping tells."""
    kinds = [resource.properties.get("InstanceType") for resource in (before, after)]
    if all(isinstance(kind, str) and kind.partition(".")[0] not in _STORE_FAMILIES for kind in kinds):
        return True
    mappings = after.properties.get("BlockDeviceMappings", ())
    rooted = isinstance(mappings, list) and any(
        isinstance(one, Mapping) and one.get("DeviceName") in ("/dev/xvda", "/dev/sda1") and "Ebs" in one
        for one in mappings
    )
    return True if rooted else None
