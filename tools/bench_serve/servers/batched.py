"""FastAPI with batches, as one would write it without a framework: a queue, and a loop that empties it into the model.

While a batch runs, the next one collects; so nobody waits for company when the model is free.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import Response

from apps.ecg_rhythm.beats import BeatWindows
from apps.ecg_rhythm.model import BeatClassifier
from tools.bench_serve.network import load
from tools.bench_serve.servers.on_uvicorn import listen
from tools.bench_serve.servers.plain import BYTES
from tools.bench_serve.servers.settings import Settings
from tools.bench_serve.windows import Rows, answer_to_bytes, from_bytes


class Batches:
    """Requests of several callers, through the model together."""

    def __init__(self, model: BeatClassifier, most: int) -> None:
        self._model, self._most = model, most
        self._queue: asyncio.Queue[tuple[BeatWindows, asyncio.Future[Rows]]] = asyncio.Queue()

    async def classify(self, windows: BeatWindows) -> Rows:
        answer: asyncio.Future[Rows] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((windows, answer))
        return await answer

    async def run(self) -> None:
        """For ever."""
        while True:
            batch = [await self._queue.get()]
            size = len(batch[0][0].samples)
            while size < self._most and not self._queue.empty():
                batch.append(self._queue.get_nowait())
                size += len(batch[-1][0].samples)
            samples = np.concatenate([windows.samples for windows, _ in batch])
            features = np.concatenate([windows.features for windows, _ in batch])
            rows = await asyncio.to_thread(self._model.probabilities, samples, features)
            ends = np.cumsum([len(windows.samples) for windows, _ in batch])[:-1]
            for (_, answer), part in zip(batch, np.split(rows, ends), strict=True):
                if not answer.done():  # the caller may have left
                    answer.set_result(part)


def app() -> FastAPI:
    """`/` classifies."""
    settings = Settings.from_environment()
    batches = Batches(load(settings.network, settings.device), settings.max_size)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(batches.run())
        yield
        task.cancel()

    api = FastAPI(lifespan=running)

    @api.post("/")
    async def classify(request: Request) -> Response:
        rows = await batches.classify(from_bytes(await request.body()))
        return Response(answer_to_bytes(rows), media_type=BYTES)

    return api


if __name__ == "__main__":
    listen(f"{__spec__.name}:app")
