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
    DELETE = "delete"
    OTHER = "other"
    """Imported, or decided only while it runs (a nested stack, a macro)."""


def verdict(change: ResourceChange) -> Verdict:
    """The gravest thing that a line of a change set allows.

    `Conditional` replaces only if a property that forces it changes its value while it runs; where the details name no
    such property, it does not.
    """
    match change.action:
        case "Add":
            return Verdict.CREATE
        case "Remove":
            return Verdict.DELETE
        case "Modify" if change.replacement == "True":
            return Verdict.REPLACE
        case "Modify" if change.replacement == "Conditional" and change.recreating != ():
            return Verdict.REPLACE
        case "Modify":
            return Verdict.UPDATE
        case _:
            return Verdict.OTHER


def surprises(stack: str, change_set: ChangeSet, expected: Expectations) -> tuple[Surprise, ...]:
    """Replacements and deletions that the plan did not announce; creations and updates lose nothing and may differ."""
    planned = expected.get(stack, {})
    return tuple(
        Surprise(change, verdict(change).value, tuple(sorted(planned.get(change.logical_id, ()))))
        for change in change_set.changes
        if verdict(change) in (Verdict.REPLACE, Verdict.DELETE)
        and verdict(change).value not in planned.get(change.logical_id, ())
    )


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
