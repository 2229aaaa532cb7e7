"""What a caller can do with videos: announce an upload, complete it, list, read and delete."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import anyio

from ecg_api import ids, jobs
from ecg_api.errors import ChangeRefused, Code, Refused, StoreUnavailable, UploadRejected
from ecg_api.job_table import Page, Reservation
from ecg_api.jobs import Change, Failure, Job, JobState, Owner
from ecg_api.media import EXTENSIONS, HEAD_BYTES, content_type_of, is_movie
from ecg_api.metrics import ended
from ecg_api.objects import ObjectInfo, SignedPart, SignedPut
from ecg_api.settings import Settings
from ecg_api.uploads import MultipartUpload, SingleUpload, part_sizes

log = logging.getLogger(__name__)

CHECK_S = 4.0
"""How long readiness waits for a store; below the 5 s that health checks usually wait."""


class JobStore(Protocol):
    """What is needed of the jobs table."""

    async def create(self, job: Job) -> None: ...
    async def reserve(
        self, owner: Owner, key: str, wanted: Reservation, now_s: int, expires_at: int
    ) -> Reservation: ...
    async def get(self, owner: Owner, job_id: str) -> Job | None: ...
    async def apply(self, owner: Owner, job_id: str, change: Change, now: datetime) -> Job: ...
    async def page(self, owner: Owner, limit: int, after: str | None = None) -> Page: ...
    async def check(self) -> None: ...


class JobQueue(Protocol):
    """What is needed of the queue."""

    async def send(self, owner: Owner, job_id: str, delay_s: float = 0) -> None: ...
    async def check(self) -> None: ...


class ObjectStore(Protocol):
    """What is needed of the bucket."""

    async def sign_put(self, key: str, content_type: str, size: int, expires_s: int) -> SignedPut: ...
    async def open_multipart(self, key: str, content_type: str) -> str: ...
    async def sign_parts(
        self, key: str, upload_id: str, sizes: Sequence[int], expires_s: int
    ) -> tuple[SignedPart, ...]: ...
    async def complete_multipart(self, key: str, upload_id: str, etags: Mapping[int, str]) -> None: ...
    async def abort_multipart(self, key: str, upload_id: str) -> None: ...
    async def info(self, key: str) -> ObjectInfo | None: ...
    async def read_head(self, key: str, length: int) -> bytes: ...
    async def read(self, key: str) -> bytes | None: ...
    async def remove_all(self, prefix: str) -> int: ...
    async def check(self) -> None: ...


class Edge(Protocol):
    """What is needed of the CDN."""

    async def forget(self, prefix: str, reference: str) -> None: ...


class Videos:
    """The videos of all owners; every method is given the owner who asks, and sees nobody else's."""

    def __init__(
        self,
        table: JobStore,
        queue: JobQueue,
        objects: ObjectStore,
        edge: Edge,
        settings: Settings,
        now: Callable[[], datetime],
    ) -> None:
        self._table = table
        self._queue = queue
        self._objects = objects
        self._edge = edge
        self._settings = settings
        self._now = now

    async def create(
        self,
        owner: Owner,
        name: str,
        size: int,
        content_type: str,
        app: str | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[Job, SingleUpload | MultipartUpload]:
        """Begin a video of `size` bytes, to be analysed by `app`, and say where to upload it.

        With an `idempotency_key` the same request begins one video however often it comes, and says anew where to
        upload it.

        Raises:
            Refused: `unsupported_content_type`, `empty_file`, `file_too_large`, or `idempotency_key_reused`.
        """
        content_type = content_type_of(content_type)
        if content_type not in EXTENSIONS:
            accepted = ", ".join(EXTENSIONS)
            raise Refused(Code.UNSUPPORTED_CONTENT_TYPE, f"The content type must be one of {accepted}.")
        if size == 0:
            raise Refused(Code.EMPTY_FILE, "The file has no bytes.")
        if size > self._settings.max_upload_bytes:
            limit = self._settings.max_upload_bytes
            raise Refused(Code.FILE_TOO_LARGE, f"The file has {size} bytes; at most {limit} are accepted.")
        now = self._now()
        job_id = ids.new_id(now)
        begun: Job | None = None
        if idempotency_key is not None:
            job_id = await self._reserve(owner, idempotency_key, job_id, (name, size, content_type, app))
            begun = await self._table.get(owner, job_id)
        in_parts = size > self._settings.multipart_above_bytes
        job = begun or Job(
            owner=owner,
            id=job_id,
            # A single PUT needs nothing opened at S3, so it is open as soon as it is known.
            state=JobState.CREATED if in_parts else JobState.UPLOADING,
            name=name,
            size=size,
            content_type=content_type,
            key=f"{jobs.object_prefix(owner, job_id)}source.{EXTENSIONS[content_type]}",
            created_at=now,
            updated_at=now,
            app=app,
        )
        if begun is None:
            # The job comes first: an object without a job would be nobody's.
            try:
                await self._table.create(job)
            except FileExistsError:
                if idempotency_key is None:
                    raise
                raise Refused(Code.CONFLICT, "The same request is being answered.", retry_after_s=1) from None
        elif job.state not in (JobState.CREATED, JobState.UPLOADING):
            raise Refused(Code.CONFLICT, f"The video {job.id} that this request began is {job.state} now.")
        return await self._opened(job, in_parts)

    async def _opened(self, job: Job, in_parts: bool) -> tuple[Job, SingleUpload | MultipartUpload]:
        """Return the job with its upload open, and where that goes."""
        expires_s = self._settings.upload_url_s
        expires_at = self._now() + timedelta(seconds=expires_s)
        if not in_parts:
            target = await self._objects.sign_put(job.key, job.content_type, job.size, expires_s)
            return job, SingleUpload(target, expires_at)
        if job.upload_id is None:
            job = await self._apply(job, jobs.opened(await self._objects.open_multipart(job.key, job.content_type)))
        upload_id = job.upload_id or ""
        sizes = part_sizes(job.size, self._settings.part_bytes)
        parts = await self._objects.sign_parts(job.key, upload_id, sizes, expires_s)
        return job, MultipartUpload(upload_id, sizes[0], parts, expires_at)

    async def _reserve(self, owner: Owner, key: str, job_id: str, request: tuple[object, ...]) -> str:
        # Hashes: neither the key, which is the client's to choose, nor the file's name belongs into the table.
        fingerprint = hashlib.sha256(repr(request).encode()).hexdigest()
        digest = hashlib.sha256(key.encode()).hexdigest()
        now_s = int(self._now().timestamp())
        expires_at = now_s + self._settings.idempotency_s
        found = await self._table.reserve(owner, digest, Reservation(job_id, fingerprint), now_s, expires_at)
        if found.fingerprint != fingerprint:
            raise Refused(Code.IDEMPOTENCY_KEY_REUSED, "This key came with another request before.")
        return found.job_id

    async def complete(self, owner: Owner, job_id: str, etags: Mapping[int, str]) -> Job:
        """Verify what was uploaded and queue it; repeating this is harmless.

        Args:
            owner: who asks.
            job_id: the video's id.
            etags: the ETag of each part by its number, empty for a single upload.

        Raises:
            Refused: `video_not_found`; `upload_incomplete`, and it can be completed later; or what is wrong
                with the file, and the job has failed with the same code.
        """
        job = await self.get(owner, job_id)
        if job.state is JobState.CREATED:
            raise Refused(Code.UPLOAD_INCOMPLETE, "The upload was never opened; begin a new video.")
        if job.state is not JobState.UPLOADING:
            return _completed(job)
        await self._assemble(job, etags)
        info = await self._objects.info(job.key)
        if info is None:
            raise Refused(Code.UPLOAD_INCOMPLETE, "Nothing has been uploaded yet.")
        if error := await self._fault(job, info):
            failed = await self._apply(job, jobs.upload_failed(error))
            log.info("upload is no video", extra={"job_id": job_id, **ended(error.code)})
            return _completed(failed)
        # Message before state: should this process die between the two, the worker finishes the change. The
        # other way round a job could be queued for ever without a message.
        await self._queue.send(owner, job_id)
        job = await self._apply(job, jobs.queued())
        log.info("video queued", extra={"job_id": job_id, "size": job.size})
        return _completed(job)

    async def get(self, owner: Owner, job_id: str) -> Job:
        """Return the owner's video.

        Raises:
            Refused: `video_not_found`, be it absent, deleted, somebody else's or no id at all.
        """
        job = await self._table.get(owner, job_id) if ids.is_id(job_id) else None
        if job is None or job.state is JobState.DELETED:
            raise Refused(Code.VIDEO_NOT_FOUND, "There is no video with this id.")
        return job

    async def page(self, owner: Owner, limit: int, after: str | None) -> Page:
        """Return up to `limit` of the owner's videos, newest first, from the id `after` on."""
        return await self._table.page(owner, limit, after)

    async def result(self, owner: Owner, job_id: str) -> bytes:
        """Return the result document as JSON.

        Raises:
            Refused: `video_not_found`, `result_not_ready`, or the code that the job failed with.
        """
        job = await self.get(owner, job_id)
        if job.state is JobState.FAILED:
            raise _failure(job)
        body = await self._objects.read(job.result_key) if job.result_key else None
        if body is None:
            raise Refused(Code.RESULT_NOT_READY, f"The video is {job.state}.", retry_after_s=2)
        return body

    async def delete(self, owner: Owner, job_id: str) -> None:
        """Delete the video: for readers of the API at once, then its objects, then what the CDN holds of them.

        Should S3 fail on the way, asking again takes up where this stopped.

        Raises:
            Refused: `video_not_found`, also when it is deleted and nothing of it is left.
        """
        job = await self._table.get(owner, job_id) if ids.is_id(job_id) else None
        if job is None:
            raise Refused(Code.VIDEO_NOT_FOUND, "There is no video with this id.")
        was_there = job.state is not JobState.DELETED
        if was_there:
            expires_at = int(self._now().timestamp()) + self._settings.tombstone_s
            job = await self._apply(job, jobs.deleted(expires_at))
            if job.upload_id is not None:
                await self._abort(job)
        removed = await self._objects.remove_all(job.prefix)
        if not was_there and not removed:
            raise Refused(Code.VIDEO_NOT_FOUND, "There is no video with this id.")
        await self._forget(job)
        log.info("video deleted", extra={"job_id": job_id, "objects_removed": removed})

    async def check(self) -> Mapping[str, str]:
        """Return what is wrong with the stores, by name; empty if all answer."""
        faults: dict[str, str] = {}

        async def ask(name: str, check: Callable[[], Awaitable[None]]) -> None:
            try:
                with anyio.fail_after(CHECK_S):
                    await check()
            except StoreUnavailable as error:
                faults[name] = error.reason
            except TimeoutError:
                faults[name] = f"no answer within {CHECK_S:g} s"

        async with anyio.create_task_group() as group:
            group.start_soon(ask, "table", self._table.check)
            group.start_soon(ask, "queue", self._queue.check)
            group.start_soon(ask, "bucket", self._objects.check)
        return faults

    async def _assemble(self, job: Job, etags: Mapping[int, str]) -> None:
        if job.upload_id is None:
            if etags:
                raise Refused(Code.INVALID_REQUEST, "This upload has no parts; send none.")
            return
        count = len(part_sizes(job.size, self._settings.part_bytes))
        if extra := sorted(set(etags) - set(range(1, count + 1))):
            raise Refused(Code.INVALID_REQUEST, f"The upload has parts 1 to {count}, not {extra[0]}.")
        if missing := [number for number in range(1, count + 1) if number not in etags]:
            raise Refused(Code.UPLOAD_INCOMPLETE, f"{len(missing)} parts are missing, first {missing[0]}.")
        try:
            await self._objects.complete_multipart(job.key, job.upload_id, etags)
        except UploadRejected as error:
            raise Refused(
                Code.UPLOAD_INCOMPLETE, f"The parts are not those that were uploaded ({error.reason})."
            ) from error

    async def _fault(self, job: Job, info: ObjectInfo) -> Failure | None:
        """Return what is wrong with the uploaded object for good.

        Raises:
            Refused: `upload_incomplete`; it may become right yet.
        """
        if info.size == 0:
            return Failure(Code.EMPTY_FILE, "The uploaded file has no bytes.")
        if info.size > self._settings.max_upload_bytes:
            return Failure(Code.FILE_TOO_LARGE, f"The uploaded file has {info.size} bytes.")
        if info.size != job.size:
            raise Refused(Code.UPLOAD_INCOMPLETE, f"{info.size} bytes were uploaded, {job.size} were announced.")
        if info.content_type != job.content_type:
            return Failure(Code.UNSUPPORTED_CONTENT_TYPE, "The file was uploaded with another content type.")
        if not is_movie(await self._objects.read_head(job.key, HEAD_BYTES), info.size):
            return Failure(Code.NOT_A_VIDEO, "The file does not begin like an MP4 or MOV video.")
        return None

    async def _forget(self, job: Job) -> None:
        try:
            await self._edge.forget(job.prefix, job.id)
        except StoreUnavailable as error:
            # Only the owner's own cookies open what an edge still holds, and it holds it for a day at most.
            log.error("the CDN was not told", extra={"job_id": job.id, "reason": str(error)})

    async def _abort(self, job: Job) -> None:
        try:
            await self._objects.abort_multipart(job.key, job.upload_id or "")
        except StoreUnavailable as error:
            # The parts are invisible and the bucket's lifecycle removes them; the deletion must go on.
            log.warning("upload is not aborted", extra={"job_id": job.id, "reason": str(error)})

    async def _apply(self, job: Job, change: Change) -> Job:
        """Apply a change; if somebody was quicker to the same end, return the job as it stands.

        Raises:
            Refused: `video_not_found` if it was deleted meanwhile, else `conflict`.
        """
        try:
            return await self._table.apply(job.owner, job.id, change, self._now())
        except ChangeRefused as refused:
            current = refused.current
            if current is None or current.state is JobState.DELETED:
                raise Refused(Code.VIDEO_NOT_FOUND, "There is no video with this id.") from refused
            if change.to is JobState.QUEUED and current.state is not JobState.CREATED:
                return current
            if change.to is current.state:
                return current
            raise Refused(Code.CONFLICT, f"The video is {current.state} now.") from refused


def _completed(job: Job) -> Job:
    if job.state is JobState.FAILED:
        raise _failure(job)
    return job


def _failure(job: Job) -> Refused:
    error = job.error or Failure(Code.INTERNAL, "The analysis failed.")
    return Refused(error.code, error.message)
