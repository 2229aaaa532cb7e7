"""What the reader refuses, and why.

AppError (kit)        whatever ends an analysis with a code that the caller is told
├── VideoError (kit)  no readable video
└── ReadingError      a video that shows no trace that can be read; final, so retrying cannot help
"""

from kit.contract import AppError, ErrorCode

__all__ = ["ErrorCode", "ReadingError"]


class ReadingError(AppError):
    """A video whose trace cannot be read: `code` for machines, `message` (what, and what to do next) for people."""
