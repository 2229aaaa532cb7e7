"""The routes. Each asks `Videos` and shapes the answer; refusals become problem documents by themselves."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from ecg_api.errors import PROBLEMS, Code, Refused, code_named
from ecg_api.event_stream import job_events
from ecg_api.jobs import Owner
from ecg_api.problems import documented, problem_response
from ecg_api.services import Services
from ecg_api.videos import decode_cursor, encode_cursor
from ecg_api.views import (
    CompletedUpload,
    CreatedVideo,
    Health,
    NewVideo,
    ProblemExplained,
    Readiness,
    VideoList,
    VideoView,
    etag_of,
    upload_view,
    video_view,
)

router = APIRouter()
_PRIVATE = {"Cache-Control": "private, no-cache"}


def services(request: Request) -> Services:
    """Return what the application was built with."""
    found: Services = request.app.state.services
    return found


async def current_owner() -> Owner:
    """Return who is asking. There is no sign-in yet: everybody is `local`. Sign-in replaces this function."""
    return Owner("local")


AskedServices = Annotated[Services, Depends(services)]
AskingOwner = Annotated[Owner, Depends(current_owner)]


@router.get("/health", tags=["operation"], summary="Liveness")
@router.get("/api/health", tags=["operation"], summary="Liveness, through the CDN", operation_id="api_health")
async def health() -> Health:
    """The process answers. Asks nobody else, so that a fault elsewhere does not restart this one."""
    return Health()


@router.get(
    "/ready",
    tags=["operation"],
    summary="Readiness",
    response_model=Readiness,
    responses=documented(Code.SERVICE_UNAVAILABLE),
)
async def ready(request: Request, asked: AskedServices) -> Response:
    """Table, queue and bucket answer, and the worker runs."""
    faults = dict(await asked.videos.check())
    if not asked.health.worker_runs:
        faults["worker"] = "not running"
    if faults:
        detail = "Not ready: " + ", ".join(f"{name} ({reason})" for name, reason in sorted(faults.items()))
        return problem_response(request.url.path, Code.SERVICE_UNAVAILABLE, detail, retry_after_s=5)
    state = Readiness(model_server="unavailable" if asked.circuit.is_open else "available")
    return JSONResponse(state.model_dump(), headers={"Cache-Control": "no-store"})


@router.post(
    "/api/videos",
    tags=["videos"],
    summary="Begin an upload",
    status_code=201,
    responses=documented(
        Code.UNSUPPORTED_CONTENT_TYPE,
        Code.FILE_TOO_LARGE,
        Code.EMPTY_FILE,
        Code.INVALID_REQUEST,
        Code.SERVICE_UNAVAILABLE,
    ),
)
async def create_video(body: NewVideo, asked: AskedServices, owner: AskingOwner, response: Response) -> CreatedVideo:
    """Answers where to send the file: straight to S3, in one PUT or, when it is large, in parts."""
    job, upload = await asked.videos.create(owner, body.name, body.size, body.content_type)
    response.headers["Location"] = f"/api/videos/{job.id}"
    response.headers["Cache-Control"] = "no-store"
    return CreatedVideo(**video_view(job).model_dump(), upload=upload_view(upload))


@router.post(
    "/api/videos/{video_id}/complete",
    tags=["videos"],
    summary="Complete an upload",
    responses=documented(
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
    tags=["videos"],
    summary="List your videos",
    responses=documented(Code.INVALID_REQUEST, Code.SERVICE_UNAVAILABLE),
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
    tags=["videos"],
    summary="Read a video's state",
    response_model=VideoView,
    responses={
        304: {"description": "It is as `If-None-Match` knows it."},
        **documented(Code.VIDEO_NOT_FOUND, Code.SERVICE_UNAVAILABLE),
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
    tags=["videos"],
    summary="Read the result",
    responses={
        200: {"description": "The result document, schema `ecg-result/v1`.", "content": {"application/json": {}}},
        304: {"description": "It is as `If-None-Match` knows it."},
        **documented(
            Code.VIDEO_NOT_FOUND,
            Code.RESULT_NOT_READY,
            Code.NOT_A_VIDEO,
            Code.EMPTY_FILE,
            Code.TRUNCATED_VIDEO,
            Code.NO_TRACE,
            Code.VIDEO_TOO_LONG,
            Code.VIDEO_TOO_LARGE,
            Code.OBJECT_NOT_FOUND,
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
    tags=["videos"],
    summary="Follow a video",
    responses={
        200: {
            "description": "Server-sent events `state` and `progress`, each with the whole video as its data.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **documented(Code.VIDEO_NOT_FOUND, Code.SERVICE_UNAVAILABLE),
    },
    response_class=StreamingResponse,
)
async def follow_video(video_id: str, asked: AskedServices, owner: AskingOwner) -> StreamingResponse:
    """Ends when the video is done, failed or deleted."""
    job = await asked.videos.get(owner, video_id)
    stream = job_events(job, lambda: asked.videos.get(owner, video_id), asked.stopping, asked.stream_timing)
    return StreamingResponse(
        stream,
        media_type="text/event-stream",
        # The second is for proxies of the nginx kind, which would hold the events back.
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.delete(
    "/api/videos/{video_id}",
    tags=["videos"],
    summary="Delete a video",
    status_code=204,
    responses=documented(Code.VIDEO_NOT_FOUND, Code.SERVICE_UNAVAILABLE),
)
async def delete_video(video_id: str, asked: AskedServices, owner: AskingOwner) -> Response:
    """It is gone for readers at once; then its upload, its result and its pictures are removed."""
    await asked.videos.delete(owner, video_id)
    return Response(status_code=204)


@router.get("/api/problems", tags=["operation"], summary="List what can go wrong")
async def list_problems() -> list[ProblemExplained]:
    """Every code of a problem document."""
    return [
        ProblemExplained(code=code, status=kind.status, title=kind.title, remedy=kind.remedy)
        for code, kind in PROBLEMS.items()
    ]


@router.get(
    "/api/problems/{code}",
    tags=["operation"],
    summary="Explain what went wrong",
    responses=documented(Code.NOT_FOUND),
)
async def explain_problem(code: str) -> ProblemExplained:
    """The `type` of a problem document leads here."""
    known = code_named(code)
    if known is None:
        raise Refused(Code.NOT_FOUND, "There is no problem with this code.")
    kind = PROBLEMS[known]
    return ProblemExplained(code=code, status=kind.status, title=kind.title, remedy=kind.remedy)


def _tagged(body: bytes, if_none_match: str | None) -> Response:
    etag = etag_of(body)
    headers = {**_PRIVATE, "ETag": etag}
    known = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
