"""From a video file to a waveform: probe the screen, then follow the trace through the whole video once."""

from __future__ import annotations

from pathlib import Path

from apps.ecg_rhythm.errors import ErrorCode, ReadingError
from apps.ecg_rhythm.reading import Progress, Reading


def read_trace(path: Path, progress: Progress) -> Reading:
    """Read the trace of the video file at `path`; beats and quality are still empty. Raises `ReadingError`."""
    if path.stat().st_size == 0:
        raise ReadingError(ErrorCode.EMPTY_FILE, "The file is empty; upload it again.")
    progress("read", 0.0)
    raise ReadingError(ErrorCode.NO_TRACE, "This version does not read traces yet.")
