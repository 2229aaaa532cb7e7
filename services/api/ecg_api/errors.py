"""Errors of the service.

    ApiError
    ├── SettingsError            the process was started wrongly; every mistake at once
    ├── Refused                  the caller can act on it: becomes a problem document
    ├── TokenRefused             a bearer token that is not good: becomes `sign_in_required`
    ├── StoreUnavailable         a service behind this one did not do its part: becomes `service_unavailable`
    ├── ChangeRefused            a conditional write lost: the job is not in the state that it needed
    ├── UploadRejected           S3 will not assemble the parts of an upload
    └── AnalysisError
        ├── AnalysisRejected     final: the reader cannot read this video, and never will
        ├── AnalysisUnavailable  the model server is not there: try later, counts for nothing
        └── AnalysisBroken       it was there and did not finish: counts as an attempt

Anything else that is raised is a bug.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecg_api.jobs import Change, Job


class Code(StrEnum):
    """The stable names of what can go wrong; part of the API, never renamed."""

    UNSUPPORTED_CONTENT_TYPE = "unsupported_content_type"
    FILE_TOO_LARGE = "file_too_large"
    EMPTY_FILE = "empty_file"
    NOT_A_VIDEO = "not_a_video"
    TRUNCATED_VIDEO = "truncated_video"
    NO_TRACE = "no_trace"
    VIDEO_TOO_LONG = "video_too_long"
    VIDEO_TOO_LARGE = "video_too_large"
    OBJECT_NOT_FOUND = "object_not_found"
    UPLOAD_ABANDONED = "upload_abandoned"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    SIGN_IN_REQUIRED = "sign_in_required"
    NOT_PERMITTED = "not_permitted"
    UNKNOWN_APP = "unknown_app"
    VIDEO_NOT_FOUND = "video_not_found"
    RESULT_NOT_READY = "result_not_ready"
    UPLOAD_INCOMPLETE = "upload_incomplete"
    INVALID_REQUEST = "invalid_request"
    CONFLICT = "conflict"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    TOO_MANY_REQUESTS = "too_many_requests"
    SERVICE_UNAVAILABLE = "service_unavailable"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What a code means: its HTTP status, a title, and what the caller can do."""

    status: int
    title: str
    remedy: str


