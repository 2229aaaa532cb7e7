"""`ecg_rhythm` on Ray Serve: a video in, its heart rhythm out.

    Ingress         HTTP and NDJSON; computes nothing
    └── TraceReader     downloads, decodes and reads one video; draws the overlay. CPU
        └── BeatClassifier  the beats of several videos together. GPU where there is one

The video is downloaded by the replica that decodes it, so it never crosses the network between two of our processes.
How many of each run, and with what, is declared in generator/serve_apps.py. What they compute is `analysis`, `beats`,
`model` and `overlay`, which know nothing of Ray. A replica imports those that it needs when it starts: torch and OpenCV
cost seconds and hundreds of megabytes, and Ray imports this file in each of them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve.handle import DeploymentHandle

from kit import logs
from kit.batching import Batcher, BatchPolicy, apart, in_slices
from kit.contract import AnalyzeRequest, AppError, Event, Failure, Progress, Result, Stage
from kit.device import choose_device
from kit.ingress import AppIngress, passed_on
from kit.metrics import RayBatchMeter
from kit.stage import Report, Work
from kit.storage import Objects, S3Objects, beside, fetch, objects_of, sweep, temporary_folder
from kit.warmup import warm_up

if TYPE_CHECKING:
    from apps.ecg_rhythm.beats import BeatWindows
    from apps.ecg_rhythm.reading import Reading

_LOG = logs.logger("ecg_rhythm")
_WARM_UP_SIZES = (1, 32, 256)  # windows: a single beat, half a minute, several videos together


class AppArgs(BaseModel):
    """What `serve.yaml` passes to `build`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "ecg_rhythm"
    version: str = "unpublished"
    """The address of the package that this code came in."""


class ReaderConfig(BaseModel):
    """The `user_config` of TraceReader; changing it restarts nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_video_mb: int = Field(default=512, ge=1)


@dataclass(frozen=True)
class Classified:
    """`probabilities` [n, 5] of a video's beats, and what computed them."""

    probabilities: npt.NDArray[np.float32]
    weights_sha256: str
    device: str


@serve.deployment
class BeatClassifier:
    """Classifies the beats of several videos in one batch."""

    def __init__(self) -> None:
        from apps.ecg_rhythm import model

        self._device = choose_device()
        self._model = model.BeatClassifier.load(model.WEIGHTS, self._device.torch_name)
        _LOG.info("model loaded", extra={"device": self._device.name, "weights": self._model.sha256})

        def run_empty_windows(size: int) -> None:
            samples, features = np.zeros((size, model.WINDOW)), np.zeros((size, model.FEATURES))
            self._model.probabilities(samples.astype(np.float32), features.astype(np.float32))

        warmth = warm_up(run_empty_windows, _WARM_UP_SIZES, self._device)
        self._batcher: Batcher[BeatWindows, npt.NDArray[np.float32]] = Batcher(
            self._together, _count, unit_bytes=warmth.unit_bytes, meter=RayBatchMeter()
        )

    def reconfigure(self, user_config: Mapping[str, Any]) -> None:
        """Take new batch settings; Ray calls this at the start and after each change."""
        self._batcher.configure(BatchPolicy.of(user_config))

    async def classify(self, windows: "BeatWindows") -> Classified:
        """Class probabilities of one video's beats. The caller's windows travel together, as one request."""
        probabilities = await self._batcher(windows)
        return Classified(probabilities, self._model.sha256, self._device.kind)

    async def batches_seen(self) -> list[tuple[int, int, int]]:
        """(videos, windows, how often) of the batches that this replica ran."""
        return [(*key, times) for key, times in sorted(self._batcher.seen.items())]

    async def _together(self, videos: "Sequence[BeatWindows]") -> list[npt.NDArray[np.float32]]:
        samples = np.concatenate([video.samples for video in videos])
        features = np.concatenate([video.features for video in videos])
        most = self._batcher.most_units
        # In a thread: the event loop stays free to collect the next batch and to answer health checks.
        rows = await asyncio.to_thread(in_slices, self._model.probabilities, most, samples, features)
        return apart(rows, [_count(video) for video in videos])


def _count(windows: "BeatWindows") -> int:
    return len(windows.samples)


