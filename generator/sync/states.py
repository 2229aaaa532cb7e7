"""What apply does about a stack in each state that CloudFormation knows: one table.

docs/runbooks/stacks.md says the same in words, state by state; a test holds both against AWS's own list.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from generator.sync.ports import LiveStack, StackEvent, StackResource


class Step(StrEnum):
    """The next thing to do about a stack."""

    CREATE = "create"
    """A change set of kind CREATE starts from here."""
    UPDATE = "update"
    """A change set of kind UPDATE starts from here."""
    WAIT = "wait"
    """An operation runs: it is followed to its end, whoever started it."""
    DELETE_SHELL = "delete the shell"
    """Its creation failed and nothing else is accepted: deleted if it is ours and holds nothing, then created."""
    RETRY_DELETE = "delete again"
    """As DELETE_SHELL, but only where the stack never was complete: its history says."""
    CONTINUE_ROLLBACK = "continue the rollback"
    """Once; then the resources that stand in the way are proposed for skipping."""
    ROLL_BACK = "roll back"
    """An operation failed with rollback switched off: taken back to the last good state."""
    REFUSE = "refuse"
    """No call leads on without a person's decision."""


STEPS: Final[Mapping[str, Step]] = MappingProxyType(
    {
        "REVIEW_IN_PROGRESS": Step.CREATE,
        "CREATE_IN_PROGRESS": Step.WAIT,
        "CREATE_FAILED": Step.ROLL_BACK,
        "CREATE_COMPLETE": Step.UPDATE,
        "ROLLBACK_IN_PROGRESS": Step.WAIT,
        "ROLLBACK_FAILED": Step.DELETE_SHELL,
        "ROLLBACK_COMPLETE": Step.DELETE_SHELL,
        "DELETE_IN_PROGRESS": Step.WAIT,
        "DELETE_FAILED": Step.RETRY_DELETE,
        "DELETE_COMPLETE": Step.CREATE,
        "UPDATE_IN_PROGRESS": Step.WAIT,
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": Step.WAIT,
        "UPDATE_COMPLETE": Step.UPDATE,
        "UPDATE_FAILED": Step.ROLL_BACK,
        "UPDATE_ROLLBACK_IN_PROGRESS": Step.WAIT,
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": Step.WAIT,
        "UPDATE_ROLLBACK_COMPLETE": Step.UPDATE,
        "UPDATE_ROLLBACK_FAILED": Step.CONTINUE_ROLLBACK,
        "IMPORT_IN_PROGRESS": Step.WAIT,
        "IMPORT_COMPLETE": Step.UPDATE,
        "IMPORT_ROLLBACK_IN_PROGRESS": Step.WAIT,
        "IMPORT_ROLLBACK_COMPLETE": Step.UPDATE,
        "IMPORT_ROLLBACK_FAILED": Step.REFUSE,
    }
)
"""Every StackStatus (boto3 1.44, 2026-11)."""

_SUCCEEDED: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_BEGAN: Final = frozenset({"CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS"})


def next_step(live: LiveStack | None) -> Step:
    """What to do about a stack; a state that AWS added since is waited for where it says so, and refused otherwise."""
    if live is None:
        return Step.CREATE
    step = STEPS.get(live.status)
    return step or (Step.WAIT if live.in_progress else Step.REFUSE)


def steady(live: LiveStack) -> bool:
    """The last operation succeeded: what AWS says of template and parameters is what runs."""
    return live.status in _SUCCEEDED


def ours(live: LiveStack, tags: Mapping[str, str]) -> bool:
    """The stack bears the tags that apply gives to the stacks of this environment."""
    return all(live.tags.get(key) == value for key, value in tags.items())


def never_complete(history: Iterable[StackEvent]) -> bool:
    """Whether a stack has failed since its first day, so that nobody can have relied on it.

    AWS keeps events for 90 days: a stack whose beginning is no longer told counts as once complete.
    """
    statuses = [event.status for event in history]
    return bool(statuses) and statuses[0] in _BEGAN and not _SUCCEEDED.intersection(statuses)


def retained(resources: Iterable[StackResource]) -> tuple[StackResource, ...]:
    """What deleting a shell would leave behind without an owner."""
    return tuple(one for one in resources if one.status == "DELETE_SKIPPED")


def stuck(resources: Iterable[StackResource]) -> tuple[StackResource, ...]:
    """What keeps a rollback from ending: the list to skip. CloudFormation accepts only these states there."""
    return tuple(one for one in resources if one.status in ("UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"))
