"""Two views of one change, held against each other: what the offline plan said and what CloudFormation will do."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from generator.sync.errors import NotApproved, Surprise
from generator.sync.ports import ChangeSet, ResourceChange

Expectations = Mapping[str, Mapping[str, Collection[str]]]
"""Stack -> logical id -> actions that the plan allows: `create`, `update`, `replace`, `delete`."""


class Verdict(StrEnum):
    """What CloudFormation says that it will do to a resource, in the plan's words."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    MAY_REPLACE = "may replace"
    """It depends on a value that is only known while it runs, or on a property that it knows too little of."""
    DELETE = "delete"
    OTHER = "other"
    """Imported, or decided only while it runs (a nested stack, a macro)."""


def verdict(change: ResourceChange) -> Verdict:
    """What a line of a change set allows at worst.

    `Conditional` with details that name no property which can force a new resource is an update.
    """
    match change.action:
        case "Add":
            return Verdict.CREATE
        case "Remove":
            return Verdict.DELETE
        case "Modify" if change.replacement == "True":
            return Verdict.REPLACE
        case "Modify" if change.replacement == "Conditional" and change.recreating != ():
            return Verdict.MAY_REPLACE
        case "Modify":
            return Verdict.UPDATE
        case _:
            return Verdict.OTHER


def surprises(stack: str, change_set: ChangeSet, expected: Expectations) -> tuple[Surprise, ...]:
    """Replacements and deletions that the plan did not announce; creations and updates lose nothing and may differ.

    CloudFormation says `Conditional` of much that it then updates in place, so the plan, which knows each property, is
    believed if it announces any change of that resource. It also says so of whatever takes an attribute of a resource
    that is updated, without knowing yet that a service's name or a group's id stays; there, too, the plan is believed.
    Of any other that the plan does not touch, it is a surprise.
    """
    found = []
    announcements = expected.get(stack, {})
    lines = {change.logical_id: change for change in change_set.changes}
    for change in change_set.changes:
        planned = announcements.get(change.logical_id, ())
        match verdict(change):
            case Verdict.REPLACE | Verdict.DELETE as worst:
                announced = worst.value in planned
            case Verdict.MAY_REPLACE as worst:
                announced = bool({Verdict.UPDATE.value, Verdict.REPLACE.value}.intersection(planned))
                announced = announced or _only_follows(change, lines, announcements)
            case _:
                continue
        if not announced:
            found.append(Surprise(change, worst.value, tuple(sorted(planned))))
    return tuple(found)


def _only_follows(
    change: ResourceChange, lines: Mapping[str, ResourceChange], announcements: Mapping[str, Collection[str]]
) -> bool:
    """Tell whether all that may replace a resource are others, and each of them stays the one that it is."""

    def stays(name: str) -> bool:
        line, planned = lines.get(name), announcements.get(name, ())
        if line is None or verdict(line) not in (Verdict.UPDATE, Verdict.MAY_REPLACE):
            return False
        in_place = Verdict.UPDATE.value in planned and Verdict.REPLACE.value not in planned
        return in_place or (not planned and _only_follows(line, lines, announcements))

    return bool(change.follows) and all(stays(name) for name in change.follows)


@dataclass(frozen=True)
class Approval:
    """What was approved, and what is about to happen."""

    approved: frozenset[str]
    """Digests of approved plans, of single approved effects, or of both; what `--expect` gives, and what pull requests
    approved since the deployed revision."""
    digest: str
    """Of the plan between what is deployed and what Git wants."""
    effects: Mapping[str, str] | None = None
    """That plan's effects: digest -> sentence. None where only whole plans can be compared."""

    def require(self) -> None:
        """Pass if the plan was approved whole, or each of its effects by one of several merges. Raises NotApproved."""
        if self.digest in self.approved:
            return
        if self.effects is None:
            raise NotApproved(self.digest, self.approved, ())
        missing = tuple(said for effect, said in self.effects.items() if effect not in self.approved)
        if missing:
            raise NotApproved(self.digest, self.approved, missing)
