"""What goes over the wire: the bodies that are taken, and how a job looks to its owner."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ecg_api.access import SignIn
from ecg_api.jobs import Job, JobState
from ecg_api.operations import Apps, AppState, Overview
from ecg_api.principals import Role
from ecg_api.uploads import MultipartUpload, SingleUpload

_EXAMPLE_ID = "019ab0c5-54a0-7d41-8cbb-1c0b6f0e7a11"
_READABLE = frozenset({JobState.QUEUED, JobState.ANALYSING, JobState.DONE, JobState.FAILED})


class NewVideo(BaseModel):
    """A file that is about to be uploaded."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$"),
        Field(description="Shown in your list; used for nothing else.", examples=["monitor.mp4"]),
    ]
    size: Annotated[int, Field(ge=0, description="In bytes.", examples=[1_482_113])]
    content_type: Annotated[str, Field(min_length=1, max_length=127, examples=["video/mp4"])]
    app: Annotated[
        str | None,
        StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$"),
        Field(description="Who analyses it; one of `GET /api/apps`, the default one if none.", examples=["ecg_rhythm"]),
    ] = None


class UploadedPart(BaseModel):
    """A part that S3 took."""

    model_config = ConfigDict(extra="forbid", strict=True)

    number: Annotated[int, Field(ge=1, le=10_000)]
    etag: Annotated[
        str,
        StringConstraints(pattern=r"^[!-~]{1,128}$"),
        Field(description="The `ETag` header that S3 answered.", examples=['"9b2cf535f27731c974343645a3985328"']),
    ]


class CompletedUpload(BaseModel):
    """What was uploaded: the parts of a multipart upload, nothing for a single one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    parts: Annotated[list[UploadedPart], Field(max_length=10_000)] = Field(default_factory=list)


class ProgressView(BaseModel):
    """How far the analysis is."""

    stage: str = Field(examples=["decode"])
    fraction: float = Field(ge=0, le=1, examples=[0.4])


class ErrorView(BaseModel):
    """Why the job failed."""

    code: str = Field(examples=["not_a_video"])
    message: str = Field(examples=["The file does not begin like an MP4 or MOV video."])


class Links(BaseModel):
    """Where to go from here; `source` and `result` once there is something to get."""

    self: str = Field(examples=[f"/api/videos/{_EXAMPLE_ID}"])
    events: str = Field(examples=[f"/api/videos/{_EXAMPLE_ID}/events"])
    source: str | None = Field(
        default=None, description="The video, through the CDN.", examples=[f"/videos/local/{_EXAMPLE_ID}/source.mp4"]
    )
    result: str | None = Field(default=None, examples=[f"/api/videos/{_EXAMPLE_ID}/result"])


class VideoView(BaseModel):
    """A video and how its analysis stands."""

    id: str = Field(examples=[_EXAMPLE_ID])
    state: JobState = Field(examples=["analysing"])
    name: str = Field(examples=["monitor.mp4"])
    size: int = Field(examples=[1_482_113])
    content_type: str = Field(examples=["video/mp4"])
    created_at: datetime
    updated_at: datetime
    attempts: int = Field(description="How often its analysis was tried.", examples=[1])
    app: str | None = Field(default=None, description="Who analyses it, where one was chosen.", examples=["ecg_rhythm"])
    progress: ProgressView | None = None
    error: ErrorView | None = None
    links: Links


class SingleUploadView(BaseModel):
    """Send the file as the body of one PUT, with exactly these headers."""

    kind: Literal["single"] = "single"
    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str] = Field(examples=[{"Content-Type": "video/mp4"}])
    expires_at: datetime


class PartView(BaseModel):
    """Send bytes `(number - 1) * part_size` onwards, `size` of them, as the body of a PUT; keep its `ETag`."""

    number: int
    size: int
    url: str


class MultipartUploadView(BaseModel):
    """Send each part, in any order, several at a time if you like."""

    kind: Literal["multipart"] = "multipart"
    method: Literal["PUT"] = "PUT"
    upload_id: str
    part_size: int = Field(examples=[16 * 1024 * 1024])
    parts: list[PartView]
    expires_at: datetime


class CreatedVideo(VideoView):
    """A new video, and where to upload it."""

    upload: SingleUploadView | MultipartUploadView = Field(discriminator="kind")


class VideoList(BaseModel):
    """Some videos, newest first; `next_cursor` continues the list."""

    videos: list[VideoView]
    next_cursor: str | None = None


class Health(BaseModel):
    """The process answers."""

    status: Literal["healthy"] = "healthy"
    service: Literal["backend"] = "backend"


class Readiness(BaseModel):
    """The process can do its work; `model_server` is told, but uploads are taken without it."""

    status: Literal["ready"] = "ready"
    model_server: Literal["available", "unavailable"] = "available"


class ProblemExplained(BaseModel):
    """What a code of a problem document means."""

    code: str = Field(examples=["no_trace"])
    status: int = Field(examples=[422])
    title: str
    remedy: str


class SignInView(BaseModel):
    """How to sign in: at `authorization_endpoint`, by the code flow with PKCE; `none` where nobody has to."""

    kind: Literal["oidc", "none"] = Field(examples=["oidc"])
    issuer: str | None = Field(default=None, examples=["https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE"])
    client_id: str | None = Field(default=None, examples=["4l5gcexample"])
    authorization_endpoint: str | None = Field(default=None, examples=["https://sign-in.example/oauth2/authorize"])
    token_endpoint: str | None = Field(default=None, examples=["https://sign-in.example/oauth2/token"])
    end_session_endpoint: str | None = Field(default=None, examples=["https://sign-in.example/logout"])
    scopes: list[str] | None = Field(default=None, examples=[["openid", "profile", "email"]])


class ConfigView(BaseModel):
    """What a page needs to know before anybody is signed in."""

    environment: str = Field(examples=["dev"])
    sign_in: SignInView


class MeView(BaseModel):
    """Somebody who is signed in."""

    sub: str = Field(examples=["84d8e4f8-1031-7051-3c1f-d0a8f0c1e9aa"])
    name: str = Field(examples=["Ada Lovelace"])
    roles: list[Role] = Field(examples=[["user"]])


class CookiesView(BaseModel):
    """What the cookies in this answer open, and until when."""

    folder: str = Field(examples=["/videos/84d8e4f8-1031-7051-3c1f-d0a8f0c1e9aa/"])
    expires_at: datetime


class AppView(BaseModel):
    """A Serve app; `reason` says why it is not healthy, `canary` is the box's account of a new version on trial."""

    name: str = Field(examples=["ecg_rhythm"])
    route_prefix: str | None = Field(examples=["/ecg_rhythm"])
    version: str | None = Field(description="The address of its package.")
    state: AppState
    reason: str | None
    canary: dict[str, Any] | None
    default: bool = Field(description="Analyses where nobody chose another.")