@serve.deployment
class TraceReader:
    """Turns a video in S3 into a result: the part that takes time."""

    def __init__(self, classifier: DeploymentHandle, args: AppArgs) -> None:
        self._classifier = classifier
        self._args = args
        self._config = ReaderConfig()
        self._objects: Objects = S3Objects.from_environment()
        sweep()
        # Now, so that the first video does not wait for them.
        from apps.ecg_rhythm import analysis, delineator, overlay, rhythm_model  # noqa: F401

        delineator.shipped()
        rhythm_model.shipped()

    def reconfigure(self, user_config: Mapping[str, Any]) -> None:
        """Take new limits; videos in work keep the old ones."""
        self._config = ReaderConfig.model_validate(user_config)

    async def analyze(self, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        """The events of one analysis, the last one a Result or a Failure with a final code.

        Anything unforeseen is raised; the ingress reports it as `internal`.
        """
        with temporary_folder() as folder:
            try:
                async for event in self._stages(asked, folder):
                    yield event
            except AppError as refusal:
                with logs.job(asked.job_id):
                    _LOG.info("refused", extra={"code": str(refusal.code)})
                yield Failure(str(refusal.code), refusal.message)

    async def _stages(self, asked: AnalyzeRequest, folder: Path) -> AsyncIterator[Event]:
        objects = objects_of(asked, self._objects, folder)
        reading_work = Work(lambda report: self._read(asked, objects, folder / "video", report))
        async for event in reading_work.events():
            yield event
        reading, windows, download_s = reading_work.value

        yield Progress(Stage.CLASSIFY, 0.0)
        start = time.perf_counter()
        classified: Classified = await self._classifier.classify.remote(windows)
        classify_s = time.perf_counter() - start
        yield Progress(Stage.CLASSIFY, 1.0)

        known = {"download": download_s, **reading.timings_s, "classify": classify_s}
        writing_work = Work(lambda report: self._write(asked, objects, reading, classified, known, report))
        async for event in writing_work.events():
            yield event
        yield Result(writing_work.value)

    def _read(
        self, asked: AnalyzeRequest, objects: Objects, path: Path, report: Report
    ) -> "tuple[Reading, BeatWindows, float]":
        from apps.ecg_rhythm import analysis, beats

        with logs.job(asked.job_id):
            download_s = fetch(asked, objects, path, self._config.max_video_mb * 1024 * 1024, report)
            reading = analysis.read(path, report)
            return reading, beats.windows(reading), download_s

    def _write(
        self,
        asked: AnalyzeRequest,
        objects: Objects,
        reading: "Reading",
        classified: Classified,
        timings_s: Mapping[str, float],
        report: Report,
    ) -> dict[str, Any]:
        from apps.ecg_rhythm import analysis, delineator, overlay, rhythm_model

        with logs.job(asked.job_id):
            start = time.perf_counter()
            report(Stage.OVERLAY, 0.0)
            found = analysis.result(reading, classified.probabilities)
            found["app"] = {
                "name": self._args.name,
                "version": self._args.version,
                "weights": {
                    "beat_classifier": f"sha256:{classified.weights_sha256}",
                    "delineator": f"sha256:{delineator.shipped().sha256}",
                    "rhythm": f"sha256:{rhythm_model.shipped().sha256}",
                },
                "device": classified.device,
            }
            key = beside(asked.video.key, "overlay.png")
            objects.put(asked.video.bucket, key, overlay.draw(reading, found), "image/png")
            found["overlay"] = {"bucket": asked.video.bucket, "key": key}
            took = {**timings_s, "overlay": time.perf_counter() - start}
            found["timings_s"] = {stage: round(seconds, 4) for stage, seconds in took.items()}
            report(Stage.OVERLAY, 1.0)
            _LOG.info("analysed", extra={"beats": len(found["beats"]), "timings_s": found["timings_s"]})
            return found


@serve.deployment
class Ingress(AppIngress):
    """Speaks HTTP for the app: `POST /ecg_rhythm/analyze` and `/golden`."""

    def __init__(self, reader: DeploymentHandle) -> None:
        super().__init__(__file__)
        self._reader = reader.options(stream=True)

    async def analyze(self, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        """The events of one analysis, from a TraceReader."""
        async for event in passed_on(self._reader.analyze.remote(asked)):
            yield event


def build(args: AppArgs) -> serve.Application:
    """The app, as `import_path` in serve.yaml names it."""
    # mypy does not see what the decorator adds to a class
    reader = TraceReader.bind(BeatClassifier.bind(), args)  # type: ignore[attr-defined]
    return Ingress.bind(reader)  # type: ignore[attr-defined]
