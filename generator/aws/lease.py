"""A lease's record as an object of S3: `If-None-Match` creates it, `If-Match` replaces exactly one version of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import aws, error_code
from generator.sync.lease import Stored, WriteConflict

_CONFLICTS = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
_ABSENT = ("NoSuchKey", "404")


class S3Lease:
    """Implements LeaseStore: `leases/{env}.json` in a bucket."""

    def __init__(
        self, client: Any, bucket: str, environment: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._client, self._bucket, self._key = client, bucket, f"leases/{environment}.json"
        self._clock = clock
        self._ahead = clock() - clock()
        """How much S3's clock is ahead of this machine's."""

    def read(self) -> Stored | None:
        with aws(f"reading the lease in {self._bucket}"):
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=self._key)
            except ClientError as error:
                self._set_clock(error.response)
                if error_code(error) in _ABSENT:
                    return None
                raise
            self._set_clock(found)
            return Stored(found["Body"].read().decode(), found["ETag"])

    def write(self, text: str, replacing: str | None) -> str:
        condition = {"IfNoneMatch": "*"} if replacing is None else {"IfMatch": replacing}
        with aws(f"writing the lease in {self._bucket}"):
            try:
                put = self._client.put_object(
                    Bucket=self._bucket, Key=self._key, Body=text.encode(), ContentType="application/json", **condition
                )
            except ClientError as error:
                # With If-Match, an object that was deleted answers NoSuchKey.
                if error_code(error) in _CONFLICTS or (replacing and error_code(error) in _ABSENT):
                    raise WriteConflict from error
                raise
            self._set_clock(put)
            return str(put["ETag"])

    def now(self) -> datetime:
        return self._clock() + self._ahead

    def _set_clock(self, answer: Any) -> None:
        date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if date:
            self._ahead = parsedate_to_datetime(date) - self._clock()
