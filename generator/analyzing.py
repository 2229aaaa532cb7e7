"""Many videos through the API at once: each is uploaded, followed, its result kept; what is there is not repeated."""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from generator.sync.proof import Analysis, AnalysisFailed, JobProgress


class Analyser(Protocol):
    """The API for one video at a time."""

    def analyse(
        self, video: Path, report: Callable[[JobProgress], None], deadline_s: float, app: str | None
    ) -> Analysis:
        """Have one video read. Raises AnalysisFailed."""


@dataclass(frozen=True)
class Read:
    """A video was read; `kept` holds the result document."""

    file: Path
    kept: Path
    result: dict[str, Any]
    video: str = ""
    """Its id; empty where the result was there already."""


@dataclass(frozen=True)
class NotRead:
    """A video was not read, and why."""

    file: Path
    code: str
    message: str


Outcome = Read | NotRead


def result_path(file: Path, folder: Path | None) -> Path:
    """Where the result of a file is kept: beside it, or in `folder`."""
    return (folder or file.parent) / f"{file.name}.ecg.json"


def analyse_all(
    files: Iterable[Path],
    connect: Callable[[], Analyser],
    folder: Path | None,
    report: Callable[[Path, JobProgress], None],
    *,
    app: str | None = None,
    parallel: int = 4,
    deadline_s: float = 1800,
) -> Iterator[Outcome]:
    """Read files, `parallel` at a time, and yield each outcome as it comes. `connect` is called once for each file."""

    def one(file: Path) -> Outcome:
        kept = result_path(file, folder)
        if kept.exists():
            return Read(file, kept, json.loads(kept.read_text(encoding="utf-8")))
        try:
            analysis = connect().analyse(file, lambda progress: report(file, progress), deadline_s, app)
        except AnalysisFailed as error:
            return NotRead(file, error.code, error.message)
        unfinished = kept.with_name(f"{kept.name}.part")
        unfinished.write_text(json.dumps(analysis.result), encoding="utf-8")
        unfinished.rename(kept)  # last, so that what is there is whole
        return Read(file, kept, dict(analysis.result), analysis.video)

    with ThreadPoolExecutor(parallel) as pool:
        for done in as_completed([pool.submit(one, file) for file in dict.fromkeys(files)]):
            yield done.result()


def line_of(outcome: Outcome) -> str:
    """An outcome in one line, for people."""
    match outcome:
        case NotRead(file, code, message):
            return f"{file}: {code}: {message}"
        case Read(file, kept, result, video):
            rate = (result.get("heart_rate_bpm") or {}).get("mean")
            beats = len(result.get("beats", ()))
            said = f"{rate:.0f} bpm, {beats} beats" if rate else str(result.get("schema", "read"))
            return f"{file}: {said} -> {kept}" + ("" if video else " (was there already)")
