"""`POST /<app>/analyze` and `/golden`: a request, and the lines that answer it (docs/architecture.md, "Serve apps")."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, assert_never

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Key = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+$")]


class VideoObject(BaseModel):
    """Where the video lies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: Name
    key: Key


class AnalyzeRequest(BaseModel):
    """What a caller asks; it comes from outside, so it is checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: Name
    video: VideoObject
    options: dict[str, Any] = {}


class GoldenRequest(AnalyzeRequest):
    """A golden case asks as a caller does. Its objects lie in the package, below `folder`, counted from its root.

    Only `kit.golden` makes one: what comes over HTTP is an AnalyzeRequest.
    """

    folder: str


class Stage(StrEnum):
    """What is being done. An app goes through those that it needs, in an order of its own."""

    DOWNLOAD = "download"
    DECODE = "decode"
    READ = "read"
    BEATS = "beats"
    CLASSIFY = "classify"
    GRADE = "grade"
    OVERLAY = "overlay"


class ErrorCode(StrEnum):
    """Why there is no result. Every one but `internal` and `busy` is final: retrying cannot help."""

    EMPTY_FILE = "empty_file"
    NOT_A_VIDEO = "not_a_video"
    TRUNCATED_VIDEO = "truncated_video"
    NO_TRACE = "no_trace"
    VIDEO_TOO_LONG = "video_too_long"
    VIDEO_TOO_LARGE = "video_too_large"
    OBJECT_NOT_FOUND = "object_not_found"
    GOLDEN_UNREADABLE = "golden_unreadable"
    BUSY = "busy"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Progress:
    """`fraction` (0 to 1) of a stage is done."""

    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Result:
    """The answer; nothing follows it."""

    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer; nothing follows it. `code`: one of ErrorCode, or the app's own."""

    code: str
    message: str


Event = Progress | Result | Failure


class AppError(Exception):
    """An analysis cannot go on, for a reason that the caller is told: `code` for machines, `message` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)  # both, so that it pickles
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def to_line(event: Event) -> bytes:
    """One line of NDJSON. Raises ValueError for NaN or infinity, which JSON does not have."""
    data: dict[str, Any]
    match event:
        case Progress(stage, fraction):
            data = {"event": "progress", "stage": stage, "fraction": round(min(max(fraction, 0.0), 1.0), 4)}
        case Result(result):
            data = {"event": "result", "result": result}
        case Failure(code, message):
            data = {"event": "error", "error": {"code": code, "message": message}}
        case _:
            assert_never(event)
    return json.dumps(data, separators=(",", ":"), allow_nan=False).encode() + b"\n"
