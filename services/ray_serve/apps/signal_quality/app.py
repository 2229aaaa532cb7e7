"""`signal_quality` on Ray Serve: a video in, the readability of each of its seconds out.

    Ingress     HTTP and NDJSON; computes nothing
    └── Grader      downloads, decodes and grades one video at a time. CPU, no torch

What it computes is `grading`, which knows nothing of Ray. How many of each run, and with what, is declared in
generator/serve_apps.py.
"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve.handle import DeploymentHandle

from kit import logs
from kit.contract import AnalyzeRequest, AppError, Event, Failure, Result
from kit.ingress import AppIngress, passed_on
from kit.stage import Report, Work
from kit.storage import Objects, S3Objects, fetch, objects_of, sweep, temporary_folder

_LOG = logs.logger("signal_quality")


class AppArgs(BaseModel):
    """What `serve.yaml` passes to `build`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "signal_quality"
    version: str = "unpublished"
    """The address of the package that this code came in."""


class GraderConfig(BaseModel):
    """The `user_config` of Grader; changing it restarts nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_video_mb: int = Field(default=512, ge=1)


@serve.deployment
class Grader:
    """Turns a video in S3 into a result."""

    def __init__(self, args: AppArgs) -> None:
        self._args = args
        self._config = GraderConfig()
        self._objects: Objects = S3Objects.from_environment()
        sweep()
        import apps.signal_quality.grading  # noqa: F401  now, so that the first video does not wait for it

    def reconfigure(self, user_config: Mapping[str, Any]) -> None:
        """Take new limits; videos in work keep the old ones."""
        self._config = GraderConfig.model_validate(user_config)

    async def analyze(self, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        """The events of one analysis, the last one a Result or a Failure with a final code."""
        with temporary_folder() as folder:
            work = Work(lambda report: self._grade(asked, folder, report))
            try:
                async for event in work.events():
                    yield event
            except AppError as refusal:
                with logs.job(asked.job_id):
                    _LOG.info("refused", extra={"code": str(refusal.code)})
                yield Failure(str(refusal.code), refusal.message)
                return
            yield Result(work.value)

    def _grade(self, asked: AnalyzeRequest, folder: Path, report: Report) -> dict[str, Any]:
        from apps.signal_quality import grading, model

        with logs.job(asked.job_id):
            path = folder / "video"
            objects = objects_of(asked, self._objects, folder)
            download_s = fetch(asked, objects, path, self._config.max_video_mb * 1024 * 1024, report)
            found = grading.result(grading.grade_video(path, report))
            found["app"] = {
                "name": self._args.name,
                "version": self._args.version,
                "model": model.RULES,
                "device": "cpu",
            }
            found["timings_s"] = {"download": round(download_s, 4), **found["timings_s"]}
            _LOG.info("graded", extra={"grade": found["grade"], "timings_s": found["timings_s"]})
            return found


@serve.deployment
class Ingress(AppIngress):
    """Speaks HTTP for the app: `POST /signal_quality/analyze` and `/golden`."""

    def __init__(self, grader: DeploymentHandle) -> None:
        super().__init__(__file__)
        self._grader = grader.options(stream=True)

    async def analyze(self, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        """The events of one analysis, from a Grader."""
        async for event in passed_on(self._grader.analyze.remote(asked)):
            yield event


def build(args: AppArgs) -> serve.Application:
    """The app, as `import_path` in serve.yaml names it."""
    # mypy does not see what the decorator adds to a class
    return Ingress.bind(Grader.bind(args))  # type: ignore[attr-defined]
