"""Erasing an owner: every version of every file, every record, and a line that says so.

The line stands in the artifacts bucket, below `audit/erasures/`: when, by whom, whose, how much; no contents.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from generator.aws.errors import aws
from generator.aws.jobs import Files, Jobs

AUDIT = "audit/erasures/"


@dataclass(frozen=True)
class Erased:
    """What was erased of an owner, and what was still there afterwards."""

    environment: str
    owner: str
    by: str
    at: str
    jobs: int
    versions: int
    left: int
    """Versions that somebody wrote meanwhile; 0 when the erasure is complete."""


def erase_owner(environment: str, owner: str, by: str, jobs: Jobs, files: Files, now: datetime) -> Erased:
    """Erase all of an owner's videos. Raises AwsRefused; running it again takes up where it stopped.

    The files go first, so that a record which still stands says that something may be left.
    """
    records = jobs.found(owner=owner)
    prefix = f"videos/{owner}/"
    versions = files.erase(prefix)
    jobs.bury({record.id for record in records})
    for record in records:
        jobs.erase(record)
    return Erased(
        environment,
        owner,
        by,
        f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        len(records),
        versions,
        files.left(prefix),
    )


def keep_line(s3: Any, bucket: str, erased: Erased) -> str:
    """Write the line about an erasure; its key. Raises AwsRefused."""
    key = f"{AUDIT}{erased.at}.json"
    with aws(f"writing {key}"):
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(asdict(erased)).encode(), ContentType="application/json")
    return key
