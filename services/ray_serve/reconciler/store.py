"""The artifacts bucket, and the shelf on the box where its objects are kept by content."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from reconciler.desired import Item


class FetchError(Exception):
    """An object could not be brought here, or is not what its name says."""


class OutOfReach(FetchError):
    """S3 does not answer."""


@dataclass(frozen=True)
class Version:
    """An object's bytes and the tag that changes with them."""

    content: bytes
    etag: str


class Bucket(Protocol):
    """What the agent needs of S3. Every method raises FetchError."""

    def get(self, key: str, unless_etag: str | None = None) -> Version | None:
        """The object; None if it still has that tag."""

    def put(self, key: str, content: bytes) -> None:
        """Write a whole JSON object."""


class S3Bucket:
    """`Bucket` in S3; endpoint, region and credentials come from the surroundings."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    @classmethod
    def from_environment(cls, name: str) -> "S3Bucket":
        """With the instance's role on the box, with the environment's variables in the stand-in."""
        import boto3
        from botocore.config import Config

        # Short, also between two pieces of a large object: meanwhile nobody looks after Ray.
        config = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
        return cls(boto3.client("s3", config=config), name)

    def get(self, key: str, unless_etag: str | None = None) -> Version | None:
        """See `Bucket`."""
        from botocore.exceptions import BotoCoreError, ClientError

        condition = {"IfNoneMatch": unless_etag} if unless_etag else {}
        try:
            answer = self._client.get_object(Bucket=self._name, Key=key, **condition)
            return Version(answer["Body"].read(), answer["ETag"])
        except ClientError as error:
            if error.response["Error"]["Code"] in {"304", "NotModified"}:
                return None
            raise FetchError(f"s3://{self._name}/{key}: {error}") from error
        except (BotoCoreError, OSError) as error:
            raise OutOfReach(f"s3://{self._name}/{key}: {error}") from error

    def put(self, key: str, content: bytes) -> None:
        """See `Bucket`."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(Bucket=self._name, Key=key, Body=content, ContentType="application/json")
        except (BotoCoreError, ClientError, OSError) as error:
            raise FetchError(f"s3://{self._name}/{key}: {error}") from error

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`, in order. Raises FetchError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            return [one["Key"] for page in pages for one in page.get("Contents", ())]
        except (BotoCoreError, ClientError, OSError) as error:
            raise FetchError(f"s3://{self._name}/{prefix}: {error}") from error


class Shelf:
    """Immutable objects on the box's disk, each in a file named by its SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._verified: set[str] = set()

    def holds(self, item: Item) -> bool:
        """Is it here, and are its bytes what its name says? Read once for each run of the agent."""
        path = self.folder / item.file
        if not path.is_file():
            return False
        if item.file not in self._verified:
            if hashlib.sha256(path.read_bytes()).hexdigest() != item.sha256:
                path.unlink()
                return False
            self._verified.add(item.file)
        return True

    def read(self, item: Item) -> bytes:
        """Its bytes. Raises OSError."""
        return (self.folder / item.file).read_bytes()

    def fetch(self, item: Item, bucket: Bucket) -> None:
        """Bring it here unless it is. Raises FetchError, also for bytes that are not what was asked for."""
        if self.holds(item):
            return
        version = bucket.get(item.key)
        content = version.content if version else b""
        found = hashlib.sha256(content).hexdigest()
        if found != item.sha256:
            raise FetchError(f"{item.key} is corrupt: its SHA-256 is {found}, not {item.sha256}; publish it again")
        write(self.folder / item.file, content)
        self._verified.add(item.file)

    def keep_only(self, items: Iterable[Item]) -> None:
        """Remove what no generation needs that the box may still go to."""
        kept = {item.file for item in items}
        for path in self.folder.glob("*.*"):
            if path.name not in kept:
                path.unlink()
                self._verified.discard(path.name)


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a file so that a reader, or a crash, sees the old content or the new and nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
