"""The app's own BeatClassifier with its Batcher, on Ray Serve, with what a benchmark needs around it.

`Beats` is that deployment with HTTP in front: what other servers are compared with. `Reader` calls it by its handle, as
the app's TraceReader does when it has read a video: the path that a video's windows really take.
"""

import asyncio
import time
from typing import Any

from pydantic import BaseModel
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from apps.ecg_rhythm.app import BeatClassifier
from tools.bench_serve.network import Network, load
from tools.bench_serve.servers.plain import BYTES
from tools.bench_serve.windows import answer_to_bytes, from_bytes, requests, sample_windows


class BeatsArgs(BaseModel):
    """What `build_beats` is told."""

    network: Network


@serve.deployment
class Beats(BeatClassifier.func_or_class):  # type: ignore[misc, name-defined]  # ray is unchecked
    """The app's deployment, answering HTTP."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        if network is not Network.SHIPPED:
            self._model = load(network, self._device.torch_name)

    async def __call__(self, request: Request) -> Response:
        """Windows in, probabilities out."""
        classified = await self.classify(from_bytes(await request.body()))
        return Response(answer_to_bytes(classified.probabilities), media_type=BYTES)


@serve.deployment
class Reader:
    """Holds windows of videos, as if read, and has them classified."""

    def __init__(self) -> None:
        self._windows, self._a_video = sample_windows()

    async def __call__(self, request: Request) -> JSONResponse:
        """`{"concurrency", "seconds"}` in; the seconds that each video waited out."""
        asked = await request.json()
        beats = serve.get_app_handle("beats")
        videos = requests(self._windows, self._a_video, 64)
        latencies: list[float] = []
        start = time.perf_counter()

        async def caller(turn: int) -> None:
            while (sent := time.perf_counter()) < start + asked["seconds"]:
                await beats.classify.remote(videos[turn % len(videos)])
                latencies.append(time.perf_counter() - sent)
                turn += 1

        await asyncio.gather(*(caller(turn) for turn in range(asked["concurrency"])))
        return JSONResponse({"seconds": time.perf_counter() - start, "latencies_s": latencies})


def build_beats(args: BeatsArgs) -> serve.Application:
    """`/beats`."""
    return Beats.bind(args.network)


def build_reader(_: dict[str, Any]) -> serve.Application:
    """`/reader`."""
    return Reader.bind()  # type: ignore[attr-defined]
