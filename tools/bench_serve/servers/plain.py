"""FastAPI without batches: each request goes through the model by itself, in FastAPI's pool of threads."""

from typing import Annotated

import numpy as np
from fastapi import Body, FastAPI
from fastapi.responses import Response

from apps.ecg_rhythm.beats import BeatWindows
from tools.bench_serve.network import load
from tools.bench_serve.servers.on_uvicorn import listen
from tools.bench_serve.servers.settings import Settings
from tools.bench_serve.windows import Rows, answer_to_bytes, from_bytes

BYTES = "application/octet-stream"
Windows = Annotated[bytes, Body(media_type=BYTES)]


def app() -> FastAPI:
    """`/request-a-call` gives the model all windows of a request, `/window-a-call` one after the other."""
    settings = Settings.from_environment()
    model = load(settings.network, settings.device)
    api = FastAPI()

    def classify(windows: BeatWindows) -> Rows:
        return model.probabilities(windows.samples, windows.features)

    # Not `async`: FastAPI runs such functions in threads, so both cores can compute.
    @api.post("/request-a-call")
    def request_a_call(body: Windows) -> Response:
        return Response(answer_to_bytes(classify(from_bytes(body))), media_type=BYTES)

    @api.post("/window-a-call")
    def window_a_call(body: Windows) -> Response:
        windows = from_bytes(body)
        rows = [
            classify(BeatWindows(windows.samples[i : i + 1], windows.features[i : i + 1]))
            for i in range(len(windows.samples))
        ]
        return Response(answer_to_bytes(np.concatenate(rows)), media_type=BYTES)

    return api


if __name__ == "__main__":
    listen(f"{__spec__.name}:app")
