"""The job of a video: what is known of it, and which changes its state allows. Pure.

    created -> uploading -> queued -> analysing -> done
       |           |          ^-----------|  \\-> failed        deleted: from any
       \\-----------+-> failed

A change is data (`Change`): the table turns its guards into a condition of the write, the tests' tables call
`changed`. So there is one state machine, and no write without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NewType

from ecg_api.errors import ChangeRefused, Code

Owner = NewType("Owner", str)
"""An opaque id of whoever a video belongs to; part of its objects' keys."""


MAX_ATTEMPTS = 5
"""After so many a job has failed, unless the queue's own limit is known."""


class JobState(StrEnum):
    """Where a job stands."""

    CREATED = "created"
    UPLOADING = "uploading"
    QUEUED = "queued"
    ANALYSING = "analysing"
    DONE = "done"
    FAILED = "failed"
    DELETED = "deleted"


TRANSITIONS: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        JobState.CREATED: frozenset({JobState.UPLOADING, JobState.FAILED, JobState.DELETED}),
        JobState.UPLOADING: frozenset({JobState.QUEUED, JobState.FAILED, JobState.DELETED}),
        JobState.QUEUED: frozenset({JobState.ANALYSING, JobState.DELETED}),
        # To itself: progress, and a redelivery that takes over from a worker that died.
        # Back to queued: an attempt that did not finish.
        JobState.ANALYSING: frozenset(
            {JobState.ANALYSING, JobState.QUEUED, JobState.DONE, JobState.FAILED, JobState.DELETED}
        ),
        JobState.DONE: frozenset({JobState.DELETED}),
        # To queued: an operator has it tried again (`ecgctl jobs retry`, which writes the same condition).
        JobState.FAILED: frozenset({JobState.QUEUED, JobState.DELETED}),
        JobState.DELETED: frozenset(),
    }
)

FINAL = frozenset({JobState.DONE, JobState.FAILED, JobState.DELETED})
"""States in which no work is left."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an analysis is: the reader's stage, and the fraction of it that is done, 0 to 1."""

    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed: a stable code and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Who analyses a job: a token made for one delivery, the queue message that was delivered, and until when.

    `until` is in epoch seconds; the holder renews it. Past it the holder is taken for dead.
    """

    token: str
    message_id: str
    until: int


@dataclass(frozen=True, slots=True)
class Job:
    """One video and its analysis; `size` in bytes, times in UTC, `expires_at` in epoch seconds.

    `name` is the file's name as the owner typed it. It is shown to the owner and goes nowhere else: not into
    keys, not into logs. `upload_id` is S3's id of a multipart upload, None for a single one; `app` is the Serve app
    that was chosen, None for the default one.
    """

    owner: Owner
    id: str
    state: JobState
    name: str
    size: int
    content_type: str
    key: str
    created_at: datetime
    updated_at: datetime
    attempts: int = 0
    progress: Progress | None = None
    error: Failure | None = None
    result_key: str | None = None
    expires_at: int | None = None
    upload_id: str | None = None
    claim: Claim | None = None
    app: str | None = None

    @property
    def prefix(self) -> str:
        """Where all objects of this video lie."""
        return object_prefix(self.owner, self.id)

    @property
    def result_place(self) -> str:
        """The key that its result has, or will have; `result_key` is set once the job is done."""
        return f"{self.prefix}result.json"


def object_prefix(owner: Owner, job_id: str) -> str:
    """Return the prefix of the keys of a video's objects, with its trailing slash."""
    return f"videos/{owner}/{job_id}/"


Value = str | int | Progress | Failure | Claim


