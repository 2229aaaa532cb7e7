"""Objects in S3, and those of golden cases in the package. Where S3 is, and who we are, comes from the surroundings:
the instance's role on the box, `AWS_ENDPOINT_URL` and `AWS_CA_BUNDLE` in the stand-in.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from kit import logs
from kit.contract import AnalyzeRequest, AppError, ErrorCode, GoldenRequest, Stage
from kit.stage import Report

PACKAGE = Path(__file__).resolve().parents[1]
"""The root of the package that this code came in."""

_CHUNK = 1 << 20
_FOLDER = "ecg-video-"


class Objects(Protocol):
    """What an app needs of an object store."""

    def download(self, bucket: str, key: str, to: Path, limit: int, progress: Callable[[float], None]) -> int:
        """Write the object to a file; its size in bytes.

        Raises AppError `object_not_found`, and `video_too_large` where it has more than `limit` bytes.
        """

    def put(self, bucket: str, key: str, content: bytes, content_type: str) -> None:
        """Write a whole object."""


class S3Objects:
    """`Objects` in S3."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    def from_environment(cls) -> "S3Objects":
        """With boto3's own search for credentials, region and endpoint."""
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 4},
            max_pool_connections=32,
        )
        return cls(boto3.client("s3", config=config))

    def download(self, bucket: str, key: str, to: Path, limit: int, progress: Callable[[float], None]) -> int:
        """See `Objects`. `progress` is called after each MiB; what it raises stops the download."""
        body, size = self._open(bucket, key)
        with body, to.open("wb") as file:
            _refuse_over(limit, size)
            _copy(body, file, size, progress)
        return size

    def put(self, bucket: str, key: str, content: bytes, content_type: str) -> None:
        """See `Objects`."""
        self._client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)

    def _open(self, bucket: str, key: str) -> tuple[Any, int]:
        from botocore.exceptions import ClientError

        try:
            answer = self._client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            # Without ListBucket S3 says 403 for what is not there; the box may list, so 403 is a real refusal.
            if error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchBucket", "404"}:
                raise _not_there(f"s3://{bucket}/{key}") from error
            raise
        return answer["Body"], int(answer["ContentLength"])


class PackagedObjects:
    """`Objects` of a golden case: read from the package, written into the request's own folder. No bucket counts."""

    def __init__(self, source: Path, scratch: Path) -> None:
        self._source, self._scratch = source, scratch

    def download(
        self,
        bucket: str,  # noqa: ARG002
        key: str,
        to: Path,
        limit: int,
        progress: Callable[[float], None],
    ) -> int:
        """See `Objects`."""
        try:
            content = (self._source / key).read_bytes()
        except FileNotFoundError as error:
            raise _not_there(f"{self._source / key}") from error
        _refuse_over(limit, len(content))
        to.write_bytes(content)
        progress(1.0)
        return len(content)

    def put(self, bucket: str, key: str, content: bytes, content_type: str) -> None:  # noqa: ARG002
        """See `Objects`."""
        (self._scratch / key).write_bytes(content)


def objects_of(asked: AnalyzeRequest, usual: Objects, scratch: Path) -> Objects:
    """Where a request's objects lie: a golden case's in the package and `scratch`, others' where they usually do."""
    match asked:
        case GoldenRequest(folder=folder):
            return PackagedObjects(PACKAGE / folder, scratch)
        case _:
            return usual


def fetch(asked: AnalyzeRequest, objects: Objects, to: Path, limit: int, report: Report) -> float:
    """Download the video that is asked about; seconds that it took. Reports Stage.DOWNLOAD; raises as `Objects`."""
    start = time.perf_counter()
    report(Stage.DOWNLOAD, 0.0)
    size = objects.download(asked.video.bucket, asked.video.key, to, limit, lambda done: report(Stage.DOWNLOAD, done))
    seconds = time.perf_counter() - start
    logs.logger("storage").info("downloaded", extra={"bytes": size, "seconds": seconds})
    return seconds


def beside(key: str, name: str) -> str:
    """The key of an object in the same folder as `key`."""
    folder, slash, _ = key.rpartition("/")
    return folder + slash + name


def _not_there(what: str) -> AppError:
    return AppError(ErrorCode.OBJECT_NOT_FOUND, f"{what} is not there; upload the video again")


def _refuse_over(limit: int, size: int) -> None:
    if size > limit:
        raise AppError(
            ErrorCode.VIDEO_TOO_LARGE, f"the video has {size} bytes and the limit is {limit}; upload a shorter one"
        )


def _copy(body: Any, file: BinaryIO, size: int, progress: Callable[[float], None]) -> None:
    done = 0
    while chunk := body.read(_CHUNK):
        done += file.write(chunk)
        progress(done / size)
    if done != size:
        # Ours to retry, so not one of the reader's final codes.
        raise ConnectionError(f"S3 closed the connection after {done} of {size} bytes")


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for one request's files, gone afterwards whatever happens; see `sweep` for a killed process."""
    with tempfile.TemporaryDirectory(prefix=f"{_FOLDER}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def sweep() -> int:
    """Remove the temporary folders that killed replicas left; how many there were. Call it when a replica starts."""
    left = [path for path in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*-*") if not _alive(path)]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)


def _alive(folder: Path) -> bool:
    pid = folder.name.removeprefix(_FOLDER).partition("-")[0]
    return not pid.isdigit() or Path(f"/proc/{pid}").exists()
