"""A restore drill against an account in memory: what it makes, what it finds, what it leaves."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.drilling import drill
from generator.report.drill_text import drill_text
from generator.sync.drill import CannotRestore, Drill, Job, Side, Version, Window, as_of
from generator.sync.errors import CallRefused
from tests.generator.sync.worlds import FakeClock

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MOMENT = NOW - timedelta(hours=1)


def version(key: str, minutes: int, deleted: bool = False) -> Version:
    """So many minutes before now."""
    return Version(key, f"{key}@{minutes}", NOW - timedelta(minutes=minutes), 0 if deleted else 1000, deleted)


@dataclass
class Account:
    """`Restoring` in memory; a table takes three looks to become ready."""

    found: tuple[Job, ...] = (Job("1", "done", "videos/a/1/video.mp4"), Job("2", "queued", "videos/a/2/video.mp4"))
    held: tuple[Version, ...] = (version("videos/a/1/video.mp4", 90), version("videos/a/1/result.json", 80))
    recoverable: Window | None = field(default_factory=lambda: Window(NOW - timedelta(days=35), NOW))
    days: int | None = 30
    tables: dict[str, int] = field(default_factory=dict)
    buckets: dict[str, list[str]] = field(default_factory=dict)
    full: bool = False
    """Copies are refused."""

    def window(self, table: str) -> Window | None:
        return self.recoverable

    def restore_table(self, table: str, to: str, moment: datetime) -> None:
        assert (table, moment) == ("jobs", MOMENT)
        self.tables[to] = 0

    def table_ready(self, table: str) -> bool:
        self.tables[table] += 1
        return self.tables[table] > 2

    def jobs(self, table: str) -> Iterable[Job]:
        assert self.tables[table] > 2
        return self.found

    def versions(self, bucket: str) -> Iterable[Version]:
        return self.held

    def kept_days(self, bucket: str) -> int | None:
        return self.days

    def make_bucket(self, bucket: str, like: str) -> None:
        self.buckets[bucket] = []

    def copy(self, bucket: str, version: Version, to: str) -> None:
        if self.full:
            raise CallRefused("copying: SlowDown")
        self.buckets[to].append(version.id)

    def remove_table(self, table: str) -> None:
        self.tables.pop(table, None)

    def remove_bucket(self, bucket: str) -> None:
        self.buckets.pop(bucket, None)

    def now(self) -> datetime:
        return NOW


def run(account: Account, most: int | None = None, keep: bool = False, moment: datetime = MOMENT) -> Drill:
    return drill("prod", "jobs", "videos", moment, account, FakeClock(), lambda _: None, most=most, keep=keep)


def test_a_finished_job_with_its_video_and_result_is_sound_and_nothing_is_left() -> None:
    account = Account()
    done = run(account)
    assert done.sound
    assert (dict(done.jobs), done.objects, done.copied) == ({"done": 1, "queued": 1}, 2, 2)
    assert done.table_seconds == 10
    assert (account.tables, account.buckets) == ({}, {})


def test_what_a_finished_job_lacks_is_named() -> None:
    done = run(Account(held=(version("videos/a/1/video.mp4", 90), version("videos/a/1/result.json", 30))))
    assert done.missing == (("1", "videos/a/1/result.json"),)
    assert "missing   videos/a/1/result.json of job 1" in drill_text(done)
    assert "not sound: 1 objects" in drill_text(done)


def test_copies_are_kept_where_that_is_asked_for() -> None:
    account = Account()
    done = run(account, keep=True)
    assert account.buckets == {done.side.bucket: ["videos/a/1/result.json@80", "videos/a/1/video.mp4@90"]}
    assert list(account.tables) == [done.side.table]


def test_a_part_of_the_objects_is_copied_and_all_are_looked_at() -> None:
    done = run(Account(), most=1)
    assert (done.copied, done.objects, done.sound) == (1, 2, True)
    assert done.notes == ("1 objects were looked at and not copied",)


def test_a_drill_that_breaks_off_takes_away_what_it_made() -> None:
    account = Account(full=True)
    with pytest.raises(CallRefused):
        run(account)
    assert (account.tables, account.buckets) == ({}, {})


@pytest.mark.parametrize(
    ("account", "moment", "says"),
    [
        (Account(), NOW + timedelta(hours=1), "yet to come"),
        (Account(recoverable=None), MOMENT, "point_in_time_recovery=True"),
        (Account(recoverable=Window(NOW - timedelta(minutes=5), NOW)), MOMENT, "it can be restored to"),
        (Account(days=0), MOMENT, "it keeps no versions"),
        (Account(days=7), NOW - timedelta(days=8), "versions are kept for 7 days"),
    ],
)
def test_a_moment_that_cannot_be_had_is_refused_before_anything_is_made(
    account: Account, moment: datetime, says: str
) -> None:
    with pytest.raises(CannotRestore, match=says):
        run(account, moment=moment)
    assert (account.tables, account.buckets) == ({}, {})


def test_the_bucket_is_what_was_current_then() -> None:
    history = [
        version("replaced", 90),
        version("replaced", 30),
        version("deleted-before", 90),
        version("deleted-before", 70, deleted=True),
        version("deleted-after", 90),
        version("deleted-after", 30, deleted=True),
        version("came-back", 100),
        version("came-back", 90, deleted=True),
        version("came-back", 80),
        version("later", 10),
    ]
    assert [one.id for one in as_of(history, MOMENT)] == ["came-back@80", "deleted-after@90", "replaced@90"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200), st.booleans()), unique_by=lambda one: one[:2]))
def test_it_is_what_replaying_every_change_until_then_gives(changes: list[tuple[str, int, bool]]) -> None:
    bucket: dict[str, str] = {}
    history = [version(key, minutes, deleted) for key, minutes, deleted in changes]
    for one in sorted(history, key=lambda each: each.at):
        if one.at <= MOMENT:
            bucket.pop(one.key, None) if one.deleted else bucket.update({one.key: one.id})
    assert {one.key: one.id for one in as_of(history, MOMENT)} == bucket


def test_side_names_fit_and_begin_as_what_they_stand_beside() -> None:
    side = Side.of("ecg-jobs", "ecg-project-pipeline-prod-video-storage-0a1b2c3d", NOW)
    assert side.table == "ecg-jobs-drill-20261126-120000"
    assert side.bucket.startswith("ecg-project-pipeline-prod-video-storage")
    assert side.bucket.endswith("-drill-20261126-120000")
    assert len(side.bucket) <= 63


def test_a_kept_copy_says_so() -> None:
    done = replace(run(Account()), kept=True)
    assert drill_text(done).endswith("both copies are kept; delete them when you have looked")
