"""The ledger of deployments as objects of S3 that are written once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import aws, error_code


class S3Ledger:
    """Implements LedgerStore in a bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def add(self, key: str, text: str) -> None:
        with aws(f"writing {key} to {self._bucket}"):
            try:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=text.encode(), IfNoneMatch="*")
            except ClientError as error:
                # Keys are unique to a deployment or to a content: what is there is what was to be written.
                if error_code(error) not in ("PreconditionFailed", "412"):
                    raise

    def read(self, key: str) -> str | None:
        with aws(f"reading {key} from {self._bucket}"):
            try:
                return str(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode())
            except ClientError as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return None
                raise

    def keys(self, prefix: str) -> Sequence[str]:
        with aws(f"listing {prefix} in {self._bucket}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def now(self) -> datetime:
        return datetime.now(UTC)