@dataclass(frozen=True, slots=True)
class Guard:
    """A state that allows a change, if the claim fits too where more is given.

    `token` and `message_id` must be the claim's; `expired_at` (epoch seconds) must lie past its end.
    """

    state: JobState
    token: str | None = None
    message_id: str | None = None
    expired_at: int | None = None

    def admits(self, job: Job) -> bool:
        """Tell whether `job` passes."""
        if job.state is not self.state:
            return False
        if self.token is None and self.message_id is None and self.expired_at is None:
            return True
        claim = job.claim
        return (
            claim is not None
            and self.token in (None, claim.token)
            and self.message_id in (None, claim.message_id)
            and (self.expired_at is None or claim.until < self.expired_at)
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the state machine: allowed if any guard admits the job.

    `values` are attributes to set, `cleared` attributes to remove, `attempts` is added to the job's own. A change
    that is not `visible` leaves `updated_at` alone: its owner sees no difference.
    """

    to: JobState
    guards: tuple[Guard, ...]
    values: Mapping[str, Value] = field(default_factory=dict)
    cleared: frozenset[str] = frozenset()
    attempts: int = 0
    visible: bool = True

    def __post_init__(self) -> None:
        for guard in self.guards:
            if self.to not in TRANSITIONS[guard.state]:
                raise ValueError(f"no transition from {guard.state} to {self.to}")


def changed(job: Job, change: Change, now: datetime) -> Job:
    """Return `job` after `change` at `now`.

    Raises:
        ChangeRefused: no guard of the change admits the job.
    """
    if not any(guard.admits(job) for guard in change.guards):
        raise ChangeRefused(change, job)
    cleared: dict[str, str | None] = {name: "" if name == "name" else None for name in change.cleared}
    attempts = job.attempts + change.attempts
    updated_at = now if change.visible else job.updated_at
    return replace(job, **{**change.values, **cleared}, state=change.to, attempts=attempts, updated_at=updated_at)  # type: ignore[arg-type]


def opened(upload_id: str) -> Change:
    """Its multipart upload is open at S3."""
    return Change(JobState.UPLOADING, (Guard(JobState.CREATED),), {"upload_id": upload_id})


def queued() -> Change:
    """Its upload is verified and its message is in the queue."""
    return Change(JobState.QUEUED, (Guard(JobState.UPLOADING),))


def upload_failed(error: Failure) -> Change:
    """What was uploaded is no video."""
    return Change(JobState.FAILED, (Guard(JobState.UPLOADING),), {"error": error})


def upload_abandoned(error: Failure) -> Change:
    """Nobody completed its upload."""
    return Change(JobState.FAILED, (Guard(JobState.CREATED), Guard(JobState.UPLOADING)), {"error": error})


def exhausted(job: Job) -> Failure:
    """Why a job fails that was tried as often as it may be."""
    return Failure(Code.ATTEMPTS_EXHAUSTED, f"The analysis was tried {job.attempts} times and failed each time.")


def left_behind(ended_s: int) -> Change:
    """Its holder died before `ended_s` and no message of it will come again: it waits for a fresh one."""
    cleared = frozenset({"progress", "claim"})
    return Change(JobState.QUEUED, (Guard(JobState.ANALYSING, expired_at=ended_s),), cleared=cleared)


def left_with_result(ended_s: int, result_key: str) -> Change:
    """Its holder stored the result and died before `ended_s`, before it could say so."""
    cleared = frozenset({"progress", "claim"})
    guards = (Guard(JobState.ANALYSING, expired_at=ended_s),)
    return Change(JobState.DONE, guards, {"result_key": result_key}, cleared)


def left_for_good(ended_s: int, error: Failure) -> Change:
    """Its holder died before `ended_s`, in the last attempt that it had."""
    cleared = frozenset({"progress", "claim"})
    return Change(JobState.FAILED, (Guard(JobState.ANALYSING, expired_at=ended_s),), {"error": error}, cleared)


def claimed(claim: Claim, now_s: int) -> Change:
    """A delivery takes the job; counts an attempt.

    A job that is being analysed is taken over when its own message comes again (its visibility ran out, so its
    worker is gone) or when its claim ended before `now_s`; otherwise another message of it is a mere duplicate.
    """
    guards = (
        Guard(JobState.QUEUED),
        Guard(JobState.ANALYSING, message_id=claim.message_id),
        Guard(JobState.ANALYSING, expired_at=now_s),
    )
    return Change(JobState.ANALYSING, guards, {"claim": claim}, frozenset({"progress"}), attempts=1)


def renewed(claim: Claim) -> Change:
    """The holder lives on, until the claim's new end."""
    return Change(JobState.ANALYSING, (Guard(JobState.ANALYSING, claim.token),), {"claim": claim}, visible=False)


def progressed(token: str, progress: Progress) -> Change:
    """The holder of the claim got further."""
    return Change(JobState.ANALYSING, (Guard(JobState.ANALYSING, token),), {"progress": progress})


def handed_back(token: str) -> Change:
    """The holder could not even try: the attempt is taken off the count again."""
    cleared = frozenset({"progress", "claim"})
    return Change(JobState.QUEUED, (Guard(JobState.ANALYSING, token),), cleared=cleared, attempts=-1)


def to_be_retried(token: str) -> Change:
    """The holder tried and did not succeed; the attempt counts."""
    return Change(JobState.QUEUED, (Guard(JobState.ANALYSING, token),), cleared=frozenset({"progress", "claim"}))


def done(token: str, result_key: str) -> Change:
    """The holder stored the result."""
    cleared = frozenset({"progress", "claim"})
    return Change(JobState.DONE, (Guard(JobState.ANALYSING, token),), {"result_key": result_key}, cleared)


def failed(token: str, error: Failure) -> Change:
    """The holder knows that there will be no result."""
    cleared = frozenset({"progress", "claim"})
    return Change(JobState.FAILED, (Guard(JobState.ANALYSING, token),), {"error": error}, cleared)


def deleted(expires_at: int) -> Change:
    """Its owner deleted it: a tombstone without the name stays until `expires_at`, so that late work finds it."""
    guards = tuple(Guard(state) for state in JobState if state is not JobState.DELETED)
    cleared = frozenset({"name", "progress", "error", "result_key", "claim"})
    return Change(JobState.DELETED, guards, {"expires_at": expires_at}, cleared)
