"""The page's releases in the frontend bucket. Nothing of a release is ever overwritten; going live is a copy.

    _next/static/...           named by their content, shared by releases, cached for ever
    releases/<address>/...     everything else of one release; release.json, written last, lists it
    everything else            a copy of the release that is live, asked for anew each time; site.json names it

A release goes live page by page: what pages need first, then the pages, then site.json, then the edge forgets the old
ones. So a reader gets one release or the other, and the way back needs no build.
"""

import json
import mimetypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError

from generator.aws.errors import aws, error_code

BuildSite = Callable[[str], Mapping[str, bytes]]
"""The address of its source -> the exported page, by path."""

POINTER: Final = "site.json"
"""Part of each build, `{"address": ...}`; at the bucket's root it says which release is live."""
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "public, max-age=0, must-revalidate"
_RELEASES: Final = "releases/"
_HASHED: Final = "_next/static/"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".txt": "text/x-component",
    ".json": "application/json",
}


class SiteReleases:
    """Releases in a bucket behind a distribution; `s3` and `edge` are boto3 clients. Every method raises AwsRefused."""

    def __init__(self, s3: Any, edge: Any, build: BuildSite) -> None:
        self._s3, self._edge, self._build = s3, edge, build

    def has(self, bucket: str, address: str) -> bool:
        """Whether all of a release is there."""
        return self._text(bucket, _listing(address)) is not None

    def keep(self, bucket: str, address: str) -> None:
        """Build a release and put it beside the others."""
        files = self._build(address)
        with aws(f"publishing the page {address} to {bucket}"):
            for path, content in files.items():
                hashed = path.startswith(_HASHED)
                key = path if hashed else f"{_RELEASES}{address}/{path}"
                self._put(bucket, key, content, _FOR_EVER if hashed else _ASK_AGAIN)
            pages = sorted(path for path in files if not path.startswith(_HASHED))
            self._put(bucket, _listing(address), json.dumps(pages).encode(), _ASK_AGAIN)

    def go_live(self, bucket: str, address: str, distribution: str) -> bool:
        """Show a release that was kept; True where another one, or none, was shown before."""
        pointer = self._text(bucket, POINTER)
        if pointer is not None and json.loads(pointer)["address"] == address:
            return False
        pages: list[str] = json.loads(self._text(bucket, _listing(address)) or "[]")
        with aws(f"showing the page {address} in {bucket}"):
            for path in _pages_last(pages):
                self._s3.copy_object(
                    Bucket=bucket, Key=path, CopySource={"Bucket": bucket, "Key": f"{_RELEASES}{address}/{path}"}
                )
            for key in self._live(bucket):
                if key not in pages:
                    self._s3.delete_object(Bucket=bucket, Key=key)
            # A reference of its own each time: with one that it knows, CloudFront does nothing.
            self._edge.create_invalidation(
                DistributionId=distribution,
                InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(uuid4())},
            )
        return True

    def _live(self, bucket: str) -> Iterator[str]:
        found = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [each["Key"] for answer in found for each in answer.get("Contents", ())]
        return (key for key in keys if not key.startswith((_RELEASES, _HASHED)))

    def _put(self, bucket: str, key: str, content: bytes, caching: str) -> None:
        self._s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=_type(key), CacheControl=caching)

    def _text(self, bucket: str, key: str) -> str | None:
        with aws(f"reading {key} from {bucket}"):
            try:
                content: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return None
                raise
        return content.decode()


def _listing(address: str) -> str:
    return f"{_RELEASES}{address}/release.json"


def _pages_last(paths: Sequence[str]) -> list[str]:
    """What pages fetch, then the pages, then the pointer."""
    return sorted(paths, key=lambda path: (path == POINTER, path.endswith(".html"), path))


def _type(key: str) -> str:
    suffix = key[key.rfind(".") :]
    return _TYPES.get(suffix) or mimetypes.guess_type(key)[0] or "application/octet-stream"
