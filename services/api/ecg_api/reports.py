"""What others report in the artifacts bucket: the GPU box of itself, `apply` and `drift` of the environment."""

from __future__ import annotations

import json
import logging
from typing import Any

from botocore.exceptions import ClientError

from ecg_api.aws_calls import call, error_code

log = logging.getLogger(__name__)

# S3 answers AccessDenied for a key that is not there to whoever may not list the bucket, and we may not.
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "AccessDenied", "403"})


class S3Reports:
    """The reports about `environment`; `client` is a boto3 S3 client. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, bucket: str, environment: str) -> None:
        self._client = client
        self._bucket = bucket
        self._environment = environment

    async def box(self) -> dict[str, Any] | None:
        """Return what the box last said of itself (services/ray_serve/reconciler/report.py); None if nothing yet."""
        return await self._read(f"observed/{self._environment}/box.json")

    async def status(self) -> dict[str, Any] | None:
        """Return what `apply` or `drift` last saw of the environment; None if nothing yet."""
        return await self._read(f"status/{self._environment}.json")

    async def _read(self, key: str) -> dict[str, Any] | None:
        def get_and_parse(**request: Any) -> Any:
            # In the same thread: a status of many stacks takes a moment to parse, too.
            return json.loads(self._client.get_object(**request)["Body"].read())

        get_and_parse.__name__ = "get_object"
        try:
            document = await call("s3", get_and_parse, expected=_ABSENT, Bucket=self._bucket, Key=key)
        except ClientError as error:
            log.info("no report", extra={"key": key, "reason": error_code(error)})
            return None
        except ValueError:
            log.warning("a report is no JSON", extra={"key": key})
            return None
        return document if isinstance(document, dict) else None
