"""The routes about videos: each asks `Videos` and shapes the answer; refusals become problem documents."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from ecg_api.asking import AskedServices, AskingOwner
from ecg_api.cursors import decode_cursor, encode_cursor
from ecg_api.errors import Code, Refused
from ecg_api.event_stream import job_events
from ecg_api.problems import GUARDED, documented
from ecg_api.views import (
    CompletedUpload,
    CreatedVideo,
    NewVideo,
    VideoList,
    VideoView,
    etag_of,
    upload_view,
    video_view,
)

router = APIRouter(tags=["videos"])
_PRIVATE = {"Cache-Control": "private, no-cache"}


@router.post(
    "/api/videos",
    summary="Begin an upload",
    status_code=201,
    responses=documented(
        *GUARDED,
        Code.UNSUPPORTED_CONTENT_TYPE,
        Code.FILE_TOO_LARGE,
        Code.EMPTY_FILE,
        Code.UNKNOWN_APP,
        Code.IDEMPOTENCY_KEY_REUSED,
        Code.CONFLICT,
        Code.INVALID_REQUEST,
        Code.SERVICE_UNAVAILABLE,
    ),
)
async def create_video(
    body: NewVideo,
    asked: AskedServices,
    owner: AskingOwner,
    response: Response,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255, pattern=r"^[!-~]+$")] = None,
) -> CreatedVideo:
    """Answers where to send the file: straight to S3, in one PUT or, when it is large, in parts.

    The same request with the same `Idempotency-Key` begins one video, however often it is sent within a day.
    """
    await asked.operations.check_app(body.app)
    job, upload = await asked.videos.create(owner, body.name, body.size, body.content_type, body.app, idempotency_key)
    response.headers["Location"] = f"/api/videos/{job.id}"
    return CreatedVideo(**video_view(job).model_dump(), upload=upload_view(upload))


@router.post(
    "/api/videos/{video_id}/complete",
    summary="Complete an upload",
    responses=documented(
        *GUARDED,
        Code.VIDEO_NOT_FOUND,
        Code.UPLOAD_INCOMPLETE,
        Code.CONFLICT,
        Code.EMPTY_FILE,
        Code.NOT_A_VIDEO,
        Code.INVALID_REQUEST,
        Code.FILE_TOO_LARGE,
        Code.UNSUPPORTED_CONTENT_TYPE,
        Code.SERVICE_UNAVAILABLE,
    ),
)
async def complete_video(
    video_id: str, asked: AskedServices, owner: AskingOwner, body: CompletedUpload | None = None
) -> VideoView:
    """Checks what was uploaded and queues its analysis. May be repeated."""
    parts = body.parts if body else []
    etags = {part.number: part.etag for part in parts}
    if len(etags) != len(parts):
        raise Refused(Code.INVALID_REQUEST, "A part is named twice.")
    return video_view(await asked.videos.complete(owner, video_id, etags))


@router.get(
    "/api/videos",
    summary="List your videos",
    responses=documented(*GUARDED, Code.INVALID_REQUEST, Code.SERVICE_UNAVAILABLE),
)
async def list_videos(
    asked: AskedServices,
    owner: AskingOwner,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the list before.")] = None,
) -> VideoList:
    """Newest first."""
    after = decode_cursor(cursor) if cursor is not None else None
    page = await asked.videos.page(owner, limit, after)
    response.headers.update(_PRIVATE)
    return VideoList(
        videos=[video_view(job) for job in page.jobs],
        next_cursor=encode_cursor(page.after) if page.after else None,
    )


@router.get(
    "/api/videos/{video_id}",
    summary="Read a video's state",
    response_model=VideoView,
    responses={
        304: {"description": "It is as `If-None-Match` knows it."},
        **documented(*GUARDED, Code.VIDEO_NOT_FOUND, Code.SERVICE_UNAVAILABLE),
    },
)
async def read_video(
    video_id: str,
    asked: AskedServices,
    owner: AskingOwner,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Carries an `ETag`, so that asking again costs little."""
    job = await asked.videos.get(owner, video_id)
    return _tagged(video_view(job).model_dump_json().encode(), if_none_match)


@router.get(
    "/api/videos/{video_id}/result",
    summary="Read the result",
    responses={
        200: {"description": "The result document, schema `ecg-result/v1`.", "content": {"application/json": {}}},
        304: {"description": "It is as `If-None-Match` knows it."},
        **documented(
            *GUARDED,
            Code.VIDEO_NOT_FOUND,
            Code.RESULT_NOT_READY,
            Code.NOT_A_VIDEO,
            Code.EMPTY_FILE,
            Code.TRUNCATED_VIDEO,
            Code.NO_TRACE,
            Code.VIDEO_TOO_LONG,
            Code.VIDEO_TOO_LARGE,
            Code.OBJECT_NOT_FOUND,
            Code.UPLOAD_ABANDONED,
            Code.ATTEMPTS_EXHAUSTED,
            Code.SERVICE_UNAVAILABLE,
        ),
    },
    response_class=Response,
)
async def read_result(
    video_id: str,
    asked: AskedServices,
    owner: AskingOwner,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The analysis' document; for a failed video the problem that it failed with."""
    return _tagged(await asked.videos.result(owner, video_id), if_none_match)


@router.get(
    "/api/videos/{video_id}/events",
    summary="Follow a video",
    responses={
        200: {
            "description": "Server-sent events `state` and `progress`, each with the whole video as its data.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **documented(*GUARDED, Code.VIDEO_NOT_FOUND, Code.INVALID_REQUEST, Code.SERVICE_UNAVAILABLE),
    },
    response_class=StreamingResponse,
)
async def follow_video(
    video_id: str,
    asked: AskedServices,
    owner: AskingOwner,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> StreamingResponse:
    """Ends when the video is done, failed or deleted. Come back with `Last-Event-ID` to be told only what is new."""
    job = await asked.videos.get(owner, video_id)
    stream = job_events(
        job, lambda: asked.videos.get(owner, video_id), asked.stopping, asked.stream_timing, last_event_id
    )
    return StreamingResponse(
        stream,
        media_type="text/event-stream",
        # The second is for proxies of the nginx kind, which would hold the events back.
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.delete(
    "/api/videos/{video_id}",
    summary="Delete a video",
    status_code=204,
    responses=documented(*GUARDED, Code.VIDEO_NOT_FOUND, Code.SERVICE_UNAVAILABLE),
)
async def delete_video(video_id: str, asked: AskedServices, owner: AskingOwner) -> Response:
    """It is gone for readers at once; then its upload, its result and its pictures are removed."""
    await asked.videos.delete(owner, video_id)
    return Response(status_code=204)


def _tagged(body: bytes, if_none_match: str | None) -> Response:
    etag = etag_of(body)
    headers = {**_PRIVATE, "ETag": etag}
    known = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