class AppList(BaseModel):
    """The apps as the box reported them at `as_of`, null if it never did."""

    apps: list[AppView]
    as_of: datetime | None
    stale: bool


class QueueView(BaseModel):
    """Jobs that wait, are worked on, and were given up."""

    waiting: int
    in_flight: int
    dead_letters: int


class OverviewView(BaseModel):
    """How the environment does; null what could not be learnt, stale what is old."""

    environment: str = Field(examples=["dev"])
    as_of: datetime
    status: dict[str, Any] | None = Field(description="As `apply` or `drift` last saw it: `status/{env}.json`.")
    status_stale: bool
    box: dict[str, Any] | None = Field(description="As the GPU box last said: `observed/{env}/box.json`.")
    box_stale: bool
    queue: QueueView | None
    monthly_cost_usd: float | None


def video_view(job: Job) -> VideoView:
    """Return how a job looks to its owner."""
    return VideoView(
        id=job.id,
        state=job.state,
        name=job.name,
        size=job.size,
        content_type=job.content_type,
        created_at=job.created_at,
        updated_at=job.updated_at,
        attempts=job.attempts,
        app=job.app,
        progress=ProgressView(stage=job.progress.stage, fraction=job.progress.fraction) if job.progress else None,
        error=ErrorView(code=job.error.code, message=job.error.message) if job.error else None,
        links=Links(
            self=f"/api/videos/{job.id}",
            events=f"/api/videos/{job.id}/events",
            source=f"/{job.key}" if job.state in _READABLE else None,
            result=f"/api/videos/{job.id}/result" if job.state is JobState.DONE else None,
        ),
    )


def upload_view(upload: SingleUpload | MultipartUpload) -> SingleUploadView | MultipartUploadView:
    """Return where to upload a file."""
    if isinstance(upload, SingleUpload):
        return SingleUploadView(
            url=upload.target.url, headers=dict(upload.target.headers), expires_at=upload.expires_at
        )
    return MultipartUploadView(
        upload_id=upload.upload_id,
        part_size=upload.part_size,
        parts=[PartView(number=part.number, size=part.size, url=part.url) for part in upload.parts],
        expires_at=upload.expires_at,
    )


def sign_in_view(sign_in: SignIn | None) -> SignInView:
    """Return how a page signs somebody in."""
    if sign_in is None:
        return SignInView(kind="none")
    return SignInView(
        kind="oidc",
        issuer=sign_in.issuer,
        client_id=sign_in.client_id,
        authorization_endpoint=sign_in.authorization_endpoint,
        token_endpoint=sign_in.token_endpoint,
        end_session_endpoint=sign_in.end_session_endpoint,
        scopes=list(sign_in.scopes),
    )


def app_list(found: Apps) -> AppList:
    """Return how the apps look."""
    return AppList(
        apps=[AppView.model_validate(app, from_attributes=True) for app in found.apps],
        as_of=found.as_of,
        stale=found.stale,
    )


def overview_view(found: Overview) -> OverviewView:
    """Return how the environment looks to an operator."""
    return OverviewView.model_validate(found, from_attributes=True)


def etag_of(body: bytes) -> str:
    """Return a strong entity tag: the body's own hash, so that equal tags mean equal bytes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
