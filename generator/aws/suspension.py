"""An environment's suspension as an object of S3."""

from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import aws, error_code
from generator.sync.suspension import Suspension


class S3Suspension:
    """Implements SuspensionStore: `suspensions/{env}.json` in the (versioned) state bucket."""

    def __init__(self, client: Any, bucket: str, environment: str) -> None:
        self._client, self._bucket, self._key = client, bucket, f"suspensions/{environment}.json"

    def read(self) -> Suspension | None:
        with aws(f"reading {self._key} from {self._bucket}"):
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=self._key)["Body"].read()
            except ClientError as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return None
                raise
            return Suspension.from_text(body.decode())

    def write(self, suspension: Suspension) -> None:
        with aws(f"writing {self._key} to {self._bucket}"):
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._key,
                Body=suspension.to_text().encode(),
                ContentType="application/json",
            )

    def now(self) -> datetime:
        return datetime.now(UTC)
