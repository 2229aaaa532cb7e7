"""What the reader refuses, and why.

ReadingError          a video that cannot be read; final, so retrying cannot help
  .code: ErrorCode    the closed vocabulary of docs/architecture.md
"""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """Why a video gave no waveform."""

    EMPTY_FILE = "empty_file"
    NOT_A_VIDEO = "not_a_video"
    TRUNCATED_VIDEO = "truncated_video"
    NO_TRACE = "no_trace"
    VIDEO_TOO_LONG = "video_too_long"
    VIDEO_TOO_LARGE = "video_too_large"


class ReadingError(Exception):
    """A video that cannot be read: `code` for machines, `message` (what, and what to do next) for people."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        # Both go to Exception's own args: that is what pickle gives back on the other side of Ray.
        super().__init__(code, message)
        self.code = ErrorCode(code)
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
