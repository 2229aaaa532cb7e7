"""The GPU box, as it reports itself in the artifacts bucket."""

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from generator.local.errors import NotHealthy

_POLL_SECONDS = 1.0


def await_box(s3: Any, bucket: str, environment: str, show: Callable[[str], None], deadline_s: float = 600) -> None:
    """Wait until the box runs what `desired.json` asks for. Raises NotHealthy after `deadline_s` seconds."""
    started = time.monotonic()
    while (waiting := _waiting_for(s3, bucket, environment)) is not None:
        show(f"waiting for the GPU box: {waiting}")
        if time.monotonic() - started > deadline_s:
            raise NotHealthy(
                what=f"the GPU box is not ready after {deadline_s:.0f} s: {waiting}",
                where=f"s3://{bucket}/observed/{environment}/box.json",
                action="read boxes/*/var/log/*.log below the state directory",
            )
        time.sleep(_POLL_SECONDS)


def _waiting_for(s3: Any, bucket: str, environment: str) -> str | None:
    """What the box still lacks; None where it is ready and runs the wanted generation."""
    wanted = _document(s3, bucket, f"serve/{environment}/desired.json")
    seen = _document(s3, bucket, f"observed/{environment}/box.json")
    if wanted is None or seen is None:
        return "its first report"
    if seen["generation"]["applied"] != wanted["generation"]:
        return f"generation {wanted['generation'][:12]}"
    ready = next(each for each in seen["conditions"] if each["type"] == "Ready")
    return None if ready["status"] in (True, "True") else str(ready["message"] or ready["reason"])


def _document(s3: Any, bucket: str, key: str) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    return document
