"""A video's objects in S3: uploads by presigned URL, and what the service itself reads and writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from anyio import to_thread
from botocore.exceptions import ClientError

from ecg_api.aws_calls import call, error_code
from ecg_api.errors import StoreUnavailable, UploadRejected
from ecg_api.media import content_type_of

_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
_RANGE = frozenset({"416", "InvalidRange"})
_BAD_PARTS = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML"})
_NO_UPLOAD = frozenset({"NoSuchUpload"})
_EXISTS = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict"})


@dataclass(frozen=True, slots=True)
class SignedPut:
    """A URL that takes one PUT, with the headers that were signed and must be sent."""

    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SignedPart:
    """A URL that takes part `number` (from 1) of a multipart upload, exactly `size` bytes."""

    number: int
    size: int
    url: str


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What S3 says of an object; `size` in bytes."""

    size: int
    content_type: str


class S3Objects:
    """The video bucket; `client` is a boto3 S3 client that signs with version 4. May raise StoreUnavailable.

    The size and the content type are signed headers, so S3 refuses any other body; a browser sets
    `Content-Length` by itself and can set no other.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    async def sign_put(self, key: str, content_type: str, size: int, expires_s: int) -> SignedPut:
        """Return where to PUT the whole object of `size` bytes within `expires_s` seconds."""
        url = await to_thread.run_sync(
            self._sign,
            "put_object",
            {"Key": key, "ContentType": content_type, "ContentLength": size},
            expires_s,
        )
        return SignedPut(url, {"Content-Type": content_type})

    async def open_multipart(self, key: str, content_type: str) -> str:
        """Begin a multipart upload and return its id."""
        answer = await call(
            "s3",
            self._client.create_multipart_upload,
            Bucket=self.bucket,
            Key=key,
            ContentType=content_type,
        )
        return str(answer["UploadId"])

    async def sign_parts(
        self, key: str, upload_id: str, sizes: Sequence[int], expires_s: int
    ) -> tuple[SignedPart, ...]:
        """Return where to PUT each part, numbered from 1, of the given sizes in bytes."""

        def sign_all() -> tuple[SignedPart, ...]:
            return tuple(
                SignedPart(
                    number,
                    size,
                    self._sign(
                        "upload_part",
                        {"Key": key, "UploadId": upload_id, "PartNumber": number, "ContentLength": size},
                        expires_s,
                    ),
                )
                for number, size in enumerate(sizes, start=1)
            )

        return await to_thread.run_sync(sign_all)

    async def complete_multipart(self, key: str, upload_id: str, etags: Mapping[int, str]) -> None:
        """Assemble the parts; one that is assembled already is no error.

        Raises:
            UploadRejected: a part is missing or is not what was uploaded.
        """
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in sorted(etags.items())]
        try:
            await call(
                "s3",
                self._client.complete_multipart_upload,
                expected=_BAD_PARTS | _NO_UPLOAD,
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
            )
        except ClientError as error:
            if error_code(error) in _BAD_PARTS or await self.info(key) is None:
                raise UploadRejected(error_code(error)) from error

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        """Throw the parts of an upload away; one that is gone already is no error."""
        try:
            await call(
                "s3",
                self._client.abort_multipart_upload,
                expected=_NO_UPLOAD,
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
            )
        except ClientError:
            return

    async def info(self, key: str) -> ObjectInfo | None:
        """Return what the bucket has under `key`; None if nothing."""
        try:
            answer = await call("s3", self._client.head_object, expected=_ABSENT, Bucket=self.bucket, Key=key)
        except ClientError:
            return None
        return ObjectInfo(int(answer["ContentLength"]), content_type_of(answer.get("ContentType", "")))

    async def read_head(self, key: str, length: int) -> bytes:
        """Return the first `length` bytes of an object, fewer if it is shorter or absent."""
        return await self._read(key, Range=f"bytes=0-{length - 1}") or b""

    async def read(self, key: str) -> bytes | None:
        """Return a whole (small) object; None if there is none."""
        return await self._read(key)

    async def put_once(self, key: str, body: bytes, content_type: str) -> bool:
        """Store an object unless there is one already; tell whether this call stored it."""
        try:
            await call(
                "s3",
                self._client.put_object,
                expected=_EXISTS,
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                IfNoneMatch="*",
            )
        except ClientError:
            return False
        return True

    async def remove_all(self, prefix: str) -> int:
        """Delete every object under `prefix` and return how many there were.

        Raises:
            StoreUnavailable: S3 kept one of them.
        """
        removed = 0
        while True:
            listing = await call("s3", self._client.list_objects_v2, Bucket=self.bucket, Prefix=prefix, MaxKeys=1000)
            keys = [{"Key": entry["Key"]} for entry in listing.get("Contents", [])]
            if not keys:
                return removed
            answer = await call(
                "s3",
                self._client.delete_objects,
                Bucket=self.bucket,
                Delete={"Objects": keys, "Quiet": True},
            )
            if errors := answer.get("Errors"):
                raise StoreUnavailable("s3", "delete_objects", str(errors[0].get("Code")))
            removed += len(keys)

    async def folders(self) -> AsyncIterator[tuple[str, datetime]]:
        """Yield the prefix of each video's objects, with its trailing slash, and when the newest of them was stored.

        Lists the whole bucket: for the sweep alone.
        """
        request: dict[str, Any] = {"Bucket": self.bucket, "Prefix": "videos/"}
        prefix, newest = "", datetime.min.replace(tzinfo=UTC)
        while True:
            listing = await call("s3", self._client.list_objects_v2, **request)
            for entry in listing.get("Contents", []):
                parts = entry["Key"].split("/")
                if len(parts) < 4:
                    continue  # no object of ours
                if (mine := "/".join(parts[:3]) + "/") != prefix:
                    if prefix:
                        yield prefix, newest
                    prefix, newest = mine, entry["LastModified"]
                newest = max(newest, entry["LastModified"])
            if not listing.get("IsTruncated"):
                break
            request["ContinuationToken"] = listing["NextContinuationToken"]
        if prefix:
            yield prefix, newest

    async def check(self) -> None:
        """Return if the bucket answers."""
        await call("s3", self._client.head_bucket, Bucket=self.bucket)

    async def _read(self, key: str, **arguments: str) -> bytes | None:
        def get_and_read(**request: Any) -> bytes:
            # The body is read in the same thread: reading it is network, too.
            return bytes(self._client.get_object(**request)["Body"].read())

        try:
            body = await call("s3", get_and_read, expected=_ABSENT | _RANGE, Bucket=self.bucket, Key=key, **arguments)
        except ClientError:
            return None
        return bytes(body)

    def _sign(self, operation: str, parameters: dict[str, Any], expires_s: int) -> str:
        return str(
            self._client.generate_presigned_url(
                operation, Params={"Bucket": self.bucket, **parameters}, ExpiresIn=expires_s
            )
        )
