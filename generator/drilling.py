"""A restore drill from end to end: look, make the side copies, hold them against each other, take them away."""

from collections.abc import Callable
from datetime import datetime, timedelta

from generator.sync.drill import CannotRestore, Drill, Restoring, Side, as_of, fit, require_restorable
from generator.sync.errors import CallRefused
from generator.sync.ports import Clock

POLL_S = 5.0
_LONGEST = timedelta(hours=6)
"""DynamoDB gives no bound; a table of this size takes minutes."""


def drill(
    environment: str,
    table: str,
    bucket: str,
    moment: datetime,
    account: Restoring,
    clock: Clock,
    say: Callable[[str], None],
    *,
    most: int | None = None,
    keep: bool = False,
) -> Drill:
    """Restore a table and a bucket to a moment, beside the real ones. Nothing of the environment is changed.

    `most`: copy so many objects only; the others are looked at all the same. `keep`: leave the copies for people to
    look at. Raises CannotRestore, CallRefused; what was made is taken away then too.
    """
    now = account.now()
    require_restorable(account.window(table), account.kept_days(bucket), moment, now)
    side = Side.of(table, bucket, now)
    try:
        say(f"restoring {table} to {side.table}")
        began = clock.monotonic()
        account.restore_table(table, side.table, moment)
        _wait(account, side.table, clock)
        table_seconds = clock.monotonic() - began
        jobs = list(account.jobs(side.table))
        say(f"{len(jobs)} jobs; reading the versions of {bucket}")
        began = clock.monotonic()
        held = as_of(account.versions(bucket), moment)
        chosen = held if most is None else held[:most]
        say(f"{len(held)} objects at that moment; copying {len(chosen)} to {side.bucket}")
        account.make_bucket(side.bucket, bucket)
        for version in chosen:
            account.copy(bucket, version, side.bucket)
        bucket_seconds = clock.monotonic() - began
        states, missing = fit(jobs, held)
    except BaseException:
        try:
            _take_away(account, side)
        except CallRefused as error:  # a table that is still being made cannot be deleted
            say(f"left behind, delete by hand: table {side.table}, bucket {side.bucket} ({error})")
        raise
    if not keep:
        _take_away(account, side)
    left = len(held) - len(chosen)
    return Drill(
        environment=environment,
        moment=moment,
        side=side,
        jobs=states,
        objects=len(held),
        bytes=sum(one.size for one in held),
        copied=len(chosen),
        missing=missing,
        table_seconds=table_seconds,
        bucket_seconds=bucket_seconds,
        kept=keep,
        notes=(f"{left} objects were looked at and not copied",) if left else (),
    )


def _wait(account: Restoring, table: str, clock: Clock) -> None:
    end = clock.monotonic() + _LONGEST.total_seconds()
    while not account.table_ready(table):
        if clock.monotonic() > end:
            raise CannotRestore(table, f"it is not ready after {_LONGEST}", "look at it in the DynamoDB console")
        clock.sleep(POLL_S)


def _take_away(account: Restoring, side: Side) -> None:
    account.remove_bucket(side.bucket)
    account.remove_table(side.table)
