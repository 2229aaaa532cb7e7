"""An app as small as the kit allows: counts the letters of an object, slowly where asked to, in batches."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle

from kit.batching import Batcher, BatchPolicy
from kit.contract import AnalyzeRequest, AppError, Event, Failure, Progress, Result, Stage
from kit.ingress import AppIngress
from kit.metrics import RayBatchMeter
from kit.stage import Report, Work
from kit.storage import S3Objects, fetch, objects_of, temporary_folder


@serve.deployment
class Counter:
    """Adds up letters of several requests; the batch that it was in comes back with each answer."""

    def __init__(self) -> None:
        self._batcher: Batcher[str, dict[str, Any]] = Batcher(self._together, len, meter=RayBatchMeter())

    def reconfigure(self, user_config: Mapping[str, Any]) -> None:
        self._batcher.configure(BatchPolicy.of(user_config))

    async def count(self, text: str) -> dict[str, Any]:
        return await self._batcher(text)

    async def _together(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        batch = [len(text) for text in texts]
        return [{"letters": len(text), "batch": batch} for text in texts]


@serve.deployment
class Ingress(AppIngress):
    """HTTP, download and reading in one."""

    def __init__(self, counter: DeploymentHandle, version: str) -> None:
        super().__init__(__file__)
        self._counter = counter
        self._version = version

    async def analyze(self, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        with temporary_folder() as folder:
            work = Work(lambda report: _read(asked, folder, report))
            try:
                async for event in work.events():
                    yield event
            except AppError as refusal:
                yield Failure(refusal.code, refusal.message)
                return
            yield Progress(Stage.CLASSIFY, 0.0)
            counted = await self._counter.count.remote(work.value)
            await asyncio.sleep(0)
            yield Result({**counted, "version": self._version})


def _read(asked: AnalyzeRequest, folder: Path, report: Report) -> str:
    path = folder / "video"
    fetch(asked, objects_of(asked, S3Objects.from_environment(), folder), path, 1000, report)
    trace = Path(asked.options["trace"]) if "trace" in asked.options else None
    if trace:
        trace.write_text(str(path.parent))
    for step in range(int(asked.options.get("steps", 1))):
        report(Stage.READ, step / 1000)
        time.sleep(0.02)
        if trace and not step:
            trace.with_suffix(".begun").touch()
    if asked.options.get("crash"):
        raise RuntimeError("a bug")
    return path.read_text()


def build(args: dict[str, str]) -> serve.Application:
    # mypy does not see what the decorator adds to a class
    return Ingress.bind(Counter.bind(), args["version"])  # type: ignore[attr-defined]