PROBLEMS = MappingProxyType(
    {
        Code.UNSUPPORTED_CONTENT_TYPE: ProblemKind(
            415, "This type of file is not accepted", "Send an MP4 or MOV video with its own content type."
        ),
        Code.FILE_TOO_LARGE: ProblemKind(413, "The file is too large", "Send a shorter or smaller video."),
        Code.EMPTY_FILE: ProblemKind(422, "The file is empty", "Check the recording and upload it again."),
        Code.NOT_A_VIDEO: ProblemKind(
            422, "The file is not an MP4 or MOV video", "Upload the recording itself, not a renamed file."
        ),
        Code.TRUNCATED_VIDEO: ProblemKind(
            422, "The video breaks off", "Copy the recording again from the camera and upload it."
        ),
        Code.NO_TRACE: ProblemKind(
            422, "No ECG trace was found in the video", "Film the monitor so that the trace fills the picture."
        ),
        Code.VIDEO_TOO_LONG: ProblemKind(422, "The video is too long", "Cut the part of interest out of it."),
        Code.VIDEO_TOO_LARGE: ProblemKind(
            422, "The pictures of the video are too large", "Export it with fewer pixels."
        ),
        Code.OBJECT_NOT_FOUND: ProblemKind(422, "The uploaded file is gone", "Upload the video again."),
        Code.UPLOAD_ABANDONED: ProblemKind(422, "The upload was never completed", "Upload the video again."),
        Code.ATTEMPTS_EXHAUSTED: ProblemKind(
            422, "The analysis failed repeatedly", "Upload the video again, or tell the operator its id."
        ),
        Code.SIGN_IN_REQUIRED: ProblemKind(
            401, "You are not signed in", "Sign in as `/api/config` says and send the access token as a bearer token."
        ),
        Code.NOT_PERMITTED: ProblemKind(403, "This is for operators", "Ask whoever runs the environment for the role."),
        Code.UNKNOWN_APP: ProblemKind(422, "There is no such app", "Choose one that `/api/apps` lists, or none."),
        Code.VIDEO_NOT_FOUND: ProblemKind(404, "There is no such video", "List your videos for their ids."),
        Code.RESULT_NOT_READY: ProblemKind(409, "The result is not ready", "Follow the video's events, or ask later."),
        Code.UPLOAD_INCOMPLETE: ProblemKind(
            409, "The upload is not complete", "Upload what is missing and complete it again."
        ),
        Code.INVALID_REQUEST: ProblemKind(422, "The request is not valid", "Correct what `errors` lists."),
        Code.CONFLICT: ProblemKind(409, "The video changed meanwhile", "Read the video's state and decide anew."),
        Code.IDEMPOTENCY_KEY_REUSED: ProblemKind(
            422, "The idempotency key belongs to another request", "Make a new key for a new request."
        ),
        Code.TOO_MANY_REQUESTS: ProblemKind(
            429, "You ask too often", "Repeat the request after `Retry-After` seconds."
        ),
        Code.SERVICE_UNAVAILABLE: ProblemKind(
            503, "A service behind this one does not answer", "Repeat the request after `Retry-After` seconds."
        ),
        Code.NOT_FOUND: ProblemKind(404, "There is nothing at this address", "See the API's description."),
        Code.METHOD_NOT_ALLOWED: ProblemKind(405, "This address does not do that", "See the API's description."),
        Code.INTERNAL: ProblemKind(500, "The service made a mistake", "Tell the operator the request's id."),
    }
)
"""Every code once; `docs/api.md` and the OpenAPI document are checked against this table."""


def code_named(text: str) -> Code | None:
    """Return the code of this name; None for one that only a reader knows."""
    return next((code for code in Code if code.value == text), None)


class ApiError(Exception):
    """Root of the errors that the service foresees."""


class SettingsError(ApiError):
    """The environment does not describe a service that can start.

    `mistakes` holds one sentence for each variable that is missing or wrong.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("The API cannot start: " + "; ".join(self.mistakes))


class Refused(ApiError):
    """A request that the caller can correct or repeat; `code` is stable, `detail` is for people."""

    def __init__(self, code: Code | str, detail: str, *, retry_after_s: int | None = None) -> None:
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s
        super().__init__(f"{code}: {detail}")


class TokenRefused(ApiError):
    """A bearer token failed the check that `reason` names; for the logs, not for whoever sent it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"token refused: {reason}")


class StoreUnavailable(ApiError):
    """`operation` of a `service` behind this one failed with `reason`, for AWS after boto3's own retries."""

    def __init__(self, service: str, operation: str, reason: str) -> None:
        self.service = service
        self.operation = operation
        self.reason = reason
        super().__init__(f"{service}.{operation} failed: {reason}")


class ChangeRefused(ApiError):
    """The job, as it stands (`current`, None where there is none), does not allow `change`."""

    def __init__(self, change: Change, current: Job | None) -> None:
        self.change = change
        self.current = current
        state = current.state if current else "absent"
        super().__init__(f"a job that is {state} cannot become {change.to}")


class UploadRejected(ApiError):
    """S3 will not complete a multipart upload; `reason` is its error code."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"S3 refused to complete the upload: {reason}")


class AnalysisError(ApiError):
    """An analysis ended without a result."""


class AnalysisRejected(AnalysisError):
    """The reader says that this video cannot be read; `code` is one of its final codes."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


class AnalysisUnavailable(AnalysisError):
    """The model server cannot be asked now; `retry_after_s` is its own wish, where it told one."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        self.reason = reason
        self.retry_after_s = retry_after_s
        super().__init__(reason)


class AnalysisBroken(AnalysisError):
    """The model server took the video and did not deliver: it broke off, fell silent or made no sense."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
