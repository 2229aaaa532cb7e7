"""A restore drill: table and bucket as they were at a moment, beside the real ones, and whether they fit. Pure.

    table   point-in-time recovery makes a copy
    bucket  its versions say what was current; those are copied
    fit     every finished job must have its video and its result

What a drill shows is that a restore works, how long it takes, and what would be missing; it restores nothing in place.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from generator.errors import EcgError

RESULT = "result.json"
"""What the API's worker writes beside a video when it is read."""
DONE = "done"


class CannotRestore(EcgError):
    """The data of that moment is not to be had."""

    def __init__(self, what: str, why: str, next_step: str) -> None:
        self.what = what
        super().__init__(f"{what}: {why}\n  next: {next_step}")


@dataclass(frozen=True)
class Version:
    """One version of an object, or the mark that deleted it."""

    key: str
    id: str
    at: datetime
    size: int
    deleted: bool = False


@dataclass(frozen=True)
class Window:
    """The moments that a table can be restored to."""

    earliest: datetime
    latest: datetime


@dataclass(frozen=True)
class Job:
    """A job of the restored table, as far as the drill asks."""

    id: str
    state: str
    key: str
    """Its video's key."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The objects that must be there."""
        if self.state != DONE:
            return ()
        return self.key, f"{self.key.rpartition('/')[0]}/{RESULT}"


class Restoring(Protocol):
    """What a drill needs of an account. Methods may raise CallRefused."""

    def window(self, table: str) -> Window | None:
        """When the table can be restored to; None where point-in-time recovery is off."""

    def restore_table(self, table: str, to: str, moment: datetime) -> None:
        """Begin to make the table `to`."""

    def table_ready(self, table: str) -> bool:
        """Whether it can be read."""

    def jobs(self, table: str) -> Iterable[Job]:
        """Every job of a table."""

    def versions(self, bucket: str) -> Iterable[Version]:
        """Every version and delete marker of a bucket, in any order."""

    def kept_days(self, bucket: str) -> int | None:
        """For how many days versions outlive their successors; None for ever, 0 where the bucket keeps none."""

    def make_bucket(self, bucket: str, like: str) -> None:
        """A private bucket, encrypted as another one is: a copy of a video is a video."""

    def copy(self, bucket: str, version: Version, to: str) -> None:
        """One version into another bucket, under its key."""

    def remove_table(self, table: str) -> None:
        """Delete it, if it is there."""

    def remove_bucket(self, bucket: str) -> None:
        """Empty and delete it, if it is there."""

    def now(self) -> datetime:
        """UTC."""


def as_of(versions: Iterable[Version], moment: datetime) -> tuple[Version, ...]:
    """What a bucket held at a moment, by key: of each key the last version by then, unless that was its deletion."""
    last: dict[str, Version] = {}
    for one in versions:
        if one.at <= moment and (one.key not in last or one.at >= last[one.key].at):
            last[one.key] = one
    return tuple(last[key] for key in sorted(last) if not last[key].deleted)


@dataclass(frozen=True)
class Side:
    """The names of what a drill makes."""

    table: str
    bucket: str

    @staticmethod
    def of(table: str, bucket: str, now: datetime) -> "Side":
        """Beside a table and a bucket; a bucket's name has 63 characters at most."""
        stamp = f"drill-{now:%Y%m%d-%H%M%S}"
        return Side(f"{table}-{stamp}", f"{bucket[: 63 - len(stamp) - 1].rstrip('-')}-{stamp}")


@dataclass(frozen=True)
class Drill:
    """What came of it."""

    environment: str
    moment: datetime
    side: Side
    jobs: Mapping[str, int]
    """How many, by state."""
    objects: int
    """That the bucket held at the moment."""
    bytes: int
    copied: int
    missing: tuple[tuple[str, str], ...]
    """(job, key) for each object that a finished job should have and does not."""
    table_seconds: float
    bucket_seconds: float
    kept: bool
    notes: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether the restored data fits together."""
        return not self.missing


def require_restorable(window: Window | None, kept_days: int | None, moment: datetime, now: datetime) -> None:
    """Refuse a moment that cannot be had, before anything is made. Raises CannotRestore."""
    if moment > now:
        raise CannotRestore("the moment", f"{moment:%Y-%m-%d %H:%M} UTC is yet to come", "give one that is over")
    if window is None:
        raise CannotRestore(
            "the jobs table",
            "point-in-time recovery is off",
            "set jobs.point_in_time_recovery=True, render, apply; it counts from then on",
        )
    if not window.earliest <= moment <= window.latest:
        raise CannotRestore(
            "the jobs table",
            f"it can be restored to {window.earliest:%Y-%m-%d %H:%M} to {window.latest:%Y-%m-%d %H:%M} UTC",
            "give a moment between",
        )
    if kept_days == 0:
        raise CannotRestore("the video bucket", "it keeps no versions", "enable its versioning")
    if kept_days is not None and (now - moment).days >= kept_days:
        raise CannotRestore(
            "the video bucket",
            f"versions are kept for {kept_days} days, and that moment is older",
            "give a later one, or raise storage.noncurrent_version_days for the next time",
        )


def fit(jobs: Sequence[Job], held: Iterable[Version]) -> tuple[dict[str, int], tuple[tuple[str, str], ...]]:
    """How many jobs there are by state, and which objects finished ones lack."""
    keys = {one.key for one in held}
    counted = Counter(one.state for one in jobs)
    missing = [(job.id, key) for job in jobs for key in job.needs if key not in keys]
    return dict(sorted(counted.items())), tuple(missing)


def drill_json(drill: Drill) -> dict[str, Any]:
    """Plain data."""
    return {
        "environment": drill.environment,
        "moment": drill.moment.isoformat(),
        "table": drill.side.table,
        "bucket": drill.side.bucket,
        "kept": drill.kept,
        "jobs": dict(drill.jobs),
        "objects": {"held": drill.objects, "bytes": drill.bytes, "copied": drill.copied},
        "missing": [{"job": job, "key": key} for job, key in drill.missing],
        "seconds": {"table": round(drill.table_seconds, 1), "bucket": round(drill.bucket_seconds, 1)},
        "sound": drill.sound,
        "notes": list(drill.notes),
    }
