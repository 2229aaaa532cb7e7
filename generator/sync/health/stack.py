"""A CloudFormation stack, from DescribeStacks.

Health says whether what the stack holds works, not whether it is what Git wants (that is its sync status). A stack
whose update was rolled back runs what it ran before: healthy, with a reason, and out of sync until Git or AWS changes.
"""

from generator.sync.health.states import Health, Payload, degraded, healthy, missing, of_payload, progressing, unknown

_DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}
_ROLLED_BACK = {"UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "IMPORT_ROLLBACK_COMPLETE"}
_MOVING = {
    "CREATE_IN_PROGRESS": "being created",
    "UPDATE_IN_PROGRESS": "being updated",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "updated; what was replaced is being deleted",
    "DELETE_IN_PROGRESS": "being deleted",
    "IMPORT_IN_PROGRESS": "importing resources",
}
_FAILING = {
    "ROLLBACK_IN_PROGRESS": "its creation failed and is being rolled back",
    "ROLLBACK_COMPLETE": "its creation failed; nothing is left in it",
    "UPDATE_ROLLBACK_IN_PROGRESS": "its update failed and is being rolled back",
    "IMPORT_ROLLBACK_IN_PROGRESS": "its import failed and is being rolled back",
    "CREATE_FAILED": "its creation failed",
    "UPDATE_FAILED": "its update failed and was not rolled back",
    "ROLLBACK_FAILED": "its creation failed, and so did the rollback",
    "UPDATE_ROLLBACK_FAILED": "its update failed, and so did the rollback",
    "IMPORT_ROLLBACK_FAILED": "its import failed, and so did the rollback",
    "DELETE_FAILED": "its deletion failed",
}
_ABSENT = {
    "REVIEW_IN_PROGRESS": "an empty shell: its first change set was never executed",
    "DELETE_COMPLETE": "it was deleted",
}


@of_payload
def stack(payload: Payload) -> Health:
    """Judge a stack by its StackStatus."""
    status: str = payload["StackStatus"]
    said = payload.get("StackStatusReason", "")
    because = f": {said}" if said else ""
    if status in _DONE:
        return healthy()
    if status in _ROLLED_BACK:
        return healthy(f"the last change failed and was rolled back{because}")
    if status in _MOVING:
        return progressing(_MOVING[status])
    if status in _FAILING:
        return degraded(_FAILING[status] + because)
    if status in _ABSENT:
        return missing(_ABSENT[status])
    return unknown(f"CloudFormation says {status}, which this release of ecgctl does not know")
