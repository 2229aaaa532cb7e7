"""S3 in memory, as far as texts that are written once need it."""

import base64
import io
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError


class Bucket:
    """A client of S3 with one bucket."""

    meta = SimpleNamespace(endpoint_url="https://s3.example")

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.writes: list[str] = []

    def put_object(self, *, Key: str, Body: bytes, IfNoneMatch: str, ChecksumSHA256: str, **_: Any) -> None:  # noqa: N803
        assert IfNoneMatch == "*"
        assert base64.b64encode(sha256(Body).digest()).decode() == ChecksumSHA256
        if Key in self.objects:
            answer: Any = {"Error": {"Code": "PreconditionFailed"}, "ResponseMetadata": {"HTTPStatusCode": 412}}
            raise ClientError(answer, "PutObject")
        self.writes.append(Key)
        self.objects[Key] = Body

    def get_object(self, *, Key: str, **_: Any) -> Any:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[Key])}
